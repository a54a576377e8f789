//! Each rule with an attack that trips it and ordinary use that does not.

use candour_rules::budget::{Budget, OverBudget};
use candour_rules::decision::{Decision, Lane, Reason, Role, Touch};
use candour_rules::detect::{Action, Alarm, DetectionTable, Detector, Observation, Rule};
use candour_rules::freeze::{Frozen, Level};
use candour_rules::keys::{Account, Instance, Item, Network, Patient, Principal, Session};
use candour_rules::time::{Micros, Span};

pub const START: Micros = Micros(1_800_000_000_000_000);
const OVER: Reason = Reason::OverBudget(OverBudget {
    budget: Budget::OpenedHour,
    used: 60,
    most: 60,
    frees_at: None,
    can_reopen: false,
});

fn detector() -> Detector {
    Detector::new(DetectionTable::default())
}

/// A clinician opens a new document of their patient, through one instance.
pub fn seen(number: u64, at: Micros, patient: i64) -> Observation {
    Observation {
        at,
        request: number,
        session: Session(1),
        principal: Principal(1),
        role: Role::Clinician,
        instance: Instance(1),
        network: Some(Network(1)),
        patient: Some(Patient(patient)),
        item: Some(Item(i64::try_from(number).unwrap())),
        touch: Touch::Document,
        decision: Decision::Granted,
        item_age: Some(Span::days(1)),
        item_ordinal: None,
        is_canary: false,
        was_granted_before: false,
        is_dormant: false,
        is_human: true,
        proved_at: START - Span::minutes(30),
        lane: Lane::Ordinary,
    }
}

fn denied(number: u64, at: Micros, patient: Option<i64>, reason: Reason) -> Observation {
    let patient = patient.map(Patient);
    Observation {
        patient,
        role: Role::Patient,
        decision: Decision::Denied(reason),
        ..seen(number, at, 0)
    }
}

fn feed(detector: &mut Detector, stream: impl IntoIterator<Item = Observation>) -> Vec<Alarm> {
    stream
        .into_iter()
        .flat_map(|seen| detector.observe(&seen))
        .collect()
}

fn rules(alarms: &[Alarm]) -> Vec<Rule> {
    alarms.iter().map(|alarm| alarm.rule).collect()
}

fn after(seconds: u64) -> Micros {
    START + Span::seconds(i64::try_from(seconds).unwrap())
}

#[test]
fn a_stolen_login_that_walks_foreign_ids_is_frozen_at_the_fourth_patient() {
    let mut detector = detector();
    let own = (0..3).map(|n| Observation {
        role: Role::Patient,
        ..seen(n, after(n), 7)
    });
    assert!(feed(&mut detector, own).is_empty());
    let walk = |n: u64| {
        denied(
            n,
            after(5) + Span::millis(2),
            Some(i64::try_from(n).unwrap()),
            Reason::NotPermitted,
        )
    };
    assert!(feed(&mut detector, [100, 101, 102, 101, 100, 102].map(walk)).is_empty());
    let alarms = detector.observe(&walk(103));
    assert_eq!(rules(&alarms), [Rule::ForeignPatients]);
    assert_eq!(
        alarms[0].actions,
        [
            Action::Freeze(Frozen::Session(Session(1))),
            Action::OpenIncident
        ]
    );
    assert_eq!(
        (alarms[0].numbers.counted, alarms[0].numbers.threshold),
        (4, 4)
    );
    assert_eq!(
        (alarms[0].documents, alarms[0].people),
        (3, 1),
        "what it took before"
    );
    assert!(
        feed(&mut detector, (104..200).map(walk)).is_empty(),
        "frozen once"
    );
}

#[test]
fn stale_bookmarks_and_withdrawn_shares_freeze_nobody() {
    let mut detector = detector();
    let one_patient = (0..50).map(|n| denied(n, after(n), Some(5), Reason::NotPermitted));
    assert!(feed(&mut detector, one_patient).is_empty());
    let withdrawn = (0..50).map(|n| Observation {
        was_granted_before: true,
        ..denied(
            n,
            after(100 + n),
            Some(i64::try_from(n).unwrap()),
            Reason::NotPermitted,
        )
    });
    assert!(feed(&mut detector, withdrawn).is_empty());
    let slow = (0..10).map(|n| {
        denied(
            n,
            after(200 + 40 * n),
            Some(i64::try_from(n).unwrap()),
            Reason::NotPermitted,
        )
    });
    assert!(feed(&mut detector, slow).is_empty(), "one in forty seconds");
}

#[test]
fn twenty_unknown_ids_in_a_minute_freeze_the_session_and_nineteen_do_not() {
    let guess = |n| denied(n, after(n), None, Reason::Unknown);
    assert!(feed(&mut detector(), (0..19).map(guess)).is_empty());
    let alarms = feed(&mut detector(), (0..30).map(guess));
    assert_eq!(rules(&alarms), [Rule::UnknownIds]);
    assert_eq!(
        alarms[0].actions[0],
        Action::Freeze(Frozen::Session(Session(1)))
    );
    let slow = (0..100).map(|n| denied(n, after(n * 5), None, Reason::Unknown));
    assert!(feed(&mut detector(), slow).is_empty());
}

#[test]
fn one_touch_of_a_canary_freezes_the_principal_and_opens_an_incident_granted_or_not() {
    for decision in [Decision::Granted, Decision::Denied(Reason::NotPermitted)] {
        let alarms = detector().observe(&Observation {
            is_canary: true,
            decision,
            ..seen(1, START, 1)
        });
        assert_eq!(rules(&alarms), [Rule::Canary]);
        let expected = [
            Action::Freeze(Frozen::Principal(Principal(1))),
            Action::OpenIncident,
            Action::Page,
            Action::ProofMode(Instance(1)),
        ];
        assert_eq!(alarms[0].actions, expected);
    }
    assert!(detector().observe(&seen(1, START, 1)).is_empty());
}

#[test]
fn a_run_is_outside_the_bulk_rules_and_not_outside_the_canary() {
    let run = |n: u64| Observation {
        lane: Lane::Run,
        is_human: false,
        item_ordinal: Some(n),
        item_age: Some(Span::days(99)),
        is_dormant: true,
        ..seen(
            n,
            START + Span::millis(i64::try_from(n).unwrap()),
            i64::try_from(n).unwrap(),
        )
    };
    let mut detector = detector();
    assert!(feed(&mut detector, (0..5_000).map(run)).is_empty());
    assert_eq!(
        rules(&detector.observe(&Observation {
            is_canary: true,
            ..run(5_000)
        })),
        [Rule::Canary]
    );
}

#[test]
fn one_document_each_of_forty_patients_in_a_minute_freezes_the_principal() {
    let broad = (0..60).map(|n| seen(n, after(n), i64::try_from(n).unwrap()));
    let alarms = feed(&mut detector(), broad);
    assert_eq!(rules(&alarms), [Rule::Breadth]);
    assert_eq!(
        alarms[0].actions,
        [
            Action::Freeze(Frozen::Principal(Principal(1))),
            Action::OpenIncident
        ]
    );
    assert_eq!((alarms[0].documents, alarms[0].people), (40, 40));
}

#[test]
fn one_document_each_of_forty_patients_in_five_minutes_needs_a_passkey_and_is_reviewed() {
    let results = (0..90).map(|n| seen(n, after(n * 7), i64::try_from(n).unwrap()));
    let alarms = feed(&mut detector(), results);
    assert_eq!(rules(&alarms), [Rule::Breadth; 2], "every forty");
    for alarm in alarms {
        assert_eq!(alarm.actions, [Action::StepUp(Session(1)), Action::Review]);
    }
}

#[test]
fn clinic_work_opens_several_things_of_each_patient() {
    let clinic = (0..240).map(|n| seen(n, after(n), i64::try_from(n / 4).unwrap()));
    assert!(
        feed(&mut detector(), clinic).is_empty(),
        "sixty patients, four documents each, in four minutes"
    );
    let slow = (0..60).map(|n| seen(n, after(n * 10), i64::try_from(n).unwrap()));
    assert!(
        feed(&mut detector(), slow).is_empty(),
        "thirty patients in five minutes"
    );
    let listed = (0..300).map(|n| Observation {
        touch: Touch::Listed,
        ..seen(n / 50, after(n / 50), i64::try_from(n).unwrap())
    });
    assert!(
        feed(&mut detector(), listed).is_empty(),
        "six pages of fifty names"
    );
}

fn ordered(n: u64, ordinal: u64, age: Span) -> Observation {
    let patient = i64::try_from(n / 2).unwrap();
    Observation {
        item_ordinal: Some(ordinal),
        item_age: Some(age),
        ..seen(n, after(n * 20), patient)
    }
}

#[test]
fn old_documents_in_the_order_of_deposit_freeze_the_principal_upwards_and_downwards() {
    let quick = |n: u64, ordinal| Observation {
        at: after(n * 4),
        ..ordered(n, ordinal, Span::days(900))
    };
    let up = (0..20).map(|n| quick(n, 1_000 + n * n));
    let down = (0..20).map(|n| quick(n, 9_000 - n * n));
    for alarms in [feed(&mut detector(), up), feed(&mut detector(), down)] {
        assert_eq!(rules(&alarms), [Rule::OrderedWalk]);
        assert_eq!(alarms[0].numbers.counted, 12);
        assert_eq!(
            alarms[0].actions,
            [
                Action::Freeze(Frozen::Principal(Principal(1))),
                Action::OpenIncident
            ]
        );
    }
}

#[test]
fn a_recall_list_worked_by_each_one_s_last_letter_asks_for_a_passkey_now_and_then_and_freezes_nobody()
 {
    let list = (0..40).map(|n| ordered(n, 1_000 + n * n, Span::days(900)));
    let alarms = feed(&mut detector(), list);
    assert_eq!(rules(&alarms), [Rule::OrderedWalk; 3]);
    for alarm in alarms {
        assert_eq!(alarm.actions, [Action::StepUp(Session(1)), Action::Review]);
    }
}

#[test]
fn an_inbox_in_order_and_a_record_read_from_the_start_are_ordinary() {
    let inbox = (0..50).map(|n| ordered(n, n, Span::days(2)));
    assert!(
        feed(&mut detector(), inbox).is_empty(),
        "this week's letters in the order they came"
    );
    let one_record = (0..50).map(|n| Observation {
        patient: Some(Patient(1)),
        ..ordered(n, n, Span::days(900))
    });
    assert!(feed(&mut detector(), one_record).is_empty());
    let mixed = (0..200).map(|n| ordered(n, (n * 7_919) % 1_009, Span::days(900)));
    assert!(feed(&mut detector(), mixed).is_empty());
}

#[test]
fn openings_faster_than_hands_need_a_step_up() {
    let quick = |n: u64| seen(n, START + Span::millis(i64::try_from(n * 100).unwrap()), 1);
    let alarms = feed(&mut detector(), (0..15).map(quick));
    assert_eq!(rules(&alarms), [Rule::MachineTiming]);
    assert_eq!(alarms[0].actions, [Action::StepUp(Session(1))]);
    let program = (0..15).map(|n| Observation {
        is_human: false,
        ..quick(n)
    });
    assert!(feed(&mut detector(), program).is_empty());
    let one_batch = (0..50).map(|n| Observation {
        request: 1,
        ..quick(n)
    });
    assert!(
        feed(&mut detector(), one_batch).is_empty(),
        "one page with fifty things on it"
    );
    let pages = (0..60).map(|n| {
        let at = after(n / 6) + Span::millis(i64::try_from(n % 6).unwrap() * 20);
        seen(n, at, 1)
    });
    assert!(
        feed(&mut detector(), pages).is_empty(),
        "a page of six sections a second"
    );
}

#[test]
fn a_program_that_gives_a_passkey_each_time_is_frozen_at_the_third_and_tabs_opened_at_once_are_not()
{
    let quick = |n: u64| seen(n, START + Span::millis(i64::try_from(n * 100).unwrap()), 1);
    let program = |n: u64| Observation {
        proved_at: START + Span::seconds(i64::try_from(n / 10).unwrap()),
        ..quick(n)
    };
    let alarms = feed(&mut detector(), (0..40).map(program));
    assert_eq!(rules(&alarms), [Rule::MachineTiming; 3]);
    assert_eq!(
        alarms[2].actions,
        [
            Action::Freeze(Frozen::Session(Session(1))),
            Action::OpenIncident
        ]
    );
    let tabs = feed(&mut detector(), (0..40).map(quick));
    assert_eq!(rules(&tabs), [Rule::MachineTiming; 4]);
    assert!(
        tabs.iter()
            .all(|alarm| alarm.actions == [Action::StepUp(Session(1))])
    );
}

#[test]
fn asking_on_against_a_spent_budget_freezes_the_session() {
    for reason in [OVER, Reason::StepUp(None)] {
        let staff = |n| Observation {
            role: Role::Clinician,
            ..denied(n, after(n), Some(1), reason)
        };
        assert!(feed(&mut detector(), (0..19).map(staff)).is_empty());
        let alarms = feed(&mut detector(), (0..25).map(staff));
        assert_eq!(rules(&alarms), [Rule::Insistence]);
        assert_eq!(
            alarms[0].actions,
            [
                Action::Freeze(Frozen::Session(Session(1))),
                Action::OpenIncident
            ]
        );
        let one_page = (0..50).map(|n| Observation {
            request: 1,
            ..staff(n)
        });
        assert!(
            feed(&mut detector(), one_page).is_empty(),
            "one list of fifty names was refused"
        );
    }
    let impatient = (0..25).map(|n| denied(n, after(n), Some(1), OVER));
    assert_eq!(
        feed(&mut detector(), impatient)[0].actions[1],
        Action::Review,
        "a patient's own documents"
    );
}

#[test]
fn twenty_dormant_patients_in_ten_minutes_freeze_the_principal() {
    let old = |n: u64| Observation {
        is_dormant: true,
        ..seen(n, after(n * 20), i64::try_from(n / 2).unwrap())
    };
    let alarms = feed(&mut detector(), (0..60).map(old));
    assert!(
        alarms.is_empty(),
        "two documents each, fifteen patients in ten minutes: {alarms:?}"
    );
    let quick = |n: u64| Observation {
        at: after(n * 10),
        ..old(n)
    };
    assert_eq!(
        rules(&feed(&mut detector(), (0..60).map(quick))),
        [Rule::Dormant]
    );
    let awake = (0..60).map(|n| Observation {
        is_dormant: n % 10 == 0,
        ..quick(n)
    });
    assert!(feed(&mut detector(), awake).is_empty());
}

#[test]
fn emergency_access_thrice_an_hour_is_reviewed_and_stops_nothing() {
    let emergency = |n| Observation {
        lane: Lane::Emergency,
        ..seen(n, after(n * 60), 1)
    };
    assert!(feed(&mut detector(), (0..2).map(emergency)).is_empty());
    let alarms = feed(&mut detector(), (0..3).map(emergency));
    assert_eq!(rules(&alarms), [Rule::Emergency]);
    assert_eq!(alarms[0].actions, [Action::Review]);
}

/// Documents opened by many people, so many each second, for so long.
fn traffic(per_second: u64, seconds: u64) -> impl Iterator<Item = Observation> {
    (0..per_second * seconds).map(move |n| {
        let who = i64::try_from(n % 997).unwrap();
        Observation {
            at: START + Span::micros(i64::try_from(n * 1_000_000 / per_second).unwrap()),
            session: Session(who),
            principal: Principal(who),
            network: Some(Network(who)),
            role: Role::Patient,
            instance: Instance(i64::from(n % 3 == 0)),
            ..seen(n, START, who)
        }
    })
}

#[test]
fn more_documents_than_ever_put_the_busiest_instance_into_proof_mode() {
    let mut detector = detector();
    detector.set_base(1.0);
    let alarms = feed(&mut detector, traffic(25, 10));
    assert_eq!(rules(&alarms)[0], Rule::GlobalRate);
    assert_eq!(
        alarms[0].actions,
        [Action::ProofMode(Instance(0)), Action::Page]
    );
    assert_eq!((alarms[0].documents, alarms[0].numbers.threshold), (73, 73));
    assert!(alarms.iter().all(|alarm| {
        !alarm
            .actions
            .iter()
            .any(|act| matches!(act, Action::Freeze(_)))
    }));
}

#[test]
fn ordinary_traffic_with_a_busy_morning_raises_nothing() {
    let mut detector = detector();
    detector.set_base(3.0);
    assert!(feed(&mut detector, traffic(4, 600)).is_empty());
}

#[test]
fn twenty_patient_sessions_from_one_network_need_a_step_up_unless_the_network_is_known() {
    let from_one = |n: u64| Observation {
        session: Session(i64::try_from(n).unwrap()),
        role: Role::Patient,
        ..seen(n, after(n * 10), i64::try_from(n).unwrap())
    };
    let own = |n: u64| Observation {
        principal: Principal(i64::try_from(n).unwrap()),
        ..from_one(n)
    };
    let alarms = feed(&mut detector(), (0..25).map(own));
    assert_eq!(rules(&alarms), [Rule::ManyAccounts]);
    assert_eq!(alarms[0].actions[0], Action::StepUpNetwork(Network(1)));
    assert_eq!((alarms[0].documents, alarms[0].people), (20, 20));
    let mut at_clinic = detector();
    at_clinic.exempt_network(Network(1));
    assert!(feed(&mut at_clinic, (0..25).map(own)).is_empty());
    let household = (0..100).map(|n| Observation {
        session: Session(i64::try_from(n % 5).unwrap()),
        ..own(n % 5)
    });
    assert!(feed(&mut detector(), household).is_empty());
}

#[test]
fn five_sessions_frozen_over_content_put_an_instance_into_proof_mode_and_never_freeze_it() {
    let mut detector = detector();
    let mut alarms = Vec::new();
    for thief in 1..=5_i64 {
        for n in 0..40 {
            let number = u64::try_from(thief * 100 + n).unwrap();
            alarms.extend(detector.observe(&Observation {
                session: Session(thief),
                principal: Principal(thief),
                ..seen(number, after(number), 1_000 * thief + n)
            }));
        }
    }
    assert_eq!(
        rules(&alarms),
        [[Rule::Breadth; 5].as_slice(), &[Rule::FrozenSessions]].concat()
    );
    assert_eq!(
        alarms[5].actions,
        [Action::ProofMode(Instance(1)), Action::Page]
    );
    let mut detector = self::detector();
    let slow: Vec<_> = (0..20)
        .filter_map(|n| {
            detector.session_frozen(
                after(n * 200),
                Session(i64::try_from(n).unwrap()),
                Instance(1),
            )
        })
        .collect();
    assert!(slow.is_empty(), "one in more than three minutes");
}

#[test]
fn refusals_to_something_frozen_count_for_nothing() {
    let frozen = (0..100).map(|n| {
        denied(
            n,
            after(n / 10),
            Some(i64::try_from(n).unwrap()),
            Reason::Frozen(Level::Session),
        )
    });
    assert!(feed(&mut detector(), frozen).is_empty());
}

#[test]
fn what_was_unfrozen_is_watched_again() {
    let mut detector = detector();
    let walk = |n: u64| {
        denied(
            n,
            after(n),
            Some(i64::try_from(n).unwrap()),
            Reason::NotPermitted,
        )
    };
    assert_eq!(feed(&mut detector, (0..5).map(walk)).len(), 1);
    detector.unfrozen(Frozen::Session(Session(1)));
    assert_eq!(feed(&mut detector, (5..10).map(walk)).len(), 1);
}

#[test]
fn failed_sign_ins_are_seen_across_networks_and_across_accounts() {
    let mut spray = detector();
    let alarms: Vec<_> = (0..25)
        .flat_map(|n| {
            spray.sign_in_failed(after(n), Account(i64::try_from(n).unwrap()), Network(4))
        })
        .collect();
    assert_eq!(rules(&alarms), [Rule::FailingAccounts]);
    assert_eq!(alarms[0].actions[0], Action::StepUpNetwork(Network(4)));
    let mut botnet = detector();
    let alarms: Vec<_> = (0..10)
        .flat_map(|n| {
            botnet.sign_in_failed(after(n), Account(1), Network(i64::try_from(n).unwrap()))
        })
        .collect();
    assert_eq!(rules(&alarms), [Rule::FailingNetworks]);
    let mut forgetful = detector();
    assert!((0..50).all(|n| {
        forgetful
            .sign_in_failed(after(n), Account(1), Network(1))
            .is_empty()
    }));
}
