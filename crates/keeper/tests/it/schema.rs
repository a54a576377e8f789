//! The schema: statements, comments, what stands in clear.

use crate::arrange::scene;
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
    assert!(rows.len() > 60);
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
async fn no_id_of_a_patient_or_item_stands_in_the_database() {
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
    let client = scene.keeper.core.pool.get().await.unwrap();
    let rows = client.query(COLUMNS, &[]).await.unwrap();
    let hex = |id: &[u8; 16]| {
        id.iter()
            .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    };
    // A person's id is their WebAuthn user handle, which the keeper must know; no other database holds it.
    let ids = [hex(patient.as_bytes()), hex(stored.item.as_bytes())];
    for row in rows {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        for id in &ids {
            let question =
                format!("select count(*) from {table} where {column}::text like '%{id}%'");
            let found = client.query_one(&question, &[]).await.unwrap();
            assert_eq!(
                found.get::<_, i64>(0),
                0,
                "an id stands in {table}.{column}"
            );
        }
    }
}
