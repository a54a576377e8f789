//! A live staff session used as fast as a machine can, through counters, detector and sequencer together.

use candour_rules::budget::{BudgetTable, Charge, Context, Counters};
use candour_rules::decision::{Decision, Lane, Reason, Touch};
use candour_rules::detect::{Action, DetectionTable, Detector, Observation};
use candour_rules::freeze::{FreezeSet, Frozen, Guards};
use candour_rules::keys::{Instance, Patient, Principal, Session};
use candour_rules::sequencer::{
    Assign, Head, Input, Limits, Outcome, Output, Request, Sequencer, Ticket,
};
use candour_rules::time::{Micros, Span};

use crate::detect::{START, seen};

struct Draft {
    observation: Observation,
    charge: Charge,
    passkey_at: Option<Micros>,
}

/// The keeper's hook in small: charge, then let the detector read the decision.
struct Keeper {
    counters: Counters,
    detector: Detector,
    freezes: Vec<Frozen>,
    incidents: u32,
}

impl Assign<Draft> for Keeper {
    fn assign(&mut self, _index: u64, draft: &mut Draft) -> Result<(), Reason> {
        let seen = &mut draft.observation;
        let context = Context {
            role: seen.role,
            acts_for: 0,
            practice: None,
            passkey_at: draft.passkey_at,
            lane: Lane::Ordinary,
        };
        let result = self
            .counters
            .charge(seen.principal, &[draft.charge], seen.at, &context)
            .into_result();
        if let Err(reason) = result {
            seen.decision = Decision::Denied(reason);
        }
        for action in self
            .detector
            .observe(seen)
            .into_iter()
            .flat_map(|alarm| alarm.actions)
        {
            match action {
                Action::Freeze(what) => self.freezes.push(what),
                Action::OpenIncident => self.incidents += 1,
                _ => {}
            }
        }
        result
    }

    fn root(&self) -> [u8; 32] {
        [0; 32]
    }

    fn commit(&mut self) {
        self.counters.commit();
    }

    fn roll_back(&mut self) {
        self.counters.roll_back();
    }
}

struct Loss {
    opened: usize,
    listed: usize,
    frozen: Vec<Frozen>,
    incidents: u32,
}

/// Searches and opens, `per_patient` documents of each, one request every two milliseconds, 32 in flight.
fn steal(
    per_patient: u64,
    passkey_at: Option<Micros>,
    requests: impl Iterator<Item = (u64, Touch)>,
) -> Loss {
    let mut keeper = Keeper {
        counters: Counters::new(BudgetTable::default()),
        detector: Detector::new(DetectionTable::default()),
        freezes: Vec::new(),
        incidents: 0,
    };
    let head = Head {
        epoch: 1,
        size: 0,
        root: [0; 32],
    };
    let mut sequencer = Sequencer::new(head, FreezeSet::default(), Limits::default());
    let guards = Guards {
        session: Some(Session(1)),
        principal: Some(Principal(1)),
        instance: Some(Instance(1)),
        ..Guards::default()
    };
    let asked: Vec<_> = requests.collect();
    let mut taken = [
        std::collections::BTreeSet::new(),
        std::collections::BTreeSet::new(),
    ];
    let mut attempt = None;
    for (number, (target, touch)) in (0_u64..).zip(&asked) {
        let patient = i64::try_from(target / per_patient).unwrap();
        let at = START + Span::millis(i64::try_from(number * 2).unwrap());
        let charge = if *touch == Touch::Listed {
            Charge::Listed(Patient(patient))
        } else {
            Charge::Document(Patient(patient))
        };
        let observation = Observation {
            touch: *touch,
            ..seen(number, at, patient)
        };
        let draft = Draft {
            observation,
            charge,
            passkey_at,
        };
        let request = Request {
            ticket: Ticket(number),
            draft,
            guards: Some(guards.clone()),
        };
        let mut inputs = vec![Input::Request(request)];
        if number % 32 == 31
            && let Some(attempt) = attempt.take()
        {
            inputs.push(Input::Outcome(attempt, Outcome::Committed));
        }
        for input in inputs {
            let mut outputs = sequencer.handle(input, &mut keeper);
            for what in std::mem::take(&mut keeper.freezes) {
                outputs.extend(sequencer.handle(Input::Freeze(what), &mut keeper));
            }
            for output in outputs {
                match output {
                    Output::StartCommit(batch) => attempt = Some(batch.attempt),
                    Output::Release { ticket, .. } => {
                        let (target, touch) = asked[usize::try_from(ticket.0).unwrap()];
                        taken[usize::from(touch == Touch::Listed)].insert(target / per_patient);
                    }
                    _ => {}
                }
            }
        }
    }
    let [opened, listed] = taken.map(|people| people.len());
    Loss {
        opened,
        listed,
        frozen: sequencer.freezes().iter().collect(),
        incidents: keeper.incidents,
    }
}

#[test]
fn opening_one_document_each_ends_frozen_before_sixty() {
    for passkey_at in [None, Some(START)] {
        let loss = steal(1, passkey_at, (0..5_000).map(|n| (n, Touch::Document)));
        assert!(loss.opened < 40, "breadth stops it: {}", loss.opened);
        assert_eq!(loss.frozen, [Frozen::Principal(Principal(1))]);
        assert_eq!(loss.incidents, 1);
    }
}

#[test]
fn a_thief_who_avoids_breadth_ends_frozen_by_the_spent_budget() {
    for (passkey_at, most) in [(None, 48), (Some(START), 60)] {
        let loss = steal(3, passkey_at, (0..5_000).map(|n| (n, Touch::Document)));
        assert_eq!(loss.opened, most);
        assert_eq!(loss.frozen, [Frozen::Session(Session(1))]);
        assert_eq!(loss.incidents, 1);
    }
}

#[test]
fn listing_as_fast_as_possible_ends_frozen_within_three_hundred() {
    for (passkey_at, most) in [(None, 240), (Some(START), 300)] {
        let loss = steal(1, passkey_at, (0..5_000).map(|n| (n, Touch::Listed)));
        // The freeze overtakes what was granted in the same batch, so a few less than the budget.
        assert!(
            (most - 32..=most).contains(&loss.listed),
            "{} of {most}",
            loss.listed
        );
        assert_eq!(loss.frozen, [Frozen::Session(Session(1))]);
        assert_eq!(loss.incidents, 1);
    }
}

#[test]
fn searching_and_opening_in_turn_stays_within_both() {
    let touches = [Touch::Listed, Touch::Document];
    let loss = steal(
        2,
        Some(START),
        (0..10_000_u64).map(|n| (n / 2, touches[usize::try_from(n % 2).unwrap()])),
    );
    assert!(
        loss.opened <= 60 && loss.listed <= 300,
        "{} opened, {} listed",
        loss.opened,
        loss.listed
    );
    assert!(!loss.frozen.is_empty());
}
