//! What the keeper noticed, and that somebody is told of it: whoever is on call gets a mail, and officers see the list.
//!
//! The row is made in the transaction that takes the entry over, so no alarm is lost between keeper and mail. What cannot
//! wait is mailed at once; what somebody looks at later waits for an hour, so that one mail tells of all of it. After each
//! mail the next one waits a few minutes: whoever floods the keeper with alarms does not flood a mailbox.
//!
//! The mail says which rule spoke, how often and when, and names nobody. Numbers and people stand in the ledger.

use crate::database::DatabaseError;
use crate::incidents::rule;
use crate::mail::{Letter, MailError};
use crate::room::Room;
use crate::sender::SendError;
use crate::steward::{day, hour};
use crate::texts::Sender;
use deadpool_postgres::{Pool, Transaction};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use tracing::warn;

/// How long a sender holds the rows.
pub const LEASE: SignedDuration = SignedDuration::from_secs(90);
/// How long after a mail the next one waits.
pub const BETWEEN: SignedDuration = SignedDuration::from_mins(5);
/// How long what can wait does.
pub(crate) const LATER: SignedDuration = SignedDuration::from_hours(1);
/// How long a due mail may take before officers are asked to ring.
const LATE: SignedDuration = SignedDuration::from_mins(15);
/// The wait between two tries.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);
/// How many the officers' page shows.
const SHOWN: i64 = 30;

/// An alarm as officers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// Its ledger index.
    pub index: i64,
    /// When the rule spoke.
    pub at: Timestamp,
    /// The rule's number.
    pub rule: i16,
    /// When that mail left.
    pub told_at: Option<Timestamp>,
}

/// Tells whoever is on call of everything they were not told yet; returns how many alarms were worked on.
pub async fn step(room: &Room, now: Timestamp) -> Result<usize, SendError> {
    if !is_due(&room.pool, now).await? || !room.mailer.is_reachable().await {
        return Ok(0);
    }
    let leased = lease(&room.pool, now).await?;
    let Some(last) = leased.iter().map(|alarm| alarm.index).max() else {
        return Ok(0);
    };
    let indexes: Vec<i64> = leased.iter().map(|alarm| alarm.index).collect();
    match tell(room, &leased, last, now).await {
        Ok(()) => told(&room.pool, &indexes, now).await?,
        Err(error) => {
            warn!(%error, "whoever is on call was not told of an alarm; it is tried again");
            failed(&room.pool, &indexes, error.word(), now).await?;
        }
    }
    Ok(leased.len())
}

/// It counts as told when one of the mailboxes took it.
async fn tell(room: &Room, alarms: &[Alarm], last: i64, now: Timestamp) -> Result<(), MailError> {
    let (subject, body) = words(alarms, &room.config.zone, &room.config.sender);
    let mut outcome = Err(MailError::Address);
    for (number, to) in (0u8..).zip(&room.config.on_call) {
        let mut id = *b"alarm\0\0\0\0\0\0\0\0\0\0\0";
        id[7] = number;
        id[8..].copy_from_slice(&last.to_be_bytes());
        let letter = Letter {
            to,
            subject,
            body: body.clone(),
            message_id: room.codes.message_id(&id),
            now,
        };
        match room.mailer.send(letter).await {
            Ok(()) => outcome = Ok(()),
            Err(error) if outcome.is_err() => outcome = Err(error),
            Err(_) => {}
        }
    }
    outcome
}

/// Subject and body. They name rules and times, and nobody.
pub fn words(alarms: &[Alarm], zone: &TimeZone, sender: &Sender) -> (&'static str, String) {
    let mut by_rule: BTreeMap<(bool, i16), Vec<Timestamp>> = BTreeMap::new();
    for alarm in alarms {
        let key = (!rule::wakes(alarm.rule), alarm.rule);
        by_rule.entry(key).or_default().push(alarm.at);
    }
    let mut lines = String::new();
    for ((_, number), times) in &by_rule {
        let moment = |at: Option<&Timestamp>| {
            at.map_or_else(String::new, |at| {
                format!("{} on {}", hour(*at, zone), day(*at, zone))
            })
        };
        let when = if times.len() == 1 {
            moment(times.first())
        } else {
            format!(
                "{} times, the last at {}",
                times.len(),
                moment(times.iter().max())
            )
        };
        lines.extend(["- ", rule::words(*number), " (", &when, ")\n"]);
    }
    let is_urgent = alarms.iter().any(|alarm| rule::wakes(alarm.rule));
    let (subject, next) = if is_urgent {
        (
            "Candour: something needs you now",
            "Open the incident room now, at the address you always use. The first page lists these alarms and every case.\n\
             Where you are in doubt, stop it first: press Freeze at the top of any page of the room, and freeze the portal.\n\
             If the room does not open, candour freeze does it on the machine. Two people can let it go again.",
        )
    } else {
        (
            "Candour: look at this today",
            "Open the incident room today, at the address you always use. The first page lists these alarms and every case.\n\
             A rule may have stopped somebody already. How much was opened before that stands in the case and in the ledger.\n\
             Whether anything was taken, only people can say: look, and ring whoever it is about.",
        )
    };
    let body = format!(
        "This is for whoever is on call at {operator}.\n\n\
         What Candour noticed\n\
         {lines}\n\
         What you can do\n\
         {next}\n\n\
         This mail names nobody on purpose. It has no link. Nobody asks you for a password or a code.\n",
        operator = sender.operator,
    );
    (subject, body)
}

async fn is_due(pool: &Pool, now: Timestamp) -> Result<bool, DatabaseError> {
    let since = now - BETWEEN;
    Ok(pool
        .get()
        .await?
        .query_one(IS_DUE, &[&now, &since])
        .await?
        .try_get(0)?)
}

/// Takes everything that nobody was told of and no sender holds, due or not: one mail tells of all.
pub async fn lease(pool: &Pool, now: Timestamp) -> Result<Vec<Alarm>, DatabaseError> {
    let until = now + LEASE;
    let client = pool.get().await?;
    let rows = client.query(LEASE_ROWS, &[&now, &until]).await?;
    rows.iter().map(read).collect()
}

async fn told(pool: &Pool, indexes: &[i64], now: Timestamp) -> Result<(), DatabaseError> {
    let client = pool.get().await?;
    client.execute(TOLD, &[&indexes, &now]).await?;
    Ok(())
}

async fn failed(
    pool: &Pool,
    indexes: &[i64],
    word: &str,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let again = now + AGAIN;
    let client = pool.get().await?;
    client.execute(FAILED, &[&indexes, &again, &word]).await?;
    Ok(())
}

/// Queues the alarms among entries that are taken over, in that transaction.
pub(crate) async fn queue(
    transaction: &Transaction<'_>,
    alarms: &[(i64, i16)],
) -> Result<(), tokio_postgres::Error> {
    if alarms.is_empty() {
        return Ok(());
    }
    let indexes: Vec<i64> = alarms.iter().map(|(index, _)| *index).collect();
    let wakes: Vec<bool> = alarms.iter().map(|(_, rule)| rule::wakes(*rule)).collect();
    let queue = transaction.prepare_cached(QUEUE).await?;
    transaction
        .execute(&queue, &[&indexes, &wakes, &LATER.as_secs()])
        .await?;
    Ok(())
}

/// Whether a mail with an alarm has been due for long and did not leave.
pub async fn is_late(pool: &Pool, now: Timestamp) -> Result<bool, DatabaseError> {
    let since = now - LATE;
    let client = pool.get().await?;
    Ok(client.query_one(IS_LATE, &[&since]).await?.try_get(0)?)
}

/// The newest alarms, newest first.
pub async fn newest(pool: &Pool) -> Result<Vec<Alarm>, DatabaseError> {
    let rows = pool.get().await?.query(NEWEST, &[&SHOWN]).await?;
    rows.iter().map(read).collect()
}

fn read(row: &tokio_postgres::Row) -> Result<Alarm, DatabaseError> {
    Ok(Alarm {
        index: row.try_get("index")?,
        at: row.try_get("at")?,
        rule: row.try_get("rule")?,
        told_at: row.try_get("told_at")?,
    })
}

/// Queues alarms: index and whether it wakes somebody, side by side.
pub(crate) const QUEUE: &str = "
    insert into alarm (index, at, rule, due_at, next_at)
    select index, entry.at, decision, due.at, due.at
    from unnest($1::bigint[], $2::boolean[]) as asked(index, wakes)
    join entry using (index)
    cross join lateral (
        select case when wakes then entry.at else entry.at + $3::bigint * interval '1 second' end as at
    ) due
    on conflict (index) do nothing";

pub(crate) const IS_DUE: &str = "
    select exists (select from alarm where told_at is null and next_at <= $1)
       and not exists (select from alarm where told_at > $2)";

pub(crate) const IS_LATE: &str =
    "select exists (select from alarm where told_at is null and due_at < $1)";

pub(crate) const LEASE_ROWS: &str = "
    update alarm set attempts = attempts + 1, next_at = $2
    where index in (
        select index from alarm where told_at is null and (attempts = 0 or next_at <= $1)
        for update skip locked)
    returning index, at, rule, told_at";

pub(crate) const TOLD: &str = "
    update alarm set told_at = $2, last_error = null where index = any($1) and told_at is null";

pub(crate) const FAILED: &str = "
    update alarm set next_at = $2, last_error = $3 where index = any($1) and told_at is null";

pub(crate) const NEWEST: &str = "
    select index, at, rule, told_at from alarm order by index desc limit $1";

pub(crate) const STATEMENTS: &[&str] = &[QUEUE, IS_DUE, IS_LATE, LEASE_ROWS, TOLD, FAILED, NEWEST];
