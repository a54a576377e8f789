//! The database in trouble: nothing is shown, and it mends itself.

use crate::arrange::{denied, eventually, scene, viewer};
use candour_keeper::ledger::Health;
use candour_keeper_api::Item;
use candour_keeper_api::wire::{Call, Reply, StatusQuestion};
use candour_keeper_api::words::{Purpose, Reason};

#[tokio::test]
async fn a_ledger_that_cannot_be_written_opens_nothing_and_mends_itself() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let own = scene.keeper.as_patient(patient).await;
    // What a full disk or a read-only one does to the insert, done to this one table.
    scene
        .past_the_keeper("alter table entry add constraint full_disk check (index < 0) not valid")
        .await;
    for _ in 0..3 {
        let opened = scene
            .portal
            .open(&viewer(&own.token, Purpose::OwnRecord), Item(stored.item))
            .await;
        let refused = opened.map(drop).unwrap_err();
        assert_eq!(denied(&refused), Reason::LedgerUnavailable);
    }
    let status = scene
        .portal
        .call(Call::Status(StatusQuestion {}))
        .await
        .unwrap();
    assert!(matches!(status, Reply::Status(status) if !status.ledger_writable));
    scene
        .past_the_keeper("alter table entry drop constraint full_disk")
        .await;
    let ledger = &scene.keeper.core.ledger;
    eventually(|| async { ledger.health() == Health::Well }).await;
    scene
        .open_document(&own.token, Purpose::OwnRecord, stored.item)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_of_a_commit_is_decided_by_reading_the_head_back() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let own = scene.keeper.as_patient(patient).await;
    let scene = std::sync::Arc::new(scene);
    let opens = (0..40).map(|_| {
        let (scene, token) = (std::sync::Arc::clone(&scene), own.token.clone());
        async move {
            scene
                .open_document(&token, Purpose::OwnRecord, stored.item)
                .await
                .map(|permit| permit.index())
        }
    });
    let cuts = async {
        for _ in 0..5 {
            scene
                .past_the_keeper(
                    "select pg_terminate_backend(pid) from pg_stat_activity
                     where pid <> pg_backend_pid() and datname = current_database()",
                )
                .await;
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let (outcomes, ()) = tokio::join!(futures_util::future::join_all(opens), cuts);
    let ledger = &scene.keeper.core.ledger;
    eventually(|| async { ledger.health() == Health::Well }).await;
    // Every grant that was given out is in the ledger, and the ledger has no gap.
    let client = scene.keeper.core.pool.get().await.unwrap();
    let question = "select kind from entry where index = $1 and decision = 0";
    for index in outcomes.into_iter().flatten() {
        let index = i64::try_from(index).unwrap();
        let row = client.query_one(question, &[&index]).await.unwrap();
        assert_eq!(row.get::<_, i16>(0), 1);
    }
    let row = client
        .query_one(
            "select count(*), max(index) + 1, (select size from ledger_head) from entry",
            &[],
        )
        .await
        .unwrap();
    let (count, last, size): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    assert_eq!((count, last), (size, size));
    scene
        .open_document(&own.token, Purpose::OwnRecord, stored.item)
        .await
        .unwrap();
}
