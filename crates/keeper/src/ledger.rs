//! The ledger as its users see it: drafts in, indexes out, nothing released before it is durable.

use crate::draft::Draft;
use candour_keeper_api::words::Reason;
use candour_rules::decision;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

/// A draft that was committed: its entry is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its place in the ledger.
    pub index: u64,
    /// Its time.
    pub at: Timestamp,
    /// Why nothing may be released all the same: a budget was spent, or a freeze overtook it. Its effects
    /// are done in the second case only.
    pub refused: Option<Refusal>,
}

/// Why a draft may not be acted upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, for the caller.
    pub reason: Reason,
    /// Seconds until it may succeed; 0 when unknown.
    pub retry_after_seconds: u32,
    /// Ledger index of the refusal, where it has an entry.
    pub index: Option<u64>,
}

/// Why an append gave no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The ledger cannot be written, or holds less than it did; nothing may be released.
    #[error("the ledger cannot be written")]
    Unavailable,
    /// Something that the draft stops for is frozen; there is no entry of its own.
    #[error("frozen")]
    Frozen,
    /// A guard does not hold any more or a text is taken; read again and decide again.
    #[error("the facts changed meanwhile")]
    Conflict,
}

impl LedgerError {
    /// The reason on the wire.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Unavailable => Reason::LedgerUnavailable,
            Self::Frozen => Reason::Frozen,
            Self::Conflict => Reason::Invalid,
        }
    }
}

/// What one draft came to.
pub type Outcome = Result<Appended, LedgerError>;
