//! Where an act stands, for one officer.

use super::Act;
use crate::acts::{self, TwoPersonAct};
use crate::closing::{self, Obstacle};
use crate::database::DatabaseError;
use crate::incidents::Incident;
use crate::pages::session::Officer;
use crate::room::Room;
use crate::texts::{self, Approval};
use crate::{clock, publish, scope, steward, updates};
use candour_keeper_api::words::Role;
use candour_seal::{Digest, IncidentId};
use jiff::Timestamp;

/// Where an act stands, for one officer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pages) enum Standing {
    /// It is done.
    Done,
    /// Something else must be done first.
    NotYet,
    /// The case cannot be closed now.
    Hindered(Obstacle),
    /// This officer can do it now, as the first or the second.
    Yours {
        /// The second of two.
        is_second: bool,
    },
    /// This officer has done their part; another must answer.
    WaitsForAnother,
}

/// Where an act stands.
pub(in crate::pages) async fn standing(
    room: &Room,
    incident: &Incident,
    officer: &Officer,
    act: Act,
) -> Result<Standing, DatabaseError> {
    let id = incident.id;
    let now = clock::now();
    if let Some(standing) = settled(incident, act, now) {
        return Ok(standing);
    }
    match act {
        Act::Unlock if room.unlocked(id).is_some() => Ok(Standing::Done),
        Act::Unlock => by_two(room, id, officer, TwoPersonAct::Unlock, true).await,
        Act::Approve => match steward::list(room, id).await? {
            Some(list) => approving(room, id, officer, list.hash()).await,
            None => Ok(Standing::NotYet),
        },
        Act::Run => run(room, id, officer).await,
        Act::TakeIn(session) => Ok(match left_out(room, incident, session).await? {
            Some(_) => Standing::Yours { is_second: false },
            None => Standing::Done,
        }),
        Act::Stop(session) => Ok(match account_session(room, incident, session).await? {
            Some(session) if !session.may_be_open(now) => Standing::Done,
            Some(_) if may_stop(officer.role) => Standing::Yours { is_second: false },
            _ => Standing::NotYet,
        }),
        Act::Update => match updates::offered_now(&room.pool, incident, now).await? {
            Some(update) => approving(room, id, officer, update.draft.hash()).await,
            None => Ok(Standing::NotYet),
        },
        Act::Close => match closing::look(room, incident, now).await? {
            Ok(closing) => approving(room, id, officer, closing.hash()).await,
            Err(obstacle) => Ok(Standing::Hindered(obstacle)),
        },
    }
}

async fn run(
    room: &Room,
    incident: IncidentId,
    officer: &Officer,
) -> Result<Standing, DatabaseError> {
    let Some(list) = steward::list(room, incident).await? else {
        return Ok(Standing::NotYet);
    };
    let runs = acts::runs(&room.pool, incident).await?;
    let is_told = !runs.is_empty() && untold(room, incident).await? == 0;
    if is_told || runs.iter().any(|run| run.finished_at.is_none()) {
        return Ok(Standing::Done);
    }
    let approved = publish::is_approved(&room.pool, incident, &list).await?;
    let approvals = texts::approvals(&room.pool, incident, list.hash()).await?;
    let is_mine = |approval: &Approval| approval.officer == officer.person;
    if !approved && !approvals.iter().any(is_mine) {
        return Ok(Standing::NotYet);
    }
    // The second officer's answer makes mail leave: both approvals come first.
    by_two(room, incident, officer, TwoPersonAct::Run, approved).await
}

/// Where an act of two officers in the keeper stands; `may_finish`: the second one can answer.
async fn by_two(
    room: &Room,
    incident: IncidentId,
    officer: &Officer,
    act: TwoPersonAct,
    may_finish: bool,
) -> Result<Standing, DatabaseError> {
    Ok(match acts::pending(&room.pool, incident, act).await? {
        None => Standing::Yours { is_second: false },
        Some(pending) if pending.officer == officer.person => Standing::WaitsForAnother,
        Some(_) if !may_finish => Standing::NotYet,
        // By the keeper's policy a communications officer begins such acts and does not approve them.
        Some(_) if officer.role == Role::CommunicationsOfficer => Standing::WaitsForAnother,
        Some(_) => Standing::Yours { is_second: true },
    })
}

/// Where an act stands because of what the case is, whoever asks.
fn settled(incident: &Incident, act: Act, now: Timestamp) -> Option<Standing> {
    if incident.closed_at.is_some() {
        return match act {
            Act::Close => Some(Standing::Done),
            Act::Unlock if incident.has_names(now) => None,
            _ => Some(Standing::NotYet),
        };
    }
    let is_for_all = matches!(act, Act::Unlock | Act::Close);
    (incident.names_nobody() && !is_for_all).then_some(Standing::NotYet)
}

/// Where the approval of exactly this by two officers stands.
async fn approving(
    room: &Room,
    incident: IncidentId,
    officer: &Officer,
    hash: Digest,
) -> Result<Standing, DatabaseError> {
    if publish::has_approved(&room.pool, incident, hash).await? {
        return Ok(Standing::Done);
    }
    let approvals = texts::approvals(&room.pool, incident, hash).await?;
    let is_mine = |approval: &Approval| approval.officer == officer.person;
    Ok(if approvals.iter().any(is_mine) {
        Standing::WaitsForAnother
    } else {
        Standing::Yours {
            is_second: !approvals.is_empty(),
        }
    })
}

/// Who may stop a session, by the keeper's policy.
pub(in crate::pages) const fn may_stop(role: Role) -> bool {
    matches!(role, Role::PrivacyOfficer | Role::SecurityOfficer)
}

/// The session, if it is one of the account's.
pub(super) async fn account_session(
    room: &Room,
    incident: &Incident,
    session: i64,
) -> Result<Option<scope::AccountSession>, DatabaseError> {
    let mut sessions = scope::sessions(&room.pool, incident).await?.into_iter();
    Ok(sessions.find(|one| one.session == session))
}

/// The session, if it is one of the account's that the scope leaves out.
pub(super) async fn left_out(
    room: &Room,
    incident: &Incident,
    session: i64,
) -> Result<Option<scope::AccountSession>, DatabaseError> {
    let session = account_session(room, incident, session).await?;
    Ok(session.filter(|session| !session.why.is_in()))
}

async fn untold(room: &Room, incident: IncidentId) -> Result<i64, DatabaseError> {
    let counts = crate::notices::counts(&room.pool, incident).await?;
    Ok(counts
        .iter()
        .filter(|count| {
            count.recipient == "patient"
                && matches!(count.state.as_str(), "waiting" | "sending" | "failed")
        })
        .map(|count| count.number)
        .sum())
}
