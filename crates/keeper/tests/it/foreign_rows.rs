//! Rows put in, changed or taken away past the keeper.

use crate::arrange::{Scene, denied, eventually, scene};
use candour_keeper::ledger::FOREIGN_ROW;
use candour_keeper_api::wire::{self, Call};
use candour_keeper_api::words::{EntryKind, Purpose, Reason};
use candour_seal::PatientId;

async fn opened(scene: &Scene, patient: PatientId) -> Result<(), Reason> {
    scene
        .open_section(
            &scene.clinician.token,
            Purpose::DirectCare,
            patient,
            candour_keeper_api::words::Section::Medicines,
        )
        .await
        .map(drop)
}

async fn refuses_and_alarms(statement: &str) {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    assert_eq!(opened(&scene, patient).await, Ok(()));
    let token = scene.keeper.core.keys.patient(patient);
    let statement = statement.replace("SUBJECT", &sql(&token));
    scene.past_the_keeper(&statement).await;
    scene.keeper.core.facts.forget([&token]);
    assert_eq!(opened(&scene, patient).await, Err(Reason::SubjectClosed));
    eventually(|| async { scene.count(EntryKind::Alarm, FOREIGN_ROW).await == 1 }).await;
}

#[tokio::test]
async fn a_fact_row_put_in_past_the_keeper_closes_its_subject_and_alarms() {
    refuses_and_alarms(
        "insert into fact (subject, version, at, kind, body, mac)
         select subject, 3, at, kind, body, mac from fact where subject = SUBJECT and version = 2;
         update subject_head set version = 3 where subject = SUBJECT",
    )
    .await;
}

#[tokio::test]
async fn a_fact_row_without_the_head_moved_closes_its_subject() {
    refuses_and_alarms(
        "insert into fact (subject, version, at, kind, body, mac)
         select subject, 3, at, kind, body, mac from fact where subject = SUBJECT and version = 2",
    )
    .await;
}

#[tokio::test]
async fn a_fact_row_taken_away_closes_its_subject_and_alarms() {
    refuses_and_alarms("delete from fact where subject = SUBJECT and version = 2").await;
}

#[tokio::test]
async fn a_fact_row_changed_closes_its_subject_and_alarms() {
    refuses_and_alarms("update fact set body = body || '\\x00' where subject = SUBJECT").await;
}

/// A row forged whole, as well as whoever holds the database but not the root key can: a copy of a good one.
async fn copied(scene: &Scene, from: &str, to: &str, kind: i16) {
    scene
        .past_the_keeper(&format!(
            "insert into fact (subject, version, at, kind, body, mac)
             select {to}, 1 + (select max(version) from fact where subject = {to}), at, kind, body, mac
             from fact where subject = {from} and kind = {kind} order by version limit 1;
             update subject_head set version = version + 1 where subject = {to}"
        ))
        .await;
}

fn sql(token: &candour_keeper::keys::KeyedToken) -> String {
    let hex = |text: String, byte: &u8| format!("{text}{byte:02x}");
    format!("'\\x{}'::bytea", token.0.iter().fold(String::new(), hex))
}

#[tokio::test]
async fn a_permission_written_past_the_keeper_opens_nothing_and_alarms() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let own = scene.keeper.as_patient(patient).await;
    let thief = scene.patient(2).await;
    let thief = scene.keeper.as_patient(thief).await;
    let keys = &scene.keeper.core.keys;
    let (victim, accomplice) = (keys.person(own.person), keys.person(thief.person));
    // The victim's "is this patient", given to the thief.
    copied(&scene, &sql(&victim), &sql(&accomplice), 8).await;
    scene.keeper.core.facts.forget([&accomplice]);
    let refused = scene
        .open_document(&thief.token, Purpose::OwnRecord, stored.item)
        .await;
    assert_eq!(refused.map(drop), Err(Reason::SubjectClosed));
    eventually(|| async { scene.count(EntryKind::Alarm, FOREIGN_ROW).await == 1 }).await;
    // The victim is not shut out by it.
    let opened = scene
        .open_document(&own.token, Purpose::OwnRecord, stored.item)
        .await;
    assert!(opened.is_ok());
}

#[tokio::test]
async fn a_credential_written_past_the_keeper_signs_nobody_in_and_alarms() {
    let scene = scene().await;
    let keeper = &scene.keeper;
    let (mine, secret) = keeper.program_credential(scene.practice).await;
    let (theirs, _) = keeper.program_credential(scene.practice).await;
    let keys = &keeper.core.keys;
    let (from, to) = (keys.client(mine), keys.client(theirs));
    let sign_in = async |client: &candour_seal::ClientId| {
        let call = Call::ClientSignIn(wire::ClientSignIn {
            client: client.as_bytes().to_vec(),
            secret: secret.to_vec(),
        });
        scene.import.call(call).await
    };
    sign_in(&mine).await.unwrap();
    // The other program's row, replaced by one whose secret the thief knows.
    scene
        .past_the_keeper(&format!("delete from fact where subject = {}", sql(&to)))
        .await;
    scene
        .past_the_keeper(&format!(
            "insert into fact (subject, version, at, kind, body, mac)
             select {}, version, at, kind, body, mac from fact where subject = {}",
            sql(&to),
            sql(&from)
        ))
        .await;
    keeper.core.facts.forget([&to]);
    let refused = sign_in(&theirs).await.unwrap_err();
    assert_eq!(denied(&refused), Reason::SubjectClosed);
    eventually(|| async { scene.count(EntryKind::Alarm, FOREIGN_ROW).await == 1 }).await;
}

#[tokio::test]
async fn a_lookup_bent_to_another_patient_enrols_nobody_and_alarms() {
    let scene = scene().await;
    let (one, two) = (scene.patient(1).await, scene.patient(2).await);
    let keys = &scene.keeper.core.keys;
    let (one, two) = (keys.patient(one), keys.patient(two));
    scene
        .past_the_keeper(&format!(
            "update lookup set subject = {} where subject = {}",
            sql(&two),
            sql(&one)
        ))
        .await;
    // Whoever is found by a bent row is found by nobody: the call is refused.
    let call = Call::Enrol(wire::Enrol {
        token: scene.program.expose().to_vec(),
        people: vec![crate::arrange::person(1)],
    });
    assert!(scene.import.call(call).await.is_err());
    eventually(|| async { scene.count(EntryKind::Alarm, FOREIGN_ROW).await >= 1 }).await;
}

#[tokio::test]
async fn subject_keys_changed_past_the_keeper_open_nothing_and_alarm() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let other = scene.patient(2).await;
    let keys = &scene.keeper.core.keys;
    let (mine, theirs) = (keys.patient(patient), keys.patient(other));
    scene
        .past_the_keeper(&format!(
            "update subject_key set reading = of.reading, audit = of.audit
             from subject_key of where subject_key.subject = {} and of.subject = {}",
            sql(&mine),
            sql(&theirs)
        ))
        .await;
    scene.keeper.core.subject_keys.forget(mine);
    let refused = scene
        .open_document(&scene.clinician.token, Purpose::DirectCare, stored.item)
        .await;
    assert_eq!(refused.map(drop), Err(Reason::SubjectClosed));
    eventually(|| async { scene.count(EntryKind::Alarm, FOREIGN_ROW).await == 1 }).await;
}

#[tokio::test]
async fn an_item_moved_to_another_patient_opens_for_nobody_and_alarms() {
    let scene = scene().await;
    let (one, two) = (scene.patient(1).await, scene.patient(2).await);
    let stored = scene.document(1, one).await;
    scene.document(2, two).await;
    scene
        .past_the_keeper(
            "update item set patient = other.patient
             from (select distinct patient from item) other where other.patient <> item.patient",
        )
        .await;
    for patient in [one, two] {
        let own = scene.keeper.as_patient(patient).await;
        let refused = scene
            .open_document(&own.token, Purpose::OwnRecord, stored.item)
            .await;
        assert!(refused.is_err());
    }
    eventually(|| async { scene.count(EntryKind::Alarm, FOREIGN_ROW).await > 0 }).await;
}
