//! What was counted, and how it is told.

use crate::small_keeper::Visitor;
use candour_rules::budget::{Budget, Figure, Rung, StepUp};
use candour_rules::decision::{Lane, Reason, Role};
use candour_rules::detect::{Action, Alarm};
use candour_rules::freeze::Level;
use candour_rules::time::{Micros, Span};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// So many times the busiest hour of ordinary life a ceiling is at least.
const HEADROOM: u32 = 3;

/// The figures of a period of ordinary life. Nobody in it is a thief: every freeze and proof mode is a false one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The seed of everything that is left to chance.
    pub seed: u64,
    /// People enrolled.
    pub patients: usize,
    /// Simulated days.
    pub days: usize,
    /// Sessions by role.
    pub sessions: BTreeMap<String, u64>,
    /// What was not as on other days.
    pub special: BTreeMap<String, u64>,
    /// Documents and sections opened, runs left out.
    pub opened: u64,
    /// Most of them in any ten seconds.
    pub most_in_ten_seconds: usize,
    /// Most of them in any minute.
    pub most_in_a_minute: usize,
    /// Requests for what was not theirs or not there, by mistake.
    pub strayed: u64,
    /// Freezes by role and rule.
    pub false_freezes: BTreeMap<String, u64>,
    /// Proof modes of an instance by rule.
    pub false_proof_modes: BTreeMap<String, u64>,
    /// Times a human was woken, by rule.
    pub pages: BTreeMap<String, u64>,
    /// Times a rule put something before a human without haste, by role and rule.
    pub reviews: BTreeMap<String, u64>,
    /// Times somebody was asked for a fresh factor, by role and cause.
    pub step_ups: BTreeMap<String, u64>,
    /// Times somebody was stopped by a spent budget, by role and budget.
    pub budget_stops: BTreeMap<String, u64>,
    /// Budgets that a clinician reopened.
    pub reopenings: u64,
    /// The busiest hour of each kind of rung and figure, and the ceiling it is held against.
    pub busiest_hour: BTreeMap<String, [u32; 2]>,
    /// Times somebody was asked for a factor or refused because of a ceiling.
    pub ceilings_met: u64,
}

impl Report {
    /// Sessions of patients.
    #[must_use]
    pub fn patient_sessions(&self) -> u64 {
        self.sessions.get("patient").copied().unwrap_or(0)
    }

    /// All freezes.
    #[must_use]
    pub fn freezes(&self) -> u64 {
        self.false_freezes.values().sum()
    }

    /// All proof modes.
    #[must_use]
    pub fn proof_modes(&self) -> u64 {
        self.false_proof_modes.values().sum()
    }

    /// What is more than is required: one proof mode in a year, one freeze in 100,000 sessions of patients. A shorter
    /// period has at most as many as a year, and at most the one freeze that its sessions do not add up to.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let years = self.days.div_ceil(365).max(1) as u64;
        let freezes = (self.patient_sessions() / 100_000).max(1);
        let mut faults = Vec::new();
        if self.proof_modes() > years {
            faults.push(format!(
                "{} false proof modes in {years} years",
                self.proof_modes()
            ));
        }
        if self.ceilings_met > 0 {
            faults.push(format!("{} times at a ceiling", self.ceilings_met));
        }
        for (name, [used, most]) in &self.busiest_hour {
            if used.saturating_mul(HEADROOM) > *most {
                faults.push(format!(
                    "{name}: {used} in the busiest hour, and the ceiling of {most} is not {HEADROOM} times that"
                ));
            }
        }
        if self.freezes() > freezes {
            faults.push(format!(
                "{} false freezes in {} sessions of patients",
                self.freezes(),
                self.patient_sessions()
            ));
        }
        faults
    }
}

/// A report while it is made.
#[derive(Default)]
pub(super) struct Counted {
    pub report: Report,
    last_minute: VecDeque<Micros>,
    last_ten_seconds: VecDeque<Micros>,
    busiest: BTreeMap<(Level, i64, Figure), [u32; 2]>,
}

fn add(to: &mut BTreeMap<String, u64>, name: String) {
    *to.entry(name).or_default() += 1;
}

fn role(who: &Visitor) -> &'static str {
    match (who.lane, who.role) {
        (Lane::Run, _) => "run",
        (_, Role::Patient) => "patient",
        (_, Role::Clinician) => "clinician",
        (_, Role::Reception) => "reception",
        (_, Role::Client) => "program",
        (_, Role::Operator) => "operator",
    }
}

impl Counted {
    pub fn came(&mut self, who: &Visitor) {
        add(&mut self.report.sessions, role(who).to_owned());
    }

    pub fn opened(&mut self, at: Micros) {
        self.report.opened += 1;
        let most = |times: &mut VecDeque<Micros>, within: Span| {
            times.push_back(at);
            while times.front().is_some_and(|first| at.since(*first) > within) {
                times.pop_front();
            }
            times.len()
        };
        let minute = most(&mut self.last_minute, Span::minutes(1));
        let ten_seconds = most(&mut self.last_ten_seconds, Span::seconds(10));
        self.report.most_in_a_minute = self.report.most_in_a_minute.max(minute);
        self.report.most_in_ten_seconds = self.report.most_in_ten_seconds.max(ten_seconds);
    }

    pub const fn strayed(&mut self) {
        self.report.strayed += 1;
    }

    /// What an hour has by now on each rung that somebody stands on.
    pub fn hour(&mut self, hour: &[(Rung, Figure, u32, u32)], refused: Option<Reason>) {
        if let Some(Reason::ProofNeeded | Reason::SessionSpent(_) | Reason::OverCeiling(_)) =
            refused
        {
            self.report.ceilings_met += 1;
        }
        for (rung, figure, used, most) in hour {
            let purpose = match rung {
                Rung::Purpose(purpose) => purpose.0,
                _ => 0,
            };
            let held = self
                .busiest
                .entry((rung.level(), purpose, *figure))
                .or_insert([0, *most]);
            held[0] = held[0].max(*used);
        }
    }

    /// The report, with what was counted beside it.
    pub fn told(mut self) -> Report {
        for ((level, purpose, figure), hour) in self.busiest {
            let purpose = match purpose {
                0 => String::new(),
                number => format!(" {number}"),
            };
            let name = format!("{level}{purpose}: {figure:?}");
            self.report.busiest_hour.insert(name, hour);
        }
        self.report
    }

    pub const fn reopened(&mut self) {
        self.report.reopenings += 1;
    }

    pub fn asked(&mut self, who: &Visitor, why: Option<StepUp>, is_in_proof_mode: bool) {
        let cause = match why {
            Some(why) => format!("{:?}", why.budget),
            None if is_in_proof_mode => "proof mode".to_owned(),
            None => "a rule".to_owned(),
        };
        add(&mut self.report.step_ups, format!("{}: {cause}", role(who)));
    }

    pub fn stopped(&mut self, who: &Visitor, budget: Budget) {
        add(
            &mut self.report.budget_stops,
            format!("{}: {budget:?}", role(who)),
        );
    }

    pub fn heard(&mut self, who: &Visitor, alarm: &Alarm) {
        let rule = || format!("{:?}", alarm.rule);
        let by = || format!("{}: {:?}", role(who), alarm.rule);
        for action in &alarm.actions {
            match action {
                Action::Freeze(_) => add(&mut self.report.false_freezes, by()),
                Action::ProofMode(_) => add(&mut self.report.false_proof_modes, rule()),
                Action::Page => add(&mut self.report.pages, rule()),
                Action::Review => add(&mut self.report.reviews, by()),
                Action::OpenIncident | Action::StepUp(_) | Action::StepUpNetwork(_) => {}
            }
        }
    }
}
