//! A visit: who comes, and what they do one thing after the other. What they are told changes how it goes on.

use crate::small_keeper::{Target, Visitor};
use candour_rules::keys::{Account, Patient};
use candour_rules::time::{Micros, Span};

/// One thing that somebody does.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Opens a page with these things on it.
    Open(Vec<Target>),
    /// The same by a program or a pressed key, which does not look at what it is told.
    Blindly(Vec<Target>),
    /// Emergency access with its own passkey answer.
    Emergency(Vec<Target>),
    /// Signs in with a wrong password.
    Fail(Account),
    /// Writes something to a patient.
    Deposit(Patient),
}

/// One step, so long after the one before.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub after: Span,
    pub act: Act,
}

/// Somebody at a screen, or a program.
pub(super) struct Visit {
    pub at: Micros,
    pub who: Visitor,
    pub steps: Vec<Step>,
    /// How long it takes them to give a fresh factor; `None` for who leaves instead.
    pub proves_in: Option<Span>,
    /// How often they ask again for what was refused.
    pub impatience: usize,
    /// A link that is refused is followed by the next in this part of all cases.
    pub goes_on: f64,
    /// Refused for want of a factor or by a budget, and nothing opened since: counted once.
    pub is_waiting: bool,
}

impl Visit {
    pub const fn new(at: Micros, who: Visitor) -> Self {
        Self {
            at,
            who,
            steps: Vec::new(),
            proves_in: None,
            impatience: 0,
            goes_on: 1.0,
            is_waiting: false,
        }
    }

    pub fn step(&mut self, after: Span, act: Act) {
        self.steps.push(Step { after, act });
    }

    pub fn open(&mut self, after: Span, targets: Vec<Target>) {
        self.step(after, Act::Open(targets));
    }
}
