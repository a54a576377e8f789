//! The sequencer against a simulated store: compare-and-swap on one head, commits that fail, succeed unseen or
//! succeed late, crashes, and writers that take over from each other.

mod world;

use candour_rules::decision::Reason;
use candour_rules::freeze::{FreezeSet, Frozen, Level};
use candour_rules::keys::Session;
use candour_rules::sequencer::{Head, Input, Outcome, Output, Request, Sequencer, Ticket};
use proptest::prelude::*;

use world::{Draft, Ending, Hook, LIMITS, Step, World, guards, root, step};

/// 10,000 sequences, or as many as `PROPTEST_CASES` says.
fn cases() -> u32 {
    let asked = std::env::var_os("PROPTEST_CASES").and_then(|text| text.to_str()?.parse().ok());
    asked.unwrap_or(10_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_released_that_is_not_in_the_log_and_every_ticket_gets_one_answer(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut world = World::default();
        world.start(0);
        for step in steps {
            world.take(step);
        }
        world.drain();
    }
}

fn single() -> World {
    let mut world = World::default();
    world.start(0);
    world
}

fn ask(session: i64) -> Step {
    Step::Ask {
        writer: 0,
        session,
        guarded: true,
        emergency: false,
        over_budget: false,
    }
}

#[test]
fn the_first_request_commits_at_once_and_the_next_batch_is_what_gathered_meanwhile() {
    let mut world = single();
    for session in 0..4 {
        world.take(ask(session));
    }
    let in_flight = |world: &World| {
        world.writers[0]
            .as_ref()
            .unwrap()
            .in_flight
            .as_ref()
            .unwrap()
            .entries
            .len()
    };
    assert_eq!(in_flight(&world), 1);
    world.end(0, Ending::Committed);
    assert_eq!(in_flight(&world), 3);
    assert_eq!(world.released.len(), 1);
}

#[test]
fn a_freeze_overtakes_a_committing_entry_even_if_lifted_again() {
    let mut sequencer = Sequencer::new(
        Head {
            epoch: 1,
            size: 0,
            root: root([].iter()),
        },
        FreezeSet::default(),
        LIMITS,
    );
    let mut hook = Hook::default();
    let draft = Draft {
        ticket: 7,
        is_over_budget: false,
    };
    let request = Request {
        ticket: Ticket(7),
        draft,
        guards: Some(guards(1, false)),
    };
    let started = sequencer.handle(Input::Request(request), &mut hook);
    let [Output::StartCommit(batch)] = &started[..] else {
        panic!("{started:?}")
    };
    assert!(
        sequencer
            .handle(Input::Freeze(Frozen::Session(Session(1))), &mut hook)
            .is_empty()
    );
    assert!(
        sequencer
            .handle(Input::Unfreeze(Frozen::Session(Session(1))), &mut hook)
            .is_empty()
    );
    let answers = sequencer.handle(Input::Outcome(batch.attempt, Outcome::Committed), &mut hook);
    let reason = Reason::Frozen(Level::Session);
    assert_eq!(
        answers,
        [Output::Refuse {
            ticket: Ticket(7),
            index: Some(0),
            reason
        }]
    );
}

#[test]
fn what_waits_is_refused_without_an_entry_when_it_is_frozen() {
    let mut world = single();
    world.take(ask(0));
    world.take(ask(1));
    world.take(Step::Freeze { writer: 0, what: 1 });
    world.drain();
    assert_eq!(world.store.entries, [0]);
    assert_eq!(world.answered.len(), 2);
}

#[test]
fn the_keepers_own_entries_are_written_while_the_installation_is_frozen() {
    let mut world = single();
    world.take(Step::Freeze { writer: 0, what: 6 });
    world.take(Step::Ask {
        writer: 0,
        session: 1,
        guarded: false,
        emergency: false,
        over_budget: false,
    });
    world.drain();
    assert_eq!(world.released.len(), 1);
}

#[test]
fn a_failed_commit_refuses_its_batch_and_changes_nothing() {
    let mut world = single();
    world.take(ask(0));
    world.end(0, Ending::Failed);
    assert!(world.store.entries.is_empty() && world.released.is_empty());
    assert_eq!(world.answered.len(), 1);
    world.take(ask(0));
    world.drain();
    assert_eq!(world.store.entries, [1]);
}

#[test]
fn an_unknown_outcome_is_decided_by_the_head_alone() {
    for (ending, released) in [(Ending::UnknownStored, 1), (Ending::UnknownNotStored, 0)] {
        let mut world = single();
        world.take(ask(0));
        world.end(0, ending);
        assert!(
            world.answered.is_empty(),
            "nothing is answered before the head is read"
        );
        world.take(Step::ReadHead { writer: 0 });
        assert_eq!((world.answered.len(), world.released.len()), (1, released));
    }
}

#[test]
fn an_earlier_batch_stored_late_is_not_taken_for_a_later_one_of_the_same_length() {
    let mut world = single();
    world.take(ask(0));
    world.end(0, Ending::UnknownLate);
    world.take(Step::ReadHead { writer: 0 });
    world.take(ask(1));
    world.end(0, Ending::UnknownNotStored);
    world.take(Step::Late);
    world.take(Step::ReadHead { writer: 0 });
    assert_eq!(
        world.store.entries,
        [0],
        "the first batch's entry stands, and was refused"
    );
    assert!(world.released.is_empty());
    assert!(world.writers[0].as_ref().unwrap().has_ended);
}

#[test]
fn a_writer_that_was_taken_over_exits_and_releases_nothing() {
    let mut world = single();
    world.take(ask(0));
    world.take(Step::TakeOver);
    world.end(0, Ending::Committed);
    assert!(world.writers[0].as_ref().unwrap().has_ended && world.released.is_empty());
    world.take(ask(0));
    assert_eq!(
        world.answered.len(),
        2,
        "whoever asks later is refused at once"
    );
}

#[test]
fn more_than_may_wait_is_refused_at_once() {
    let mut world = single();
    for _ in 0..=LIMITS.waiting + 1 {
        world.take(ask(0));
    }
    assert_eq!(world.answered.len(), 1);
    world.drain();
    assert_eq!(world.released.len(), LIMITS.waiting + 1);
}

#[test]
fn a_budget_spent_by_the_one_before_turns_the_entry_into_a_denial() {
    let mut world = single();
    world.take(Step::Ask {
        writer: 0,
        session: 0,
        guarded: true,
        emergency: false,
        over_budget: true,
    });
    world.drain();
    assert_eq!(world.store.entries, [0], "denials are entries");
    assert!(world.released.is_empty());
    assert_eq!(world.answered.len(), 1);
}
