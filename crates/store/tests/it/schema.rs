use crate::{connect, database};
use std::collections::BTreeSet;

const COLUMNS: &str = "\
select c.relname || '.' || a.attname, col_description(c.oid, a.attnum), obj_description(c.oid) \
from pg_class c join pg_attribute a on a.attrelid = c.oid \
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'm', 'p') \
and a.attnum > 0 and not a.attisdropped";

/// Every column with its comment and its table's.
async fn columns() -> Vec<(String, Option<String>, Option<String>)> {
    let database = database().await;
    let client = connect(database.config()).await;
    let rows = client.query(COLUMNS, &[]).await.unwrap();
    rows.iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect()
}

fn is_of_the_migrations(column: &str) -> bool {
    column.starts_with("refinery_schema_history.")
}

#[tokio::test]
async fn every_statement_prepares_against_the_schema() {
    let database = database().await;
    let client = connect(database.config_as("candour_worker")).await;
    for (name, statement) in candour_store::sql::ALL {
        let prepared = client.prepare(statement).await;
        assert!(prepared.is_ok(), "{name}: {:?}", prepared.err());
    }
}

#[tokio::test]
async fn every_table_and_column_says_what_it_is() {
    for (column, comment, of_table) in columns().await {
        if is_of_the_migrations(&column) {
            continue;
        }
        assert!(comment.is_some(), "{column} has no comment");
        assert!(of_table.is_some(), "the table of {column} has no comment");
    }
}

#[tokio::test]
async fn a_column_is_sealed_or_listed_with_what_its_thief_learns() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats/clear.md");
    let page = std::fs::read_to_string(page).unwrap();
    let part = page.split("## Portal database").nth(1).unwrap();
    let part = part.split("\n## ").next().unwrap();
    let listed: BTreeSet<&str> = part
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .filter(|column| column.contains('.'))
        .collect();
    let in_clear: BTreeSet<String> = columns()
        .await
        .into_iter()
        .filter(|(_, comment, _)| {
            !comment
                .as_deref()
                .is_some_and(|text| text.starts_with("(sealed)"))
        })
        .map(|(column, ..)| column)
        .collect();
    let in_clear: BTreeSet<&str> = in_clear.iter().map(String::as_str).collect();
    assert_eq!(in_clear, listed);
}

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    let database = database().await;
    let again = candour_store::migrate(&database.config()).await.unwrap();
    assert_eq!(again, Vec::<String>::new());
}
