//! Why a use case gave nothing.

use candour_core::block::BlockError;
use candour_keeper_api::words::Reason;
use candour_keeper_api::{CallError, Denied, UnsealError};
use candour_store::StoreError;

/// Why the keeper let nothing through, as a page has to say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not theirs, absent, deleted or withdrawn: one and the same.
    #[error("no such thing")]
    NotFound,
    /// Nobody is signed in with this token any more.
    #[error("the session has ended")]
    SessionEnded,
    /// The role may not do this for this purpose.
    #[error("not allowed for this role and purpose")]
    NotAllowed,
    /// A budget is used up.
    #[error("a budget is used up")]
    OverBudget {
        /// Seconds until it may succeed; 0 when unknown.
        retry_after_seconds: u32,
    },
    /// This session opened or wrote as much as one may in an hour.
    #[error("a session is spent")]
    SessionSpent {
        /// Seconds until it may succeed; 0 when unknown.
        retry_after_seconds: u32,
    },
    /// Many together opened or wrote as much as they may in an hour.
    #[error("a shared ceiling is reached")]
    OverCeiling {
        /// Seconds until it may succeed; 0 when unknown.
        retry_after_seconds: u32,
    },
    /// A passkey answer or code younger than five minutes is needed first.
    #[error("a fresh proof is needed")]
    StepUpNeeded,
    /// Session, person, practice, instance or installation is frozen.
    #[error("frozen")]
    Frozen,
    /// The ledger cannot be written; nothing opens.
    #[error("the ledger cannot be written")]
    LedgerUnavailable,
    /// The request makes no sense.
    #[error("the request makes no sense")]
    Invalid,
    /// Login, password, code or passkey do not fit.
    #[error("the credentials do not fit")]
    WrongCredentials,
    /// Too many tries.
    #[error("too many tries")]
    TooMany {
        /// Seconds to wait; 0 when unknown.
        retry_after_seconds: u32,
    },
    /// Facts about the subject do not verify; it is closed until somebody has looked.
    #[error("closed until somebody has looked")]
    SubjectClosed,
    /// Somebody else must approve first.
    #[error("a second person must approve")]
    SecondPersonNeeded,
    /// The practice must keep it.
    #[error("the practice must keep it")]
    OnHold,
    /// What was shown before it was asked for is something else now.
    #[error("it is not as it was shown")]
    NotAsShown,
    /// The patient has no account that could be recovered.
    #[error("the patient has no account")]
    NoAccount,
    /// The patient has an account already.
    #[error("the patient has an account")]
    HasAccount,
    /// What two records say of a person does not fit one person.
    #[error("the two records do not fit one person")]
    RecordsDiffer,
    /// One of two records is one person's with another already.
    #[error("one of the records is linked already")]
    AlreadyMerged,
    /// Each of two records has an account of its own.
    #[error("both records have an account")]
    TwoAccounts,
    /// The patient's age does not allow it.
    #[error("the patient is too young for this")]
    WrongAge,
    /// The patient has died, or was marked so.
    #[error("the patient has died")]
    Deceased,
    /// The passkey, password or code was added to the account too lately for this.
    #[error("the credential is new")]
    CredentialIsNew {
        /// Seconds until it is not; 0 when unknown.
        retry_after_seconds: u32,
    },
    /// The keeper cannot be reached, or did not answer as agreed; nothing was released.
    #[error("the keeper cannot be reached")]
    KeeperUnavailable,
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        let retry_after_seconds = denied.retry_after_seconds;
        match denied.reason {
            Reason::NotFound => Self::NotFound,
            Reason::SessionEnded => Self::SessionEnded,
            Reason::NotAllowed => Self::NotAllowed,
            Reason::OverBudget => Self::OverBudget {
                retry_after_seconds,
            },
            Reason::SessionSpent => Self::SessionSpent {
                retry_after_seconds,
            },
            Reason::OverCeiling => Self::OverCeiling {
                retry_after_seconds,
            },
            Reason::StepUpNeeded => Self::StepUpNeeded,
            Reason::Frozen => Self::Frozen,
            Reason::LedgerUnavailable | Reason::Sealed => Self::LedgerUnavailable,
            Reason::Invalid => Self::Invalid,
            Reason::WrongCredentials => Self::WrongCredentials,
            Reason::TooMany => Self::TooMany {
                retry_after_seconds,
            },
            Reason::SubjectClosed => Self::SubjectClosed,
            Reason::SecondPersonNeeded => Self::SecondPersonNeeded,
            Reason::OnHold => Self::OnHold,
            Reason::NotAsShown => Self::NotAsShown,
            Reason::NoAccount => Self::NoAccount,
            Reason::HasAccount => Self::HasAccount,
            Reason::RecordsDiffer => Self::RecordsDiffer,
            Reason::AlreadyMerged => Self::AlreadyMerged,
            Reason::TwoAccounts => Self::TwoAccounts,
            Reason::WrongAge => Self::WrongAge,
            Reason::Deceased => Self::Deceased,
            Reason::CredentialIsNew => Self::CredentialIsNew {
                retry_after_seconds,
            },
        }
    }
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Denied(denied) => denied.into(),
            CallError::Unreachable => Self::KeeperUnavailable,
            CallError::Unexpected => {
                tracing::error!("the keeper's answer did not fit the question");
                Self::KeeperUnavailable
            }
        }
    }
}

/// Why something cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The keeper let nothing through.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The ciphertext cannot be read.
    #[error("the stored content cannot be read")]
    Store(#[from] StoreError),
    /// The ciphertext is not what was deposited.
    #[error("the stored content does not open")]
    Unseal(#[from] UnsealError),
    /// It opened, and is not what it should be.
    #[error("the opened content does not read")]
    Content(#[from] BlockError),
}

impl From<CallError> for ReadError {
    fn from(error: CallError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<Denied> for ReadError {
    fn from(denied: Denied) -> Self {
        Self::Refused(denied.into())
    }
}

/// Why something was not deposited. Repeating the same deposit is always safe.
#[derive(Debug, thiserror::Error)]
pub enum DepositError {
    /// The keeper refused all of it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The ciphertext could not be stored.
    #[error("the content could not be stored")]
    Store(#[from] StoreError),
    /// The content has no written form.
    #[error("the content cannot be written down")]
    Content(#[from] BlockError),
    /// An earlier, unfinished deposit under the same key has another content.
    #[error("another content was deposited under the same key")]
    OtherContent,
    /// The content is larger than a deposit may be.
    #[error("the content is too large")]
    TooLarge,
}

impl From<CallError> for DepositError {
    fn from(error: CallError) -> Self {
        Self::Refused(error.into())
    }
}
