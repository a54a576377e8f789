//! What many have together in an hour, and one session and one run by itself: who is asked, who is refused, who is not.

use candour_rules::budget::{Asking, BudgetTable, Ceilings, Charge, Figure, Rung};
use candour_rules::decision::{Decision, Lane, Reason, Role, Touch};
use candour_rules::detect::{Action, DetectionTable, Rule};
use candour_rules::freeze::Level;
use candour_rules::keys::{
    Instance, Item, Network, Patient, Practice, Principal, Purpose, Session,
};
use candour_rules::time::{Micros, Span};

use crate::detect::START;
use crate::small_keeper::{SmallKeeper, Target, Visitor};

const OWN_RECORD: Purpose = Purpose(1);
const CARE: Purpose = Purpose(3);
const EMERGENCY: Purpose = Purpose(6);

/// Small numbers, unscaled, so that each is reached with a few requests.
fn table() -> BudgetTable {
    let mut table = BudgetTable::default();
    table.session.things_hour = 5;
    table.session.written_hour = 5;
    for figure in [
        &mut table.practice.listed_hour,
        &mut table.practice.opened_hour,
        &mut table.practice.documents_hour,
        &mut table.practice.deposited_hour,
    ] {
        *figure = 10;
    }
    table.instance.opened_hour = 20;
    table.instance.documents_hour = 20;
    table.installation.opened_hour = 40;
    table.installation.documents_hour = 40;
    table.purpose.emergency = 4;
    table
}

/// A clinician with a session of their own, who proved who they are long ago.
fn clinician(number: i64) -> Asking {
    Asking {
        session: Session(number),
        principal: Principal(number),
        role: Role::Clinician,
        lane: Lane::Ordinary,
        practice: Some(Practice(1)),
        purpose: Some(CARE),
        instance: Instance(1),
        item: None,
        proved_at: Some(START - Span::minutes(20)),
    }
}

fn patient(number: i64) -> Asking {
    Asking {
        role: Role::Patient,
        practice: None,
        purpose: Some(OWN_RECORD),
        ..clinician(number)
    }
}

fn ask(ceilings: &mut Ceilings, asking: &Asking, charge: Charge, at: Micros) -> Result<(), Reason> {
    ceilings.check(asking, charge, at)?;
    ceilings.count(asking, charge, at);
    ceilings.commit();
    Ok(())
}

fn open(patient: i64) -> Charge {
    Charge::Opened(Patient(patient))
}

/// How many new people are opened, each in a session of its own, before the first is not; and why not.
fn opened_by(ceilings: &mut Ceilings, of: impl Fn(i64) -> Asking, from: i64) -> (i64, Reason) {
    for number in 0.. {
        let person = from + number;
        if let Err(reason) = ask(ceilings, &of(person), open(person), START) {
            return (number, reason);
        }
    }
    unreachable!()
}

fn fresh(asking: Asking) -> Asking {
    Asking {
        proved_at: Some(START - Span::minutes(1)),
        ..asking
    }
}

#[test]
fn a_session_that_takes_everything_of_one_person_is_spent_and_another_sign_in_goes_on() {
    let mut ceilings = Ceilings::new(table());
    let stolen = fresh(clinician(1));
    let things: [fn(Patient) -> Charge; 2] = [Charge::Opened, Charge::Document];
    for number in 0..5 {
        let charge = things[number % 2](Patient(7));
        assert_eq!(ask(&mut ceilings, &stolen, charge, START), Ok(()));
    }
    let refused = ask(&mut ceilings, &stolen, open(7), START);
    let Err(Reason::SessionSpent(spent)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!((spent.used, spent.most), (5, 5));
    let again = Asking {
        session: Session(2),
        ..stolen
    };
    assert_eq!(ask(&mut ceilings, &again, open(7), START), Ok(()));
    let later = spent.frees_at;
    assert!(later > START + Span::minutes(59) && later < START + Span::minutes(62));
    assert_eq!(ask(&mut ceilings, &stolen, open(7), later), Ok(()));
}

#[test]
fn a_session_writes_so_many_things_whomever_to() {
    let mut ceilings = Ceilings::new(table());
    let letter = Charge::Deposited(Patient(1));
    for _ in 0..5 {
        assert_eq!(ask(&mut ceilings, &clinician(1), letter, START), Ok(()));
    }
    let refused = ask(&mut ceilings, &clinician(1), letter, START);
    assert!(
        matches!(refused, Err(Reason::SessionSpent(_))),
        "{refused:?}"
    );
    let program = Asking {
        role: Role::Client,
        ..clinician(1)
    };
    assert_eq!(ask(&mut ceilings, &program, letter, START), Ok(()));
}

#[test]
fn the_staff_of_a_practice_together_are_asked_for_a_passkey_and_then_refused_and_another_practice_is_not()
 {
    let mut ceilings = Ceilings::new(table());
    assert_eq!(
        opened_by(&mut ceilings, clinician, 0),
        (10, Reason::ProofNeeded)
    );
    // What was opened within the hour is no loss again.
    assert_eq!(ask(&mut ceilings, &clinician(50), open(3), START), Ok(()));
    let (more, refused) = opened_by(&mut ceilings, |number| fresh(clinician(number)), 100);
    assert_eq!(
        more, 5,
        "to half as many again with a passkey younger than five minutes"
    );
    let Reason::OverCeiling(spent) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!((spent.used, spent.most), (15, 15));
    let elsewhere = Asking {
        practice: Some(Practice(2)),
        ..clinician(200)
    };
    assert_eq!(ask(&mut ceilings, &elsewhere, open(200), START), Ok(()));
    assert_eq!(ask(&mut ceilings, &patient(201), open(201), START), Ok(()));
}

#[test]
fn an_instance_that_was_taken_over_is_refused_and_who_comes_through_another_is_asked_for_nothing() {
    let mut ceilings = Ceilings::new(table());
    assert_eq!(
        opened_by(&mut ceilings, patient, 0),
        (20, Reason::ProofNeeded)
    );
    let (more, refused) = opened_by(&mut ceilings, |number| fresh(patient(number)), 100);
    assert_eq!(more, 10);
    assert!(matches!(refused, Reason::OverCeiling(_)));
    let elsewhere = |number| Asking {
        instance: Instance(2),
        ..patient(number)
    };
    let (others, asked) = opened_by(&mut ceilings, elsewhere, 200);
    assert_eq!(
        (others, asked),
        (10, Reason::ProofNeeded),
        "their own ordinary hour"
    );
    let levels: Vec<_> = ceilings
        .take_alarms()
        .iter()
        .map(|alarm| alarm.rule)
        .collect();
    assert_eq!(
        levels,
        [
            Rule::Ceiling(Level::Instance, Figure::Opened),
            Rule::Ceiling(Level::Instance, Figure::Opened),
            Rule::Ceiling(Level::Installation, Figure::Opened),
        ]
    );
}

#[test]
fn documents_are_counted_where_people_are_few() {
    let mut ceilings = Ceilings::new(table());
    let document = |number: i64| Asking {
        item: Some(Item(number)),
        ..patient(number)
    };
    let mut taken = 0;
    while ask(
        &mut ceilings,
        &document(taken),
        Charge::Document(Patient(1)),
        START,
    )
    .is_ok()
    {
        taken += 1;
    }
    assert_eq!(taken, 20);
    assert_eq!(
        ceilings.used(Rung::Instance(Instance(1)), Figure::Opened, START),
        1
    );
    let [alarm] = &ceilings.take_alarms()[..] else {
        panic!("one alarm");
    };
    assert_eq!((alarm.documents, alarm.people), (20, 1));
    assert_eq!((alarm.numbers.counted, alarm.numbers.threshold), (20, 20));
    assert_eq!(alarm.actions, [Action::Page]);
}

#[test]
fn a_purpose_that_explodes_wakes_a_human_and_an_emergency_is_never_refused_or_asked() {
    let mut ceilings = Ceilings::new(table());
    let emergency = |number| Asking {
        lane: Lane::Emergency,
        purpose: Some(EMERGENCY),
        ..clinician(number)
    };
    for number in 0..100 {
        let asked = ask(&mut ceilings, &emergency(number), open(number), START);
        assert_eq!(asked, Ok(()), "{number}");
    }
    let alarms = ceilings.take_alarms();
    let spoken = alarms
        .iter()
        .find(|alarm| alarm.rule == Rule::Ceiling(Level::Purpose, Figure::People));
    let spoken = spoken.expect("a human is woken");
    assert_eq!((spoken.numbers.counted, spoken.people), (4, 4));
    assert!(alarms.iter().all(|alarm| alarm.actions == [Action::Page]));
    // The same purpose is named for nobody else.
    let mut ceilings = Ceilings::new(BudgetTable {
        enrolled: 0,
        ..BudgetTable::default()
    });
    let most = ceilings.most(Rung::Purpose(CARE), Figure::People).unwrap();
    let (opened, asked) = opened_by(
        &mut ceilings,
        |number| Asking {
            practice: Some(Practice(number)),
            instance: Instance(number),
            ..clinician(number)
        },
        0,
    );
    assert_eq!((opened, asked), (i64::from(most), Reason::ProofNeeded));
}

#[test]
fn what_is_written_together_is_refused_without_a_passkey_being_asked_for() {
    let mut table = table();
    table.purpose.deposit = 8;
    let mut ceilings = Ceilings::new(table);
    let write = |number| Asking {
        purpose: Some(Purpose(5)),
        practice: None,
        ..clinician(number)
    };
    let mut written = 0;
    let refused = loop {
        let letter = Charge::Deposited(Patient(written));
        match ask(&mut ceilings, &write(written), letter, START) {
            Ok(()) => written += 1,
            Err(reason) => break reason,
        }
    };
    assert_eq!(written, 12);
    assert!(matches!(refused, Reason::OverCeiling(_)), "{refused:?}");
    assert_eq!(
        ceilings.take_alarms().len(),
        2,
        "at the ceiling, and where it refuses"
    );
}

#[test]
fn the_ceilings_grow_with_who_is_enrolled_and_a_small_installation_counts_as_twenty_thousand() {
    let most = |enrolled| {
        let table = BudgetTable {
            enrolled,
            ..BudgetTable::default()
        };
        let ceilings = Ceilings::new(table);
        ceilings
            .most(Rung::Installation, Figure::Documents)
            .unwrap()
    };
    assert_eq!(most(160_000), 2 * most(80_000));
    assert_eq!(most(20_000), most(80_000) / 4);
    assert_eq!(most(100), most(20_000));
}

#[test]
fn what_is_rolled_back_counts_nowhere_and_what_a_restart_reads_counts_as_before() {
    let mut ceilings = Ceilings::new(table());
    let before = (clinician(1), Charge::Document(Patient(1)), START);
    let document = Asking {
        item: Some(Item(9)),
        ..before.0
    };
    let mut entries = Vec::new();
    for number in 0..9 {
        let asking = Asking {
            session: Session(number),
            item: Some(Item(number)),
            ..before.0
        };
        let at = START + Span::minutes(number);
        ask(
            &mut ceilings,
            &asking,
            Charge::Document(Patient(number)),
            at,
        )
        .unwrap();
        entries.push((asking, Charge::Document(Patient(number)), at));
    }
    let now = START + Span::minutes(10);
    ceilings.count(&document, Charge::Document(Patient(100)), now);
    ceilings.roll_back();
    let mut again = Ceilings::new(table());
    for (asking, charge, at) in entries {
        again.count(&asking, charge, at);
        again.commit();
    }
    let rungs = [
        Rung::Session(Session(1)),
        Rung::Practice(Practice(1)),
        Rung::Purpose(CARE),
        Rung::Instance(Instance(1)),
        Rung::Installation,
    ];
    for rung in rungs {
        for figure in Figure::ALL {
            let used = ceilings.used(rung, figure, now);
            assert_eq!(again.used(rung, figure, now), used, "{rung:?} {figure:?}");
        }
    }
    let practice = Rung::Practice(Practice(1));
    assert_eq!(again.used(practice, Figure::Documents, now), 9);
    assert_eq!(
        again.used(practice, Figure::Documents, now + Span::hours(2)),
        0
    );
}

#[test]
fn a_run_is_as_fast_as_it_may_be_and_takes_nobody_s_share() {
    let mut ceilings = Ceilings::new(BudgetTable::default());
    let run = Asking {
        lane: Lane::Run,
        role: Role::Operator,
        practice: None,
        purpose: Some(Purpose(7)),
        ..clinician(1)
    };
    let mut opened = 0;
    let refused = loop {
        let address = Charge::Listed(Patient(opened));
        match ask(&mut ceilings, &run, address, START) {
            Ok(()) => opened += 1,
            Err(reason) => break reason,
        }
    };
    assert_eq!(opened, 50);
    let Reason::OverCeiling(spent) = refused else {
        panic!("{refused:?}");
    };
    assert!(spent.frees_at <= START + Span::millis(1_050), "{spent:?}");
    let address = Charge::Listed(Patient(opened));
    assert_eq!(ask(&mut ceilings, &run, address, spent.frees_at), Ok(()));
    let other = Asking {
        principal: Principal(2),
        ..run
    };
    assert_eq!(ask(&mut ceilings, &other, address, START), Ok(()));
    assert_eq!(ceilings.used(Rung::Installation, Figure::Listed, START), 0);
    assert!(ceilings.take_alarms().is_empty());
}

/// The smallest installation, and whoever belongs to it.
fn small() -> SmallKeeper {
    let budgets = BudgetTable {
        enrolled: 0,
        ..BudgetTable::default()
    };
    let mut detection = DetectionTable::default();
    // The ceilings are looked at here, and nothing that speaks sooner.
    detection.global_rate.base_per_second = 1_000.0;
    SmallKeeper::new(budgets, detection, &[])
}

fn visitor(number: i64, role: Role) -> Visitor {
    Visitor {
        session: Session(number),
        principal: Principal(number),
        role,
        practice: (role != Role::Patient).then_some(Practice(1)),
        instance: Instance(1),
        network: Network(number),
        acts_for: 5,
        proved_at: START - Span::minutes(20),
        by_passkey: role != Role::Patient,
        lane: Lane::Ordinary,
    }
}

/// Somebody who does nothing but read what is theirs, with a factor given twenty minutes ago.
fn reads(keeper: &mut SmallKeeper, at: Micros) -> Decision {
    let own = Target::section(Patient(99), Touch::Opened);
    let who = Visitor {
        proved_at: at - Span::minutes(20),
        ..visitor(99, Role::Patient)
    };
    keeper.open(&who, at, &[own]).0[0]
}

#[test]
fn seven_colluding_patients_use_up_nobody_else_s_share_whatever_they_read_in_an_hour() {
    let mut keeper = small();
    // Slowly enough for the rules of detection, with a new session and a fresh code whenever that helps.
    for second in 0..3_600 {
        let at = START + Span::seconds(second);
        for thief in 1..=7 {
            let who = Visitor {
                session: Session(1_000 * (second / 60) + thief),
                proved_at: at - Span::minutes(1),
                ..visitor(thief, Role::Patient)
            };
            let of = Patient(thief * 10 + second % 5);
            let item = Item(thief * 10_000 + second);
            let _ = keeper.open(&who, at, &[Target::document(of, item)]);
            let _ = keeper.open(&who, at, &[Target::section(of, Touch::Opened)]);
            let _ = keeper.charge(&who, at, Charge::Deposited(of));
        }
    }
    let at = START + Span::minutes(61);
    assert_eq!(reads(&mut keeper, at), Decision::Granted);
    let mine = visitor(99, Role::Patient);
    for (rung, figure, used, most) in
        keeper.hour(&mine, at, Patient(99), Charge::Opened(Patient(99)))
    {
        let is_shared = rung != Rung::Session(mine.session);
        assert!(
            !is_shared || used * 2 <= most,
            "{rung:?} {figure:?}: {used} of {most}"
        );
    }
}

#[test]
fn one_practice_whose_staff_take_all_they_can_asks_nothing_of_a_patient_or_of_another_practice() {
    let mut keeper = small();
    for second in 0..3_600 {
        let at = START + Span::seconds(second);
        for thief in 1..=20 {
            let who = Visitor {
                session: Session(1_000 * (second / 60) + thief),
                proved_at: at - Span::micros(1),
                ..visitor(thief, Role::Clinician)
            };
            let of = Patient(thief * 1_000 + second / 30);
            let item = Item(thief * 10_000 + second);
            let _ = keeper.open(&who, at, &[Target::document(of, item)]);
        }
    }
    let at = START + Span::minutes(61);
    assert_eq!(reads(&mut keeper, at), Decision::Granted);
    let other = Visitor {
        practice: Some(Practice(2)),
        proved_at: at - Span::minutes(20),
        ..visitor(98, Role::Clinician)
    };
    let record = Target::section(Patient(98), Touch::Opened);
    assert_eq!(keeper.open(&other, at, &[record]).0, [Decision::Granted]);
    let emergency = Visitor {
        lane: Lane::Emergency,
        session: Session(97),
        principal: Principal(97),
        ..visitor(97, Role::Clinician)
    };
    let record = Target::section(Patient(97), Touch::Opened);
    assert_eq!(
        keeper.open(&emergency, at, &[record]).0,
        [Decision::Granted]
    );
}
