//! How many distinct patients a principal may have listed and opened, and how many documents, in sliding windows.
//!
//! [`Counters::check`] asks, [`Counters::charge`] asks again and counts: call it in index order, from the
//! sequencer's hook, so that requests of one batch cannot all pass on the same free place. What a batch counted is
//! taken back by [`Counters::roll_back`] and stands after [`Counters::commit`]. [`Counters::count_again`] takes the
//! ledger's last day, so a restart resets nothing.
//!
//! The same patient again inside the window costs nothing and is never refused; a document costs each time.
//!
//! [`Ceilings`] bound in the same way what no person's budget sees: by session, run, practice, purpose, instance and
//! installation.

mod ceilings;
mod counters;
mod table;

pub use ceilings::{Asking, Ceilings, Figure, Rung, Spent};
pub use counters::{Counters, Past, PastPeak};
pub use table::{
    Budget, BudgetTable, Ceiling, ClientBudget, PatientBudget, PracticeBudget, PurposeCeilings,
    RunBudget, SessionCeiling, StaffBudget,
};

use crate::decision::{Lane, Reason, Role};
use crate::keys::{Patient, Practice};
use crate::time::Micros;

/// What a request costs; a batch is a slice of them and passes or fails as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// The patient's name line, shelf or search hit is shown.
    Listed(Patient),
    /// A section of the patient's record is opened.
    Opened(Patient),
    /// One document of the patient is opened; the patient counts as opened too.
    Document(Patient),
    /// Something is written to the patient.
    Deposited(Patient),
    /// A clinician reopens spent budgets with a fresh passkey and a reason; the practice's privacy officer is told.
    Reopening,
    /// A person is invited, on the practice's budget.
    Invitation,
    /// An account is recovered at the counter, on the practice's budget.
    Recovery,
}

/// Who asks and how, as far as budgets depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The session's role.
    pub role: Role,
    /// How many patients (self and proxied) a [`Role::Patient`] may act for now; not read for others.
    pub acts_for: u32,
    /// The practice acted for; invitations and recoveries are counted on it and refused without it.
    pub practice: Option<Practice>,
    /// When this session last answered with a passkey.
    pub passkey_at: Option<Micros>,
    /// Emergency access and runs pass the budgets of patients and documents, and are counted.
    pub lane: Lane,
}

/// A fresh passkey is needed because a budget is nearly spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepUp {
    /// Which budget.
    pub budget: Budget,
    /// Counted so far, without this request.
    pub used: u32,
    /// Counted at most.
    pub most: u32,
}

/// A budget would be exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverBudget {
    /// Which budget.
    pub budget: Budget,
    /// Counted so far, without this request.
    pub used: u32,
    /// Counted at most.
    pub most: u32,
    /// When the same request would pass if nothing else is asked; `None` if never.
    pub frees_at: Option<Micros>,
    /// Whether this clinician may still reopen it today.
    pub can_reopen: bool,
}

/// May it go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Within all budgets.
    Allow,
    /// Within all budgets once a passkey younger than [`StaffBudget::fresh`] was given.
    StepUp(StepUp),
    /// Over one.
    Deny(OverBudget),
}

impl Verdict {
    /// The verdict as the sequencer's hook answers it.
    ///
    /// # Errors
    /// The reason of the denial.
    pub const fn into_result(self) -> Result<(), Reason> {
        match self {
            Self::Allow => Ok(()),
            Self::StepUp(why) => Err(Reason::StepUp(Some(why))),
            Self::Deny(over) => Err(Reason::OverBudget(over)),
        }
    }
}
