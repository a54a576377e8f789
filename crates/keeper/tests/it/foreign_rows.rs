//! Rows put in, changed or taken away past the keeper.

use crate::arrange::{Scene, eventually, scene};
use candour_keeper::ledger::FOREIGN_ROW;
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
    let subject: String = token
        .0
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let statement = statement.replace("SUBJECT", &format!("'\\x{subject}'::bytea"));
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
    let alarms = "select count(*) from entry where kind = 10";
    eventually(|| async {
        let client = scene.keeper.core.pool.get().await.unwrap();
        client
            .query_one(alarms, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            > 0
    })
    .await;
}
