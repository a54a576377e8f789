//! Refusals as they travel: a reason, and when it may succeed.

use crate::facts::FactsError;
use crate::identity::passkeys::PasskeyError;
use crate::identity::passwords::PasswordError;
use crate::ledger::{LedgerError, Refusal};
use candour_keeper_wire::wire;
use candour_keeper_wire::words::Reason;
use jiff::Timestamp;

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            retry_after_seconds: 0,
            index: None,
        }
    }
}

impl Refusal {
    /// A refusal that holds until a time, in microseconds.
    pub fn until(reason: Reason, at: i64, now: Timestamp) -> Self {
        let seconds = (at - now.as_microsecond()).max(0) / 1_000_000 + 1;
        Self {
            retry_after_seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
            ..reason.into()
        }
    }
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        error.reason().into()
    }
}

impl From<FactsError> for Refusal {
    fn from(error: FactsError) -> Self {
        match error {
            FactsError::Closed(_) => Reason::SubjectClosed.into(),
            FactsError::Unavailable => Reason::LedgerUnavailable.into(),
        }
    }
}

impl From<PasskeyError> for Refusal {
    fn from(error: PasskeyError) -> Self {
        match error {
            PasskeyError::Malformed | PasskeyError::Setup => Reason::Invalid.into(),
            PasskeyError::Refused(_) => Reason::WrongCredentials.into(),
        }
    }
}

impl From<PasswordError> for Refusal {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self {
                retry_after_seconds: 2,
                ..Reason::TooMany.into()
            },
            PasswordError::Length | PasswordError::Common => Reason::Invalid.into(),
        }
    }
}

impl From<Refusal> for wire::Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            reason: refusal.reason.into(),
            retry_after_seconds: refusal.retry_after_seconds,
            index: refusal.index,
        }
    }
}
