//! What a practice's privacy officer is told of at once: each clinician who went on past a spent budget (design, section
//! 7), and each recovery at its counter that the account's holder did not ask for.
//!
//! The room does it, and not the portal or its worker, because it hears of every entry from the keeper itself: a
//! portal that was taken over can neither hold a mail back nor see that it is due. The row is made in the transaction
//! that takes the entry over; it is leased before the mail leaves and marked right after. A process that dies in
//! between sends the same mail again, with the same `Message-ID`.
//!
//! A practice has no mailbox of its privacy officer's own yet: the mail goes to the practice's public mailbox, says
//! in its subject for whom it is, and therefore names nobody. Who it was and why stands in the portal, for the manager.

use crate::database::DatabaseError;
use crate::mail::{Letter, MailError};
use crate::portal::{self, Practice};
use crate::room::Room;
use crate::sender::SendError;
use crate::steward::{day, hour};
use crate::texts::Sender;
use candour_seal::PracticeId;
use deadpool_postgres::Pool;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use tracing::warn;

/// Rows that one pass takes.
const BATCH: i64 = 16;
/// How long a sender holds a row.
pub const LEASE: SignedDuration = SignedDuration::from_secs(90);
/// The longest wait between two tries. No row is given up: a mailbox may be mended.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);
/// After so many tries the officers are asked to ring.
const TRIES_BEFORE_RINGING: i32 = 5;

/// A reopening or stopped recovery that this sender holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leased {
    /// Its ledger index.
    pub index: i64,
    /// Whose people it was.
    pub practice: PracticeId,
    /// A recovery that was stopped.
    pub is_recovery: bool,
    /// When.
    pub at: Timestamp,
    /// Tries so far, this one included.
    pub attempts: i32,
}

/// Tells practices of what they were not told yet; returns how many rows were worked on.
pub async fn step(room: &Room, now: Timestamp) -> Result<usize, SendError> {
    if !is_due(&room.pool, now).await? || !room.mailer.is_reachable().await {
        return Ok(0);
    }
    let leased = lease(&room.pool, BATCH, now).await?;
    let ids: Vec<PracticeId> = leased.iter().map(|row| row.practice).collect();
    let known: BTreeMap<PracticeId, Practice> = portal::practices(&room.portal, &ids)
        .await?
        .into_iter()
        .map(|practice| (practice.id, practice))
        .collect();
    for row in &leased {
        match tell(room, row, known.get(&row.practice), now).await {
            Ok(()) => told(&room.pool, row.index, crate::clock::now()).await?,
            Err(error) => {
                warn!(practice = %row.practice, %error, "a practice was not told of a reopened budget or a stopped recovery; it is tried again");
                failed(&room.pool, row, error.word(), now).await?;
            }
        }
    }
    Ok(leased.len())
}

async fn tell(
    room: &Room,
    row: &Leased,
    practice: Option<&Practice>,
    now: Timestamp,
) -> Result<(), MailError> {
    let practice = practice.ok_or(MailError::Address)?;
    let words = if row.is_recovery {
        recovery_words
    } else {
        words
    };
    let (subject, body) = words(practice, row.at, &room.config.zone, &room.config.sender);
    let mut id = *b"reopened\0\0\0\0\0\0\0\0";
    id[8..].copy_from_slice(&row.index.to_be_bytes());
    let letter = Letter {
        to: &practice.email,
        subject: &subject,
        body,
        message_id: room.codes.message_id(&id),
        now,
    };
    room.mailer.send(letter).await
}

/// Subject and body. They name the practice and the time, and no person.
pub fn words(
    practice: &Practice,
    at: Timestamp,
    zone: &TimeZone,
    sender: &Sender,
) -> (String, String) {
    let body = format!(
        "Kia ora {practice},\n\n\
         This is for your privacy officer. If that is not you, please pass it on.\n\n\
         What happened\n\
         At {hour} on {day}, a doctor or nurse of your practice reached the limit on opening records in the portal.\n\
         They used their passkey, gave a reason, and went on.\n\
         The portal allows this, so that care never waits. We tell you each time.\n\n\
         What you can do\n\
         Ask your practice manager to sign in to the portal, at the address you always use.\n\
         Under \u{201c}Who went on past the limit\u{201d} it says who it was, when, how many times, and why.\n\
         Most often it was a busy day, and there is nothing more to do.\n\
         If nobody at your practice knows of it, ring us at once. We can stop the sign-in that was used.\n\n\
         For more information\n\
         Ring {operator} on {phone}.\n\
         This mail names nobody on purpose. It has no link. We never ask for a password or a code.\n",
        practice = practice.name,
        hour = hour(at, zone),
        day = day(at, zone),
        operator = sender.operator,
        phone = sender.phone,
    );
    let subject = format!(
        "For the privacy officer of {}: a limit on opening records",
        practice.name
    );
    (subject, body)
}

/// The same for a recovery that the account's holder stopped. The patient stands in the portal, and in no mail.
fn recovery_words(
    practice: &Practice,
    at: Timestamp,
    zone: &TimeZone,
    sender: &Sender,
) -> (String, String) {
    let body = format!(
        "Kia ora {practice},\n\n\
         This is for your privacy officer and your manager. If that is not you, please pass it on at once.\n\n\
         What happened\n\
         Two people of your practice gave out a code at your counter, for somebody who could not get into their account any more.\n\
         At {hour} on {day}, whoever holds that account said: this was not me.\n\
         The code, and everything made with it, opens nothing any more.\n\n\
         What you can do\n\
         Find out today who asked for the code at your counter, and who gave it out.\n\
         Until you know, give out no further code to the same person.\n\
         We look at what was opened meanwhile, and ring you.\n\n\
         For more information\n\
         Ring {operator} on {phone}.\n\
         This mail names nobody on purpose. It has no link. We never ask for a password or a code.\n",
        practice = practice.name,
        hour = hour(at, zone),
        day = day(at, zone),
        operator = sender.operator,
        phone = sender.phone,
    );
    let subject = format!(
        "For the privacy officer of {}: a code from your counter",
        practice.name
    );
    (subject, body)
}

async fn is_due(pool: &Pool, now: Timestamp) -> Result<bool, DatabaseError> {
    Ok(pool
        .get()
        .await?
        .query_one(IS_DUE, &[&now])
        .await?
        .try_get(0)?)
}

/// Takes up to `limit` rows whose time has come, the oldest first.
pub async fn lease(pool: &Pool, limit: i64, now: Timestamp) -> Result<Vec<Leased>, DatabaseError> {
    let until = now + LEASE;
    let rows = pool
        .get()
        .await?
        .query(LEASE_ROWS, &[&now, &until, &limit])
        .await?;
    rows.iter()
        .map(|row| {
            let practice: &[u8] = row.try_get("practice")?;
            Ok(Leased {
                index: row.try_get("index")?,
                practice: PracticeId::try_from(practice).map_err(|_| DatabaseError::Row)?,
                at: row.try_get("at")?,
                is_recovery: row.try_get("is_recovery")?,
                attempts: row.try_get("attempts")?,
            })
        })
        .collect()
}

async fn told(pool: &Pool, index: i64, now: Timestamp) -> Result<(), DatabaseError> {
    pool.get().await?.execute(TOLD, &[&index, &now]).await?;
    Ok(())
}

async fn failed(
    pool: &Pool,
    row: &Leased,
    word: &str,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let wait = SignedDuration::from_secs(1_i64 << row.attempts.clamp(0, 12)).min(LONGEST_WAIT);
    let again = now + wait;
    pool.get()
        .await?
        .execute(FAILED, &[&row.index, &again, &word])
        .await?;
    Ok(())
}

/// Practices that several mails did not reach, each with how many reopenings it was not told of: they are rung.
pub async fn to_ring(room: &Room) -> Result<Vec<(Practice, i64)>, DatabaseError> {
    let rows = room
        .pool
        .get()
        .await?
        .query(TO_RING, &[&TRIES_BEFORE_RINGING])
        .await?;
    let mut waiting: BTreeMap<PracticeId, i64> = BTreeMap::new();
    for row in &rows {
        let practice: &[u8] = row.try_get("practice")?;
        let practice = PracticeId::try_from(practice).map_err(|_| DatabaseError::Row)?;
        waiting.insert(practice, row.try_get("number")?);
    }
    let ids: Vec<PracticeId> = waiting.keys().copied().collect();
    let known = portal::practices(&room.portal, &ids).await?;
    Ok(known
        .into_iter()
        .filter_map(|practice| {
            let number = waiting.get(&practice.id).copied()?;
            Some((practice, number))
        })
        .collect())
}

pub(crate) const QUEUE: &str = "
    insert into reopening (index, practice, at, next_at)
    select index, practice, at, at from entry
    where index = any($1) and (decision = 0 or kind = 10) and practice is not null
    on conflict (index) do nothing";

pub(crate) const IS_DUE: &str =
    "select exists (select from reopening where told_at is null and next_at <= $1)";

pub(crate) const LEASE_ROWS: &str = "
    update reopening set attempts = attempts + 1, next_at = $2
    where index in (
        select index from reopening where told_at is null and next_at <= $1
        order by index limit $3 for update skip locked)
    returning index, practice, at, attempts,
        (select kind = 10 from entry where entry.index = reopening.index) as is_recovery";

pub(crate) const TOLD: &str = "
    update reopening set told_at = $2, last_error = null where index = $1 and told_at is null";

pub(crate) const FAILED: &str = "
    update reopening set next_at = $2, last_error = $3 where index = $1 and told_at is null";

pub(crate) const TO_RING: &str = "
    select practice, count(*) as number from reopening
    where told_at is null and attempts >= $1 group by practice";

pub(crate) const STATEMENTS: &[&str] = &[QUEUE, IS_DUE, LEASE_ROWS, TOLD, FAILED, TO_RING];
