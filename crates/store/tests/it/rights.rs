use crate::{connect, database};
use candour_testkit::TestDatabase;
use tokio_postgres::error::SqlState;

const ITEM: &str = "insert into item (id, patient, kind, deposit_day, padded_size, stored, sealed) \
values (decode(repeat('01', 16), 'hex'), decode(repeat('02', 16), 'hex'), 2, '2026-03-14', 256, 'row', 'ciphertext')";
const PATIENT: &str =
    "insert into patient (id, created_day) values (decode(repeat('02', 16), 'hex'), '2026-03-14')";

async fn try_as(database: &TestDatabase, role: &str, statement: &str) -> Result<(), SqlState> {
    let client = connect(database.config_as(role)).await;
    let done = client.batch_execute(statement).await;
    done.map_err(|error| error.code().cloned().unwrap())
}

async fn is_forbidden(database: &TestDatabase, role: &str, statement: &str) {
    let tried = try_as(database, role, statement).await;
    assert_eq!(
        tried,
        Err(SqlState::INSUFFICIENT_PRIVILEGE),
        "{role}: {statement}"
    );
}

#[tokio::test]
async fn a_sealed_row_once_written_is_changed_by_no_process_and_removed_by_the_worker_alone() {
    let database = database().await;
    for statement in [PATIENT, ITEM] {
        try_as(&database, "candour_portal", statement)
            .await
            .unwrap();
    }
    for role in ["candour_portal", "candour_worker", "candour_room"] {
        for statement in [
            "update item set sealed = 'other'",
            "update item set patient = decode(repeat('03', 16), 'hex')",
            "truncate item",
            "update patient set created_day = '2020-01-01'",
            "delete from patient",
            "delete from patient_practice",
            "drop table item",
            "alter table item disable trigger all",
            "create table mine ()",
        ] {
            let tried = try_as(&database, role, statement).await;
            assert_eq!(
                tried,
                Err(SqlState::INSUFFICIENT_PRIVILEGE),
                "{role}: {statement}"
            );
        }
    }
    // What the keeper erased goes here too.
    for role in ["candour_portal", "candour_room"] {
        is_forbidden(&database, role, "delete from item").await;
    }
    try_as(&database, "candour_worker", "delete from item")
        .await
        .unwrap();
}

#[tokio::test]
async fn the_portal_cannot_rename_a_practice_or_move_its_telephone() {
    let database = database().await;
    for statement in [
        "update practice set phone = '0900'",
        "insert into practice values (decode(repeat('01', 16), 'hex'), 'Other', '', '', '', '', '')",
    ] {
        is_forbidden(&database, "candour_portal", statement).await;
    }
}

#[tokio::test]
async fn the_room_sees_no_document_and_no_record() {
    let database = database().await;
    for statement in [PATIENT, ITEM] {
        try_as(&database, "candour_portal", statement)
            .await
            .unwrap();
    }
    is_forbidden(&database, "candour_room", "select from item").await;
    is_forbidden(&database, "candour_room", "select from patient").await;
    let client = connect(database.config_as("candour_room")).await;
    let count = "select count(*) from room_item";
    let seen: i64 = client.query_one(count, &[]).await.unwrap().get(0);
    assert_eq!(seen, 0);
    let identity = ITEM.replace("'01'", "'04'").replace(", 2, ", ", 3, ");
    try_as(&database, "candour_portal", &identity)
        .await
        .unwrap();
    let seen: i64 = client.query_one(count, &[]).await.unwrap().get(0);
    assert_eq!(seen, 1);
    is_forbidden(
        &database,
        "candour_room",
        "update room_item set sealed = 'x'",
    )
    .await;
}
