//! Updates: what the status site says when there is nothing new and the promised time comes near. An update is a text
//! with numbers like every statement: two officers approve it, and it is published only while its numbers hold.

use crate::clock;
use crate::database::DatabaseError;
use crate::incidents::{Event, Incident, note};
use crate::publish::{self, Statement};
use crate::room::Room;
use crate::scope::{self, Scope};
use crate::steward::{self, day, hour};
use crate::texts::{self, Draft, Facts, TextKind};
use candour_seal::IncidentId;
use deadpool_postgres::Pool;
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};

/// How long before the promised time an update is drafted; one that waited until its own promise is this near is
/// drafted anew.
pub const NEAR: SignedDuration = SignedDuration::from_hours(12);

/// An update that can be approved now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// The text.
    pub draft: Draft,
    /// When it promises the next one.
    pub next_update_at: Timestamp,
}

/// The newest statement of a case; `None` before the first.
pub async fn last_statement(
    pool: &Pool,
    incident: IncidentId,
) -> Result<Option<Statement>, DatabaseError> {
    let mut statements = publish::statements(pool).await?.into_iter();
    Ok(statements.find(|statement| statement.incident == incident))
}

/// When an update promises the next one: a day after what was promised, on a full hour.
fn promise(promised: Timestamp, now: Timestamp) -> Timestamp {
    let next = promised.max(now) + SignedDuration::from_hours(24);
    let hour = TimestampRound::new()
        .smallest(Unit::Hour)
        .mode(RoundMode::Ceil);
    next.round(hour).unwrap_or(next)
}

/// Whether the promised time is near or past, and the numbers that were published are those of the newest scope.
fn is_due(last: &Statement, scope: &Scope, now: Timestamp) -> bool {
    last.next_update_at <= now + NEAR && last.scope_version == scope.version
}

/// Whether no newer text waits for approval: while one does, "there is nothing new" would be untrue.
async fn is_all_published(pool: &Pool, incident: IncidentId) -> Result<bool, DatabaseError> {
    let texts = texts::newest(pool, incident).await?;
    Ok(texts.iter().all(|text| text.published_at.is_some()))
}

/// The update that officers can approve now: its numbers hold, and its own promise is not near yet.
pub async fn offered(
    pool: &Pool,
    incident: &Incident,
    scope: &Scope,
    now: Timestamp,
) -> Result<Option<Offered>, DatabaseError> {
    let last = last_statement(pool, incident.id).await?;
    let is_due = last.is_some_and(|last| is_due(&last, scope, now));
    if incident.closed_at.is_some() || !is_due || !is_all_published(pool, incident.id).await? {
        return Ok(None);
    }
    let waiting = waiting(pool, incident.id).await?;
    Ok(waiting.filter(|waiting| {
        waiting.draft.scope_version == scope.version && waiting.next_update_at > now + NEAR
    }))
}

/// The same for the newest scope version.
pub async fn offered_now(
    pool: &Pool,
    incident: &Incident,
    now: Timestamp,
) -> Result<Option<Offered>, DatabaseError> {
    match scope::latest(pool, incident.id).await? {
        Some(scope) => offered(pool, incident, &scope, now).await,
        None => Ok(None),
    }
}

/// Drafts an update when one is due, and publishes it when two officers have approved exactly it.
pub async fn step(
    room: &Room,
    incident: &Incident,
    scope: &Scope,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let (pool, id) = (&room.pool, incident.id);
    let Some(last) = last_statement(pool, id).await? else {
        return Ok(());
    };
    if !is_due(&last, scope, now) || !is_all_published(pool, id).await? {
        return Ok(());
    }
    match offered(pool, incident, scope, now).await? {
        Some(update) if publish::has_approved(pool, id, update.draft.hash()).await? => {
            publish(room, incident, &update, now.max(clock::now())).await
        }
        Some(_) => Ok(()),
        None => {
            draft(
                room,
                incident,
                scope,
                promise(last.next_update_at, now),
                now,
            )
            .await
        }
    }
}

async fn draft(
    room: &Room,
    incident: &Incident,
    scope: &Scope,
    next: Timestamp,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let id = incident.id.as_bytes().as_slice();
    let zone = &room.config.zone;
    let facts = Facts {
        next_update: format!("{} on {}", hour(next, zone), day(next, zone)),
        ..steward::facts(&room.pool, zone, incident, scope).await?
    };
    let client = room.pool.get().await?;
    let version: i32 = client.query_one(NEXT_VERSION, &[&id]).await?.try_get(0)?;
    let draft = texts::draft(
        TextKind::Update,
        version,
        scope,
        &facts,
        &room.config.sender,
    );
    let hash = draft.hash();
    client
        .execute(
            DRAFT,
            &[
                &id,
                &draft.version,
                &draft.scope_version,
                &draft.subject,
                &draft.words,
                &hash.as_bytes().as_slice(),
                &now,
                &next,
            ],
        )
        .await?;
    Ok(())
}

async fn publish(
    room: &Room,
    incident: &Incident,
    update: &Offered,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let (kind, version) = (TextKind::Update, update.draft.version);
    let number = publish::number(
        &room.pool,
        incident.id,
        (kind, version),
        now,
        update.next_update_at,
    )
    .await?;
    texts::mark(&room.pool, incident.id, (kind, version), now).await?;
    if let Some(number) = number {
        let detail = format!(
            "Statement {number} was published: there is nothing new, and the numbers of scope version {} still hold.",
            update.draft.scope_version
        );
        let event = Event::Published;
        note(&room.pool, incident.id, now, event, "Candour", &detail).await?;
    }
    Ok(())
}

/// The newest update that was not published.
async fn waiting(pool: &Pool, incident: IncidentId) -> Result<Option<Offered>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let row = pool.get().await?.query_opt(WAITING, &[&id]).await?;
    row.map(|row| {
        Ok(Offered {
            draft: Draft {
                kind: TextKind::Update,
                version: row.try_get("version")?,
                scope_version: row.try_get("scope_version")?,
                subject: row.try_get("subject")?,
                words: row.try_get("words")?,
            },
            next_update_at: row.try_get("next_update_at")?,
        })
    })
    .transpose()
}

pub(crate) const NEXT_VERSION: &str = "
    select coalesce(max(version), 0) + 1 from text_version where incident = $1 and kind = 'update'";

pub(crate) const DRAFT: &str = "
    insert into text_version (incident, kind, version, scope_version, subject, words, hash, made_at, next_update_at)
    values ($1, 'update', $2, $3, $4, $5, $6, $7, $8) on conflict do nothing";

pub(crate) const WAITING: &str = "
    select version, scope_version, subject, words, next_update_at from (
        select * from text_version where incident = $1 and kind = 'update' order by version desc limit 1
    ) newest where published_at is null";

pub(crate) const STATEMENTS: &[&str] = &[NEXT_VERSION, DRAFT, WAITING];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_promise_is_a_day_after_the_last_or_after_now_on_a_full_hour() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let promised = at("2026-11-30T09:12:00Z");
        assert_eq!(
            promise(promised, at("2026-11-29T22:00:00Z")),
            at("2026-12-01T10:00:00Z")
        );
        assert_eq!(
            promise(promised, at("2026-12-03T09:00:00Z")),
            at("2026-12-04T09:00:00Z")
        );
    }
}
