//! The counts themselves, with a journal of what the batch in flight added.

use std::collections::BTreeMap;

use super::{Budget, BudgetTable, Charge, Context, OverBudget, StepUp, Verdict};
use crate::decision::{Lane, Role};
use crate::freeze::is_fresh;
use crate::hashing::Map;
use crate::keys::{Patient, Practice, Principal};
use crate::time::{Micros, Span};
use crate::window::{Count, Distinct, Slot};

const DAY: i64 = Span::days(1).as_micros();
const PEAK_DAYS: i64 = 28;
const SWEEP: Span = Span::hours(1);

/// On whose account something is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Holder {
    Principal(Principal),
    Practice(Practice),
}

#[derive(Clone, Debug)]
enum Tally {
    Patients(Distinct<Patient>),
    Events(Count),
}

impl Tally {
    fn new(budget: Budget) -> Self {
        if budget.counts_patients() {
            Self::Patients(Distinct::new(budget.window()))
        } else {
            Self::Events(Count::new(budget.window()))
        }
    }

    const fn count(&self) -> &Count {
        match self {
            Self::Patients(distinct) => distinct.count(),
            Self::Events(count) => count,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Account {
    tallies: [Option<Tally>; Budget::ALL.len()],
    /// Most patients deposited for in one hour, by day since the epoch; 28 days and today.
    peaks: BTreeMap<i64, u32>,
}

impl Account {
    fn tally(&self, budget: Budget) -> Option<&Tally> {
        self.tallies[budget as usize].as_ref()
    }

    fn used(&self, budget: Budget, now: Micros) -> u32 {
        self.tally(budget)
            .map_or(0, |tally| tally.count().used(now))
    }

    fn is_idle(&self, now: Micros) -> bool {
        let counts_nothing = self
            .tallies
            .iter()
            .flatten()
            .all(|tally| tally.count().used(now) == 0);
        let oldest_day = now.0.div_euclid(DAY) - PEAK_DAYS;
        counts_nothing
            && self
                .peaks
                .last_key_value()
                .is_none_or(|(day, _)| *day < oldest_day)
    }

    fn touch(&mut self, budget: Budget, counted: Counted, at: Micros) -> Change {
        let tally = self.tallies[budget as usize].get_or_insert_with(|| Tally::new(budget));
        match (tally, counted) {
            (Tally::Patients(distinct), Counted::Patient(patient)) => {
                Change::Patient(patient, distinct.touch(patient, at))
            }
            (Tally::Events(count), _) => {
                count.expire(at);
                let slot = count.slot(at);
                count.add(slot, 1);
                Change::Event(slot)
            }
            (Tally::Patients(_), Counted::Event) => Change::Nothing,
        }
    }

    fn undo(&mut self, budget: Budget, change: Change) {
        match (self.tallies[budget as usize].as_mut(), change) {
            (Some(Tally::Patients(distinct)), Change::Patient(patient, previous)) => {
                distinct.restore(patient, previous);
            }
            (Some(Tally::Events(count)), Change::Event(slot)) => count.remove(slot, 1),
            (_, Change::Peak(day, Some(peak))) => {
                self.peaks.insert(day, peak);
            }
            (_, Change::Peak(day, None)) => {
                self.peaks.remove(&day);
            }
            _ => {}
        }
    }

    /// Notes today's peak; answers the change if there is one.
    fn note_peak(&mut self, at: Micros) -> Option<Change> {
        let used = self.used(Budget::DepositedHour, at);
        let day = at.0.div_euclid(DAY);
        let previous = self.peaks.get(&day).copied();
        if previous.is_some_and(|peak| peak >= used) {
            return None;
        }
        self.peaks.insert(day, used);
        self.peaks = self.peaks.split_off(&(day - PEAK_DAYS));
        Some(Change::Peak(day, previous))
    }

    /// The peak hour of the 28 days before today: today's own must not raise today's limit.
    fn past_peak(&self, now: Micros) -> u32 {
        let today = now.0.div_euclid(DAY);
        self.peaks
            .range(today - PEAK_DAYS..today)
            .map(|(_, peak)| *peak)
            .max()
            .unwrap_or(0)
    }
}

#[derive(Clone, Copy, Debug)]
enum Counted {
    Patient(Patient),
    Event,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Patient(Patient, Option<Slot>),
    Event(Slot),
    Peak(i64, Option<u32>),
    Nothing,
}

impl Charge {
    const fn counted(self, budget: Budget) -> Option<Counted> {
        match (budget, self) {
            (Budget::ListedHour | Budget::ListedDay, Self::Listed(patient))
            | (
                Budget::OpenedHour | Budget::OpenedDay,
                Self::Opened(patient) | Self::Document(patient),
            )
            | (Budget::DepositedHour, Self::Deposited(patient)) => Some(Counted::Patient(patient)),
            (Budget::DocumentsTenMinutes | Budget::DocumentsDay, Self::Document(_))
            | (Budget::ReopeningsHour | Budget::ReopeningsDay, Self::Reopening)
            | (Budget::InvitationsDay, Self::Invitation)
            | (Budget::RecoveriesDay, Self::Recovery) => Some(Counted::Event),
            _ => None,
        }
    }
}

/// One counted entry of the ledger, for [`Counters::count_again`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// The entry's time.
    pub at: Micros,
    /// Who acted.
    pub principal: Principal,
    /// The practice acted for; needed for invitations and recoveries.
    pub practice: Option<Practice>,
    /// What it cost.
    pub charge: Charge,
}

/// A client's peak of one day, for [`Counters::with_peaks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastPeak {
    /// The client.
    pub principal: Principal,
    /// Any time of the day, UTC.
    pub at: Micros,
    /// Most distinct patients it deposited for within an hour of that day.
    pub patients: u32,
}

/// All counts of an installation. Memory is bounded by the budgets: what left its window is forgotten.
#[derive(Clone, Debug)]
pub struct Counters {
    table: BudgetTable,
    accounts: Map<Holder, Account>,
    journal: Vec<(Holder, Budget, Change)>,
    next_sweep: Micros,
}

impl Counters {
    /// How far back [`Self::count_again`] needs granted entries; the longest window and its rounding.
    pub const HORIZON: Span = Span::hours(25);
    /// How far back it needs daily peaks of clients.
    pub const PEAK_HORIZON: Span = Span::days(PEAK_DAYS + 1);

    /// Nothing counted yet.
    #[must_use]
    pub fn new(table: BudgetTable) -> Self {
        Self {
            table,
            accounts: Map::default(),
            journal: Vec::new(),
            next_sweep: Micros(i64::MIN),
        }
    }

    /// Nothing counted yet but the clients' daily peaks of the last [`Self::PEAK_HORIZON`].
    #[must_use]
    pub fn with_peaks(table: BudgetTable, peaks: impl IntoIterator<Item = PastPeak>) -> Self {
        let mut counters = Self::new(table);
        for PastPeak {
            principal,
            at,
            patients,
        } in peaks
        {
            let account = counters
                .accounts
                .entry(Holder::Principal(principal))
                .or_default();
            let peak = account.peaks.entry(at.0.div_euclid(DAY)).or_default();
            *peak = patients.max(*peak);
        }
        counters
    }

    /// Counts one entry of before; to be called in index order.
    pub fn count_again(&mut self, past: Past) {
        self.apply(past.principal, past.practice, &[past.charge], past.at);
        self.commit();
    }

    /// The numbers in force.
    #[must_use]
    pub const fn table(&self) -> &BudgetTable {
        &self.table
    }

    /// What a principal has used of a budget of persons, for its own page.
    #[must_use]
    pub fn used(&self, principal: Principal, budget: Budget, now: Micros) -> u32 {
        self.accounts
            .get(&Holder::Principal(principal))
            .map_or(0, |account| account.used(budget, now))
    }

    /// Whether these charges pass, all together. Counts nothing.
    #[must_use]
    pub fn check(
        &self,
        principal: Principal,
        charges: &[Charge],
        now: Micros,
        context: &Context,
    ) -> Verdict {
        let mut verdict = Verdict::Allow;
        for budget in Budget::ALL {
            match self.check_one(budget, principal, charges, now, context) {
                Verdict::Deny(over) => return Verdict::Deny(over),
                Verdict::StepUp(why) if verdict == Verdict::Allow => verdict = Verdict::StepUp(why),
                _ => {}
            }
        }
        verdict
    }

    /// Checks again and, if allowed, counts; to be called in index order.
    pub fn charge(
        &mut self,
        principal: Principal,
        charges: &[Charge],
        now: Micros,
        context: &Context,
    ) -> Verdict {
        self.sweep(now);
        let verdict = self.check(principal, charges, now, context);
        if verdict == Verdict::Allow {
            self.apply(principal, context.practice, charges, now);
        }
        verdict
    }

    /// What was charged since the last `commit` or `roll_back` stands.
    pub fn commit(&mut self) {
        self.journal.clear();
    }

    /// Takes back what was charged since the last `commit` or `roll_back`.
    pub fn roll_back(&mut self) {
        while let Some((holder, budget, change)) = self.journal.pop() {
            if let Some(account) = self.accounts.get_mut(&holder) {
                account.undo(budget, change);
            }
        }
    }

    fn check_one(
        &self,
        budget: Budget,
        principal: Principal,
        charges: &[Charge],
        now: Micros,
        context: &Context,
    ) -> Verdict {
        if !charges
            .iter()
            .any(|charge| charge.counted(budget).is_some())
        {
            return Verdict::Allow;
        }
        let is_of_practice = matches!(budget, Budget::InvitationsDay | Budget::RecoveriesDay);
        if context.lane != Lane::Ordinary
            && !is_of_practice
            && !matches!(budget, Budget::ReopeningsDay)
        {
            return Verdict::Allow;
        }
        let account = match (is_of_practice, context.practice) {
            (true, Some(practice)) => self.accounts.get(&Holder::Practice(practice)),
            (true, None) => None,
            (false, _) => self.accounts.get(&Holder::Principal(principal)),
        };
        let needed = needed(account, budget, charges, now);
        let Some(base) = self
            .table
            .most(budget, context.role, context.acts_for)
            .filter(|_| needed > 0)
        else {
            return Verdict::Allow;
        };
        let base = if is_of_practice && context.practice.is_none() {
            0
        } else {
            base
        };
        let used = account.map_or(0, |account| account.used(budget, now));
        let most = self.widened(base, budget, context.role, account, now);
        if used.saturating_add(needed) > most {
            let frees_at = most.checked_sub(needed).map(|room| {
                account
                    .and_then(|account| account.tally(budget))
                    .map_or(now, |tally| tally.count().down_to(room, now))
            });
            let can_reopen = context.role == Role::Clinician
                && budget.widened_by().is_some()
                && account.map_or(0, |account| account.used(Budget::ReopeningsDay, now))
                    < self.table.staff.reopenings_day;
            return Verdict::Deny(OverBudget {
                budget,
                used,
                most,
                frees_at,
                can_reopen,
            });
        }
        let fresh = context
            .passkey_at
            .is_some_and(|at| is_fresh(at, now, self.table.staff.fresh));
        if !fresh && self.asks_for_passkey(budget, context.role, base, used.saturating_add(needed))
        {
            return Verdict::StepUp(StepUp { budget, used, most });
        }
        Verdict::Allow
    }

    fn widened(
        &self,
        base: u32,
        budget: Budget,
        role: Role,
        account: Option<&Account>,
        now: Micros,
    ) -> u32 {
        let Some(account) = account else { return base };
        match (role, budget) {
            (Role::Clinician, _) => budget.widened_by().map_or(base, |reopenings| {
                let times = account.used(reopenings, now);
                base.saturating_add(times.saturating_mul(self.table.staff.reopening))
            }),
            (Role::Client, Budget::DepositedHour) => base.max(
                account
                    .past_peak(now)
                    .saturating_mul(self.table.client.peak_multiple),
            ),
            _ => base,
        }
    }

    fn asks_for_passkey(&self, budget: Budget, role: Role, base: u32, after: u32) -> bool {
        let percent = u64::from(self.table.staff.step_up_percent);
        let is_nearly_spent = u64::from(after) * 100 > u64::from(base) * percent;
        role.is_staff()
            && (budget == Budget::ReopeningsDay || (budget.counts_patients() && is_nearly_spent))
    }

    fn apply(
        &mut self,
        principal: Principal,
        practice: Option<Practice>,
        charges: &[Charge],
        at: Micros,
    ) {
        for charge in charges {
            for budget in Budget::ALL {
                let Some(counted) = charge.counted(budget) else {
                    continue;
                };
                let holder = match (budget, practice) {
                    (Budget::InvitationsDay | Budget::RecoveriesDay, Some(practice)) => {
                        Holder::Practice(practice)
                    }
                    _ => Holder::Principal(principal),
                };
                let account = self.accounts.entry(holder).or_default();
                let change = account.touch(budget, counted, at);
                self.journal.push((holder, budget, change));
                if budget == Budget::DepositedHour
                    && let Some(change) = account.note_peak(at)
                {
                    self.journal.push((holder, budget, change));
                }
            }
        }
    }

    fn sweep(&mut self, now: Micros) {
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEP;
            self.accounts.retain(|_, account| !account.is_idle(now));
        }
    }
}

/// How much these charges would add to the count.
fn needed(account: Option<&Account>, budget: Budget, charges: &[Charge], now: Micros) -> u32 {
    let seen = match account.and_then(|account| account.tally(budget)) {
        Some(Tally::Patients(distinct)) => Some(distinct),
        _ => None,
    };
    let mut events = 0_u32;
    let mut patients = Vec::new();
    for counted in charges.iter().filter_map(|charge| charge.counted(budget)) {
        match counted {
            Counted::Event => events = events.saturating_add(1),
            Counted::Patient(patient) if seen.is_some_and(|seen| seen.contains(patient, now)) => {}
            Counted::Patient(patient) => patients.push(patient),
        }
    }
    patients.sort_unstable();
    patients.dedup();
    events.saturating_add(u32::try_from(patients.len()).unwrap_or(u32::MAX))
}
