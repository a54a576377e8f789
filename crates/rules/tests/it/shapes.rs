//! Attacks of 25 documents a second on budgets, rules and freezes together, in simulated time: what is lost before
//! nothing more comes out, and what bounds the shapes that no rule ends. `docs/operate/detection.md` prints this table.

use candour_rules::budget::{BudgetTable, Charge};
use candour_rules::decision::{Decision, Lane, Role};
use candour_rules::detect::{DetectionTable, Rule};
use candour_rules::freeze::PROOF_AGE;
use candour_rules::keys::{Instance, Item, Network, Patient, Practice, Principal, Session};
use candour_rules::time::Span;
use std::collections::BTreeSet;
use std::fmt::Write;

use crate::detect::START;
use crate::small_keeper::{SmallKeeper, Standing, Target, Visitor};

const PAGE: &str = include_str!("../../../../docs/operate/detection.md");
const PER_SECOND: i64 = 25;
const HOUR_SECONDS: i64 = 3_600;

/// One way to steal.
struct Shape {
    name: &'static str,
    /// In how many sessions, in turn.
    sessions: i64,
    role: Role,
    /// Each session from an address of its own.
    networks: bool,
    /// How long before the attack the last passkey or code was given.
    proved_before: Span,
    /// The thief can give one whenever asked.
    proves: bool,
    /// Documents of each patient before the next.
    each: i64,
    /// Documents in one request.
    batch: i64,
    standing: Standing,
    /// At most so many documents and patients, and within so many tenths of a second; `None` where nothing ends it
    /// within an hour.
    most: (usize, usize, Option<i64>),
}

const OLD: Span = Span::minutes(30);
const SHAPE: Shape = Shape {
    name: "",
    sessions: 1,
    role: Role::Patient,
    networks: false,
    proved_before: OLD,
    proves: false,
    each: 1,
    batch: 1,
    standing: Standing::Own,
    most: (0, 0, Some(0)),
};
const STAFF: Shape = Shape {
    role: Role::Clinician,
    ..SHAPE
};
const CROWD: Shape = Shape {
    sessions: 500,
    networks: true,
    ..SHAPE
};

fn of_patients() -> Vec<Shape> {
    vec![
        Shape {
            name: "a patient's session, ids of others",
            standing: Standing::Foreign,
            most: (0, 0, Some(0)),
            ..SHAPE
        },
        Shape {
            name: "a patient's session, own documents",
            each: 10_000,
            most: (10, 1, Some(4)),
            ..SHAPE
        },
        Shape {
            name: "the same, and the thief has the second factor",
            each: 10_000,
            proves: true,
            most: (29, 1, Some(12)),
            ..SHAPE
        },
        Shape {
            name: "50 patients' sessions, one network",
            sessions: 50,
            networks: false,
            each: 10_000,
            most: (20, 20, Some(8)),
            ..SHAPE
        },
        Shape {
            name: "500 patients' sessions, 500 networks",
            each: 10_000,
            most: (115, 115, Some(46)),
            ..CROWD
        },
        Shape {
            name: "the same, all signed in a minute ago",
            each: 10_000,
            proved_before: Span::minutes(1),
            most: (6_000, 500, None),
            ..CROWD
        },
    ]
}

fn of_staff_and_programs() -> Vec<Shape> {
    vec![
        Shape {
            name: "a staff session, one document each",
            most: (10, 10, Some(4)),
            ..STAFF
        },
        Shape {
            name: "a staff session, 25 in a request, one each",
            batch: 25,
            most: (39, 39, Some(10)),
            ..STAFF
        },
        Shape {
            name: "a staff session, 25 in a request, 5 each",
            batch: 25,
            each: 5,
            most: (125, 25, Some(50)),
            ..STAFF
        },
        Shape {
            name: "the same, a minute after its passkey",
            batch: 25,
            each: 5,
            proved_before: Span::minutes(1),
            most: (300, 60, Some(120)),
            ..STAFF
        },
        Shape {
            name: "a member of staff with a passkey in a program, 30 each",
            each: 30,
            proves: true,
            most: (29, 1, Some(12)),
            ..STAFF
        },
        Shape {
            name: "a practice's program that may read, one each",
            role: Role::Client,
            most: (39, 39, Some(16)),
            ..SHAPE
        },
        Shape {
            name: "a practice's program that may read, 10 each",
            role: Role::Client,
            each: 10,
            most: (115, 12, Some(46)),
            ..SHAPE
        },
        Shape {
            name: "10 colluding staff, one each, no passkey again",
            sessions: 10,
            networks: true,
            most: (115, 115, Some(46)),
            ..STAFF
        },
        Shape {
            name: "10 colluding staff, one each, passkeys given",
            sessions: 10,
            networks: true,
            proves: true,
            most: (390, 390, Some(160)),
            ..STAFF
        },
    ]
}

#[derive(Debug)]
struct Loss {
    documents: usize,
    people: usize,
    /// When the last document came out.
    last: Span,
    rules: Vec<Rule>,
}

fn visitor(shape: &Shape, number: i64) -> Visitor {
    Visitor {
        session: Session(number),
        principal: Principal(number),
        role: shape.role,
        practice: (shape.role != Role::Patient).then_some(Practice(1)),
        instance: Instance(1),
        network: Network(if shape.networks { number } else { 1 }),
        acts_for: 1,
        proved_at: START - shape.proved_before,
        by_passkey: shape.role.is_staff(),
        lane: Lane::Ordinary,
    }
}

/// The `turn`th request of a session: its documents, walked patient by patient.
fn targets(shape: &Shape, number: i64, turn: i64) -> Vec<Target> {
    (turn * shape.batch..(turn + 1) * shape.batch)
        .map(|n| {
            let patient = Patient(number * 1_000_000 + n / shape.each);
            let item = Item(number * 1_000_000 + n);
            Target {
                age: Some(Span::days(1)),
                ..Target::document(patient, item).with(shape.standing)
            }
        })
        .collect()
}

fn steal(shape: &Shape, detection: &DetectionTable) -> Loss {
    let mut keeper = SmallKeeper::new(BudgetTable::default(), detection.clone(), &[]);
    let mut thieves: Vec<Visitor> = (0..shape.sessions).map(|n| visitor(shape, n)).collect();
    let mut lost = (BTreeSet::new(), BTreeSet::new());
    let mut last = START;
    let mut rules = Vec::new();
    for request in 0..HOUR_SECONDS * PER_SECOND / shape.batch {
        let at = START + Span::micros(request * shape.batch * 1_000_000 / PER_SECOND);
        let number = request % shape.sessions;
        let thief = &mut thieves[usize::try_from(number).unwrap()];
        let asked = targets(shape, number, request / shape.sessions);
        if shape.proves && at.since(thief.proved_at) > PROOF_AGE {
            thief.proved_at = at;
        }
        let (decisions, alarms) = keeper.open(thief, at, &asked);
        if shape.proves && !alarms.is_empty() {
            thief.proved_at = at + Span::micros(1);
        }
        rules.extend(alarms.iter().map(|alarm| alarm.rule));
        for (target, decision) in asked.iter().zip(decisions) {
            if decision == Decision::Granted {
                lost.0.insert(target.item);
                lost.1.insert(target.patient);
                last = at;
            }
        }
    }
    rules.dedup();
    Loss {
        documents: lost.0.len(),
        people: lost.1.len(),
        last: last.since(START),
        rules,
    }
}

#[test]
fn a_practice_s_program_that_writes_to_everybody_is_stopped_at_five_hundred() {
    let mut keeper = SmallKeeper::new(BudgetTable::default(), DetectionTable::default(), &[]);
    let program = visitor(
        &Shape {
            role: Role::Client,
            ..SHAPE
        },
        1,
    );
    let written = (0..10_000).filter(|n| {
        let at = START + Span::millis(40 * n);
        let charge = Charge::Deposited(Patient(*n));
        keeper.charge(&program, at, charge).is_ok()
    });
    assert_eq!(written.count(), 500);
}

#[test]
fn what_an_attack_of_25_documents_a_second_gets() {
    let mut wrong = String::new();
    for shape in of_patients().into_iter().chain(of_staff_and_programs()) {
        let loss = steal(&shape, &DetectionTable::default());
        let tenths = loss.last.as_micros() / 100_000;
        let row = format!(
            "| {} | {} | {} | {}.{} s |",
            shape.name,
            loss.documents,
            loss.people,
            tenths / 10,
            tenths % 10
        );
        println!("{row} {:?}", loss.rules);
        if !PAGE.contains(&row) {
            writeln!(wrong, "not in docs/operate/detection.md: {row}").unwrap();
        }
        let (documents, people, within) = shape.most;
        if (loss.documents, loss.people) != (documents, people)
            || within.is_some_and(|within| tenths > within)
        {
            writeln!(wrong, "{}: {loss:?}", shape.name).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
