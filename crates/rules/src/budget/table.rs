//! The numbers of design section 7; a configuration may set each.

use crate::decision::Role;
use crate::time::Span;

/// All budgets of an installation.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetTable {
    /// For a patient or somebody who acts for one.
    pub patient: PatientBudget,
    /// For clinicians and reception alike.
    pub staff: StaffBudget,
    /// For a practice's program.
    pub client: ClientBudget,
    /// For all staff of a practice together.
    pub practice: PracticeBudget,
}

/// A patient's budget; distinct patients are the account's own and proxied ones, no table holds that number.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PatientBudget {
    /// Documents opened in ten minutes, each opening counted; 60.
    pub documents_ten_minutes: u32,
    /// Documents opened in a day, each opening counted; 200.
    pub documents_day: u32,
    /// Distinct patients written to in an hour (messages); 10.
    pub deposited_hour: u32,
}

impl Default for PatientBudget {
    fn default() -> Self {
        Self {
            documents_ten_minutes: 60,
            documents_day: 200,
            deposited_hour: 10,
        }
    }
}

/// Distinct patients a member of staff may have listed, opened and written to, and the two stages.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StaffBudget {
    /// Listed in an hour; 300.
    pub listed_hour: u32,
    /// Listed in a day; 1,500.
    pub listed_day: u32,
    /// Opened in an hour; 60.
    pub opened_hour: u32,
    /// Opened in a day; 200.
    pub opened_day: u32,
    /// Written to (deposits, messages, group sends) in an hour; 60.
    pub deposited_hour: u32,
    /// From this part of a budget on a fresh passkey is needed; 80.
    pub step_up_percent: u32,
    /// A passkey younger than this is fresh; 5 min.
    pub fresh: Span,
    /// How many more patients one reopening by a clinician gives, listed and opened; 30.
    pub reopening: u32,
    /// Reopenings in a day; 3.
    pub reopenings_day: u32,
}

impl Default for StaffBudget {
    fn default() -> Self {
        Self {
            listed_hour: 300,
            listed_day: 1_500,
            opened_hour: 60,
            opened_day: 200,
            deposited_hour: 60,
            step_up_percent: 80,
            fresh: Span::minutes(5),
            reopening: 30,
            reopenings_day: 3,
        }
    }
}

/// A practice's program: deposits by its own past, reading (where permitted at all) by fixed numbers.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientBudget {
    /// Distinct patients deposited for in an hour that are always free, whatever the past; 500.
    pub deposited_hour_floor: u32,
    /// How many times the peak hour of the 28 days before today may be deposited in an hour; 2.
    pub peak_multiple: u32,
    /// Distinct patients listed in an hour; 300.
    pub listed_hour: u32,
    /// Distinct patients opened in an hour; 40.
    pub opened_hour: u32,
}

impl Default for ClientBudget {
    fn default() -> Self {
        Self {
            deposited_hour_floor: 500,
            peak_multiple: 2,
            listed_hour: 300,
            opened_hour: 40,
        }
    }
}

/// What all staff of one practice may do together in a day.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PracticeBudget {
    /// Invitations; 20.
    pub invitations_day: u32,
    /// Recoveries of an account at the counter; 3.
    pub recoveries_day: u32,
}

impl Default for PracticeBudget {
    fn default() -> Self {
        Self {
            invitations_day: 20,
            recoveries_day: 3,
        }
    }
}

/// One budget: what is counted, and over which window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Budget {
    /// Distinct patients listed.
    ListedHour,
    /// Distinct patients listed.
    ListedDay,
    /// Distinct patients opened.
    OpenedHour,
    /// Distinct patients opened.
    OpenedDay,
    /// Documents, each opening.
    DocumentsTenMinutes,
    /// Documents, each opening.
    DocumentsDay,
    /// Distinct patients written to.
    DepositedHour,
    /// Reopenings of a clinician's budget; no limit of its own, it widens the budgets of an hour.
    ReopeningsHour,
    /// Reopenings of a clinician's budget.
    ReopeningsDay,
    /// Invitations of a practice.
    InvitationsDay,
    /// Recoveries at the counter of a practice.
    RecoveriesDay,
}

impl Budget {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 11] = [
        Self::ListedHour,
        Self::ListedDay,
        Self::OpenedHour,
        Self::OpenedDay,
        Self::DocumentsTenMinutes,
        Self::DocumentsDay,
        Self::DepositedHour,
        Self::ReopeningsHour,
        Self::ReopeningsDay,
        Self::InvitationsDay,
        Self::RecoveriesDay,
    ];

    /// The window it is counted over.
    #[must_use]
    pub const fn window(self) -> Span {
        match self {
            Self::ListedHour | Self::OpenedHour | Self::DepositedHour | Self::ReopeningsHour => {
                Span::hours(1)
            }
            Self::DocumentsTenMinutes => Span::minutes(10),
            Self::ListedDay
            | Self::OpenedDay
            | Self::DocumentsDay
            | Self::ReopeningsDay
            | Self::InvitationsDay
            | Self::RecoveriesDay => Span::days(1),
        }
    }

    /// Whether distinct patients are counted and not events.
    pub(crate) const fn counts_patients(self) -> bool {
        matches!(
            self,
            Self::ListedHour
                | Self::ListedDay
                | Self::OpenedHour
                | Self::OpenedDay
                | Self::DepositedHour
        )
    }

    /// Which count of reopenings widens it.
    pub(crate) const fn widened_by(self) -> Option<Self> {
        match self {
            Self::ListedHour | Self::OpenedHour => Some(Self::ReopeningsHour),
            Self::ListedDay | Self::OpenedDay => Some(Self::ReopeningsDay),
            _ => None,
        }
    }
}

impl BudgetTable {
    /// What this role may do at most, before reopenings and a client's past; `None` where nothing is set.
    pub(crate) fn most(&self, budget: Budget, role: Role, acts_for: u32) -> Option<u32> {
        match (budget, role) {
            (Budget::InvitationsDay, _) => Some(self.practice.invitations_day),
            (Budget::RecoveriesDay, _) => Some(self.practice.recoveries_day),
            (Budget::ReopeningsDay, Role::Clinician) => Some(self.staff.reopenings_day),
            // An operator sees no clinical content and writes to no patient.
            (Budget::ReopeningsDay, _) | (_, Role::Operator) => Some(0),
            // The deny-only kernel's own check of what policy already decided: never more patients than facts name.
            (Budget::ListedDay | Budget::OpenedDay, Role::Patient) => Some(acts_for),
            (Budget::DocumentsTenMinutes, Role::Patient) => {
                Some(self.patient.documents_ten_minutes)
            }
            (Budget::DocumentsDay, Role::Patient) => Some(self.patient.documents_day),
            (Budget::DepositedHour, Role::Patient) => Some(self.patient.deposited_hour),
            (Budget::ListedHour, Role::Clinician | Role::Reception) => Some(self.staff.listed_hour),
            (Budget::ListedDay, Role::Clinician | Role::Reception) => Some(self.staff.listed_day),
            (Budget::OpenedHour, Role::Clinician | Role::Reception) => Some(self.staff.opened_hour),
            (Budget::OpenedDay, Role::Clinician | Role::Reception) => Some(self.staff.opened_day),
            (Budget::DepositedHour, Role::Clinician | Role::Reception) => {
                Some(self.staff.deposited_hour)
            }
            (Budget::ListedHour, Role::Client) => Some(self.client.listed_hour),
            (Budget::OpenedHour, Role::Client) => Some(self.client.opened_hour),
            (Budget::DepositedHour, Role::Client) => Some(self.client.deposited_hour_floor),
            _ => None,
        }
    }
}
