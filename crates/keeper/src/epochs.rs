//! Epoch keys: a new one each month, every subject hung on it in turn, and the old one destroyed when no backup needs it.
//!
//! A destroyed key stands in no backup either: `candour backup` leaves the epoch keys out and writes them beside, into one
//! file that the next backup replaces. So a copy of the databases that was kept too long opens nothing, with the root key
//! and all, and what was erased before is gone for good. See `docs/adr/rotating-keys.md`.
//!
//! Every step is one entry and one transaction, so that after a crash the next one is found in the rows.

use crate::core::Core;
use crate::draft::{Draft, Effect};
use crate::ledger::{LedgerError, Refusal};
use crate::limits::KeyLife;
use crate::reader;
use crate::sql::calls as sql;
use crate::subject_keys::{Epoch, PEOPLE, SubjectKeyError};
use candour_keeper_wire::wire::EpochKeys;
use candour_keeper_wire::words::{EntryKind, Reason};
use deadpool_postgres::PoolError;
use std::sync::atomic::Ordering;

/// Most subjects moved to another epoch key by one entry, one such entry a second: 1.8 million patients in two hours, and
/// no opening waits for more than a few milliseconds of it.
const AT_ONCE: i64 = 256;
/// A day in microseconds.
const DAY: i64 = 86_400_000_000;
/// Why a step came to nothing; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum EpochError {
    /// Keys cannot be had.
    #[error(transparent)]
    Keys(#[from] SubjectKeyError),
    /// It cannot be written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Why the table of epoch keys was not made anew.
#[derive(Debug, thiserror::Error)]
enum SweepError {
    #[error("no connection: {0}")]
    Pool(#[from] PoolError),
    #[error("PostgreSQL refused: {0}")]
    Refused(#[from] tokio_postgres::Error),
}

impl From<EpochError> for Refusal {
    fn from(error: EpochError) -> Self {
        match error {
            EpochError::Keys(error) => Reason::from(error).into(),
            EpochError::Ledger(error) => error.into(),
        }
    }
}

/// Makes a new epoch key for each scope. New subjects hang on it at once, the others follow by [`step`]. Answers with its
/// number and the entry's index.
pub async fn make(core: &Core, by: &str) -> Result<Vec<(i32, u64)>, EpochError> {
    let _turn = core.epoch_turn.lock().await;
    core.subject_keys.look_at_epochs().await?;
    let mut made = Vec::new();
    for last in newest(&core.subject_keys.epochs()) {
        let new = core.subject_keys.next_epoch(&last)?;
        let number = new.epoch;
        let mut draft = Draft::of_keeper(EntryKind::Change);
        draft.body.text = format!("epoch key {number} was made, by {by}");
        draft.effects = vec![Effect::InsertEpochKey(Box::new(new))];
        made.push((number, core.ledger.append_one(draft).await?.index));
    }
    // Where that fails the hourly unwrapping does it: until then new subjects hang on the key before.
    core.unwrap_epochs().await;
    Ok(made)
}

/// Makes new epoch keys where the newest has served its time.
pub async fn make_due(core: &Core) -> Result<(), EpochError> {
    let now = core.clock.now().as_microsecond();
    let serves = DAY * i64::from(core.config.life.epoch_key_days.get());
    let is_due = |epoch: &Epoch| epoch.made_at.saturating_add(serves) <= now;
    if newest(&core.subject_keys.epochs()).iter().any(is_due) {
        make(core, "the keeper itself").await?;
    }
    Ok(())
}

/// Moves some subjects from older epoch keys to the newest, or says that none hangs on them any more. Answers whether
/// there is more to do.
pub async fn step(core: &Core) -> Result<bool, EpochError> {
    let _turn = core.epoch_turn.lock().await;
    let all = core.subject_keys.epochs();
    for newest in newest(&all) {
        let held = |epoch: &&Epoch| is_older(epoch, &newest) && epoch.left_at.is_none();
        let held: Vec<Epoch> = all.iter().filter(held).copied().collect();
        if held.is_empty() {
            continue;
        }
        let moved = core.subject_keys.left_behind(newest.scope, AT_ONCE).await?;
        if moved.is_empty() {
            for epoch in &held {
                if is_hung_on(core, epoch).await? {
                    return Err(SubjectKeyError::Foreign.into());
                }
            }
        }
        let mut draft = Draft::of_keeper(EntryKind::KeyUse);
        draft.body.count = u32::try_from(moved.len()).unwrap_or(u32::MAX);
        draft.body.text = if moved.is_empty() {
            let numbers: Vec<String> = held.iter().map(|one| one.epoch.to_string()).collect();
            format!("nothing hangs on epoch key {} any more", numbers.join(", "))
        } else {
            format!("subjects' keys were moved to epoch key {}", newest.epoch)
        };
        draft.effects = if moved.is_empty() {
            let left = |epoch| Effect::LeaveEpochKey {
                epoch,
                is_left: true,
            };
            held.into_iter().map(left).collect()
        } else {
            vec![Effect::RewrapSubjects(moved)]
        };
        match core.ledger.append_one(draft).await {
            // Somebody's keys changed meanwhile: they are read again.
            Ok(_) | Err(LedgerError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
        core.subject_keys.look_at_epochs().await?;
        return Ok(true);
    }
    Ok(false)
}

/// Destroys the epoch keys that nothing hangs on and no backup needs any more.
pub async fn destroy_due(core: &Core) -> Result<(), EpochError> {
    let _turn = core.epoch_turn.lock().await;
    let now = core.clock.now().as_microsecond();
    let all = core.subject_keys.epochs();
    for newest in newest(&all) {
        for epoch in all.iter().filter(|epoch| is_older(epoch, &newest)) {
            let Some(left_at) = epoch.left_at else {
                continue;
            };
            if is_hung_on(core, epoch).await? {
                // Somebody was admitted in the moment in which the key was replaced.
                let back = Effect::LeaveEpochKey {
                    epoch: *epoch,
                    is_left: false,
                };
                let text = format!("something hangs on epoch key {} after all", epoch.epoch);
                write(core, EntryKind::KeyUse, text, back).await?;
            } else if left_at.saturating_add(kept(core.config.life)) <= now {
                let text = format!(
                    "epoch key {} was destroyed: what was erased before the next one was made opens in no copy any more, names \
                     and addresses wrapped for the incident room aside",
                    epoch.epoch
                );
                write(
                    core,
                    EntryKind::Shred,
                    text,
                    Effect::DestroyEpochKey(*epoch),
                )
                .await?;
                core.is_unswept.store(true, Ordering::Relaxed);
            }
        }
    }
    core.subject_keys.look_at_epochs().await?;
    sweep(core).await;
    Ok(())
}

async fn write(
    core: &Core,
    kind: EntryKind,
    text: String,
    effect: Effect,
) -> Result<(), LedgerError> {
    let mut draft = Draft::of_keeper(kind);
    draft.body.text = text;
    draft.effects = vec![effect];
    core.ledger.append_one(draft).await.map(drop)
}

/// A deleted row lies in its page until something else is written there, which in so small a table may be never.
async fn sweep(core: &Core) {
    if !core.is_unswept.load(Ordering::Relaxed) {
        return;
    }
    let swept = written_anew(core).await;
    core.is_unswept.store(swept.is_err(), Ordering::Relaxed);
    if let Err(error) = swept {
        tracing::warn!(%error, "the table of epoch keys was not made anew; it is tried again");
    }
}

/// Puts the keys that are there into a new file of the table. Emptied and filled again, because `vacuum full` takes along
/// what somebody with an older snapshot might still see. It waits for nobody long.
async fn written_anew(core: &Core) -> Result<(), SweepError> {
    let mut client = core.pool.get().await?;
    let anew = client.transaction().await?;
    anew.batch_execute(sql::WAIT_SHORTLY).await?;
    anew.batch_execute(sql::LOCK_SECRETS).await?;
    let rows = anew.query(sql::SECRETS, &[]).await?;
    anew.execute(sql::EMPTY_SECRETS, &[]).await?;
    for row in rows {
        let (scope, epoch): (&[u8], i32) = (row.get(0), row.get(1));
        let wrapped: &[u8] = row.get(2);
        anew.execute(sql::PUT_SECRET, &[&scope, &epoch, &wrapped])
            .await?;
    }
    Ok(anew.commit().await?)
}

async fn is_hung_on(core: &Core, epoch: &Epoch) -> Result<bool, SubjectKeyError> {
    let scope = epoch.scope.as_slice();
    let rows = reader::rows(&core.pool, sql::IS_HUNG_ON, &[&scope, &epoch.epoch]).await?;
    Ok(rows.first().is_none_or(|row| row.get(0)))
}

/// The newest of each scope.
fn newest(all: &[Epoch]) -> Vec<Epoch> {
    let is_newest =
        |one: &&Epoch| one.destroyed_at.is_none() && !all.iter().any(|other| is_older(one, other));
    all.iter().filter(is_newest).copied().collect()
}

/// Whether an epoch key that is there is older than another of its scope.
fn is_older(one: &Epoch, other: &Epoch) -> bool {
    one.scope == other.scope && one.epoch < other.epoch && one.destroyed_at.is_none()
}

/// For how long a key stays after nothing hangs on it: the newest backup in which something did may be restored.
fn kept(life: KeyLife) -> i64 {
    DAY.saturating_mul(i64::from(life.backups_kept_days) + 1)
}

/// From when on no copy of the databases opens what was erased at a time, and whether that is so already; the day before it
/// is so is an estimate. Times are microseconds.
pub(crate) fn final_at(all: &[Epoch], life: KeyLife, erased_at: i64, now: i64) -> (i64, bool) {
    let of_its_day = all.iter().filter(|epoch| {
        let is_there = epoch.destroyed_at.is_none_or(|at| at > erased_at);
        epoch.scope == PEOPLE && epoch.made_at <= erased_at && is_there
    });
    let end = |epoch: &Epoch| match epoch.destroyed_at {
        Some(at) => (at, true),
        None => (expected(all, life, epoch).max(now), false),
    };
    of_its_day.map(end).fold((erased_at, true), |last, one| {
        (last.0.max(one.0), last.1 && one.1)
    })
}

/// When an epoch key will be destroyed: a day is given to moving everybody away from it.
fn expected(all: &[Epoch], life: KeyLife, epoch: &Epoch) -> i64 {
    let left_at = epoch.left_at.unwrap_or_else(|| {
        let next = all.iter().find(|other| is_older(epoch, other));
        let serves = DAY.saturating_mul(i64::from(life.epoch_key_days.get()));
        let replaced = next.map_or(epoch.made_at.saturating_add(serves), |next| next.made_at);
        replaced.saturating_add(DAY)
    });
    left_at.saturating_add(kept(life))
}

/// What the trust page says.
pub(crate) fn status(core: &Core) -> EpochKeys {
    let (all, life) = (core.subject_keys.epochs(), core.config.life);
    let newest = newest(&all);
    let older = all
        .iter()
        .filter(|epoch| newest.iter().any(|newest| is_older(epoch, newest)));
    let waits = older.clone().filter(|epoch| epoch.left_at.is_some());
    EpochKeys {
        made_at: newest.iter().map(|epoch| epoch.made_at).min().unwrap_or(0),
        made: newest.iter().map(|epoch| epoch.epoch.unsigned_abs()).sum(),
        days: life.epoch_key_days.get().into(),
        is_moving: older.clone().any(|epoch| epoch.left_at.is_none()),
        waiting: u32::try_from(waits.clone().count()).unwrap_or(u32::MAX),
        destroyed_next: waits
            .map(|epoch| expected(&all, life, epoch))
            .min()
            .unwrap_or(0),
        destroyed_last: all
            .iter()
            .filter_map(|epoch| epoch.destroyed_at)
            .max()
            .unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(epoch: i32, made: i64) -> Epoch {
        Epoch {
            scope: PEOPLE,
            epoch,
            made_at: made * DAY,
            left_at: None,
            destroyed_at: None,
        }
    }

    #[test]
    fn an_erasure_is_final_when_every_key_of_its_day_was_destroyed_and_an_estimate_until_then() {
        let life = KeyLife::default();
        let mut all = vec![epoch(1, 0)];
        // 30 days until the next, a day to move, 35 and one for backups.
        assert_eq!(final_at(&all, life, 3 * DAY, 4 * DAY), (67 * DAY, false));
        all.push(epoch(2, 20));
        assert_eq!(final_at(&all, life, 3 * DAY, 21 * DAY), (57 * DAY, false));
        all[0].left_at = Some(22 * DAY);
        assert_eq!(final_at(&all, life, 3 * DAY, 23 * DAY), (58 * DAY, false));
        // Erased while both were there: both must go.
        assert_eq!(final_at(&all, life, 21 * DAY, 23 * DAY), (87 * DAY, false));
        // Late is late.
        assert_eq!(final_at(&all, life, 3 * DAY, 70 * DAY), (70 * DAY, false));
        all[0].destroyed_at = Some(71 * DAY);
        assert_eq!(final_at(&all, life, 3 * DAY, 90 * DAY), (71 * DAY, true));
        assert!(!final_at(&all, life, 21 * DAY, 72 * DAY).1);
        // Of what was erased after that the first key knows nothing.
        assert_eq!(final_at(&all, life, 72 * DAY, 73 * DAY), (87 * DAY, false));
    }
}
