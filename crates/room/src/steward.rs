//! Brings every open case as far as it can go by itself. A person is needed for unlocking, approving, opening the run,
//! and closing.
//!
//! Each step reads where the case stands from the database, so that a process that was killed goes on.

use crate::incidents::{self, Incident};
use crate::register::{self, RegisterError};
use crate::room::Room;
use crate::scope::{self, AccountSession, Scope, Why};
use crate::texts::{self, Facts, Further, List, Sender, TextKind, WayIn};
use crate::{clocks, publish, status, updates};
use crate::{codes::hexadecimal, database::DatabaseError, register::register_hash};
use candour_keeper_api::words::Role;
use candour_seal::{CryptoRng, IncidentId, SystemRandom};
use deadpool_postgres::Pool;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing::{info, warn};

/// Why a case did not go on; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum StewardError {
    /// The register, the keeper or a database.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The status site's files.
    #[error("the status site's files cannot be written")]
    Status(#[from] std::io::Error),
}

impl From<DatabaseError> for StewardError {
    fn from(error: DatabaseError) -> Self {
        Self::Register(error.into())
    }
}

/// Looks at every case once. One that fails does not hold up the others.
pub async fn step(room: &Room, now: Timestamp) -> Result<(), StewardError> {
    let fresh = || {
        let mut bytes = [0; 16];
        let rng: &mut dyn CryptoRng = &mut SystemRandom;
        rng.fill_bytes(&mut bytes);
        IncidentId::from_bytes(bytes)
    };
    for incident in incidents::open_new(&room.pool, now, fresh).await? {
        info!(incident = %incident.id, rule = incident.rule, "an incident opened itself");
    }
    for incident in incidents::all(&room.pool).await? {
        if incident.closed_at.is_some() {
            if !incident.has_names(now) {
                room.lock(incident.id);
            }
            continue;
        }
        if let Err(error) = advance(room, &incident, now).await {
            warn!(incident = %incident.id, %error, "a case did not go on; it is tried again");
        }
    }
    status::write(room).await
}

async fn advance(room: &Room, incident: &Incident, now: Timestamp) -> Result<(), StewardError> {
    let zone = &room.config.zone;
    clocks::start(&room.pool, incident.id, incident.opened_at, zone).await?;
    if incident.names_nobody() {
        // An empty scope would read as "nothing was lost".
        return Ok(());
    }
    bring_scope_up_to_date(room, incident, now).await?;
    let Some(scope) = scope::latest(&room.pool, incident.id).await? else {
        return Ok(());
    };
    if scope.counts == scope::Counts::default()
        && register::version(&room.pool, incident.id).await?.is_none()
    {
        // Nothing was opened: there is nobody to tell, and no text to draft.
        return Ok(());
    }
    if let Some(unlocked) = room.unlocked(incident.id) {
        let year = i32::from(now.to_zoned(room.config.zone.clone()).year());
        if register::version(&room.pool, incident.id).await? != Some(scope.version) {
            let people =
                register::update(&room.pool, &room.keeper, &unlocked, incident, &scope, year)
                    .await?;
            info!(incident = %incident.id, version = scope.version, people, "the register is up to date");
        }
        let sender = &room.config.sender;
        draft(&room.pool, sender, zone, incident, &scope, now).await?;
    }
    if let Some(list) = list(room, incident.id).await? {
        publish::publish_when_approved(room, incident, &scope, &list, now).await?;
    }
    Ok(updates::step(room, incident, &scope, now).await?)
}

/// Asks the ledger again; while the case is unlocked, what the bodies say is read first and kept.
async fn bring_scope_up_to_date(
    room: &Room,
    incident: &Incident,
    now: Timestamp,
) -> Result<(), StewardError> {
    let question = scope::question_of(&room.pool, incident).await?;
    let to_index = scope::ledger_size(&room.pool).await?;
    if let Some(unlocked) = room.unlocked(incident.id) {
        register::read_bodies(&room.pool, &unlocked, &question, to_index).await?;
    }
    let releases = scope::ask(&room.pool, &question, to_index).await?;
    if !scope::is_news(&room.pool, incident.id, &releases).await? {
        return Ok(());
    }
    let checkpoint = room.checkpoint().await;
    let answer = scope::Answer {
        question,
        to_index,
        releases,
        checkpoint,
    };
    let scope = scope::save_next(&room.pool, incident, answer, now).await?;
    info!(
        incident = %incident.id,
        version = scope.version,
        hash = %hexadecimal(scope.hash.as_bytes()),
        "a scope version was computed"
    );
    Ok(())
}

/// Drafts the texts whose words are new with this scope version; none for a case that names nobody, because what was
/// lost in it is not known.
pub async fn draft(
    pool: &Pool,
    sender: &Sender,
    zone: &TimeZone,
    incident: &Incident,
    scope: &Scope,
    now: Timestamp,
) -> Result<(), StewardError> {
    if incident.names_nobody() {
        return Ok(());
    }
    let saved = texts::newest(pool, incident.id).await?;
    let facts = facts(pool, zone, incident, scope).await?;
    let needed = |kind: &TextKind| kind.is_needed(facts.way_in);
    for kind in TextKind::ALL.into_iter().filter(needed) {
        let last = saved.iter().find(|text| text.draft.kind == kind);
        let version = last.map_or(1, |last| last.draft.version + 1);
        let draft = texts::draft(kind, version, scope, &facts, sender);
        let is_same = last.is_some_and(|last| {
            last.draft.words == draft.words && last.draft.subject == draft.subject
        });
        if !is_same && texts::save(pool, incident.id, &draft, now).await? {
            info!(incident = %incident.id, text = kind.word(), version, "a text was drafted");
        }
    }
    Ok(())
}

/// What the texts state, read from the scope's rows.
pub(crate) async fn facts(
    pool: &Pool,
    zone: &TimeZone,
    incident: &Incident,
    scope: &Scope,
) -> Result<Facts, DatabaseError> {
    let releases = scope::releases(pool, incident.id, scope.version).await?;
    let first = releases
        .iter()
        .map(|release| release.granted_at)
        .min()
        .unwrap_or(scope.computed_at);
    let last = releases
        .iter()
        .map(|release| release.granted_at)
        .max()
        .unwrap_or(first);
    let roles = scope::roles(pool, scope).await?;
    let by_patient = [Role::Patient, Role::Proxy]
        .into_iter()
        .any(|role| roles.contains(&i16::from(role.number())));
    Ok(Facts {
        day: day(first, zone),
        span: span(first, last, zone),
        noticed: noticed(first, incident.opened_at, zone),
        way_in: if by_patient {
            WayIn::Patient
        } else {
            WayIn::Staff
        },
        further: further(pool, incident).await?,
        practices: register::practices(pool, incident.id).await?.len(),
        next_update: String::new(),
    })
}

async fn further(pool: &Pool, incident: &Incident) -> Result<Further, DatabaseError> {
    let mut sessions = scope::sessions(pool, incident).await?;
    sessions.retain(|session| session.why.is_in());
    let is_stopped = |session: &AccountSession| session.stopped_at.is_some();
    let is_taken_in = |session: &AccountSession| session.why == Why::TakenIn;
    let goes_on = |session: &AccountSession| {
        is_taken_in(session) && !is_stopped(session) && !session.is_signed_out
    };
    Ok(
        if sessions.iter().any(is_stopped) && !sessions.iter().any(goes_on) {
            Further::Stopped
        } else if sessions
            .iter()
            .any(|one| is_taken_in(one) || is_stopped(one))
        {
            Further::Found
        } else {
            Further::None
        },
    )
}

/// `22 November 2026`.
pub fn day(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%-d %B %Y").to_string()
}

/// `9:02 am`.
pub fn hour(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%-I:%M %P").to_string()
}

/// When it was noticed, seen from the first release: a quiet session may be older than its discovery.
fn noticed(first: Timestamp, opened: Timestamp, zone: &TimeZone) -> String {
    if day(first, zone) == day(opened, zone) {
        "the same day".to_owned()
    } else {
        format!("on {}", day(opened, zone))
    }
}

fn span(first: Timestamp, last: Timestamp, zone: &TimeZone) -> String {
    let (from, to) = (hour(first, zone), hour(last, zone));
    if from == to {
        format!("at about {from}")
    } else if day(first, zone) == day(last, zone) {
        format!("from {from} to {to}")
    } else {
        format!("from {from} until {to} on {}", day(last, zone))
    }
}

/// The list that officers approve, once every text is drafted and the register holds the last scope's people.
pub async fn list(room: &Room, incident: IncidentId) -> Result<Option<List>, DatabaseError> {
    let texts = texts::newest(&room.pool, incident).await?;
    let Some(scope) = scope::latest(&room.pool, incident).await? else {
        return Ok(None);
    };
    let is_current = register::version(&room.pool, incident).await? == Some(scope.version);
    let has = |kind| texts.iter().any(|text| text.draft.kind == kind);
    let members = register::members(&room.pool, incident).await?;
    let has_holder = members.iter().any(|member| member.is_holder);
    let is_missing = |kind: TextKind| !has(kind) && (kind != TextKind::HolderNotice || has_holder);
    if TextKind::ALL.into_iter().any(is_missing) || !is_current {
        return Ok(None);
    }
    Ok(Some(List {
        texts,
        register: register_hash(&room.pool, incident).await?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_said_in_the_words_of_the_place() {
        let zone = TimeZone::get("Pacific/Auckland").unwrap();
        let first: Timestamp = "2026-11-21T20:02:00Z".parse().unwrap();
        let last: Timestamp = "2026-11-21T20:03:10Z".parse().unwrap();
        assert_eq!(day(first, &zone), "22 November 2026");
        assert_eq!(span(first, last, &zone), "from 9:02 am to 9:03 am");
        assert_eq!(span(first, first, &zone), "at about 9:02 am");
        assert_eq!(noticed(first, last, &zone), "the same day");
        let later: Timestamp = "2026-11-23T20:00:00Z".parse().unwrap();
        assert_eq!(noticed(first, later, &zone), "on 24 November 2026");
    }
}
