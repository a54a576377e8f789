//! The numbers of design section 7; a configuration may set each.

use super::{Figure, Rung};
use crate::decision::Role;
use crate::keys::Purpose;
use crate::time::Span;

/// Fewer enrolled than this count as so many, so that no handful of people reaches what all have together.
const FEWEST: u32 = 20_000;
/// So many enrolled are what the numbers of purposes, instances and the installation are for.
const DESIGNED: u32 = 80_000;

/// All budgets of an installation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetTable {
    /// People enrolled, by whose number the ceilings of purposes, instances and the installation grow; 80,000.
    pub enrolled: u32,
    /// From this part of a shared ceiling on, nothing more opens; 150. From the ceiling to there a fresh factor is
    /// asked for.
    pub refused_percent: u32,
    /// For a patient or somebody who acts for one.
    pub patient: PatientBudget,
    /// For clinicians and reception alike.
    pub staff: StaffBudget,
    /// For a practice's program.
    pub client: ClientBudget,
    /// For all staff of a practice together.
    pub practice: PracticeBudget,
    /// For one sign-in of a person.
    pub session: SessionCeiling,
    /// For one bulk lane.
    pub run: RunBudget,
    /// For each purpose, whoever asks.
    pub purpose: PurposeCeilings,
    /// For one process of the portal.
    pub instance: Ceiling,
    /// For everything together.
    pub installation: Ceiling,
}

impl Default for BudgetTable {
    fn default() -> Self {
        let instance = Ceiling::default();
        Self {
            enrolled: DESIGNED,
            refused_percent: 150,
            patient: PatientBudget::default(),
            staff: StaffBudget::default(),
            client: ClientBudget::default(),
            practice: PracticeBudget::default(),
            session: SessionCeiling::default(),
            run: RunBudget::default(),
            purpose: PurposeCeilings::default(),
            // One instance that is driven to where it is refused, and the others' ordinary hour beside it, stay below.
            installation: Ceiling {
                listed_hour: instance.listed_hour * 2,
                opened_hour: instance.opened_hour * 2,
                documents_hour: instance.documents_hour * 2,
                deposited_hour: instance.deposited_hour * 2,
            },
            instance,
        }
    }
}

/// Things, each time, that one session of a person opens and writes in an hour.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionCeiling {
    /// Documents and sections opened; 2,000.
    pub things_hour: u32,
    /// Deposits and messages written; 300.
    pub written_hour: u32,
}

impl Default for SessionCeiling {
    fn default() -> Self {
        Self {
            things_hour: 2_000,
            written_hour: 300,
        }
    }
}

/// How fast a run is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunBudget {
    /// Sections of members opened in a second; 50: a name and an address each of 126,000 people within an hour and a half.
    pub items_per_second: u32,
}

impl Default for RunBudget {
    fn default() -> Self {
        Self {
            items_per_second: 50,
        }
    }
}

/// Distinct people and documents that many together have in an hour.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ceiling {
    /// Patients listed.
    pub listed_hour: u32,
    /// Patients of whom something is opened.
    pub opened_hour: u32,
    /// Documents opened.
    pub documents_hour: u32,
    /// Patients written to.
    pub deposited_hour: u32,
}

impl Default for Ceiling {
    fn default() -> Self {
        Self {
            listed_hour: 24_000,
            opened_hour: 12_000,
            documents_hour: 12_000,
            deposited_hour: 16_000,
        }
    }
}

impl Ceiling {
    const fn of(&self, figure: Figure) -> Option<u32> {
        match figure {
            Figure::Listed => Some(self.listed_hour),
            Figure::Opened => Some(self.opened_hour),
            Figure::Documents => Some(self.documents_hour),
            Figure::Deposited => Some(self.deposited_hour),
            Figure::Things | Figure::Written | Figure::People => None,
        }
    }
}

/// Distinct patients concerned in an hour, by purpose.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PurposeCeilings {
    /// Patients and their own record.
    pub own_record: u32,
    /// Those who act for others.
    pub proxy_access: u32,
    /// Care.
    pub direct_care: u32,
    /// Bookings, filing, post.
    pub administration: u32,
    /// What practices put in.
    pub deposit: u32,
    /// Emergencies. Nothing is refused or asked for; a human is woken.
    pub emergency: u32,
}

impl Default for PurposeCeilings {
    fn default() -> Self {
        Self {
            own_record: 5_000,
            proxy_access: 1_000,
            direct_care: 20_000,
            administration: 15_000,
            deposit: 20_000,
            emergency: 120,
        }
    }
}

impl PurposeCeilings {
    /// By the number of the closed list of purposes; the others open nothing that is counted.
    const fn of(&self, Purpose(number): Purpose) -> Option<u32> {
        match number {
            1 => Some(self.own_record),
            2 => Some(self.proxy_access),
            3 => Some(self.direct_care),
            4 => Some(self.administration),
            5 => Some(self.deposit),
            6 => Some(self.emergency),
            _ => None,
        }
    }
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

/// What all staff of one practice may do together.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PracticeBudget {
    /// Invitations in a day; 20.
    pub invitations_day: u32,
    /// Recoveries of an account at the counter in a day; 3.
    pub recoveries_day: u32,
    /// Distinct patients listed.
    pub listed_hour: u32,
    /// Distinct patients of whom something is opened.
    pub opened_hour: u32,
    /// Distinct documents opened.
    pub documents_hour: u32,
    /// Distinct patients written to, programs left out.
    pub deposited_hour: u32,
}

impl PracticeBudget {
    const fn of(&self, figure: Figure) -> Option<u32> {
        match figure {
            Figure::Listed => Some(self.listed_hour),
            Figure::Opened => Some(self.opened_hour),
            Figure::Documents => Some(self.documents_hour),
            Figure::Deposited => Some(self.deposited_hour),
            Figure::Things | Figure::Written | Figure::People => None,
        }
    }
}

impl Default for PracticeBudget {
    fn default() -> Self {
        Self {
            invitations_day: 20,
            recoveries_day: 3,
            listed_hour: 2_000,
            opened_hour: 1_200,
            documents_hour: 1_500,
            deposited_hour: 400,
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
    /// What is counted on a rung at most before something is asked for or refused; `None` where nothing is set.
    pub(crate) fn ceiling(&self, rung: Rung, figure: Figure) -> Option<u32> {
        match (rung, figure) {
            (Rung::Session(_), Figure::Things) => Some(self.session.things_hour),
            (Rung::Session(_), Figure::Written) => Some(self.session.written_hour),
            (Rung::Run(_), Figure::Things) => Some(self.run.items_per_second),
            (Rung::Practice(_), _) => self.practice.of(figure),
            (Rung::Purpose(purpose), Figure::People) => {
                self.purpose.of(purpose).map(|most| self.scaled(most))
            }
            (Rung::Instance(_), _) => self.instance.of(figure).map(|most| self.scaled(most)),
            (Rung::Installation, _) => self.installation.of(figure).map(|most| self.scaled(most)),
            _ => None,
        }
    }

    /// Where a shared ceiling refuses.
    pub(crate) fn refused_from(&self, most: u32) -> u32 {
        let last = u64::from(most) * u64::from(self.refused_percent) / 100;
        u32::try_from(last).unwrap_or(u32::MAX).max(most)
    }

    fn scaled(&self, most: u32) -> u32 {
        let enrolled = u64::from(self.enrolled.max(FEWEST));
        let scaled = u64::from(most) * enrolled / u64::from(DESIGNED);
        u32::try_from(scaled).unwrap_or(u32::MAX).max(1)
    }

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
