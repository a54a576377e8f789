//! The schema: statements, comments, what stands in clear.

use crate::arrange::{Scene, scene};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use candour_keeper::making::{MakeError, migrate};
use candour_keeper::sql;

#[tokio::test]
async fn every_statement_prepares_against_the_schema() {
    let scene = scene().await;
    let client = scene.keeper.core.pool.get().await.unwrap();
    for statement in sql::all() {
        if let Err(error) = client.prepare(statement).await {
            panic!("{statement}: {error:?}");
        }
    }
}

#[tokio::test]
async fn programs_that_do_not_know_the_newest_change_of_the_database_do_not_begin() {
    let scene = scene().await;
    scene.keeper.stop().await;
    let config = scene.database.as_ref().unwrap().config();
    migrate(&config).await.unwrap();
    scene
        .past_the_keeper(
            "insert into refinery_schema_history (version, name, applied_on, checksum)
             select version + 1, 'of_newer_programs', applied_on, checksum
             from refinery_schema_history order by version desc limit 1",
        )
        .await;
    let refused = migrate(&config).await.unwrap_err();
    assert!(matches!(refused, MakeError::Schema(_)), "{refused}");
}

const COLUMNS: &str = "\
select c.relname, a.attname, coalesce(col_description(c.oid, a.attnum), ''), coalesce(obj_description(c.oid), '')
from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
where n.nspname = 'public' and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
  and c.relname <> 'refinery_schema_history'";

#[tokio::test]
async fn every_table_and_column_has_a_comment_and_is_sealed_or_listed_as_clear() {
    let scene = scene().await;
    let client = scene.keeper.core.pool.get().await.unwrap();
    let rows = client.query(COLUMNS, &[]).await.unwrap();
    // A column more or less is looked at by a human: what does its thief learn?
    assert_eq!(rows.len(), 86);
    let page = include_str!("../../../../docs/formats/clear.md");
    let (_, listed) = page.split_once("## Keeper database").unwrap();
    let listed = listed.split("\n## ").next().unwrap();
    for row in rows {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        let (of_column, of_table): (String, String) = (row.get(2), row.get(3));
        assert!(!of_table.is_empty(), "table {table} has no comment");
        assert!(!of_column.is_empty(), "{table}.{column} has no comment");
        let is_listed = listed.contains(&format!("\n| {table}.{column} |"));
        assert!(
            of_column.contains("(sealed)") || is_listed,
            "{table}.{column} is neither sealed nor listed in docs/formats/clear.md"
        );
    }
}

#[tokio::test]
async fn no_id_of_a_patient_person_or_item_stands_in_the_database() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let own = scene.keeper.as_patient(patient).await;
    scene
        .open_document(
            &own.token,
            candour_keeper_api::words::Purpose::OwnRecord,
            stored.item,
        )
        .await
        .unwrap();
    let ids = [
        patient.as_bytes(),
        stored.item.as_bytes(),
        own.person.as_bytes(),
        scene.clinician.person.as_bytes(),
    ];
    for id in ids {
        assert_eq!(found(&scene, id).await, Vec::<String>::new());
    }
    // The search finds what is there: the room must know practices, so their ids stand in clear.
    assert!(!found(&scene, scene.practice.as_bytes()).await.is_empty());
}

/// The columns in which an id stands, as bytes or as text within bytes or text.
async fn found(scene: &Scene, id: &[u8; 16]) -> Vec<String> {
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    };
    let texts = [
        hex(id),
        STANDARD_NO_PAD.encode(id),
        URL_SAFE_NO_PAD.encode(id),
    ];
    let client = scene.keeper.core.pool.get().await.unwrap();
    let mut found = Vec::new();
    for row in client.query(COLUMNS, &[]).await.unwrap() {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        let question =
            format!("select exists (select from {table} where strpos({column}::text, $1) > 0)");
        for text in &texts {
            for needle in [text.clone(), hex(text.as_bytes())] {
                let answer = client.query_one(&question, &[&needle]).await.unwrap();
                if answer.get(0) {
                    found.push(format!("{table}.{column}"));
                }
            }
        }
    }
    found
}
