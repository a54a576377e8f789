//! A sample of ordinary life with everything special in it. The whole year is `candour drill year`.

use candour_drill::year::{Report, Wishes, run};

/// A week for as many people as four practices have.
fn week(seed: u64) -> Report {
    run(&Wishes::usual(seed, 20_000, 7)).unwrap()
}

#[test]
fn a_week_with_everything_special_in_it_puts_nobody_into_proof_mode_and_freezes_nobody() {
    let week = week(1);
    assert_eq!(week.faults(), [""; 0]);
    assert_eq!((week.proof_modes(), week.freezes()), (0, 0), "{week:?}");
    for role in ["patient", "clinician", "reception", "program", "run"] {
        assert!(week.sessions[role] > 0, "{role}");
    }
    for special in [
        "flu clinics",
        "results days",
        "recall lists",
        "runs of letters",
        "notices to everybody",
        "days of a merger",
        "days of a cyclone",
    ] {
        assert!(week.special[special] > 0, "{special}");
    }
    assert!(week.strayed > 50, "people lose their way: {}", week.strayed);
}

#[test]
fn the_same_seed_is_the_same_week_and_another_seed_another() {
    assert_eq!(week(3), week(3));
    assert_ne!(week(3).opened, week(4).opened);
}

/// What the sample would find: rules as eager as one wrong link, one minute of a busy clinic, one busy evening.
#[test]
fn rules_that_are_too_eager_are_found() {
    let with = |change: fn(&mut Wishes)| {
        let mut wishes = Wishes::usual(1, 20_000, 7);
        change(&mut wishes);
        run(&wishes).unwrap()
    };
    let links = with(|wishes| wishes.detection.foreign_patients.count = 1);
    assert!(
        links.freezes() > 1 && !links.faults().is_empty(),
        "{links:?}"
    );
    let walks = with(|wishes| wishes.detection.breadth.patients = 3);
    assert!(
        walks.freezes() > 1 && !walks.faults().is_empty(),
        "{walks:?}"
    );
    let busy = with(|wishes| {
        for row in &mut wishes.detection.global_rate.rows {
            row.count /= 4;
        }
    });
    assert!(
        busy.proof_modes() > 1 && !busy.faults().is_empty(),
        "{busy:?}"
    );
}

#[test]
fn a_ceiling_that_ordinary_life_comes_near_is_found() {
    let mut wishes = Wishes::usual(1, 20_000, 7);
    wishes.budgets.practice.opened_hour = 60;
    let met = run(&wishes).unwrap();
    assert!(met.ceilings_met > 0, "{met:?}");
    let [used, most] = met.busiest_hour["practice: Opened"];
    assert!(used > 60 && most == 60, "{used} of {most}");
    assert_eq!(met.faults().len(), 2, "{:?}", met.faults());
}
