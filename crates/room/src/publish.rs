//! Publishing: as soon as two different officers have approved exactly the list that stands now.

use crate::database::DatabaseError;
use crate::incidents::{Event, Incident, note};
use crate::notices::{self, Versions};
use crate::portal;
use crate::register;
use crate::room::Room;
use crate::scope::Scope;
use crate::steward::StewardError;
use crate::texts::{self, List, TextKind};
use candour_seal::{Digest, IncidentId, SystemRandom};
use deadpool_postgres::Pool;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use tracing::info;

/// How many different officers must approve.
pub const OFFICERS: usize = 2;

/// How long after a statement the next one is promised.
const NEXT_UPDATE: SignedDuration = SignedDuration::from_hours(24);

/// Whether enough officers have approved exactly this list.
pub async fn is_approved(
    pool: &Pool,
    incident: IncidentId,
    list: &List,
) -> Result<bool, DatabaseError> {
    has_approved(pool, incident, list.hash()).await
}

/// Whether enough different officers have approved exactly what has this hash.
pub async fn has_approved(
    pool: &Pool,
    incident: IncidentId,
    hash: Digest,
) -> Result<bool, DatabaseError> {
    let approvals = texts::approvals(pool, incident, hash).await?;
    let officers: BTreeSet<_> = approvals.iter().map(|approval| approval.officer).collect();
    Ok(officers.len() >= OFFICERS)
}

/// Publishes the statement and queues every notice, once the list is approved. Safe to repeat at any point.
pub async fn publish_when_approved(
    room: &Room,
    incident: &Incident,
    scope: &Scope,
    list: &List,
    now: Timestamp,
) -> Result<(), StewardError> {
    let id = incident.id;
    if room.has_published(id, list.hash()) || !is_approved(&room.pool, id, list).await? {
        return Ok(());
    }
    // Not the time at which the step began: the second approval may have come since.
    let now = now.max(crate::clock::now());
    let (Some(statement), Some(practice), Some(patient)) = (
        list.text(TextKind::Statement),
        list.text(TextKind::PracticeNotice),
        list.text(TextKind::PatientNotice),
    ) else {
        return Ok(());
    };
    // First: whoever gets a mail finds the list that it speaks of.
    register::keep_approved(&room.pool, id).await?;
    let concerned = register::practices(&room.pool, id).await?;
    let practices = portal::practices(&room.portal, &concerned).await?;
    let members = register::members(&room.pool, id).await?;
    let versions = Versions {
        practice: practice.draft.version,
        patient: patient.draft.version,
        holder: list
            .text(TextKind::HolderNotice)
            .map(|text| text.draft.version),
    };
    let queued = notices::queue(
        &room.pool,
        &room.codes,
        id,
        (&practices, &members),
        versions,
        now,
        &mut SystemRandom,
    )
    .await?;
    let kind = (TextKind::Statement, statement.draft.version);
    let number = number(&room.pool, id, kind, now, now + NEXT_UPDATE).await?;
    texts::mark_published(&room.pool, id, &list.texts, now).await?;
    if let Some(number) = number {
        let detail = format!(
            "Statement {number} was published, with the numbers of scope version {}.",
            scope.version
        );
        note(&room.pool, id, now, Event::Published, "Candour", &detail).await?;
    }
    info!(incident = %id, queued, "the list is approved: the statement is out, notices are queued");
    room.set_published(id, list.hash());
    room.wake.notify_waiters();
    Ok(())
}

/// Gives a statement its number; `None` when it has one already.
pub(crate) async fn number(
    pool: &Pool,
    incident: IncidentId,
    (kind, version): (TextKind, i32),
    now: Timestamp,
    next: Timestamp,
) -> Result<Option<i32>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let row = pool
        .get()
        .await?
        .query_opt(PUBLISH, &[&id, &kind.word(), &version, &now, &next])
        .await?;
    row.map(|row| Ok(row.try_get(0)?)).transpose()
}

/// A published statement.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Over all incidents, from 1.
    pub number: i32,
    /// The case.
    pub incident: IncidentId,
    /// A statement, or an update of one.
    pub kind: TextKind,
    /// Version of its text.
    pub text_version: i32,
    /// The scope version whose numbers it states.
    pub scope_version: i32,
    /// When it was published.
    pub published_at: Timestamp,
    /// When the next one is promised.
    pub next_update_at: Timestamp,
    /// Heading.
    pub subject: String,
    /// The text.
    pub words: String,
}

/// Every statement, newest first.
pub async fn statements(pool: &Pool) -> Result<Vec<Statement>, DatabaseError> {
    let rows = pool.get().await?.query(PUBLISHED, &[]).await?;
    rows.iter()
        .map(|row| {
            let incident: &[u8] = row.try_get("incident")?;
            Ok(Statement {
                number: row.try_get("number")?,
                incident: IncidentId::try_from(incident).map_err(|_| DatabaseError::Row)?,
                kind: TextKind::from_word(row.try_get("kind")?).ok_or(DatabaseError::Row)?,
                text_version: row.try_get("text_version")?,
                scope_version: row.try_get("scope_version")?,
                published_at: row.try_get("published_at")?,
                next_update_at: row.try_get("next_update_at")?,
                subject: row.try_get("subject")?,
                words: row.try_get("words")?,
            })
        })
        .collect()
}

pub(crate) const PUBLISH: &str = "
    insert into statement (number, incident, kind, text_version, published_at, next_update_at)
    select coalesce(max(number), 0) + 1, $1, $2, $3, $4, $5 from statement
    on conflict (incident, kind, text_version) do nothing
    returning number";

pub(crate) const PUBLISHED: &str = "
    select statement.number, statement.incident, statement.kind, statement.text_version, statement.published_at,
           statement.next_update_at, text.scope_version, text.subject, text.words
    from statement
    join text_version text on text.incident = statement.incident and text.kind = statement.kind
                          and text.version = statement.text_version
    order by statement.number desc";

pub(crate) const STATEMENTS: &[&str] = &[PUBLISH, PUBLISHED];
