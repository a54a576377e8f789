//! What freezes by itself.

use crate::arrange::{Scene, eventually, scene};
use candour_keeper::draft::Effect;
use candour_keeper::facts::{Canary, Fact};
use candour_keeper_api::wire::{self, Call};
use candour_keeper_api::words::{EntryKind, Purpose, Reason, Role};
use candour_seal::ItemId;
use std::sync::Arc;

/// As many patients with a document each, at another practice.
async fn foreign_documents(scene: &Scene, count: u64) -> Vec<ItemId> {
    let mut items = Vec::new();
    for number in 1..=count {
        let patient = scene.patient(number).await;
        items.push(scene.document(number, patient).await.item);
    }
    items
}

#[tokio::test]
async fn three_foreign_patients_in_a_minute_freeze_the_session() {
    let scene = scene().await;
    let items = foreign_documents(&scene, 3).await;
    let thief = scene.patient(99).await;
    let own = scene.document(99, thief).await;
    let thief = scene.keeper.as_patient(thief).await;
    for item in items {
        let refused = scene
            .open_document(&thief.token, Purpose::OwnRecord, item)
            .await;
        assert!(refused.is_err());
    }
    let refused = scene
        .open_document(&thief.token, Purpose::OwnRecord, own.item)
        .await;
    assert_eq!(refused.map(drop), Err(Reason::Frozen));
    // The rule's number: foreign patients.
    eventually(|| async { scene.count(EntryKind::Alarm, 2).await == 1 }).await;
    assert_eq!(scene.count(EntryKind::Freeze, 0).await, 1);
}

#[tokio::test]
async fn a_freeze_stops_openings_on_their_way_and_survives_a_restart() {
    let scene = scene().await;
    let items = foreign_documents(&scene, 3).await;
    let thief = scene.patient(99).await;
    let own = scene.document(99, thief).await.item;
    let thief = scene.keeper.as_patient(thief).await;
    let scene = Arc::new(scene);
    let mut calls = Vec::new();
    for number in 0..60 {
        let (scene, token) = (Arc::clone(&scene), thief.token.clone());
        let item = if number % 4 == 3 {
            items[number / 4 % 3]
        } else {
            own
        };
        calls.push(async move {
            scene
                .open_document(&token, Purpose::OwnRecord, item)
                .await
                .map(drop)
        });
    }
    futures_util::future::join_all(calls).await;
    let after = scene
        .open_document(&thief.token, Purpose::OwnRecord, own)
        .await;
    assert_eq!(after.map(drop), Err(Reason::Frozen));
    eventually(|| async { scene.count(EntryKind::Freeze, 0).await == 1 }).await;
    let session = scene
        .keeper
        .core
        .sessions
        .look_up(
            thief.token.expose(),
            candour_testkit::keeper::instance(candour_keeper::instances::InstanceKind::Portal),
            scene.keeper.core.clock.now(),
        )
        .unwrap();
    let Ok(scene) = Arc::try_unwrap(scene).map_err(drop) else {
        panic!("still in use");
    };
    let keeper = scene.keeper.restart().await;
    let guards = session.freeze_guards(Some(Purpose::OwnRecord));
    assert!(keeper.core.freezes.is_stopped(&guards));
}

#[tokio::test]
async fn a_freeze_stops_an_opening_whose_entry_is_being_written() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let own = scene.keeper.as_patient(patient).await;
    let now = scene.keeper.core.clock.now();
    let portal = candour_testkit::keeper::instance(candour_keeper::instances::InstanceKind::Portal);
    let sessions = &scene.keeper.core.sessions;
    let session = sessions.look_up(own.token.expose(), portal, now).unwrap();
    // Somebody holds the head, so the entry of the opening waits within its commit.
    let holder = candour_embedded::cluster::connect(&scene.superuser)
        .await
        .unwrap();
    holder
        .batch_execute("begin; select from ledger_head for update")
        .await
        .unwrap();
    let watcher = candour_embedded::cluster::connect(&scene.superuser)
        .await
        .unwrap();
    let opening = scene.open_document(&own.token, Purpose::OwnRecord, stored.item);
    let freezing = async {
        let waiting = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'";
        eventually(|| async {
            let row = watcher.query_one(waiting, &[]).await.unwrap();
            row.get::<_, i64>(0) > 0
        })
        .await;
        let ledger = scene.keeper.core.ledger.clone();
        let mut draft = candour_keeper::draft::Draft::of_keeper(EntryKind::Freeze);
        let what = candour_rules::keys::Session(session.surrogate);
        draft.effects = vec![Effect::Freeze(candour_rules::freeze::Frozen::Session(what))];
        let written = ledger.append_one(draft);
        let guards = session.freeze_guards(Some(Purpose::OwnRecord));
        let released = async {
            eventually(|| async { scene.keeper.core.freezes.is_stopped(&guards) }).await;
            holder.batch_execute("rollback").await.unwrap();
        };
        tokio::join!(written, released).0.unwrap();
    };
    let (opened, ()) = tokio::join!(opening, freezing);
    assert_eq!(opened.map(drop), Err(Reason::Frozen));
    // Its entry stays, and another says that nothing was released.
    assert_eq!(scene.count(EntryKind::Open, 0).await, 1);
    let frozen = Reason::Frozen.number();
    assert_eq!(scene.count(EntryKind::Withheld, frozen).await, 1);
    // Nor does a portal's word make a delivery of it, not even after a restart.
    let row = watcher
        .query_one(
            "select index from entry where kind = 1 and decision = 0",
            &[],
        )
        .await
        .unwrap();
    let keeper = scene.keeper.restart().await;
    let report = Call::Delivered(wire::Delivered {
        grants: vec![u64::try_from(row.get::<_, i64>(0)).unwrap()],
    });
    let portal = keeper.client(candour_keeper::instances::InstanceKind::Portal);
    portal.call(report).await.unwrap();
    let delivered = (i16::from(EntryKind::Delivered.number()), 0);
    assert_eq!(keeper.entries().await.get(&delivered), None);
}

#[tokio::test]
async fn one_touch_of_a_canary_freezes_the_principal() {
    let scene = scene().await;
    let canary = scene.patient(1).await;
    let item = scene.document(1, canary).await.item;
    scene
        .keeper
        .arrange(vec![Effect::InsertFact {
            subject: scene.keeper.core.keys.patient(canary),
            fact: Fact::Canary(Canary {}),
        }])
        .await;
    let refused = scene
        .open_document(&scene.clinician.token, Purpose::DirectCare, item)
        .await;
    assert!(refused.is_err());
    let again = scene
        .keeper
        .sign_in_staff(scene.clinician.person, scene.practice, Role::Clinician);
    let patient = scene.patient(2).await;
    let section = candour_keeper_api::words::Section::Medicines;
    let refused = scene
        .open_section(&again.token, Purpose::DirectCare, patient, section)
        .await;
    assert_eq!(refused.map(drop), Err(Reason::Frozen));
    // The rule's number: canary.
    eventually(|| async { scene.count(EntryKind::Alarm, 1).await == 1 }).await;
}

#[tokio::test]
async fn refusals_to_what_is_frozen_are_summed_up_and_not_written_one_by_one() {
    let scene = scene().await;
    let items = foreign_documents(&scene, 3).await;
    let thief = scene.patient(99).await;
    let thief = scene.keeper.as_patient(thief).await;
    for item in &items {
        let _ = scene
            .open_document(&thief.token, Purpose::OwnRecord, *item)
            .await;
    }
    eventually(|| async { scene.count(EntryKind::Alarm, 2).await == 1 }).await;
    let before = scene.keeper.core.ledger.size();
    for _ in 0..50 {
        let _ = scene
            .open_document(&thief.token, Purpose::OwnRecord, items[0])
            .await;
    }
    assert_eq!(scene.keeper.core.ledger.size(), before);
    scene
        .keeper
        .clock
        .advance(jiff::SignedDuration::from_mins(2));
    let frozen = Reason::Frozen.number();
    eventually(|| async { scene.count(EntryKind::Summary, frozen).await == 1 }).await;
}
