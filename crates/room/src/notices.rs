//! The queue of notices: one row, one effect; leased, tried again, visible when stuck.

use crate::codes::CodeKey;
use crate::database::DatabaseError;
use crate::portal::Practice;
use crate::register::Member;
use crate::texts::TextKind;
use candour_keeper_api::words::{EntryKind, Purpose};
use candour_seal::{CryptoRng, IncidentId};
use deadpool_postgres::Pool;
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::types::ToSql;

/// How long a sender holds a row; after that another try may begin.
pub const LEASE: SignedDuration = SignedDuration::from_secs(90);

/// After so many tries a row is stuck, where an officer sees it.
pub const MOST_ATTEMPTS: i32 = 10;

/// How a notice goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// By mail.
    Mail,
    /// It waits in the portal.
    Portal,
    /// The practice rings.
    Call,
}

impl Channel {
    /// The word in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Portal => "portal",
            Self::Call => "call",
        }
    }
}

/// A row that this sender holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leased {
    /// The notice.
    pub id: [u8; 16],
    /// The practice or patient.
    pub recipient: [u8; 16],
    /// Version of its text.
    pub text_version: i32,
    /// When the row was made.
    pub made_at: Timestamp,
    /// Tries so far, this one included.
    pub attempts: i32,
    /// The recipient's own sign-in was used: the text is the one for them.
    pub is_holder: bool,
    /// When the message before it went the same way to the same recipient, if there was one when the row was made:
    /// then this one replaces it.
    pub replaces: Option<Timestamp>,
}

/// What rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The case.
    pub incident: IncidentId,
    /// `true`: practices; `false`: patients.
    pub is_practice: bool,
    /// Mail or portal.
    pub channel: Channel,
}

impl Wanted {
    const fn recipient(self) -> &'static str {
        if self.is_practice {
            "practice"
        } else {
            "patient"
        }
    }
}

/// A notice that is to be queued.
struct New<'a> {
    recipient: &'static str,
    id: &'a [u8; 16],
    channel: Channel,
    state: &'static str,
    text_version: i32,
    is_holder: bool,
}

/// The versions of the texts that are sent.
#[derive(Debug, Clone, Copy)]
pub struct Versions {
    /// Of the message to practices.
    pub practice: i32,
    /// Of the message to patients.
    pub patient: i32,
    /// Of the message to the person whose sign-in was used, where there is one.
    pub holder: Option<i32>,
}

/// Queues a notice for each practice and member in one transaction; what is queued already stays as it is, but an
/// older text that nobody has tried to send yet gives way: nobody gets two messages at once.
///
/// Nobody who is not on the route of mail gets a mail row: they stand on the call list. A canary gets nothing. What was
/// queued from an earlier list and has not left, for somebody who is cleared or must not get a mail any more, goes.
pub async fn queue(
    pool: &Pool,
    keys: &CodeKey,
    incident: IncidentId,
    to: (&[Practice], &[Member]),
    versions: Versions,
    now: Timestamp,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<u64, DatabaseError> {
    let (practices, members) = to;
    let mut all = Vec::new();
    for practice in practices {
        let has_mailbox = !practice.email.trim().is_empty();
        all.push(New {
            recipient: "practice",
            id: practice.id.as_bytes(),
            channel: if has_mailbox {
                Channel::Mail
            } else {
                Channel::Call
            },
            state: if has_mailbox {
                "waiting"
            } else {
                "on_call_list"
            },
            text_version: versions.practice,
            is_holder: false,
        });
    }
    for member in members.iter().filter(|member| member.route != "canary") {
        let is_mail = member.route == "mail";
        let holder = versions.holder.filter(|_| member.is_holder);
        let text_version = holder.unwrap_or(versions.patient);
        all.push(New {
            recipient: "patient",
            id: member.patient.as_bytes(),
            channel: if is_mail {
                Channel::Mail
            } else {
                Channel::Call
            },
            state: if is_mail { "waiting" } else { "on_call_list" },
            text_version,
            is_holder: holder.is_some(),
        });
        all.push(New {
            recipient: "patient",
            id: member.patient.as_bytes(),
            channel: Channel::Portal,
            state: "waiting",
            text_version,
            is_holder: holder.is_some(),
        });
    }
    insert(pool, keys, incident, &all, now, rng).await
}

async fn insert(
    pool: &Pool,
    keys: &CodeKey,
    incident: IncidentId,
    all: &[New<'_>],
    now: Timestamp,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<u64, DatabaseError> {
    let mut ids = vec![[0; 16]; all.len()];
    for id in &mut ids {
        rng.fill_bytes(id);
    }
    let incident = incident.as_bytes().as_slice();
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    transaction.execute(DROP_UNWANTED, &[&incident]).await?;
    let statement = transaction.prepare_cached(QUEUE).await?;
    let give_way = transaction.prepare_cached(GIVE_WAY).await?;
    let mut queued = 0;
    for (new, id) in all.iter().zip(&ids) {
        let hash = keys.check().hash(keys.code(id));
        let (id, recipient, hash) = (id.as_slice(), new.id.as_slice(), hash.as_slice());
        let channel = new.channel.word();
        let older: [&(dyn ToSql + Sync); 6] = [
            &incident,
            &new.recipient,
            &recipient,
            &channel,
            &new.text_version,
            &new.is_holder,
        ];
        transaction.execute(&give_way, &older).await?;
        let values: [&(dyn ToSql + Sync); 10] = [
            &id,
            &incident,
            &new.recipient,
            &recipient,
            &new.text_version,
            &channel,
            &new.state,
            &hash,
            &now,
            &new.is_holder,
        ];
        queued += transaction.execute(&statement, &values).await?;
    }
    transaction.commit().await?;
    Ok(queued)
}

/// Takes up to `limit` rows that wait, failed a while ago, or whose holder let the lease run out.
pub async fn lease(
    pool: &Pool,
    wanted: Wanted,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<Leased>, DatabaseError> {
    let incident = wanted.incident.as_bytes().as_slice();
    let until = now + LEASE;
    let values: [&(dyn ToSql + Sync); 6] = [
        &incident,
        &wanted.recipient(),
        &wanted.channel.word(),
        &now,
        &until,
        &limit,
    ];
    let rows = pool.get().await?.query(LEASE_ROWS, &values).await?;
    rows.iter()
        .map(|row| {
            let (id, recipient): (&[u8], &[u8]) =
                (row.try_get("id")?, row.try_get("recipient_id")?);
            Ok(Leased {
                id: id.try_into().map_err(|_| DatabaseError::Row)?,
                recipient: recipient.try_into().map_err(|_| DatabaseError::Row)?,
                text_version: row.try_get("text_version")?,
                made_at: row.try_get("made_at")?,
                attempts: row.try_get("attempts")?,
                is_holder: row.try_get("is_holder")?,
                replaces: row.try_get("replaces")?,
            })
        })
        .collect()
}

/// It left our systems, or stands in the portal.
pub async fn handed_over(
    pool: &Pool,
    id: &[u8; 16],
    grant_index: Option<i64>,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let id = id.as_slice();
    pool.get()
        .await?
        .execute(HANDED_OVER, &[&id, &now, &grant_index])
        .await?;
    Ok(())
}

/// It did not leave; it is tried again later, each time after a longer wait, and stuck after ten tries or at once
/// when trying again cannot help. Nobody waits for a stuck mail: that person's practice rings them.
pub async fn failed(
    pool: &Pool,
    leased: &Leased,
    word: &str,
    is_final: bool,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let id = leased.id.as_slice();
    let is_stuck = is_final || leased.attempts >= MOST_ATTEMPTS;
    let state = if is_stuck { "stuck" } else { "failed" };
    let wait = 1_i64 << leased.attempts.clamp(0, 10);
    let again = now + SignedDuration::from_secs(wait);
    pool.get()
        .await?
        .execute(FAILED, &[&id, &state, &word, &again])
        .await?;
    Ok(())
}

/// The person cannot or must not be mailed after all: the practice rings.
pub async fn to_call_list(
    pool: &Pool,
    id: &[u8; 16],
    word: &str,
    grant_index: Option<i64>,
) -> Result<(), DatabaseError> {
    let id = id.as_slice();
    pool.get()
        .await?
        .execute(TO_CALL_LIST, &[&id, &word, &grant_index])
        .await?;
    Ok(())
}

/// Gives a lease back without counting a try.
pub async fn give_back(pool: &Pool, id: &[u8; 16]) -> Result<(), DatabaseError> {
    let id = id.as_slice();
    pool.get().await?.execute(GIVE_BACK, &[&id]).await?;
    Ok(())
}

/// How many rows stand where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// `practice` or `patient`.
    pub recipient: String,
    /// `mail`, `portal` or `call`.
    pub channel: String,
    /// The state's word.
    pub state: String,
    /// How many messages.
    pub number: i64,
    /// How many people or practices they are to: after a second count, somebody has more than one message.
    pub recipients: i64,
    /// The last hand-over among them.
    pub last_at: Option<Timestamp>,
}

/// Counts of a case's notices.
pub async fn counts(pool: &Pool, incident: IncidentId) -> Result<Vec<Count>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let rows = pool.get().await?.query(COUNTS, &[&id]).await?;
    rows.iter()
        .map(|row| {
            Ok(Count {
                recipient: row.try_get("recipient")?,
                channel: row.try_get("channel")?,
                state: row.try_get("state")?,
                number: row.try_get("number")?,
                recipients: row.try_get("recipients")?,
                last_at: row.try_get("last_at")?,
            })
        })
        .collect()
}

/// What went out of one version of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Which text.
    pub kind: TextKind,
    /// Its version.
    pub version: i32,
    /// How many went by mail.
    pub mails: i64,
    /// How many wait in the portal.
    pub in_portal: i64,
    /// When the first went.
    pub first_at: Timestamp,
}

/// Which versions of the messages of a case went out.
pub async fn sent(pool: &Pool, incident: IncidentId) -> Result<Vec<Sent>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let rows = pool.get().await?.query(SENT, &[&id]).await?;
    rows.iter()
        .map(|row| {
            let (recipient, is_holder): (&str, bool) =
                (row.try_get("recipient")?, row.try_get("is_holder")?);
            Ok(Sent {
                kind: match (recipient, is_holder) {
                    ("practice", _) => TextKind::PracticeNotice,
                    (_, true) => TextKind::HolderNotice,
                    (_, false) => TextKind::PatientNotice,
                },
                version: row.try_get("text_version")?,
                mails: row.try_get("mails")?,
                in_portal: row.try_get("in_portal")?,
                first_at: row.try_get("first_at")?,
            })
        })
        .collect()
}

/// How many mails to people left with an address that a run had opened: the entry of the opening says so.
pub async fn mailed_by_run(pool: &Pool, incident: IncidentId) -> Result<i64, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let values: [&(dyn ToSql + Sync); 3] = [
        &id,
        &i16::from(EntryKind::Open.number()),
        &i16::from(Purpose::IncidentNotice.number()),
    ];
    let row = pool.get().await?.query_one(MAILED_BY_RUN, &values).await?;
    Ok(row.try_get(0)?)
}

/// The state of one recipient's notice: who, channel, state, and why.
pub type State = (Vec<u8>, String, String, Option<String>);

/// The state of every notice of a case, for the lists; of one recipient and channel, the newest last.
pub async fn states(pool: &Pool, incident: IncidentId) -> Result<Vec<State>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let rows = pool.get().await?.query(STATES, &[&id]).await?;
    rows.iter()
        .map(|row| {
            Ok((
                row.try_get("recipient_id")?,
                row.try_get("channel")?,
                row.try_get("state")?,
                row.try_get("last_error")?,
            ))
        })
        .collect()
}

/// The hash of every code that may be out, with the time to be said for it.
pub async fn code_hashes(pool: &Pool) -> Result<Vec<(Vec<u8>, Timestamp)>, DatabaseError> {
    let rows = pool.get().await?.query(CODE_HASHES, &[]).await?;
    rows.iter()
        .map(|row| Ok((row.try_get("code_hash")?, row.try_get("at")?)))
        .collect()
}

pub(crate) const QUEUE: &str = "
    insert into notice (id, incident, recipient, recipient_id, text_version, channel, state, code_hash, made_at, is_holder)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    on conflict (incident, recipient, recipient_id, text_version, channel) do nothing";

pub(crate) const GIVE_WAY: &str = "
    delete from notice
    where incident = $1 and recipient = $2 and recipient_id = $3 and channel = $4
      and state = 'waiting' and attempts = 0 and (text_version <> $5 or is_holder <> $6)";

/// What is not to leave any more, by what the register says now: nothing to whoever is cleared, and no mail to whoever is
/// told in another way.
macro_rules! is_unwanted {
    () => {
        "recipient = 'patient' and exists (
            select 1 from register
            where register.incident = notice.incident and register.patient = notice.recipient_id
              and (register.state = 'cleared' or notice.channel = 'mail' and register.route <> 'mail'))"
    };
}

pub(crate) const DROP_UNWANTED: &str = concat!(
    "delete from notice where incident = $1 and state in ('waiting', 'failed') and ",
    is_unwanted!()
);

pub(crate) const LEASE_ROWS: &str = concat!(
    "
    update notice set state = 'sending', attempts = attempts + 1, lease_until = $5
    where id in (
        select id from notice
        where incident = $1 and recipient = $2 and channel = $3
          and (state = 'waiting' or (state in ('failed', 'sending') and lease_until <= $4))
          and not (",
    is_unwanted!(),
    ")
        order by made_at, id limit $6 for update skip locked)
    returning id, recipient_id, text_version, made_at, attempts, is_holder,
        (select max(earlier.handed_over_at) from notice earlier
         where earlier.incident = notice.incident and earlier.recipient = notice.recipient
           and earlier.recipient_id = notice.recipient_id and earlier.channel = notice.channel
           and earlier.handed_over_at <= notice.made_at) as replaces"
);

pub(crate) const HANDED_OVER: &str = "
    update notice set state = 'handed_over', handed_over_at = $2, grant_index = $3,
                      lease_until = null, last_error = null
    where id = $1 and state <> 'handed_over'";

pub(crate) const FAILED: &str = "
    update notice set
        state = case when $2 = 'stuck' and recipient = 'patient' and channel = 'mail' then 'on_call_list' else $2 end,
        last_error = case when $2 = 'stuck' and recipient = 'patient' and channel = 'mail' then 'not_arrived' else $3 end,
        lease_until = $4
    where id = $1 and state = 'sending'";

pub(crate) const TO_CALL_LIST: &str = "
    update notice set state = 'on_call_list', last_error = $2, grant_index = $3, lease_until = null
    where id = $1 and state = 'sending'";

pub(crate) const GIVE_BACK: &str = "
    update notice set state = 'waiting', attempts = attempts - 1, lease_until = null
    where id = $1 and state = 'sending'";

pub(crate) const COUNTS: &str = "
    select recipient, channel, state, count(*) as number,
        count(distinct recipient_id) as recipients, max(handed_over_at) as last_at
    from notice where incident = $1 group by recipient, channel, state
    order by recipient desc, channel, state";

pub(crate) const SENT: &str = "
    select recipient, is_holder, text_version, count(*) filter (where channel = 'mail') as mails,
        count(*) filter (where channel = 'portal') as in_portal, min(handed_over_at) as first_at
    from notice where incident = $1 and state = 'handed_over'
    group by recipient, is_holder, text_version order by recipient desc, is_holder, text_version";

pub(crate) const MAILED_BY_RUN: &str = "
    select count(*) from notice join entry on entry.index = notice.grant_index
    where notice.incident = $1 and notice.recipient = 'patient' and notice.channel = 'mail'
      and notice.state = 'handed_over' and entry.kind = $2 and entry.decision = 0 and entry.purpose = $3";

pub(crate) const STATES: &str = "
    select recipient_id, channel, state, last_error from notice
    where incident = $1 order by recipient_id, channel, made_at";

pub(crate) const CODE_HASHES: &str = "
    select code_hash, coalesce(handed_over_at, made_at) as at from notice
    where channel in ('mail', 'portal') order by code_hash";

pub(crate) const STATEMENTS: &[&str] = &[
    QUEUE,
    GIVE_WAY,
    DROP_UNWANTED,
    LEASE_ROWS,
    HANDED_OVER,
    FAILED,
    TO_CALL_LIST,
    GIVE_BACK,
    COUNTS,
    SENT,
    MAILED_BY_RUN,
    STATES,
    CODE_HASHES,
];
