//! What the incident room gets.

use crate::arrange::scene;
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::bodies::{open_body, open_hour_key};
use candour_keeper_api::wire::{self, Call, Reply};
use candour_keeper_api::words::{EntryKind, Purpose, Reason, Section};
use candour_seal::{Digest, RoomPrivateKey};

#[tokio::test]
async fn the_room_reads_every_entry_with_its_private_key_and_nobody_else_asks_for_them() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    scene.segment(1, patient, Section::Medicines).await;
    scene.segment(2, patient, Section::Medicines).await;
    let own = scene.keeper.as_patient(patient).await;
    let permit = scene
        .open_section(&own.token, Purpose::OwnRecord, patient, Section::Medicines)
        .await
        .unwrap();
    let question = Call::EntriesAfter(wire::EntriesAfter {
        from: 0,
        limit: 2_000,
        wait_ms: 0,
    });
    let refused = scene.portal.call(question.clone()).await.unwrap_err();
    assert_eq!(crate::arrange::denied(&refused), Reason::NotAllowed);
    let room = scene.keeper.client(InstanceKind::Room);
    let Reply::Entries(entries) = room.call(question).await.unwrap() else {
        panic!("not an answer to entries");
    };
    let private = scene.keeper.core.room_key().unwrap();
    let private = RoomPrivateKey::from_bytes(&private);
    let hour = open_hour_key(&entries.keys[0].sealed, entries.keys[0].hour, &private).unwrap();
    for (expected, entry) in (0..).zip(&entries.entries) {
        assert_eq!(entry.index, expected);
        open_body(&entry.body, &entry.room_wrap, entry.index, &hour).unwrap();
    }
    let entry = entries
        .entries
        .iter()
        .find(|entry| entry.index == permit.index())
        .unwrap();
    assert_eq!(entry.kind, i32::from(EntryKind::Open));
    let body = open_body(&entry.body, &entry.room_wrap, entry.index, &hour).unwrap();
    assert_eq!(body.patient, patient.as_bytes());
    assert_eq!((body.count, body.network.as_str()), (2, "192.0.2.7"));
    // What was sealed since is not part of what that entry covered.
    scene.segment(3, patient, Section::Medicines).await;
    let question = Call::SectionAt(wire::SectionAt {
        index: permit.index(),
        patient: patient.as_bytes().to_vec(),
    });
    let Reply::SectionAt(covered) = room.call(question).await.unwrap() else {
        panic!("not an answer to the section");
    };
    assert_eq!(covered.items.len(), 2);
    let digest = Digest::of(&covered.items.concat());
    assert_eq!(digest.as_bytes().as_slice(), body.items_digest);
}

#[tokio::test]
async fn the_room_waits_for_the_next_entry() {
    let scene = scene().await;
    let room = scene.keeper.client(InstanceKind::Room);
    let from = scene.keeper.core.ledger.size();
    let question = Call::EntriesAfter(wire::EntriesAfter {
        from,
        limit: 10,
        wait_ms: 5_000,
    });
    let (answer, _) = tokio::join!(room.call(question), scene.keeper.practice());
    let Reply::Entries(entries) = answer.unwrap() else {
        panic!("not an answer to entries");
    };
    assert_eq!(entries.entries[0].index, from);
}

#[tokio::test]
async fn the_room_learns_what_routes_a_notice() {
    let scene = scene().await;
    let person = wire::NewEnrolment {
        is_unsafe_to_write: true,
        ..crate::arrange::person(1)
    };
    let patient = scene.enrol_as(&scene.program, vec![person]).await[0].unwrap();
    scene.keeper.as_patient(patient).await;
    let room = scene.keeper.client(InstanceKind::Room);
    let question = Call::RoomFacts(wire::RoomFacts {
        patients: vec![patient.as_bytes().to_vec(), vec![8; 16]],
    });
    let Reply::RoomFacts(answer) = room.call(question).await.unwrap() else {
        panic!("not an answer to facts");
    };
    let facts = &answer.patients[0];
    assert!(facts.is_unsafe_to_write && !facts.is_deceased && facts.has_account);
    assert_eq!(facts.practices, [scene.practice.as_bytes().to_vec()]);
    assert_eq!(
        (facts.birth_year, facts.region.as_str()),
        (1980, "Northland")
    );
    assert!(answer.patients[1].patient.is_empty());
}
