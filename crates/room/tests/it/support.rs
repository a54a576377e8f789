//! The room's and the portal's databases, and entries as the keeper would have written them.

use candour_keeper_api::wire::EntryBody;
use candour_keeper_api::words::{EntryKind, ItemKind, Role};
use candour_room::database;
use candour_testkit::{Template, TestCluster, TestDatabase};
use deadpool_postgres::Pool;
use jiff::Timestamp;

/// The room's schema.
pub const ROOM: Template = Template {
    name: "room",
    owner: "candour_room",
    guests: &[],
    migrate: |config| {
        Box::pin(async move {
            database::connect(&line(&config), true).await?;
            Ok(())
        })
    },
};

/// A connection line for a test database: tests ask for no password.
pub fn line(config: &tokio_postgres::Config) -> String {
    let host = match config.get_hosts().first() {
        Some(tokio_postgres::config::Host::Unix(path)) => path.display().to_string(),
        other => panic!("a test cluster has a socket, not {other:?}"),
    };
    format!(
        "host='{host}' port=5432 user={} dbname={}",
        config.get_user().unwrap(),
        config.get_dbname().unwrap()
    )
}

/// A fresh database of the room.
pub async fn room() -> (TestDatabase, Pool) {
    let database = TestCluster::shared().database(&ROOM).await;
    let pool = database::connect(&line(&database.config()), false)
        .await
        .unwrap();
    (database, pool)
}

/// One entry's clear columns; the body stays closed in these tests.
#[derive(Clone, Copy)]
pub struct Row {
    pub kind: EntryKind,
    pub decision: i16,
    pub role: Role,
    pub item_kind: Option<ItemKind>,
    pub session: i64,
    pub principal: i64,
    pub patient: i64,
    pub item: i64,
}

impl Row {
    /// A document whose key session 7 of principal 70 was given.
    pub fn grant(patient: i64, item: i64) -> Self {
        Self {
            kind: EntryKind::Open,
            decision: 0,
            role: Role::Patient,
            item_kind: Some(ItemKind::Document),
            session: 7,
            principal: 70,
            patient,
            item,
        }
    }

    /// The portal's word that its first byte was sent.
    pub fn delivered(patient: i64, item: i64) -> Self {
        Self {
            kind: EntryKind::Delivered,
            ..Self::grant(patient, item)
        }
    }

    /// It was held back after its entry was written.
    pub fn withheld(patient: i64, item: i64) -> Self {
        Self {
            kind: EntryKind::Withheld,
            ..Self::grant(patient, item)
        }
    }

    /// The keeper's freeze or alarm about session 7.
    pub fn of_keeper(kind: EntryKind, decision: i16) -> Self {
        Self {
            kind,
            decision,
            role: Role::Keeper,
            item_kind: None,
            ..Self::grant(0, 0)
        }
    }
}

/// Puts entries at the end of what the room has of the ledger.
pub async fn append(pool: &Pool, rows: &[Row]) {
    let client = pool.get().await.unwrap();
    for row in rows {
        let body = prost::Message::encode_to_vec(&EntryBody::default());
        let item_kind = row.item_kind.map_or(0, |kind| i16::from(kind.number()));
        client
            .execute(
                "insert into entry (index, at, kind, decision, purpose, role, item_kind, session, principal,
                                    patient, item, leaf, body, room_wrap, hour)
                 select coalesce(max(index) + 1, 0), $1, $2, $3, 0, $4, $5, $6, $7, $8, $9,
                        decode(repeat('00', 32), 'hex'), $10, '', 0 from entry",
                &[
                    &Timestamp::from_second(1_763_760_000).unwrap(),
                    &i16::from(row.kind.number()),
                    &row.decision,
                    &i16::from(row.role.number()),
                    &item_kind,
                    &row.session,
                    &row.principal,
                    &row.patient,
                    &row.item,
                    &body,
                ],
            )
            .await
            .unwrap();
    }
}
