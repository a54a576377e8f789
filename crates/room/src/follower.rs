//! Follows the records keeper's ledger: every committed entry, by index, without gap.

use crate::database::DatabaseError;
use crate::incidents::RECOVERY_STOPPED;
use crate::{alarms, reopenings};
use candour_keeper_api::wire::{self, Call, Entries, Reply};
use candour_keeper_api::words::EntryKind;
use candour_keeper_api::{CallError, Keeper};
use deadpool_postgres::{Pool, Transaction};
use jiff::Timestamp;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;

/// How many entries are asked for at once.
pub const AT_ONCE: u32 = 2_000;

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
/// Returns how many came. Safe to repeat: it begins after the last entry that stands, and where two take over at once the
/// database refuses the second, which then begins anew.
pub async fn take_over(pool: &Pool, keeper: &Keeper, wait_ms: u32) -> Result<u64, FollowError> {
    let from = next_index(pool).await?;
    let call = Call::EntriesAfter(wire::EntriesAfter {
        from,
        limit: AT_ONCE,
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

/// The principal of one entry, as the keeper has it: it stands there before the room has followed.
pub async fn principal_of(keeper: &Keeper, index: u64) -> Result<i64, CallError> {
    let call = Call::EntriesAfter(wire::EntriesAfter {
        from: index,
        limit: 1,
        wait_ms: 0,
    });
    let Reply::Entries(entries) = keeper.call(call).await? else {
        return Err(CallError::Unexpected);
    };
    match entries.entries.first() {
        Some(entry) if entry.index == index => Ok(entry.principal),
        _ => Err(CallError::Unexpected),
    }
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
    let insert = transaction.prepare_cached(INSERT_ENTRIES).await?;
    Columns::of(&entries.entries)?
        .insert(&transaction, &insert)
        .await?;
    let reopened: Vec<i64> = (entries.entries.iter())
        .filter(|entry| is_for_practice(entry))
        .filter_map(|entry| i64::try_from(entry.index).ok())
        .collect();
    if !reopened.is_empty() {
        let queue = transaction.prepare_cached(reopenings::QUEUE).await?;
        transaction.execute(&queue, &[&reopened]).await?;
    }
    let alarms: Vec<(i64, i16)> = (entries.entries.iter())
        .filter(|entry| entry.kind == i32::from(EntryKind::Alarm))
        .filter_map(|entry| {
            let rule = i16::try_from(entry.decision).ok()?;
            Some((i64::try_from(entry.index).ok()?, rule))
        })
        .collect();
    alarms::queue(&transaction, &alarms).await?;
    transaction.commit().await?;
    Ok(())
}

/// A practice is told of it by mail, whatever comes of it.
fn is_for_practice(entry: &wire::EntryRow) -> bool {
    let is = |kind: EntryKind| entry.kind == i32::from(kind);
    is(EntryKind::Reopening)
        || (is(EntryKind::Alarm) && entry.decision == i32::from(RECOVERY_STOPPED))
}

/// Entries by column: one statement for all of them, because a round trip for each would keep the room from following
/// a busy keeper.
#[derive(Default)]
struct Columns<'a> {
    index: Vec<i64>,
    at: Vec<Timestamp>,
    kind: Vec<i16>,
    decision: Vec<i16>,
    purpose: Vec<i16>,
    role: Vec<i16>,
    practice: Vec<Option<&'a [u8]>>,
    item_kind: Vec<i16>,
    session: Vec<i64>,
    principal: Vec<i64>,
    patient: Vec<i64>,
    item: Vec<i64>,
    leaf: Vec<&'a [u8]>,
    body: Vec<&'a [u8]>,
    room_wrap: Vec<&'a [u8]>,
    hour: Vec<i32>,
}

impl<'a> Columns<'a> {
    fn of(entries: &'a [wire::EntryRow]) -> Result<Self, DatabaseError> {
        let mut columns = Self::default();
        for entry in entries {
            let index = i64::try_from(entry.index).map_err(|_| DatabaseError::Row)?;
            let at = Timestamp::from_microsecond(entry.at).map_err(|_| DatabaseError::Row)?;
            let practice = entry.practice.as_slice();
            columns.index.push(index);
            columns.at.push(at);
            columns.kind.push(as_i16(entry.kind)?);
            columns.decision.push(as_i16(entry.decision)?);
            columns.purpose.push(as_i16(entry.purpose)?);
            columns.role.push(as_i16(entry.role)?);
            columns
                .practice
                .push((!practice.is_empty()).then_some(practice));
            columns.item_kind.push(as_i16(entry.item_kind)?);
            columns.session.push(entry.session);
            columns.principal.push(entry.principal);
            columns.patient.push(entry.patient);
            columns.item.push(entry.item);
            columns.leaf.push(&entry.leaf);
            columns.body.push(&entry.body);
            columns.room_wrap.push(&entry.room_wrap);
            columns.hour.push(as_i32(entry.hour)?);
        }
        Ok(columns)
    }

    async fn insert(
        &self,
        transaction: &Transaction<'_>,
        statement: &Statement,
    ) -> Result<(), tokio_postgres::Error> {
        let values: [&(dyn ToSql + Sync); 16] = [
            &self.index,
            &self.at,
            &self.kind,
            &self.decision,
            &self.purpose,
            &self.role,
            &self.practice,
            &self.item_kind,
            &self.session,
            &self.principal,
            &self.patient,
            &self.item,
            &self.leaf,
            &self.body,
            &self.room_wrap,
            &self.hour,
        ];
        transaction.execute(statement, &values).await.map(drop)
    }
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

pub(crate) const INSERT_ENTRIES: &str = "insert into entry
    (index, at, kind, decision, purpose, role, practice, item_kind,
     session, principal, patient, item, leaf, body, room_wrap, hour)
    select * from unnest($1::bigint[], $2::timestamptz[], $3::smallint[], $4::smallint[], $5::smallint[],
     $6::smallint[], $7::bytea[], $8::smallint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
     $13::bytea[], $14::bytea[], $15::bytea[], $16::integer[])";

pub(crate) const STATEMENTS: &[&str] = &[NEXT_INDEX, INSERT_HOUR_KEY, INSERT_ENTRIES];
