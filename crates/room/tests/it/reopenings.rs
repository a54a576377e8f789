//! A reopened budget, from the real keeper to the practice's mailbox.

use crate::world::{ON_CALL, World, world};
use candour_keeper::draft::Draft;
use candour_keeper_api::words::{EntryKind, Reason, Role};
use candour_room::{follower, incidents, reopenings, sender};
use jiff::{SignedDuration, Timestamp};

const WHY: &str = "results day, Mrs Walker rang";

/// A clinician of the practice goes on past a spent budget, or is refused that.
async fn reopened(world: &World, refused: Option<Reason>) {
    let keeper = &world.keeper;
    let clinician = keeper.staff(world.practice, Role::Clinician).await;
    let portal = candour_testkit::keeper::instance(candour_keeper::instances::InstanceKind::Portal);
    let now = keeper.core.clock.now();
    let token = clinician.token.expose();
    let session = keeper.core.sessions.look_up(token, portal, now).unwrap();
    let mut draft = Draft::of_session(EntryKind::Reopening, &session, None);
    WHY.clone_into(&mut draft.body.text);
    if let Some(reason) = refused {
        draft = draft.refused(reason);
    }
    keeper.core.ledger.append_one(draft).await.unwrap();
    follow(world).await;
}

async fn follow(world: &World) {
    while follower::take_over(&world.room.pool, &world.room.keeper, 0)
        .await
        .unwrap()
        > 0
    {}
}

fn now() -> Timestamp {
    "2026-03-02T21:00:01Z".parse().unwrap()
}

#[tokio::test]
async fn each_reopening_is_told_once_and_the_mail_names_practice_and_time_and_nobody() {
    let world = world().await;
    reopened(&world, None).await;
    reopened(&world, None).await;
    reopened(&world, Some(Reason::OverBudget)).await;
    assert_eq!(sender::step(&world.room, now()).await.unwrap(), 2);
    // Neither another look nor the entries read again make another mail of it.
    follow(&world).await;
    let tomorrow = now() + SignedDuration::from_hours(24);
    assert_eq!(sender::step(&world.room, tomorrow).await.unwrap(), 0);
    let mails = world.relay.mails();
    assert_eq!(mails.len(), 2);
    for mail in &mails {
        assert_eq!(mail.to, "kauri@example.org");
        let text = mail.text.replace("=\r\n", "");
        assert!(
            text.contains("For the privacy officer of Kauri Health"),
            "{text}"
        );
        assert!(text.contains("At 10:00 am on 3 March 2026"), "{text}");
        assert!(
            !text.contains("Walker") && !text.contains("results"),
            "{text}"
        );
        assert!(!text.contains("http"), "{text}");
    }
    assert_ne!(mails[0].message_id(), mails[1].message_id());
}

#[tokio::test]
async fn a_room_that_was_killed_between_mail_and_note_tells_again_under_the_same_message_id() {
    let world = world().await;
    reopened(&world, None).await;
    // It holds the row, and dies.
    let held = reopenings::lease(&world.room.pool, 16, now())
        .await
        .unwrap();
    assert_eq!(held.len(), 1);
    assert_eq!(sender::step(&world.room, now()).await.unwrap(), 0);
    let later = now() + reopenings::LEASE + SignedDuration::from_secs(1);
    assert_eq!(sender::step(&world.room, later).await.unwrap(), 1);
    assert_eq!(world.relay.mails().len(), 1);
    // The same again, if the mail had left before it died.
    let client = world.room.pool.get().await.unwrap();
    client
        .execute("update reopening set told_at = null", &[])
        .await
        .unwrap();
    let later = later + reopenings::LEASE + SignedDuration::from_secs(1);
    assert_eq!(sender::step(&world.room, later).await.unwrap(), 1);
    let mails = world.relay.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].message_id(), mails[1].message_id());
}

#[tokio::test]
async fn a_practice_that_no_mail_reaches_is_never_given_up_and_stands_on_the_officers_page() {
    let world = world().await;
    world.mailbox_of_practice("").await;
    reopened(&world, None).await;
    let mut at = now();
    for _ in 0..12 {
        at += SignedDuration::from_hours(2);
        assert_eq!(sender::step(&world.room, at).await.unwrap(), 1);
    }
    let to_ring = reopenings::to_ring(&world.room).await.unwrap();
    let to_ring: Vec<_> = to_ring
        .iter()
        .map(|(practice, number)| (practice.phone.as_str(), *number))
        .collect();
    assert_eq!(to_ring, [("09 430 0000", 1)]);
    world.mailbox_of_practice("privacy@kauri.example").await;
    at += SignedDuration::from_hours(2);
    sender::step(&world.room, at).await.unwrap();
    assert_eq!(world.relay.mails()[0].to, "privacy@kauri.example");
    assert!(reopenings::to_ring(&world.room).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_recovery_that_its_holder_stopped_opens_a_case_and_its_practice_is_told() {
    let world = world().await;
    let mut alarm = Draft::of_keeper(EntryKind::Alarm);
    alarm.row.decision = candour_keeper::ledger::RECOVERY_STOPPED;
    alarm.row.practice = Some(world.practice);
    alarm.row.principal = 77;
    world.keeper.core.ledger.append_one(alarm).await.unwrap();
    // Another alarm of the keeper is no practice's.
    let mut other = Draft::of_keeper(EntryKind::Alarm);
    other.row.decision = candour_keeper::ledger::LEDGER_VOLUME;
    other.row.practice = Some(world.practice);
    world.keeper.core.ledger.append_one(other).await.unwrap();
    follow(&world).await;
    // Whoever is on call hears of both alarms.
    assert_eq!(sender::step(&world.room, now()).await.unwrap(), 3);
    let mut mails = world.relay.mails();
    mails.retain(|mail| mail.to != ON_CALL);
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, "kauri@example.org");
    let text = mails[0].text.replace("=\r\n", "");
    assert!(text.contains("this was not me"), "{text}");
    assert!(text.contains("At 10:00 am on 3 March 2026"), "{text}");
    let opened = incidents::open_new(&world.room.pool, now(), || {
        candour_seal::IncidentId::from_bytes([4; 16])
    });
    let opened = opened.await.unwrap();
    let about: Vec<_> = opened.iter().map(|one| (one.rule, one.principal)).collect();
    assert_eq!(about, [(104, 77)]);
}
