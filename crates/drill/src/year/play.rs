//! Plays what everybody does in the order of time, and lets them go on by what they are told.

use super::chance::seconds;
use super::report::Counted;
use super::visit::{Act, Step, Visit};
use super::world::day;
use crate::small_keeper::{SmallKeeper, Standing, Target, Visitor};
use candour_rules::budget::Charge;
use candour_rules::decision::{Decision, Lane, Reason, Role};
use candour_rules::detect::{Action, Alarm};
use candour_rules::freeze::Frozen;
use candour_rules::keys::{Instance, Session};
use candour_rules::time::{Micros, Span};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A visit at its next step, in the order of time and of coming.
struct Next {
    at: Micros,
    number: u64,
    step: usize,
    again: usize,
    visit: Box<Visit>,
}

impl PartialEq for Next {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Next {}
impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Next {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
impl Next {
    const fn key(&self) -> (Micros, u64) {
        (self.at, self.number)
    }
}

/// How somebody goes on.
enum Then {
    Next,
    Again(Micros),
    Leave,
}

/// What happens later without anybody asking.
enum Later {
    Unfreeze(Frozen),
    LiftProof(Instance),
}

/// An installation that people visit.
pub(super) struct Play {
    keeper: SmallKeeper,
    queue: BinaryHeap<Reverse<Next>>,
    later: Vec<(Micros, Later)>,
    visits: u64,
    instances: u64,
    unfreeze_after: Span,
    lift_after: Span,
    pub counted: Counted,
}

impl Play {
    pub fn new(
        keeper: SmallKeeper,
        instances: u64,
        unfreeze_after: Span,
        lift_after: Span,
    ) -> Self {
        Self {
            keeper,
            queue: BinaryHeap::new(),
            later: Vec::new(),
            visits: 0,
            instances: instances.max(1),
            unfreeze_after,
            lift_after,
            counted: Counted::default(),
        }
    }

    /// Somebody comes: a session of its own, through one of the processes.
    pub fn comes(&mut self, mut visit: Visit) {
        self.visits += 1;
        let number = self.visits;
        visit.who.session = Session(number.cast_signed());
        visit.who.instance = Instance((number % self.instances).cast_signed());
        self.counted.came(&visit.who);
        let Some(first) = visit.steps.first() else {
            return;
        };
        let next = Next {
            at: visit.at + first.after,
            number,
            step: 0,
            again: 0,
            visit: Box::new(visit),
        };
        self.queue.push(Reverse(next));
    }

    /// Plays everything until the end of a day.
    pub fn until_the_end_of(&mut self, number: usize) {
        let end = day(number + 1);
        while self.queue.peek().is_some_and(|next| next.0.at < end) {
            if let Some(Reverse(next)) = self.queue.pop() {
                self.passes(next.at);
                self.goes_on(next);
            }
        }
    }

    fn passes(&mut self, now: Micros) {
        let due = self.later.extract_if(.., |(at, _)| *at <= now);
        for (_, what) in due.collect::<Vec<_>>() {
            match what {
                Later::Unfreeze(what) => self.keeper.unfreeze(what),
                Later::LiftProof(instance) => self.keeper.lift_proof(instance),
            }
        }
    }

    fn goes_on(&mut self, mut next: Next) {
        let Some(Step { act, .. }) = next.visit.steps.get(next.step).cloned() else {
            return;
        };
        let then = self.does(&mut next, &act);
        match then {
            Then::Leave => return,
            Then::Again(at) => {
                next.again += 1;
                next.at = at;
            }
            Then::Next => {
                next.step += 1;
                next.again = 0;
                let Some(step) = next.visit.steps.get(next.step) else {
                    return;
                };
                next.at = next.at + step.after;
            }
        }
        self.queue.push(Reverse(next));
    }

    fn does(&mut self, next: &mut Next, act: &Act) -> Then {
        let now = next.at;
        match act {
            Act::Fail(account) => {
                let network = next.visit.who.network;
                let alarms = self.keeper.sign_in_failed(now, *account, network);
                self.hear(now, &next.visit.who, &alarms);
                Then::Next
            }
            Act::Deposit(patient) => {
                let charge = Charge::Deposited(*patient);
                let refused = self.keeper.charge(&next.visit.who, now, charge).err();
                let hour = self.keeper.hour(&next.visit.who, now, *patient, charge);
                self.counted.hour(&hour, refused);
                let is_first = !next.visit.is_waiting;
                next.visit.is_waiting |= refused.is_some();
                if let Some(Reason::OverBudget(over)) = refused.filter(|_| is_first) {
                    self.counted.stopped(&next.visit.who, over.budget);
                }
                Then::Next
            }
            Act::Emergency(targets) => {
                let who = Visitor {
                    lane: Lane::Emergency,
                    proved_at: now,
                    ..next.visit.who
                };
                let (decisions, alarms) = self.keeper.open(&who, now, targets);
                self.hear(now, &who, &alarms);
                for (target, decision) in targets.iter().zip(decisions) {
                    self.has_now(&who, now, target, decision);
                }
                Then::Next
            }
            Act::Blindly(targets) => {
                self.ask(next, targets);
                Then::Next
            }
            Act::Open(targets) => match self.ask(next, targets) {
                None => Then::Next,
                Some(reason) => self.was_refused(next, reason),
            },
        }
    }

    /// Asks; answers the first reason why not.
    fn ask(&mut self, next: &mut Next, targets: &[Target]) -> Option<Reason> {
        let who = next.visit.who;
        let (decisions, alarms) = self.keeper.open(&who, next.at, targets);
        self.hear(next.at, &who, &alarms);
        let mut refused = None;
        for (target, decision) in targets.iter().zip(decisions) {
            self.has_now(&who, next.at, target, decision);
            match decision {
                Decision::Granted if target.touch.is_open() && who.lane != Lane::Run => {
                    self.counted.opened(next.at);
                }
                Decision::Granted => {}
                Decision::Denied(reason) => refused = refused.or(Some(reason)),
            }
            if target.standing != Standing::Own {
                self.counted.strayed();
            }
        }
        let is_asked = matches!(refused, Some(Reason::StepUp(_) | Reason::OverBudget(_)));
        let is_first = !std::mem::replace(&mut next.visit.is_waiting, is_asked);
        match refused.filter(|_| is_first) {
            Some(Reason::StepUp(why)) => {
                let in_proof = self.keeper.freezes().needs_proof(who.instance);
                self.counted.asked(&who, why, in_proof);
            }
            Some(Reason::OverBudget(over)) => self.counted.stopped(&who, over.budget),
            _ => {}
        }
        refused
    }

    fn has_now(&mut self, who: &Visitor, at: Micros, target: &Target, decision: Decision) {
        let charge = Charge::Opened(target.patient);
        let hour = self.keeper.hour(who, at, target.patient, charge);
        self.counted.hour(&hour, decision.reason());
    }

    fn was_refused(&mut self, next: &mut Next, reason: Reason) -> Then {
        let may_repeat = next.again < next.visit.impatience;
        match reason {
            Reason::NotPermitted | Reason::Unknown => {
                // A number that repeats itself, from whom it is and where they are.
                let drawn = super::chance::spread(next.number, next.step as u64) % 1_000;
                let goes_on = super::chance::rounded(next.visit.goes_on * 1_000.0) as u64;
                if drawn < goes_on {
                    Then::Next
                } else {
                    Then::Leave
                }
            }
            Reason::StepUp(_) | Reason::ProofNeeded => match next.visit.proves_in {
                Some(takes) if next.again < 8 => {
                    let who = &mut next.visit.who;
                    who.proved_at = next.at + takes;
                    who.by_passkey |= who.role.is_staff();
                    Then::Again(next.at + takes + Span::millis(300))
                }
                _ if may_repeat => Then::Again(next.at + seconds(2.0)),
                _ => Then::Leave,
            },
            Reason::OverBudget(over) if over.can_reopen && next.again < 8 => self.reopens(next),
            Reason::OverBudget(_) if may_repeat => Then::Again(next.at + seconds(2.0)),
            Reason::OverBudget(_) if next.visit.who.role == Role::Patient => Then::Leave,
            Reason::OverBudget(_) => Then::Next,
            Reason::SessionSpent(_)
            | Reason::OverCeiling(_)
            | Reason::Frozen(_)
            | Reason::LedgerUnavailable => Then::Leave,
        }
    }

    /// A clinician gives a passkey and a reason.
    fn reopens(&mut self, next: &mut Next) -> Then {
        let at = next.at + next.visit.proves_in.unwrap_or(Span::seconds(10)) + Span::seconds(20);
        next.visit.who.proved_at = at;
        match self.keeper.charge(&next.visit.who, at, Charge::Reopening) {
            Ok(()) => {
                self.counted.reopened();
                Then::Again(at + Span::millis(300))
            }
            Err(_) => Then::Next,
        }
    }

    fn hear(&mut self, now: Micros, who: &Visitor, alarms: &[Alarm]) {
        for alarm in alarms {
            self.counted.heard(who, alarm);
            for action in &alarm.actions {
                match action {
                    Action::Freeze(what @ Frozen::Principal(_)) => {
                        self.later
                            .push((now + self.unfreeze_after, Later::Unfreeze(*what)));
                    }
                    Action::ProofMode(instance) => {
                        self.later
                            .push((now + self.lift_after, Later::LiftProof(*instance)));
                    }
                    _ => {}
                }
            }
        }
    }
}
