//! An alarm, from the real keeper to the mailbox of whoever is on call.

use crate::world::{ON_CALL, World, world};
use candour_keeper::draft::Draft;
use candour_keeper_api::words::EntryKind;
use candour_room::{alarms, follower, incidents, sender};
use jiff::{SignedDuration, Timestamp};

const CANARY: u8 = 1;
const EMERGENCY: u8 = 9;
const GLOBAL_RATE: u8 = 10;

/// Rules spoke, one after another.
async fn spoke(world: &World, rules: &[u8]) {
    for rule in rules {
        let mut alarm = Draft::of_keeper(EntryKind::Alarm);
        alarm.row.decision = *rule;
        "canary: 1 of 1".clone_into(&mut alarm.body.text);
        world.keeper.core.ledger.append_one(alarm).await.unwrap();
    }
    follow(world).await;
}

async fn follow(world: &World) {
    while follower::take_over(&world.room.pool, &world.room.keeper, 0)
        .await
        .unwrap()
        > 0
    {}
}

fn after(minutes: i64) -> Timestamp {
    let begin: Timestamp = "2026-03-02T21:00:01Z".parse().unwrap();
    begin + SignedDuration::from_mins(minutes)
}

fn texts(world: &World) -> Vec<String> {
    let mails = world.relay.mails();
    let on_call = mails.iter().filter(|mail| mail.to == ON_CALL);
    on_call.map(|mail| mail.text.replace("=\r\n", "")).collect()
}

#[tokio::test]
async fn what_cannot_wait_is_mailed_at_once_and_a_flood_of_alarms_is_one_mail_more() {
    let world = world().await;
    spoke(&world, &[CANARY]).await;
    assert_eq!(sender::step(&world.room, after(0)).await.unwrap(), 1);
    spoke(&world, &[CANARY, GLOBAL_RATE, CANARY, EMERGENCY]).await;
    assert_eq!(sender::step(&world.room, after(1)).await.unwrap(), 0);
    assert_eq!(sender::step(&world.room, after(6)).await.unwrap(), 4);
    // Entries that are read again, and another look, make no other mail of them.
    follow(&world).await;
    assert_eq!(sender::step(&world.room, after(600)).await.unwrap(), 0);
    let texts = texts(&world);
    assert_eq!(texts.len(), 2);
    assert!(texts[0].contains("Subject: Candour: something needs you now"));
    assert!(texts[0].contains(
        "- A record that nobody has a reason to open was touched. (10:00 am on 3 March 2026)"
    ));
    assert!(texts[1].contains("was touched. (2 times, the last at 10:00 am on 3 March 2026)"));
    assert!(texts[1].contains("More documents were opened than ever in ordinary use."));
    assert!(texts[1].contains("Emergency access was used often."));
    for text in &texts {
        assert!(!text.contains("http"), "{text}");
    }
}

#[tokio::test]
async fn what_somebody_looks_at_later_is_mailed_within_the_hour() {
    let world = world().await;
    spoke(&world, &[EMERGENCY, EMERGENCY]).await;
    assert_eq!(sender::step(&world.room, after(59)).await.unwrap(), 0);
    assert_eq!(sender::step(&world.room, after(61)).await.unwrap(), 2);
    let texts = texts(&world);
    assert_eq!(texts.len(), 1);
    assert!(texts[0].contains("Subject: Candour: look at this today"));
}

#[tokio::test]
async fn a_room_that_was_killed_before_it_noted_the_mail_mails_again() {
    let world = world().await;
    spoke(&world, &[GLOBAL_RATE]).await;
    assert_eq!(
        alarms::lease(&world.room.pool, after(0))
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(sender::step(&world.room, after(1)).await.unwrap(), 0);
    assert_eq!(sender::step(&world.room, after(2)).await.unwrap(), 1);
    assert_eq!(texts(&world).len(), 1);
    let newest = alarms::newest(&world.room.pool).await.unwrap();
    assert_eq!(newest[0].told_at, Some(after(2)));
}

#[tokio::test]
async fn a_witness_that_saw_another_past_opens_a_case() {
    let world = world().await;
    spoke(&world, &[candour_keeper::ledger::WITNESS]).await;
    let opened = incidents::open_new(&world.room.pool, after(0), || {
        candour_seal::IncidentId::from_bytes([7; 16])
    })
    .await
    .unwrap();
    assert_eq!(opened.len(), 1);
    assert!(incidents::rule::words(opened[0].rule).contains("witness"));
}
