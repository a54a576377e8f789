//! Signals become incidents: what the keeper froze by itself opens a case, with nobody at the keyboard.

pub mod rule;
mod timeline;

pub(crate) use timeline::add as note_in;
pub use timeline::{Event, TimelineRow, events, note, note_once_an_hour};

use crate::closing::NAMES_STAY;
use crate::database::DatabaseError;
use candour_keeper_api::words::{EntryKind, Role};
use candour_seal::IncidentId;
use deadpool_postgres::Pool;
use jiff::Timestamp;

/// A case.
#[derive(Debug, Clone)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// When the room opened it.
    pub opened_at: Timestamp,
    /// Ledger index of the freeze that opened it.
    pub trigger_index: u64,
    /// Number of the rule of detection; 0 when a person froze something.
    pub rule: i16,
    /// Surrogate of the session, 0 for none.
    pub session: i64,
    /// Surrogate of the principal, 0 for none.
    pub principal: i64,
    /// When two officers first unlocked the room's key for it.
    pub unlocked_at: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
}

impl Incident {
    /// Whether it names neither a session nor a principal: nobody's openings can be counted, so that what was lost is
    /// not known. People must find it out; no text may be drafted from it.
    pub const fn names_nobody(&self) -> bool {
        self.session == 0 && self.principal == 0
    }

    /// Whether its people's names can be read, once two officers have unlocked them: for practices that still tell
    /// somebody, also a while after it was closed.
    pub fn has_names(&self, now: Timestamp) -> bool {
        self.closed_at
            .is_none_or(|closed_at| now < closed_at + NAMES_STAY)
    }

    /// Whether it is about this principal: whoever a case is about writes nothing in it.
    pub const fn is_about(&self, principal: i64) -> bool {
        self.principal != 0 && self.principal == principal
    }
}

/// A freeze by the keeper, or an alarm without one, that no case covers yet.
struct Signal {
    index: i64,
    at: Timestamp,
    session: i64,
    principal: i64,
    rule: i16,
    is_freeze: bool,
    alarm_at: Option<Timestamp>,
}

/// Alarms of the keeper that open a case though nobody is frozen by them: about itself, rows changed past it (100),
/// entries that are lost (101), a witness that saw another past (103), and policies that cannot be used (110); a recovery
/// at a practice's counter that the account's holder did not ask for; and two people whose records were read as one
/// person's (165).
const WITHOUT_FREEZE: [i16; 6] = [100, 101, 103, RECOVERY_STOPPED, 110, 165];
/// The keeper's number of that alarm.
pub(crate) const RECOVERY_STOPPED: i16 = 104;

/// Opens a case for each freeze that the keeper made by itself, and for each alarm without one, that no case covers:
/// none that is open, and none that was looked at up to this signal when it was closed.
///
/// `fresh_id` gives random ids. Safe to repeat: a signal opens one case.
pub async fn open_new(
    pool: &Pool,
    now: Timestamp,
    fresh_id: impl Fn() -> IncidentId,
) -> Result<Vec<Incident>, DatabaseError> {
    let client = pool.get().await?;
    let (alarm, freeze) = (kind(EntryKind::Alarm), kind(EntryKind::Freeze));
    let keeper = i16::from(Role::Keeper.number());
    let rows = client
        .query(
            SIGNALS,
            &[&freeze, &keeper, &alarm, &WITHOUT_FREEZE.as_slice()],
        )
        .await?;
    let mut opened = Vec::new();
    for row in rows {
        let signal = Signal {
            index: row.try_get("index")?,
            at: row.try_get("at")?,
            session: row.try_get("session")?,
            principal: row.try_get("principal")?,
            rule: row.try_get::<_, Option<i16>>("rule")?.unwrap_or(0),
            is_freeze: row.try_get("is_freeze")?,
            alarm_at: row.try_get("alarm_at")?,
        };
        let covered: bool = client
            .query_one(
                IS_COVERED,
                &[
                    &signal.session,
                    &signal.principal,
                    &signal.rule,
                    &signal.index,
                ],
            )
            .await?
            .try_get(0)?;
        if covered {
            continue;
        }
        if let Some(incident) = open(pool, &signal, fresh_id(), now).await? {
            opened.push(incident);
        }
    }
    Ok(opened)
}

async fn open(
    pool: &Pool,
    signal: &Signal,
    id: IncidentId,
    now: Timestamp,
) -> Result<Option<Incident>, DatabaseError> {
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    let id_bytes = id.as_bytes().as_slice();
    let inserted = transaction
        .execute(
            INSERT,
            &[
                &id_bytes,
                &now,
                &signal.index,
                &signal.rule,
                &signal.session,
                &signal.principal,
            ],
        )
        .await?;
    if inserted == 0 {
        return Ok(None);
    }
    let index = Some(signal.index);
    if let Some(alarm_at) = signal.alarm_at {
        let detail = rule::words(signal.rule);
        timeline::add(
            &transaction,
            id,
            alarm_at,
            Event::Alarm,
            "Candour",
            detail,
            index,
        )
        .await?;
    }
    if signal.is_freeze {
        let froze = "The keeper froze it. Nothing more was released.";
        timeline::add(
            &transaction,
            id,
            signal.at,
            Event::Freeze,
            "Candour",
            froze,
            index,
        )
        .await?;
    }
    let aware = if signal.is_freeze {
        "Reasonable grounds: the keeper's own rule struck and stopped it."
    } else {
        "Reasonable grounds: the keeper itself says so."
    };
    timeline::add(
        &transaction,
        id,
        now,
        Event::Opened,
        "Candour",
        "The incident opened itself.",
        index,
    )
    .await?;
    timeline::add(&transaction, id, now, Event::Aware, "Candour", aware, index).await?;
    transaction.commit().await?;
    Ok(Some(Incident {
        id,
        opened_at: now,
        trigger_index: u64::try_from(signal.index).map_err(|_| DatabaseError::Row)?,
        rule: signal.rule,
        session: signal.session,
        principal: signal.principal,
        unlocked_at: None,
        closed_at: None,
    }))
}

/// Stamps that two officers unlocked the key; the first time stays.
pub async fn unlocked(pool: &Pool, id: IncidentId, now: Timestamp) -> Result<(), DatabaseError> {
    let id = id.as_bytes().as_slice();
    pool.get().await?.execute(UNLOCKED, &[&id, &now]).await?;
    Ok(())
}

/// Every case, newest first.
pub async fn all(pool: &Pool) -> Result<Vec<Incident>, DatabaseError> {
    let rows = pool.get().await?.query(ALL, &[]).await?;
    rows.iter().map(read).collect()
}

/// One case.
pub async fn find(pool: &Pool, id: IncidentId) -> Result<Option<Incident>, DatabaseError> {
    let id = id.as_bytes().as_slice();
    let row = pool.get().await?.query_opt(FIND, &[&id]).await?;
    row.as_ref().map(read).transpose()
}

/// The role in which a principal last did something; `None` where nothing is known.
pub async fn role_of(pool: &Pool, principal: i64) -> Result<Option<Role>, DatabaseError> {
    let keeper = i16::from(Role::Keeper.number());
    let client = pool.get().await?;
    let row = client.query_opt(ROLE_OF, &[&principal, &keeper]).await?;
    let number: Option<i16> = row.map(|row| row.try_get(0)).transpose()?;
    Ok(number.and_then(|number| Role::try_from(i32::from(number)).ok()))
}

fn read(row: &tokio_postgres::Row) -> Result<Incident, DatabaseError> {
    let id: &[u8] = row.try_get("id")?;
    let trigger_index: i64 = row.try_get("trigger_index")?;
    Ok(Incident {
        id: IncidentId::try_from(id).map_err(|_| DatabaseError::Row)?,
        opened_at: row.try_get("opened_at")?,
        trigger_index: u64::try_from(trigger_index).map_err(|_| DatabaseError::Row)?,
        rule: row.try_get("rule")?,
        session: row.try_get("session")?,
        principal: row.try_get("principal")?,
        unlocked_at: row.try_get("unlocked_at")?,
        closed_at: row.try_get("closed_at")?,
    })
}

fn kind(kind: EntryKind) -> i16 {
    i16::from(kind.number())
}

pub(crate) const SIGNALS: &str = "
    select stopped.index, stopped.at, stopped.session, stopped.principal, stopped.kind = $1 as is_freeze,
           case when stopped.kind = $1 then alarm.decision else stopped.decision end as rule,
           case when stopped.kind = $1 then alarm.at else stopped.at end as alarm_at
    from entry stopped
    left join lateral (
        select decision, at from entry
        where kind = $3 and index <= stopped.index + 8
          and ((stopped.session <> 0 and session = stopped.session)
            or (stopped.principal <> 0 and principal = stopped.principal))
        order by index desc limit 1
    ) alarm on true
    where (stopped.kind = $1 or (stopped.kind = $3 and stopped.decision = any($4))) and stopped.role = $2
      and not exists (select 1 from incident where trigger_index = stopped.index)
    order by stopped.index";

pub(crate) const IS_COVERED: &str = "
    select exists (
        select 1 from incident
        where (closed_at is null or $4 < closed_index)
          and (($1::bigint <> 0 and session = $1) or ($2::bigint <> 0 and principal = $2)
            or ($1 = 0 and $2 = 0 and session = 0 and principal = 0 and rule = $3)))";

pub(crate) const INSERT: &str = "
    insert into incident (id, opened_at, trigger_index, rule, session, principal)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (trigger_index) do nothing";

pub(crate) const UNLOCKED: &str =
    "update incident set unlocked_at = coalesce(unlocked_at, $2) where id = $1";

pub(crate) const ALL: &str = "
    select id, opened_at, trigger_index, rule, session, principal, unlocked_at, closed_at
    from incident order by opened_at desc";

pub(crate) const FIND: &str = "
    select id, opened_at, trigger_index, rule, session, principal, unlocked_at, closed_at
    from incident where id = $1";

pub(crate) const ROLE_OF: &str = "
    select role from entry where principal = $1 and role <> $2 order by index desc limit 1";

pub(crate) const STATEMENTS: &[&str] = &[
    ROLE_OF,
    SIGNALS,
    IS_COVERED,
    INSERT,
    UNLOCKED,
    ALL,
    FIND,
    timeline::ADD,
    timeline::ADD_ONCE_AN_HOUR,
    timeline::EVENTS,
];
