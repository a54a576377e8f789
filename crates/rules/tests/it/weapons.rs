//! Freezing as a weapon: whoever provokes the rules freezes nobody but themselves, and puts no instance into proof mode.

use candour_rules::budget::BudgetTable;
use candour_rules::decision::{Decision, Lane, Reason, Role, Touch};
use candour_rules::detect::{Action, Alarm, DetectionTable, Rule};
use candour_rules::freeze::Frozen;
use candour_rules::keys::{Account, Instance, Item, Network, Patient, Principal, Session};
use candour_rules::time::{Micros, Span};

use crate::detect::START;
use crate::small_keeper::{SmallKeeper, Standing, Target, Visitor};

const INSTANCE: Instance = Instance(1);
const VICTIM: i64 = 99;

fn keeper() -> SmallKeeper {
    SmallKeeper::new(BudgetTable::default(), DetectionTable::default(), &[])
}

fn person(number: i64) -> Visitor {
    Visitor {
        session: Session(number),
        principal: Principal(number),
        role: Role::Patient,
        practice: None,
        instance: INSTANCE,
        network: Network(number),
        acts_for: 1,
        proved_at: START - Span::minutes(20),
        by_passkey: false,
        lane: Lane::Ordinary,
    }
}

fn after(seconds: i64) -> Micros {
    START + Span::seconds(seconds)
}

fn ask(keeper: &mut SmallKeeper, who: i64, at: i64, item: i64, standing: Standing) -> Vec<Alarm> {
    let target = Target::document(Patient(item), Item(item)).with(standing);
    keeper.open(&person(who), after(at), &[target]).1
}

/// Somebody who does nothing but read what is theirs.
fn reads(keeper: &mut SmallKeeper, who: i64, at: i64) -> Decision {
    let own = Target::section(Patient(who), Touch::Opened);
    keeper.open(&person(who), after(at), &[own]).0[0]
}

fn pages(alarms: &[Alarm]) -> bool {
    alarms
        .iter()
        .any(|alarm| alarm.actions.contains(&Action::Page))
}

#[test]
fn seven_colluding_patients_freeze_seven_sessions_wake_a_human_and_stop_nobody_else() {
    for standing in [Standing::Foreign, Standing::Unknown] {
        let mut keeper = keeper();
        let mut alarms = Vec::new();
        for thief in 1..=7 {
            for n in 0..25 {
                let item = 1_000 * thief + n;
                alarms.extend(ask(&mut keeper, thief, thief * 30 + n, item, standing));
            }
        }
        let frozen: Vec<Frozen> = keeper.freezes().iter().collect();
        let own: Vec<Frozen> = (1..=7)
            .map(|thief| Frozen::Session(Session(thief)))
            .collect();
        assert_eq!(frozen, own, "{standing:?}");
        assert!(!keeper.freezes().needs_proof(INSTANCE), "{standing:?}");
        assert!(pages(&alarms), "{standing:?}");
        assert_eq!(reads(&mut keeper, VICTIM, 400), Decision::Granted);
    }
}

/// Reading until the budget is spent and then going on is a denial like any other.
#[test]
fn seven_patients_who_insist_on_their_own_documents_put_no_instance_into_proof_mode() {
    let mut keeper = keeper();
    for thief in 1..=7 {
        for n in 0..100 {
            let document = Target::document(Patient(thief), Item(1_000 * thief + n));
            let _ = keeper.open(&person(thief), after(thief * 50 + n / 2), &[document]);
        }
        assert!(keeper.freezes().is_frozen(Frozen::Session(Session(thief))));
    }
    assert!(!keeper.freezes().needs_proof(INSTANCE));
    assert_eq!(reads(&mut keeper, VICTIM, 500), Decision::Granted);
}

#[test]
fn a_withdrawn_proxy_who_goes_through_old_bookmarks_is_refused_and_frozen_nowhere() {
    let mut keeper = keeper();
    for n in 0..100 {
        assert!(ask(&mut keeper, 1, n, n % 10, Standing::Former).is_empty());
    }
    assert_eq!(keeper.freezes().iter().count(), 0);
    assert_eq!(reads(&mut keeper, 1, 101), Decision::Granted);
}

/// What another site sends does not reach the keeper at all (`candour-server`, `guard.rs`, and there the test
/// `what_another_site_sends_never_reaches_the_keeper`). Links that the victim follows by hand do, one at a time.
#[test]
fn a_link_to_somebody_else_s_document_followed_thrice_a_minute_freezes_no_victim() {
    let mut keeper = keeper();
    for n in 0..100 {
        assert!(ask(&mut keeper, VICTIM, n * 21, n, Standing::Foreign).is_empty());
    }
    assert_eq!(reads(&mut keeper, VICTIM, 2_200), Decision::Granted);
}

#[test]
fn a_victim_lured_to_four_foreign_ids_in_a_minute_loses_one_session_and_can_sign_in_again() {
    let mut keeper = keeper();
    for n in 0..4 {
        let _ = ask(&mut keeper, VICTIM, n, n, Standing::Foreign);
    }
    let frozen: Vec<Frozen> = keeper.freezes().iter().collect();
    assert_eq!(frozen, [Frozen::Session(Session(VICTIM))]);
    let again = Visitor {
        session: Session(100),
        ..person(VICTIM)
    };
    let own = Target::section(Patient(VICTIM), Touch::Opened);
    assert_eq!(
        keeper.open(&again, after(60), &[own]).0,
        [Decision::Granted]
    );
}

#[test]
fn shared_wireless_in_a_waiting_room_costs_a_code_and_freezes_nobody() {
    let mut keeper = keeper();
    let mut spoke = Vec::new();
    for n in 0..30 {
        let visitor = Visitor {
            network: Network(7),
            ..person(n)
        };
        let own = Target::section(Patient(n), Touch::Opened);
        spoke.extend(keeper.open(&visitor, after(n * 10), &[own]).1);
    }
    let rules: Vec<Rule> = spoke.iter().map(|alarm| alarm.rule).collect();
    assert_eq!(rules, [Rule::ManyAccounts]);
    assert_eq!(keeper.freezes().iter().count(), 0);
}

/// Five members of staff who each took forty people's documents are no weapon against anybody: content left.
#[test]
fn five_sessions_frozen_over_what_they_were_given_put_the_instance_into_proof_mode() {
    let mut keeper = keeper();
    for thief in 1..=5 {
        let staff = Visitor {
            role: Role::Clinician,
            practice: Some(candour_rules::keys::Practice(1)),
            ..person(thief)
        };
        for n in 0..40 {
            assert!(!keeper.freezes().needs_proof(INSTANCE));
            let document = Target::document(Patient(1_000 * thief + n), Item(1_000 * thief + n));
            let _ = keeper.open(&staff, after(thief * 60 + n), &[document]);
        }
        assert!(
            keeper
                .freezes()
                .is_frozen(Frozen::Principal(Principal(thief)))
        );
    }
    assert!(keeper.freezes().needs_proof(INSTANCE));
    keeper.lift_proof(INSTANCE);
    assert_eq!(reads(&mut keeper, VICTIM, 600), Decision::Granted);
    keeper.unfreeze(Frozen::Principal(Principal(1)));
    assert!(!keeper.freezes().is_frozen(Frozen::Principal(Principal(1))));
}

/// Somebody types wrong passwords for everybody behind the address of a waiting room.
#[test]
fn failed_sign_ins_at_a_shared_address_cost_its_patients_a_code_and_freeze_nobody() {
    let mut keeper = keeper();
    let shared = Network(VICTIM);
    let alarms: Vec<Alarm> = (0..20)
        .flat_map(|n| keeper.sign_in_failed(after(n), Account(n), shared))
        .collect();
    assert_eq!(alarms.len(), 1);
    assert_eq!(keeper.freezes().iter().count(), 0);
    let asked = Decision::Denied(Reason::StepUp(None));
    assert_eq!(reads(&mut keeper, VICTIM, 30), asked);
    let own = Target::section(Patient(VICTIM), Touch::Opened);
    let proved = Visitor {
        proved_at: after(31),
        ..person(VICTIM)
    };
    assert_eq!(
        keeper.open(&proved, after(32), &[own]).0,
        [Decision::Granted]
    );
}
