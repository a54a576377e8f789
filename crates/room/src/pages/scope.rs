//! The scope: the account's sessions, in and out, and every version of the answer.

use super::cases::moment;
use super::session::Officer;
use super::{Problem, acts, page, words};
use crate::room::Room;
use crate::{clock, scope};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Html;
use std::sync::Arc;

/// More sessions than this are not shown, the newest first.
const MOST_SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "room/scope.html")]
struct ScopePage {
    officer: Option<Officer>,
    id: String,
    sessions_in: Vec<ShownSession>,
    sessions_out: Vec<ShownSession>,
    /// Whether sessions can be taken in.
    is_open: bool,
    /// How many more are out and not shown.
    more: usize,
    versions: Vec<ShownVersion>,
}

struct ShownSession {
    session: i64,
    began: String,
    last: String,
    people: i64,
    openings: i64,
    why: &'static str,
    /// Whether it can be open still, and who ended it.
    state: &'static str,
    can_stop: bool,
}

struct ShownVersion {
    version: i32,
    computed: String,
    to_index: i64,
    hash: String,
    counts: scope::Counts,
    added: usize,
    removed: usize,
}

pub(super) async fn show(
    State(room): State<Arc<Room>>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<Html<String>, Problem> {
    let incident = acts::incident(&room, &id).await?;
    let (now, is_open) = (clock::now(), incident.closed_at.is_none());
    let all = scope::sessions(&room.pool, &incident).await?;
    let ids: Vec<i64> = all.iter().map(|session| session.session).collect();
    let by_session = scope::released_by(&room.pool, &ids).await?;
    let (mut sessions_in, mut sessions_out) = (Vec::new(), Vec::new());
    for session in all.iter().rev() {
        let released = by_session.get(&session.session);
        // One that released nothing lost nothing: it is shown only where the keeper stopped it.
        if released.is_none() && session.why != scope::Why::Stopped {
            continue;
        }
        let shown = ShownSession {
            session: session.session,
            began: moment(&room, session.at),
            last: released.map_or_else(String::new, |released| moment(&room, released.last_at)),
            people: released.map_or(0, |released| released.people),
            openings: released.map_or(0, |released| released.openings),
            why: words::why_session(session.why),
            state: words::session_state(session, now),
            can_stop: is_open && acts::may_stop(officer.role) && session.may_be_open(now),
        };
        if session.why.is_in() {
            sessions_in.push(shown);
        } else {
            sessions_out.push(shown);
        }
    }
    let more = sessions_out.len().saturating_sub(MOST_SHOWN);
    sessions_out.truncate(MOST_SHOWN);
    let mut versions = Vec::new();
    let mut before = Vec::new();
    for version in scope::versions(&room.pool, incident.id).await? {
        let releases = scope::releases(&room.pool, incident.id, version.version).await?;
        let difference = scope::difference(&before, &releases);
        versions.push(ShownVersion {
            version: version.version,
            computed: moment(&room, version.computed_at),
            to_index: version.to_index,
            hash: version.hash.to_string(),
            counts: version.counts,
            added: difference.added.len(),
            removed: difference.removed.len(),
        });
        before = releases;
    }
    versions.reverse();
    Ok(page(&ScopePage {
        officer: Some(officer),
        id,
        sessions_in,
        sessions_out,
        is_open,
        more,
        versions,
    }))
}
