//! A run's mails under way when somebody freezes it.

use crate::support::{Row, append};
use crate::world::{World, world};
use candour_keeper_api::words::{EntryKind, Purpose};
use candour_room::notices::{self, Versions};
use candour_room::register::Member;
use candour_room::texts::{self, Draft, TextKind};
use candour_room::{incidents, sender, steward};
use candour_rules::freeze::Frozen;
use candour_rules::keys;
use candour_seal::{IncidentId, PatientId, RunId, SystemRandom};
use jiff::{SignedDuration, Timestamp};

const INCIDENT: IncidentId = IncidentId::from_bytes([9; 16]);

fn now() -> Timestamp {
    "2026-03-02T21:00:01Z".parse().unwrap()
}

/// A case whose members wait for mail and notice, and the run that two people opened for it.
async fn case(world: &World, members: &[PatientId]) -> RunId {
    let pool = &world.room.pool;
    append(pool, &[Row::of_keeper(EntryKind::Freeze, 0)]).await;
    incidents::open_new(pool, now(), || INCIDENT).await.unwrap();
    queue(world, members, 1, now()).await;
    world.keeper.run_for(*INCIDENT.as_bytes(), members).await
}

/// A version of the message to people, queued for these.
async fn queue(world: &World, members: &[PatientId], version: i32, at: Timestamp) {
    let pool = &world.room.pool;
    let draft = Draft {
        kind: TextKind::PatientNotice,
        version,
        scope_version: version,
        subject: "A message about your portal".to_owned(),
        words: format!("Somebody saw information about you: {version}."),
    };
    texts::save(pool, INCIDENT, &draft, at).await.unwrap();
    let members_of_case: Vec<Member> = members
        .iter()
        .map(|patient| Member {
            patient: *patient,
            state: "confirmed".to_owned(),
            route: "mail".to_owned(),
            reason: "mail".to_owned(),
            practices: vec![world.practice],
            enrolled: vec![world.practice],
            is_unsafe_to_write: false,
            is_holder: false,
        })
        .collect();
    let versions = Versions {
        practice: version,
        patient: version,
        holder: None,
    };
    let to = (&[][..], members_of_case.as_slice());
    let keys = &world.room.codes;
    notices::queue(pool, keys, INCIDENT, to, versions, at, &mut SystemRandom)
        .await
        .unwrap();
}

/// How many members' contact and identity the keeper opened.
async fn openings(world: &World) -> i64 {
    let opened = (i16::from(EntryKind::Open.number()), 0);
    let entries = world.keeper.entries().await;
    entries.get(&opened).copied().unwrap_or_default()
}

/// Notices of a channel in a state.
async fn count(world: &World, channel: &str, state: &str) -> i64 {
    let counts = notices::counts(&world.room.pool, INCIDENT).await.unwrap();
    let of = |count: &&notices::Count| count.channel == channel && count.state == state;
    counts.iter().filter(of).map(|count| count.number).sum()
}

#[tokio::test]
async fn a_run_tells_everybody_when_nobody_freezes_it() {
    let world = world().await;
    let members = world.members(5).await;
    case(&world, &members).await;
    sender::step(&world.room, now()).await.unwrap();
    assert_eq!(world.relay.mails().len(), 5);
    assert_eq!(openings(&world).await, 2 * 5);
    assert_eq!(count(&world, "portal", "handed_over").await, 5);
}

#[tokio::test]
async fn a_second_message_says_which_one_it_replaces_and_one_that_never_left_gives_way() {
    let world = world().await;
    let members = world.members(1).await;
    case(&world, &members).await;
    sender::step(&world.room, now()).await.unwrap();
    let counts = notices::counts(&world.room.pool, INCIDENT).await.unwrap();
    let first = counts.iter().find_map(|count| count.last_at).unwrap();
    for version in [2, 3] {
        let at = first + SignedDuration::from_mins(i64::from(version));
        queue(&world, &members, version, at).await;
    }
    world.keeper.run_for(*INCIDENT.as_bytes(), &members).await;
    sender::step(&world.room, now()).await.unwrap();
    let mails = world.relay.mails();
    assert_eq!(mails.len(), 2, "nobody gets two messages at once");
    assert!(!mails[0].text.contains("This message replaces"));
    assert!(mails[1].text.contains("about you: 3."), "{}", mails[1].text);
    let zone = &world.room.config.zone;
    let sentence = texts::replacing(&steward::day(first, zone));
    assert!(mails[1].text.contains(&sentence), "{}", mails[1].text);
    assert_eq!(count(&world, "portal", "handed_over").await, 2);
}

#[tokio::test]
async fn a_freeze_ends_a_run_with_the_mail_that_is_on_its_way() {
    for rung in ["run", "purpose", "installation"] {
        let world = world().await;
        let members = world.members(8).await;
        let run = case(&world, &members).await;
        let what = match rung {
            "run" => {
                let subject = world.keeper.core.keys.run(run);
                Frozen::Principal(keys::Principal(subject.surrogate()))
            }
            "purpose" => {
                Frozen::Purpose(keys::Purpose(i64::from(Purpose::IncidentNotice.number())))
            }
            _ => Frozen::Installation,
        };
        // The third mail is at the relay, and not taken yet, when the freeze is committed.
        let (came, go_on) = world.relay.hold_after(2);
        let freezing = async {
            came.await.unwrap();
            world.keeper.freeze(what).await;
            go_on.send(()).unwrap();
        };
        let (sent, ()) = tokio::join!(sender::step(&world.room, now()), freezing);
        sent.unwrap();
        for later in [0, 1, 3_600] {
            assert_eq!(world.relay.mails().len(), 3, "{rung}");
            assert_eq!(openings(&world).await, 2 * 3, "{rung}");
            assert_eq!(count(&world, "mail", "handed_over").await, 3, "{rung}");
            assert_eq!(count(&world, "mail", "waiting").await, 5, "{rung}");
            assert_eq!(count(&world, "portal", "waiting").await, 8, "{rung}");
            let at = now() + SignedDuration::from_secs(later);
            sender::step(&world.room, at).await.unwrap();
        }
    }
}
