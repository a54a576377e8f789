//! Hourly keys: bodies are wrapped by them for the room, cheaply; each is sealed to the room once.

use super::describe;
use crate::reader;
use crate::sql::ledger as sql;
use candour_keeper_wire::bodies::seal_hour_key;
use candour_seal::{AuditKey, RoomPublicKey, SystemRandom};
use deadpool_postgres::{Object, Pool};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use tokio::sync::Mutex;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

struct Current {
    number: i32,
    key: Arc<AuditKey>,
    since: Timestamp,
}

/// The hourly key in use.
pub(super) struct Hours {
    room: RoomPublicKey,
    current: Mutex<Option<Current>>,
}

/// No hourly key can be stored.
#[derive(Debug)]
pub(super) struct NoHour;

impl Hours {
    pub fn new(room: RoomPublicKey) -> Self {
        Self {
            room,
            current: Mutex::new(None),
        }
    }

    /// The key of this hour and its number; a new one is stored before it is used.
    pub async fn current(
        &self,
        pool: &Pool,
        now: Timestamp,
    ) -> Result<(i32, Arc<AuditKey>), NoHour> {
        let mut held = self.current.lock().await;
        if let Some(current) = held.as_ref()
            && now.duration_since(current.since).abs() < HOUR
        {
            return Ok((current.number, Arc::clone(&current.key)));
        }
        let last = reader::rows(pool, sql::LAST_HOUR, &[]).await;
        let last = last.map_err(|_| NoHour)?.pop().ok_or(NoHour)?;
        let number = last.get::<_, i32>(0) + 1;
        let key = AuditKey::generate(&mut SystemRandom);
        let named = u32::try_from(number).map_err(|_| NoHour)?;
        let sealed =
            seal_hour_key(&key, named, &self.room, &mut SystemRandom).map_err(|_| NoHour)?;
        let client = pool.get().await.map_err(|_| NoHour)?;
        if let Err(error) = client.execute(sql::INSERT_HOUR, &[&number, &sealed]).await {
            tracing::error!(error = %describe(&error), "a new hour's key was not written");
            // Whether a connection may write is settled when it is made: the next try takes a new one.
            drop(Object::take(client));
            return Err(NoHour);
        }
        let key = Arc::new(key);
        *held = Some(Current {
            number,
            key: Arc::clone(&key),
            since: now,
        });
        Ok((number, key))
    }
}
