//! Budgets as a clinician, a receptionist, a patient, a program and a practice meet them.

use candour_rules::budget::{
    Budget, BudgetTable, Charge, ClientBudget, Context, Counters, OverBudget, Past, PastPeak,
    Verdict,
};
use candour_rules::decision::{Lane, Role};
use candour_rules::keys::{Patient, Practice, Principal};
use candour_rules::time::{Micros, Span};
use proptest::prelude::*;

const WHO: Principal = Principal(1);
/// A whole day, so that slots and days are easy to reckon with.
const START: Micros = Micros(20_000 * 86_400_000_000);

fn counters() -> Counters {
    Counters::new(BudgetTable::default())
}

fn context(role: Role, now: Micros) -> Context {
    Context {
        role,
        acts_for: 2,
        practice: Some(Practice(9)),
        passkey_at: Some(now),
        lane: Lane::Ordinary,
    }
}

fn charge(counters: &mut Counters, role: Role, charge: Charge, now: Micros) -> Verdict {
    let verdict = counters.charge(WHO, &[charge], now, &context(role, now));
    counters.commit();
    verdict
}

fn open(patient: i64) -> Charge {
    Charge::Opened(Patient(patient))
}

/// How many of these pass at one moment before the first does not, and what it then said.
fn pass(
    counters: &mut Counters,
    role: Role,
    now: Micros,
    kind: fn(Patient) -> Charge,
) -> (i64, Verdict) {
    for patient in 1.. {
        let verdict = charge(counters, role, kind(Patient(patient)), now);
        if verdict != Verdict::Allow {
            return (patient - 1, verdict);
        }
    }
    unreachable!()
}

fn over(verdict: Verdict) -> OverBudget {
    let Verdict::Deny(over) = verdict else {
        panic!("{verdict:?}")
    };
    over
}

#[test]
fn staff_open_sixty_patients_an_hour_and_list_three_hundred() {
    for role in [Role::Clinician, Role::Reception] {
        let (opened, verdict) = pass(&mut counters(), role, START, Charge::Opened);
        assert_eq!((opened, over(verdict).budget), (60, Budget::OpenedHour));
        let (listed, verdict) = pass(&mut counters(), role, START, Charge::Listed);
        assert_eq!((listed, over(verdict).budget), (300, Budget::ListedHour));
        let (written, verdict) = pass(&mut counters(), role, START, Charge::Deposited);
        assert_eq!((written, over(verdict).budget), (60, Budget::DepositedHour));
    }
}

#[test]
fn a_day_holds_two_hundred_opened_and_fifteen_hundred_listed() {
    for (kind, a_day, budget) in [
        (
            Charge::Opened as fn(Patient) -> Charge,
            200,
            Budget::OpenedDay,
        ),
        (Charge::Listed, 1_500, Budget::ListedDay),
    ] {
        let mut counters = counters();
        let mut passed = 0;
        let mut last = Verdict::Allow;
        for hour in 0..8 {
            let now = START + Span::minutes(hour * 62);
            for _ in 0..300 {
                last = charge(
                    &mut counters,
                    Role::Reception,
                    kind(Patient(passed + 1)),
                    now,
                );
                if last != Verdict::Allow {
                    break;
                }
                passed += 1;
            }
        }
        assert_eq!((passed, over(last).budget), (a_day, budget));
    }
}

#[test]
fn the_same_patient_again_costs_nothing_and_is_not_refused_when_the_budget_is_spent() {
    let mut counters = counters();
    pass(&mut counters, Role::Clinician, START, Charge::Opened);
    for _ in 0..100 {
        assert_eq!(
            charge(&mut counters, Role::Clinician, open(60), START),
            Verdict::Allow
        );
    }
    assert_eq!(counters.used(WHO, Budget::OpenedHour, START), 60);
}

#[test]
fn a_spent_budget_says_when_it_frees_and_frees_then() {
    let mut counters = counters();
    for patient in 1..=60 {
        let now = START + Span::seconds(patient * 10);
        assert_eq!(
            charge(&mut counters, Role::Reception, open(patient), now),
            Verdict::Allow
        );
    }
    let now = START + Span::minutes(11);
    let over = over(charge(&mut counters, Role::Reception, open(61), now));
    assert_eq!((over.used, over.most, over.can_reopen), (60, 60, false));
    let frees_at = over.frees_at.expect("it frees");
    assert!(
        frees_at >= START + Span::hours(1) && frees_at <= START + Span::minutes(62),
        "{frees_at:?}"
    );
    let just_before = charge(
        &mut counters,
        Role::Reception,
        open(61),
        frees_at - Span::micros(1),
    );
    assert!(matches!(just_before, Verdict::Deny(_)));
    assert_eq!(
        charge(&mut counters, Role::Reception, open(61), frees_at),
        Verdict::Allow
    );
}

#[test]
fn reopening_a_patient_keeps_them_counted_for_an_hour_from_then() {
    let mut counters = counters();
    for patient in 1..=60 {
        charge(&mut counters, Role::Reception, open(patient), START);
    }
    for patient in 1..=60 {
        charge(
            &mut counters,
            Role::Reception,
            open(patient),
            START + Span::minutes(59),
        );
    }
    let verdict = charge(
        &mut counters,
        Role::Reception,
        open(61),
        START + Span::minutes(62),
    );
    assert_eq!(
        over(verdict).used,
        60,
        "else 120 people could be open within a few minutes"
    );
}

#[test]
fn from_four_fifths_on_a_passkey_younger_than_five_minutes_is_needed() {
    let mut counters = counters();
    for patient in 1..=48 {
        let stale = Context {
            passkey_at: None,
            ..context(Role::Reception, START)
        };
        assert_eq!(
            counters.charge(WHO, &[open(patient)], START, &stale),
            Verdict::Allow
        );
    }
    let with = |passkey_at| Context {
        passkey_at,
        ..context(Role::Reception, START)
    };
    for stale in [
        None,
        Some(START - Span::minutes(5)),
        Some(START + Span::seconds(1)),
    ] {
        let verdict = counters.check(WHO, &[open(49)], START, &with(stale));
        assert!(
            matches!(verdict, Verdict::StepUp(why) if why.used == 48 && why.most == 60),
            "{verdict:?}"
        );
    }
    assert_eq!(
        counters.check(WHO, &[open(48)], START, &with(None)),
        Verdict::Allow,
        "seen before"
    );
    assert_eq!(
        counters.check(
            WHO,
            &[open(49)],
            START,
            &with(Some(START - Span::seconds(299)))
        ),
        Verdict::Allow
    );
}

#[test]
fn a_clinician_reopens_by_thirty_three_times_a_day_with_a_fresh_passkey() {
    let mut counters = counters();
    let (mut opened, mut verdict) = pass(&mut counters, Role::Clinician, START, Charge::Opened);
    assert_eq!(opened, 60);
    for _ in 0..3 {
        assert!(over(verdict).can_reopen);
        let stale = Context {
            passkey_at: None,
            ..context(Role::Clinician, START)
        };
        assert!(matches!(
            counters.check(WHO, &[Charge::Reopening], START, &stale),
            Verdict::StepUp(_)
        ));
        assert_eq!(
            charge(&mut counters, Role::Clinician, Charge::Reopening, START),
            Verdict::Allow
        );
        (opened, verdict) = pass(&mut counters, Role::Clinician, START, Charge::Opened);
    }
    assert_eq!(opened, 150);
    assert!(!over(verdict).can_reopen);
    let fourth = over(charge(
        &mut counters,
        Role::Clinician,
        Charge::Reopening,
        START,
    ));
    assert_eq!((fourth.budget, fourth.used), (Budget::ReopeningsDay, 3));
}

#[test]
fn reception_cannot_reopen() {
    let verdict = charge(&mut counters(), Role::Reception, Charge::Reopening, START);
    assert_eq!(over(verdict).most, 0);
    let (_, verdict) = pass(&mut counters(), Role::Reception, START, Charge::Opened);
    assert!(!over(verdict).can_reopen);
}

#[test]
fn emergency_access_passes_a_spent_budget_and_is_counted() {
    let mut counters = counters();
    pass(&mut counters, Role::Clinician, START, Charge::Opened);
    let emergency = Context {
        lane: Lane::Emergency,
        ..context(Role::Clinician, START)
    };
    assert_eq!(
        counters.charge(WHO, &[open(99)], START, &emergency),
        Verdict::Allow
    );
    assert_eq!(counters.used(WHO, Budget::OpenedHour, START), 61);
}

#[test]
fn a_patient_opens_sixty_documents_in_ten_minutes_counted_each_time() {
    let mut counters = counters();
    let mut allowed = 0;
    let verdict = loop {
        let verdict = charge(
            &mut counters,
            Role::Patient,
            Charge::Document(Patient(1)),
            START,
        );
        if verdict != Verdict::Allow {
            break verdict;
        }
        allowed += 1;
    };
    assert_eq!(
        (allowed, over(verdict).budget),
        (60, Budget::DocumentsTenMinutes)
    );
    let later = START + Span::minutes(11);
    assert_eq!(
        charge(
            &mut counters,
            Role::Patient,
            Charge::Document(Patient(1)),
            later
        ),
        Verdict::Allow
    );
}

#[test]
fn a_patient_never_opens_more_people_than_they_act_for() {
    let mut counters = counters();
    assert_eq!(
        charge(&mut counters, Role::Patient, open(1), START),
        Verdict::Allow
    );
    assert_eq!(
        charge(
            &mut counters,
            Role::Patient,
            Charge::Document(Patient(2)),
            START
        ),
        Verdict::Allow
    );
    assert_eq!(
        over(charge(&mut counters, Role::Patient, open(3), START)).budget,
        Budget::OpenedDay
    );
}

#[test]
fn an_operator_opens_nothing() {
    assert_eq!(
        over(charge(&mut counters(), Role::Operator, open(1), START)).most,
        0
    );
    assert_eq!(
        over(charge(
            &mut counters(),
            Role::Operator,
            Charge::Listed(Patient(1)),
            START
        ))
        .frees_at,
        None
    );
}

#[test]
fn a_batch_passes_or_fails_as_a_whole_and_counts_each_patient_once() {
    let mut counters = counters();
    let charges = |range: std::ops::Range<i64>| range.map(open).collect::<Vec<_>>();
    let context = context(Role::Reception, START);
    assert_eq!(
        counters.charge(WHO, &charges(0..50), START, &context),
        Verdict::Allow
    );
    let doubled: Vec<_> = charges(50..60).into_iter().chain(charges(45..60)).collect();
    assert!(matches!(
        counters.check(WHO, &charges(50..61), START, &context),
        Verdict::Deny(_)
    ));
    assert_eq!(counters.used(WHO, Budget::OpenedHour, START), 50);
    assert_eq!(
        counters.charge(WHO, &doubled, START, &context),
        Verdict::Allow
    );
    assert_eq!(counters.used(WHO, Budget::OpenedHour, START), 60);
}

#[test]
fn a_client_deposits_up_to_twice_its_past_peak_and_todays_own_peak_does_not_raise_it() {
    let table = BudgetTable {
        client: ClientBudget {
            deposited_hour_floor: 10,
            ..ClientBudget::default()
        },
        ..BudgetTable::default()
    };
    let peak = |days, patients| PastPeak {
        principal: WHO,
        at: START - Span::days(days),
        patients,
    };
    let at = |counters: &mut Counters, now| pass(counters, Role::Client, now, Charge::Deposited).0;
    assert_eq!(at(&mut Counters::with_peaks(table.clone(), []), START), 10);
    assert_eq!(
        at(
            &mut Counters::with_peaks(table.clone(), [peak(29, 90)]),
            START
        ),
        10,
        "too long ago"
    );
    let mut counters = Counters::with_peaks(table, [peak(3, 20), peak(28, 15)]);
    assert_eq!(at(&mut counters, START), 40);
    assert_eq!(
        at(&mut counters, START + Span::hours(3)),
        40,
        "not doubled within the day"
    );
    assert_eq!(
        at(&mut counters, START + Span::days(1)),
        80,
        "the next day builds on it"
    );
}

#[test]
fn a_practice_invites_twenty_and_recovers_three_a_day_whoever_acts() {
    for (kind, most) in [(Charge::Invitation, 20), (Charge::Recovery, 3)] {
        let mut counters = counters();
        let reception = context(Role::Reception, START);
        for who in 0..most {
            assert_eq!(
                counters.charge(Principal(who), &[kind], START, &reception),
                Verdict::Allow
            );
        }
        assert!(matches!(
            counters.charge(Principal(99), &[kind], START, &reception),
            Verdict::Deny(_)
        ));
        let elsewhere = Context {
            practice: Some(Practice(8)),
            ..reception
        };
        assert_eq!(
            counters.charge(Principal(99), &[kind], START, &elsewhere),
            Verdict::Allow
        );
        let nowhere = Context {
            practice: None,
            ..reception
        };
        assert!(matches!(
            counters.charge(Principal(99), &[kind], START, &nowhere),
            Verdict::Deny(_)
        ));
    }
}

#[test]
fn a_restart_resets_nothing() {
    let mut counters = counters();
    let mut past = Vec::new();
    for patient in 1..=60 {
        let (at, charge) = (
            START + Span::seconds(patient),
            Charge::Document(Patient(patient)),
        );
        counters.charge(WHO, &[charge], at, &context(Role::Clinician, at));
        past.push(Past {
            at,
            principal: WHO,
            practice: None,
            charge,
        });
    }
    past.push(Past {
        at: START + Span::minutes(2),
        principal: WHO,
        practice: None,
        charge: Charge::Reopening,
    });
    let mut rebuilt = Counters::new(BudgetTable::default());
    for past in past {
        rebuilt.count_again(past);
    }
    let now = START + Span::minutes(3);
    for budget in Budget::ALL
        .into_iter()
        .filter(|budget| !matches!(budget, Budget::ReopeningsHour | Budget::ReopeningsDay))
    {
        assert_eq!(
            rebuilt.used(WHO, budget, now),
            counters.used(WHO, budget, now),
            "{budget:?}"
        );
    }
    assert_eq!(
        rebuilt.check(WHO, &[open(61)], now, &context(Role::Clinician, now)),
        Verdict::Allow,
        "reopened once"
    );
    assert!(matches!(
        rebuilt.check(WHO, &[open(61)], now, &context(Role::Reception, now)),
        Verdict::Deny(_)
    ));
}

#[test]
fn the_numbers_are_readable_from_a_configuration() {
    let table: BudgetTable =
        serde_json::from_str(r#"{"staff":{"opened_hour":5,"fresh":"2 min"}}"#).expect("readable");
    assert_eq!(
        (table.staff.opened_hour, table.staff.fresh),
        (5, Span::minutes(2))
    );
    assert_eq!(table.staff.listed_hour, 300);
    assert_eq!(
        pass(
            &mut Counters::new(table),
            Role::Reception,
            START,
            Charge::Opened
        )
        .0,
        5
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rolled_back_batch_leaves_no_trace_and_the_limit_holds_in_every_true_hour(
        batches in prop::collection::vec((0..900_i64, prop::collection::vec(0..120_i64, 1..12), any::<bool>()), 1..60),
    ) {
        let mut counters = counters();
        let mut now = START;
        let mut granted: Vec<(Micros, i64)> = Vec::new();
        for (seconds, patients, stored) in batches {
            now = now + Span::seconds(seconds);
            let before = Budget::ALL.map(|budget| counters.used(WHO, budget, now));
            let mut batch = Vec::new();
            for patient in patients {
                if counters.charge(WHO, &[Charge::Document(Patient(patient))], now, &context(Role::Reception, now)) == Verdict::Allow {
                    batch.push((now, patient));
                }
            }
            if stored {
                counters.commit();
                granted.extend(batch);
            } else {
                counters.roll_back();
                prop_assert_eq!(before, Budget::ALL.map(|budget| counters.used(WHO, budget, now)));
            }
            let mut within: Vec<i64> = granted.iter().filter(|(at, _)| now.since(*at) <= Span::hours(1)).map(|(_, patient)| *patient).collect();
            within.sort_unstable();
            within.dedup();
            prop_assert!(within.len() <= 60, "{} in an hour", within.len());
        }
    }
}
