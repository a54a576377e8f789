//! Follows the records keeper's ledger: every committed entry, by index, without gap.

use crate::database::DatabaseError;
use candour_keeper_api::wire::{self, Call, Entries, Reply};
use candour_keeper_api::{CallError, Keeper};
use deadpool_postgres::Pool;
use jiff::Timestamp;
use tokio_postgres::types::ToSql;

/// Why a stretch of the ledger was not taken over.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The keeper gave nothing.
    #[error(transparent)]
    Keeper(#[from] CallError),
    /// The room's database took nothing.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The keeper's entries do not begin where ours end.
    #[error("the keeper's entries begin at {0}, ours end before {1}")]
    Gap(u64, u64),
}

impl From<tokio_postgres::Error> for FollowError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<deadpool_postgres::PoolError> for FollowError {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        Self::Database(error.into())
    }
}

/// The index of the first entry the room does not have.
pub async fn next_index(pool: &Pool) -> Result<u64, DatabaseError> {
    let row = pool.get().await?.query_one(NEXT_INDEX, &[]).await?;
    u64::try_from(row.try_get::<_, i64>(0)?).map_err(|_| DatabaseError::Row)
}

/// Takes over the entries after ours; waits up to `wait_ms` milliseconds when there are none.
///
/// Returns how many came. Safe to repeat: an entry that stands already is left as it is.
pub async fn take_over(pool: &Pool, keeper: &Keeper, wait_ms: u32) -> Result<u64, FollowError> {
    let from = next_index(pool).await?;
    let call = Call::EntriesAfter(wire::EntriesAfter {
        from,
        limit: 2_000,
        wait_ms,
    });
    let Reply::Entries(entries) = keeper.call(call).await? else {
        return Err(CallError::Unexpected.into());
    };
    match entries.entries.first() {
        None => return Ok(0),
        Some(first) if first.index != from => return Err(FollowError::Gap(first.index, from)),
        Some(_) => {}
    }
    store(pool, &entries).await?;
    Ok(entries.entries.len() as u64)
}

async fn store(pool: &Pool, entries: &Entries) -> Result<(), FollowError> {
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    let insert_key = transaction.prepare_cached(INSERT_HOUR_KEY).await?;
    for key in &entries.keys {
        transaction
            .execute(&insert_key, &[&as_i32(key.hour)?, &key.sealed])
            .await?;
    }
    let insert = transaction.prepare_cached(INSERT_ENTRY).await?;
    for entry in &entries.entries {
        let index = i64::try_from(entry.index).map_err(|_| DatabaseError::Row)?;
        let at = Timestamp::from_microsecond(entry.at).map_err(|_| DatabaseError::Row)?;
        let practice = (!entry.practice.is_empty()).then_some(&entry.practice);
        let values: [&(dyn ToSql + Sync); 16] = [
            &index,
            &at,
            &as_i16(entry.kind)?,
            &as_i16(entry.decision)?,
            &as_i16(entry.purpose)?,
            &as_i16(entry.role)?,
            &practice,
            &as_i16(entry.item_kind)?,
            &entry.session,
            &entry.principal,
            &entry.patient,
            &entry.item,
            &entry.leaf,
            &entry.body,
            &entry.room_wrap,
            &as_i32(entry.hour)?,
        ];
        transaction.execute(&insert, &values).await?;
    }
    transaction.commit().await?;
    Ok(())
}

fn as_i16(number: i32) -> Result<i16, DatabaseError> {
    i16::try_from(number).map_err(|_| DatabaseError::Row)
}

fn as_i32(number: u32) -> Result<i32, DatabaseError> {
    i32::try_from(number).map_err(|_| DatabaseError::Row)
}

pub(crate) const NEXT_INDEX: &str = "select coalesce(max(index) + 1, 0) from entry";

pub(crate) const INSERT_HOUR_KEY: &str =
    "insert into hour_key (hour, sealed) values ($1, $2) on conflict (hour) do nothing";

pub(crate) const INSERT_ENTRY: &str = "insert into entry
    (index, at, kind, decision, purpose, role, practice, item_kind,
     session, principal, patient, item, leaf, body, room_wrap, hour)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
    on conflict (index) do nothing";

pub(crate) const STATEMENTS: &[&str] = &[NEXT_INDEX, INSERT_HOUR_KEY, INSERT_ENTRY];
