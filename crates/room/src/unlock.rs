//! What two officers unlock: the room's private key, in memory only, and through it the bodies of entries.

use crate::database::DatabaseError;
use candour_keeper_api::bodies::{open_body, open_hour_key};
use candour_keeper_api::wire::EntryBody;
use candour_seal::{AuditKey, RoomPrivateKey};
use deadpool_postgres::Pool;
use std::collections::BTreeMap;

/// The room's private key while an incident is open; gone when it is dropped.
pub struct Unlocked {
    key: RoomPrivateKey,
}

/// A body that stands in the ledger but cannot be read; the answer would be incomplete without saying so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable {
    /// Ledger index.
    pub index: i64,
}

/// The bodies that were asked for.
#[derive(Debug, Default)]
pub struct Bodies {
    /// By ledger index.
    pub read: BTreeMap<i64, EntryBody>,
    /// Those that do not open.
    pub unreadable: Vec<Unreadable>,
}

impl Unlocked {
    /// Takes the key that the keeper gave out after two officers' answers.
    pub fn new(key: RoomPrivateKey) -> Self {
        Self { key }
    }

    /// The key, to open identity and contact blocks.
    pub fn key(&self) -> &RoomPrivateKey {
        &self.key
    }

    /// Reads the bodies of the entries at these indexes.
    pub async fn bodies(&self, pool: &Pool, indexes: &[i64]) -> Result<Bodies, DatabaseError> {
        let client = pool.get().await?;
        let hours = client.query(HOUR_KEYS, &[&indexes]).await?;
        let mut keys: BTreeMap<i32, AuditKey> = BTreeMap::new();
        for row in hours {
            let (hour, sealed): (i32, &[u8]) = (row.try_get("hour")?, row.try_get("sealed")?);
            let number = u32::try_from(hour).map_err(|_| DatabaseError::Row)?;
            if let Ok(key) = open_hour_key(sealed, number, &self.key) {
                keys.insert(hour, key);
            }
        }
        let mut bodies = Bodies::default();
        for row in client.query(SEALED_BODIES, &[&indexes]).await? {
            let index: i64 = row.try_get("index")?;
            let hour: i32 = row.try_get("hour")?;
            let (body, wrap): (&[u8], &[u8]) = (row.try_get("body")?, row.try_get("room_wrap")?);
            let place = u64::try_from(index).map_err(|_| DatabaseError::Row)?;
            match keys.get(&hour).map(|key| open_body(body, wrap, place, key)) {
                Some(Ok(body)) => {
                    bodies.read.insert(index, body);
                }
                Some(Err(_)) | None => bodies.unreadable.push(Unreadable { index }),
            }
        }
        Ok(bodies)
    }
}

pub(crate) const HOUR_KEYS: &str = "
    select hour, sealed from hour_key
    where hour in (select hour from entry where index = any($1))";

pub(crate) const SEALED_BODIES: &str =
    "select index, hour, body, room_wrap from entry where index = any($1) order by index";

pub(crate) const STATEMENTS: &[&str] = &[HOUR_KEYS, SEALED_BODIES];
