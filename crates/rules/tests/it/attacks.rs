//! Every rule with an attack that trips it and a near miss that does not; none may be left out.

use candour_rules::decision::{Decision, Lane, Reason, Role, Touch};
use candour_rules::detect::{Alarm, DetectionTable, Detector, Observation, Rule};
use candour_rules::keys::{Account, Instance, Item, Network, Patient, Principal, Session};
use candour_rules::time::{Micros, Span};
use std::collections::BTreeSet;

use crate::detect::{START, seen};

/// What the detector is told.
enum Told {
    Seen(Box<Observation>),
    Frozen(Micros, Session),
    Failed(Micros, Account, Network),
}

/// So many of them, in order; each rule's attack differs from its near miss in one number.
type Attack = fn(u64) -> Vec<Told>;

struct Row {
    rule: Rule,
    attack: Attack,
    /// The count at which the rule speaks, and not at one less.
    at: u64,
}

const ROWS: [Row; 14] = [
    row(Rule::Canary, canary, 1),
    row(Rule::ForeignPatients, foreign_patients, 4),
    row(Rule::UnknownIds, unknown_ids, 20),
    row(Rule::Insistence, insistence, 20),
    row(Rule::Breadth, breadth, 40),
    row(Rule::OrderedWalk, ordered_walk, 12),
    row(Rule::MachineTiming, machine_timing, 10),
    row(Rule::Dormant, dormant, 20),
    row(Rule::Emergency, emergency, 3),
    row(Rule::GlobalRate, global_rate, GLOBAL),
    row(Rule::ManyAccounts, many_accounts, 20),
    row(Rule::FrozenSessions, frozen_sessions, 5),
    row(Rule::FailingNetworks, failing_networks, 8),
    row(Rule::FailingAccounts, failing_accounts, 20),
];

const GLOBAL: u64 = 115;

const fn row(rule: Rule, attack: Attack, at: u64) -> Row {
    Row { rule, attack, at }
}

fn after(millis: u64) -> Micros {
    START + Span::millis(number(millis))
}

fn number(of: u64) -> i64 {
    i64::try_from(of).unwrap()
}

/// The nth thing of a new patient, `gap` milliseconds after the one before.
fn each(count: u64, gap: u64, change: fn(u64, &mut Observation)) -> Vec<Told> {
    let one = |n: u64| {
        let mut seen = seen(n, after(n * gap), number(n));
        change(n, &mut seen);
        Told::Seen(Box::new(seen))
    };
    (0..count).map(one).collect()
}

fn deny(seen: &mut Observation, reason: Reason) {
    seen.role = Role::Patient;
    seen.decision = Decision::Denied(reason);
}

fn canary(count: u64) -> Vec<Told> {
    each(30 + count, 1_000, |n, seen| {
        seen.is_canary = n >= 30;
        if seen.is_canary {
            seen.decision = Decision::Denied(Reason::NotPermitted);
        }
    })
}

fn foreign_patients(count: u64) -> Vec<Told> {
    each(count, 1_000, |_, seen| deny(seen, Reason::NotPermitted))
}

fn unknown_ids(count: u64) -> Vec<Told> {
    each(count, 1_000, |_, seen| {
        seen.patient = None;
        deny(seen, Reason::Unknown);
    })
}

fn insistence(count: u64) -> Vec<Told> {
    each(count, 1_000, |_, seen| deny(seen, Reason::StepUp(None)))
}

fn breadth(count: u64) -> Vec<Told> {
    each(count, 1_000, |_, _| {})
}

fn ordered_walk(count: u64) -> Vec<Told> {
    each(count, 4_000, |n, seen| {
        seen.patient = Some(Patient(number(n / 2)));
        seen.item_age = Some(Span::days(2_000 - number(n)));
        seen.item_ordinal = Some(1_000 + n * n);
    })
}

fn machine_timing(count: u64) -> Vec<Told> {
    each(count, 40, |_, seen| seen.patient = Some(Patient(1)))
}

fn dormant(count: u64) -> Vec<Told> {
    each(count, 20_000, |_, seen| seen.is_dormant = true)
}

fn emergency(count: u64) -> Vec<Told> {
    each(count, 600_000, |_, seen| seen.lane = Lane::Emergency)
}

/// A portal that was taken over: everybody's session, from everywhere, 25 a second.
fn global_rate(count: u64) -> Vec<Told> {
    each(count, 40, |n, seen| {
        seen.role = Role::Patient;
        seen.session = Session(number(n));
        seen.principal = Principal(number(n));
        seen.network = Some(Network(number(n)));
    })
}

fn many_accounts(count: u64) -> Vec<Told> {
    each(count, 10_000, |n, seen| {
        seen.role = Role::Patient;
        seen.session = Session(number(n));
        seen.principal = Principal(number(n));
    })
}

/// Staff who were each frozen at the fortieth patient, found by hand.
fn frozen_sessions(count: u64) -> Vec<Told> {
    (0..count)
        .map(|n| Told::Frozen(after(n * 60_000), Session(number(n))))
        .collect()
}

fn failing_networks(count: u64) -> Vec<Told> {
    (0..count)
        .map(|n| Told::Failed(after(n * 60_000), Account(1), Network(number(n))))
        .collect()
}

fn failing_accounts(count: u64) -> Vec<Told> {
    (0..count)
        .map(|n| Told::Failed(after(n * 10_000), Account(number(n)), Network(1)))
        .collect()
}

fn play(told: Vec<Told>) -> Vec<Alarm> {
    let mut detector = Detector::new(DetectionTable::default());
    told.into_iter()
        .flat_map(|told| match told {
            Told::Seen(seen) => detector.observe(&seen),
            Told::Frozen(at, session) => detector
                .session_frozen(at, session, Instance(1))
                .into_iter()
                .collect(),
            Told::Failed(at, account, network) => detector.sign_in_failed(at, account, network),
        })
        .collect()
}

fn spoke(told: Vec<Told>) -> Vec<Rule> {
    play(told).iter().map(|alarm| alarm.rule).collect()
}

#[test]
fn every_rule_has_an_attack_that_trips_it_and_only_it() {
    for row in &ROWS {
        assert_eq!(spoke((row.attack)(row.at)), [row.rule], "{:?}", row.rule);
    }
}

#[test]
fn one_less_of_each_attack_trips_nothing() {
    for row in &ROWS {
        assert_eq!(spoke((row.attack)(row.at - 1)), [], "{:?}", row.rule);
    }
}

/// A new rule does not compile here until it has a place, and finds no row of its own until it has an attack.
const fn place(rule: Rule) -> usize {
    match rule {
        Rule::Canary => 0,
        Rule::ForeignPatients => 1,
        Rule::UnknownIds => 2,
        Rule::Insistence => 3,
        Rule::Breadth => 4,
        Rule::OrderedWalk => 5,
        Rule::MachineTiming => 6,
        Rule::Dormant => 7,
        Rule::Emergency => 8,
        Rule::GlobalRate => 9,
        Rule::ManyAccounts => 10,
        Rule::FrozenSessions => 11,
        Rule::FailingNetworks => 12,
        Rule::FailingAccounts => 13,
        // No rule of the detector; its attacks stand in `ceilings.rs`.
        Rule::Ceiling(..) => usize::MAX,
    }
}

#[test]
fn no_rule_is_without_an_attack() {
    for (number, row) in ROWS.iter().enumerate() {
        assert_eq!(place(row.rule), number);
    }
}

/// The table of thresholds and the rows above are one: a threshold whose rule has no attack would be found here.
#[test]
fn every_threshold_of_the_table_belongs_to_a_rule_that_has_an_attack() {
    let table = serde_json::to_value(DetectionTable::default()).unwrap();
    let in_table: BTreeSet<String> = table.as_object().unwrap().keys().cloned().collect();
    let snake = |rule: Rule| {
        let mut word = String::new();
        for letter in format!("{rule:?}").chars() {
            if letter.is_uppercase() && !word.is_empty() {
                word.push('_');
            }
            word.extend(letter.to_lowercase());
        }
        word
    };
    // A canary's threshold is one touch; the networks are an exception to a rule and none.
    let own: BTreeSet<String> = ROWS
        .iter()
        .map(|row| snake(row.rule))
        .filter(|word| word != "canary")
        .chain(["known_networks".to_owned()])
        .collect();
    assert_eq!(in_table, own);
}

#[test]
fn one_dead_bookmark_reloaded_all_morning_is_one_unknown_id() {
    let told = each(300, 200, |_, seen| {
        seen.patient = None;
        seen.item = Some(Item(1));
        deny(seen, Reason::Unknown);
    });
    assert!(spoke(told).is_empty());
}

#[test]
fn a_key_kept_pressed_on_one_refused_page_is_one_insistence() {
    let held = each(300, 33, |_, seen| {
        seen.item = Some(Item(1));
        deny(seen, Reason::StepUp(None));
    });
    assert!(spoke(held).is_empty());
    let list = (0..40_u64)
        .flat_map(|page| {
            each(50, 0, |_, seen| {
                seen.item = None;
                deny(seen, Reason::StepUp(None));
                seen.touch = Touch::Listed;
            })
            .into_iter()
            .map(move |told| match told {
                Told::Seen(mut seen) => {
                    seen.request = page;
                    seen.at = after(page * 500);
                    Told::Seen(seen)
                }
                other => other,
            })
        })
        .collect();
    assert!(
        spoke(list).is_empty(),
        "the same list of fifty names, reloaded"
    );
}
