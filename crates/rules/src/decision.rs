//! The closed lists that budgets, detection, freezes and the sequencer share.

use crate::budget::{OverBudget, Spent, StepUp};
use crate::freeze::Level;

/// In which role a session acts; always exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The patient, or somebody who acts for one.
    Patient,
    /// Practice staff who treat; they may reopen a spent budget.
    Clinician,
    /// Other practice staff.
    Reception,
    /// A program of a practice.
    Client,
    /// Staff of the organisation that runs the portal.
    Operator,
}

impl Role {
    /// Whether this is a person who works at a practice.
    #[must_use]
    pub const fn is_staff(self) -> bool {
        matches!(self, Self::Clinician | Self::Reception)
    }
}

/// By which way a request comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Budgets and every rule apply.
    #[default]
    Ordinary,
    /// Emergency access. Say so only after the act's own passkey answer was verified: it passes every budget.
    Emergency,
    /// A run approved by two people: outside personal budgets and the bulk rules, and outside nothing else.
    Run,
}

/// What a request does to a patient's things, as budgets and detection count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Touch {
    /// Name line, shelf or search hit shown.
    Listed,
    /// A section of the record opened.
    Opened,
    /// A document or message opened.
    Document,
    /// Something without content: a deposit, a booking, a change of rights.
    Other,
}

impl Touch {
    /// Whether content was shown.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Opened | Self::Document)
    }
}

/// Why something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It exists and is not this principal's to see, or no longer.
    #[error("not permitted")]
    NotPermitted,
    /// No such thing, or it was erased.
    #[error("unknown")]
    Unknown,
    /// The session's own level, or one above it, is frozen.
    #[error("frozen at the level of the {0}")]
    Frozen(Level),
    /// A fresh passkey or code is needed first: budget nearly spent, or asked for by a rule.
    #[error("step-up needed")]
    StepUp(Option<StepUp>),
    /// The portal instance is in proof mode, or so much was opened by many together that each needs a fresh factor.
    #[error("proof needed")]
    ProofNeeded,
    /// This session opened or wrote as much as one may; another sign-in goes on.
    #[error("session spent")]
    SessionSpent(Spent),
    /// Many together opened or wrote as much as they may, or a run is as fast as it may be.
    #[error("over a ceiling")]
    OverCeiling(Spent),
    /// A budget is spent.
    #[error("over budget")]
    OverBudget(OverBudget),
    /// The ledger could not take the entry; nothing opens.
    #[error("ledger unavailable")]
    LedgerUnavailable,
}

/// The two outcomes of a request; both are ledger entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Keys are released once the entry is durable.
    Granted,
    /// Nothing is released.
    Denied(Reason),
}

impl Decision {
    /// Why not, where it is a denial.
    #[must_use]
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::Granted => None,
            Self::Denied(reason) => Some(reason),
        }
    }
}
