//! The list of cases, one case with what waits for whom, and its scope.

use super::acts::{Act, Standing, standing};
use super::session::Officer;
use super::{Problem, acts, page, words};
use crate::closing::NAMES_STAY;
use crate::database::DatabaseError;
use crate::incidents::{self, Incident};
use crate::room::Room;
use crate::steward::day;
use crate::texts::{self, TextKind};
use crate::{alarms, clock, clocks, notices, register, reopenings, scope, updates};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Html;
use candour_core::incidents::ClockState;
use candour_seal::IncidentId;
use jiff::Timestamp;
use std::sync::Arc;

/// A moment as pages write it, to the second: minutes are too coarse for what a machine does.
pub(super) fn moment(room: &Room, at: Timestamp) -> String {
    let zone = &room.config.zone;
    let at = at.to_zoned(zone.clone());
    at.strftime("%-d %B %Y, %-I:%M:%S %P").to_string()
}

#[derive(Template)]
#[template(path = "room/incidents.html")]
struct AllPage {
    officer: Option<Officer>,
    incidents: Vec<Line>,
    to_ring: Vec<ToRing>,
    alarms: Vec<ShownAlarm>,
    /// Alarms that nobody could be told of yet, though it was time.
    is_untold: bool,
}

/// What the keeper noticed.
struct ShownAlarm {
    at: String,
    words: &'static str,
    index: i64,
    /// When the mail left; empty before.
    told: String,
}

/// A practice that our mails about reopened budgets do not reach.
struct ToRing {
    name: String,
    phone: String,
    number: i64,
}

struct Line {
    id: String,
    opened: String,
    state: &'static str,
}

pub(super) async fn all(
    State(room): State<Arc<Room>>,
    officer: Officer,
) -> Result<Html<String>, Problem> {
    let incidents = incidents::all(&room.pool).await?;
    let incidents = incidents
        .iter()
        .map(|incident| Line {
            id: incident.id.to_string(),
            opened: moment(&room, incident.opened_at),
            state: match (incident.closed_at, incident.unlocked_at) {
                (Some(_), _) => "closed",
                (None, Some(_)) => "open",
                (None, None) => "open, names locked",
            },
        })
        .collect();
    let to_ring = reopenings::to_ring(&room).await?;
    let to_ring = to_ring.into_iter().map(|(practice, number)| ToRing {
        name: practice.name,
        phone: practice.phone,
        number,
    });
    let newest = alarms::newest(&room.pool).await?;
    let is_untold = alarms::is_late(&room.pool, clock::now()).await?;
    let alarms = newest.iter().map(|alarm| ShownAlarm {
        at: moment(&room, alarm.at),
        words: incidents::rule::words(alarm.rule),
        index: alarm.index,
        told: alarm
            .told_at
            .map_or_else(String::new, |at| moment(&room, at)),
    });
    Ok(page(&AllPage {
        officer: Some(officer),
        incidents,
        to_ring: to_ring.collect(),
        alarms: alarms.collect(),
        is_untold,
    }))
}

#[derive(Template)]
#[template(path = "room/incident.html")]
struct OnePage {
    officer: Option<Officer>,
    id: String,
    opened: String,
    rule: &'static str,
    is_loss_known: bool,
    is_unlocked: bool,
    /// The day, where it is closed, and the day until which names can be read.
    closed: Option<(String, String)>,
    promise: Option<Promise>,
    acts: Vec<ShownAct>,
    counts: Option<scope::Counts>,
    left_out: usize,
    /// How many sessions officers stopped.
    stopped: usize,
    has_holder: bool,
    version: i32,
    routes: Vec<(&'static str, i64, i64)>,
    notices: Vec<(String, i64)>,
    clocks: Vec<ShownClock>,
    timeline: Vec<ShownEvent>,
}

/// When the status site said that it would say more.
struct Promise {
    by: String,
    /// Nothing was published until then.
    is_late: bool,
}

struct ShownAct {
    word: String,
    button: &'static str,
    is_yours: bool,
    says: &'static str,
}

struct ShownClock {
    words: String,
    state: String,
    is_regulator: bool,
}

struct ShownEvent {
    at: String,
    author: String,
    detail: String,
}

fn shown(act: Act, standing: Standing) -> ShownAct {
    ShownAct {
        word: act.word(),
        button: act.button(),
        is_yours: matches!(standing, Standing::Yours { .. }),
        says: match standing {
            Standing::Done => "Done.",
            Standing::NotYet => "Not yet: the step before comes first.",
            Standing::Hindered(obstacle) => obstacle.words(),
            Standing::Yours { is_second: false } => {
                "Two officers must do this. You can be the first."
            }
            Standing::Yours { is_second: true } => {
                "Another officer has done their part. It waits for you."
            }
            Standing::WaitsForAnother => "It waits for another officer.",
        },
    }
}

/// The day on which a case was closed, and the day until which its names can be read.
pub(super) fn closed(room: &Room, incident: &Incident) -> Option<(String, String)> {
    let zone = &room.config.zone;
    let closed_at = incident.closed_at?;
    Some((day(closed_at, zone), day(closed_at + NAMES_STAY, zone)))
}

/// Steps that a case does not take are not shown. An update is a step only while one is offered.
fn is_shown(incident: &Incident, act: Act, standing: Standing) -> bool {
    let is_open = incident.closed_at.is_none();
    match act {
        Act::Unlock => is_open || standing != Standing::NotYet,
        Act::Update => !matches!(standing, Standing::NotYet | Standing::Done),
        Act::Close => true,
        Act::Approve | Act::Run | Act::TakeIn(_) | Act::Stop(_) => {
            is_open && !incident.names_nobody()
        }
    }
}

/// The promise that the status site makes, when its time is near or past; a closed case promises nothing.
async fn promise(room: &Room, incident: &Incident) -> Result<Option<Promise>, DatabaseError> {
    let now = clock::now();
    let last = updates::last_statement(&room.pool, incident.id).await?;
    let near = last
        .filter(|last| incident.closed_at.is_none() && last.next_update_at <= now + updates::NEAR);
    Ok(near.map(|last| Promise {
        by: moment(room, last.next_update_at),
        is_late: last.next_update_at < now,
    }))
}

pub(super) async fn one(
    State(room): State<Arc<Room>>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<Html<String>, Problem> {
    let incident = acts::incident(&room, &id).await?;
    let mut acts = Vec::new();
    for act in Act::ALL {
        let standing = standing(&room, &incident, &officer, act).await?;
        if is_shown(&incident, act, standing) {
            acts.push(shown(act, standing));
        }
    }
    let scope = scope::latest(&room.pool, incident.id).await?;
    let promise = promise(&room, &incident).await?;
    let sessions = scope::sessions(&room.pool, &incident).await?;
    let clocks = clocks::running(&room.pool, incident.id, &room.config.zone, clock::now()).await?;
    let timeline = incidents::events(&room.pool, incident.id).await?;
    let texts = texts::newest(&room.pool, incident.id).await?;
    Ok(page(&OnePage {
        officer: Some(officer),
        id,
        opened: moment(&room, incident.opened_at),
        rule: incidents::rule::words(incident.rule),
        is_loss_known: !incident.names_nobody(),
        is_unlocked: room.unlocked(incident.id).is_some(),
        closed: closed(&room, &incident),
        promise,
        acts,
        counts: scope.as_ref().map(|scope| scope.counts),
        left_out: left_out(&room, &incident).await?,
        stopped: sessions
            .iter()
            .filter(|session| session.stopped_at.is_some())
            .count(),
        has_holder: texts
            .iter()
            .any(|text| text.draft.kind == TextKind::HolderNotice),
        version: scope.map_or(0, |scope| scope.version),
        routes: routes(&room, incident.id).await?,
        notices: messages(&room, incident.id).await?,
        clocks: clocks
            .into_iter()
            .map(|running| ShownClock {
                state: clock_words(&room, running.state),
                is_regulator: running.duty.starts_with("regulator")
                    && !matches!(
                        running.state,
                        ClockState::Met { .. } | ClockState::Late { .. }
                    ),
                words: format!("{}. Owed to: {}.", running.regime, running.to),
            })
            .collect(),
        timeline: timeline
            .into_iter()
            .map(|event| ShownEvent {
                at: moment(&room, event.at),
                author: event.author,
                detail: event.detail,
            })
            .collect(),
    }))
}

/// Where messages stand, and how many people were told or must still be told by a person.
pub(super) async fn messages(
    room: &Room,
    incident: IncidentId,
) -> Result<Vec<(String, i64)>, DatabaseError> {
    let counts = notices::counts(&room.pool, incident).await?;
    let mut lines: Vec<(String, i64)> = counts
        .iter()
        .map(|count| (words::messages(count), count.number))
        .collect();
    if !lines.is_empty() {
        let told = register::told(&room.pool, incident).await?.len();
        let to_ring = register::still_to_ring(&room.pool, incident).await?;
        lines.push((
            "People on call lists whom nobody has told yet".to_owned(),
            to_ring,
        ));
        let practices = register::practices_told(&room.pool, incident).await?.len();
        lines.push((
            "Practices told by phone, in person or by letter".to_owned(),
            i64::try_from(practices).unwrap_or(i64::MAX),
        ));
        lines.push((
            "People told by phone, in person or by letter".to_owned(),
            i64::try_from(told).unwrap_or(i64::MAX),
        ));
    }
    Ok(lines)
}

/// How many people are told how: words, people, and how many of them are confirmed.
pub(super) async fn routes(
    room: &Room,
    incident: IncidentId,
) -> Result<Vec<(&'static str, i64, i64)>, DatabaseError> {
    let counts = register::counts(&room.pool, incident).await?;
    Ok(counts
        .iter()
        .map(|count| (words::route(count), count.people, count.confirmed))
        .collect())
}

fn clock_words(room: &Room, state: ClockState) -> String {
    match state {
        ClockState::NotStarted => "Not started.".to_owned(),
        ClockState::Running { due: None } => "Running, without a fixed end.".to_owned(),
        ClockState::Running { due: Some(due) } => format!("Running until {}.", moment(room, due)),
        ClockState::Overdue { since } => format!("Overdue since {}.", moment(room, since)),
        ClockState::Met { at } => format!("Done on {}.", moment(room, at)),
        ClockState::Late { at, due } => format!(
            "Done on {}, due on {}. Keep the reasons.",
            moment(room, at),
            moment(room, due)
        ),
    }
}

/// How many sessions of the account released something and are not in the scope.
pub(super) async fn left_out(room: &Room, incident: &Incident) -> Result<usize, DatabaseError> {
    let sessions = scope::sessions(&room.pool, incident).await?;
    let out: Vec<i64> = sessions
        .iter()
        .filter(|session| !session.why.is_in())
        .map(|session| session.session)
        .collect();
    Ok(scope::released_by(&room.pool, &out).await?.len())
}
