//! Which sessions a case is about. The decision and its reasons: `docs/adr/scope-which-sessions.md`.

use super::Question;
use crate::database::DatabaseError;
use crate::incidents::Incident;
use candour_keeper_api::words::{EntryKind, Role};
use candour_seal::{IncidentId, PersonId};
use deadpool_postgres::Pool;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Why a session of the account is in the scope, or why it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// In: the keeper stopped it.
    Stopped,
    /// In: it began while the account was in somebody else's hands, as far as the ledger says.
    BeganSince,
    /// In: an officer took it in.
    TakenIn,
    /// Out: it began before the first session that was stopped.
    BeganBefore,
    /// Out: it began after the last stop, with a passkey, as all staff do.
    BeganWithPasskey,
    /// Out: it began when people were being told.
    BeganWhenTold,
}

impl Why {
    /// Whether the scope counts the session.
    pub const fn is_in(self) -> bool {
        matches!(self, Self::Stopped | Self::BeganSince | Self::TakenIn)
    }
}

/// One session of the account that a case is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountSession {
    /// Its surrogate.
    pub session: i64,
    /// Ledger index of its first entry.
    pub index: i64,
    /// When it began.
    pub at: Timestamp,
    /// Whether it is in the scope, and why.
    pub why: Why,
}

/// A session as the ledger has it.
#[derive(Debug, Clone, Copy)]
struct Begun {
    session: i64,
    index: i64,
    at: Timestamp,
    is_staff: bool,
    is_stopped: bool,
    is_taken_in: bool,
}

/// Where the account's other hands came and went.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// First entry of the first session that was stopped.
    first: i64,
    /// The last stop.
    last_stop: i64,
    /// When the first run began: from then on people know.
    told_at: Option<Timestamp>,
}

fn why(begun: &Begun, span: &Span) -> Why {
    if begun.is_stopped {
        Why::Stopped
    } else if begun.is_taken_in {
        Why::TakenIn
    } else if begun.index < span.first {
        Why::BeganBefore
    } else if begun.index < span.last_stop {
        Why::BeganSince
    } else if begun.is_staff {
        Why::BeganWithPasskey
    } else if span.told_at.is_some_and(|told_at| begun.at >= told_at) {
        Why::BeganWhenTold
    } else {
        Why::BeganSince
    }
}

/// Every session of the account that a case is about, in the order of their beginnings; none where no session was
/// stopped.
pub async fn sessions(
    pool: &Pool,
    incident: &Incident,
) -> Result<Vec<AccountSession>, DatabaseError> {
    let id = incident.id.as_bytes().as_slice();
    let trigger = i64::try_from(incident.trigger_index).map_err(|_| DatabaseError::Row)?;
    let client = pool.get().await?;
    let rows = client
        .query(
            SESSIONS,
            &[
                &id,
                &i16::from(EntryKind::Freeze.number()),
                &i16::from(Role::Keeper.number()),
                &trigger,
                &incident.session,
                &incident.principal,
                &i16::from(EntryKind::SignIn.number()),
            ],
        )
        .await?;
    let told_at = client.query_one(TOLD_AT, &[&id]).await?.try_get(0)?;
    let mut all = Vec::new();
    let mut last_stop = 0;
    for row in &rows {
        let role: i16 = row.try_get("role")?;
        let is_of_patient = [Role::Patient, Role::Proxy]
            .into_iter()
            .any(|own| i16::from(own.number()) == role);
        last_stop = row.try_get("last_stop")?;
        all.push(Begun {
            session: row.try_get("session")?,
            index: row.try_get("index")?,
            at: row.try_get("at")?,
            is_staff: !is_of_patient,
            is_stopped: row.try_get("is_stopped")?,
            is_taken_in: row.try_get("is_taken_in")?,
        });
    }
    let stopped = all.iter().filter(|begun| begun.is_stopped);
    let Some(first) = stopped.map(|begun| begun.index).min() else {
        return Ok(Vec::new());
    };
    let span = Span {
        first,
        last_stop,
        told_at,
    };
    Ok(all
        .iter()
        .map(|begun| AccountSession {
            session: begun.session,
            index: begun.index,
            at: begun.at,
            why: why(begun, &span),
        })
        .collect())
}

/// The question that an incident asks: the sessions of its account that are in the scope. Where the keeper stopped a
/// principal and named no session, nothing tells one session from another: all of them.
pub async fn question_of(pool: &Pool, incident: &Incident) -> Result<Question, DatabaseError> {
    let all = sessions(pool, incident).await?;
    let mut sessions: Vec<i64> = all
        .iter()
        .filter(|session| session.why.is_in())
        .map(|session| session.session)
        .collect();
    sessions.sort_unstable();
    let principals = if all.is_empty() {
        vec![incident.principal]
    } else {
        Vec::new()
    };
    Ok(Question {
        sessions,
        principals,
        from_index: 0,
    })
}

/// What a session released, in clear columns only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// How many people.
    pub people: i64,
    /// How many openings.
    pub openings: i64,
    /// The last of them.
    pub last_at: Timestamp,
}

/// What each of these sessions released; one that released nothing is left out.
pub async fn released_by(
    pool: &Pool,
    sessions: &[i64],
) -> Result<BTreeMap<i64, Released>, DatabaseError> {
    let open = i16::from(EntryKind::Open.number());
    let rows = pool
        .get()
        .await?
        .query(RELEASED_BY, &[&sessions, &open])
        .await?;
    rows.iter()
        .map(|row| {
            let released = Released {
                people: row.try_get("people")?,
                openings: row.try_get("openings")?,
                last_at: row.try_get("last_at")?,
            };
            Ok((row.try_get("session")?, released))
        })
        .collect()
}

/// An officer's answer, by which a session comes into the scope.
#[derive(Debug, Clone, Copy)]
pub struct TakenIn {
    /// Who.
    pub officer: PersonId,
    /// In which role.
    pub role: Role,
    /// The keeper's ledger entry of the answer.
    pub entry_index: i64,
    /// When.
    pub at: Timestamp,
}

/// Takes a session into the scope of a case. Safe to repeat: the first answer stays; whether this was it.
pub async fn take_in(
    pool: &Pool,
    incident: IncidentId,
    session: i64,
    by: &TakenIn,
) -> Result<bool, DatabaseError> {
    let (id, officer) = (
        incident.as_bytes().as_slice(),
        by.officer.as_bytes().as_slice(),
    );
    let role = i16::from(by.role.number());
    let count = pool
        .get()
        .await?
        .execute(
            TAKE_IN,
            &[&id, &session, &officer, &role, &by.at, &by.entry_index],
        )
        .await?;
    Ok(count == 1)
}

pub(crate) const SESSIONS: &str = "
    with stop as (
        select index, session from entry
        where kind = $2 and role = $3 and index >= $4 and session <> 0
          and (($5::bigint <> 0 and session = $5) or ($6::bigint <> 0 and principal = $6))
    ), begun as (
        select session, min(index) as index from entry
        where kind = $7 and decision = 0 and principal = $6 and $6 <> 0 and session <> 0
        group by session
        union
        select session, (select min(index) from entry where entry.session = stop.session) from stop
    )
    select begun.session, begun.index, entry.at, entry.role,
           exists (select 1 from stop where stop.session = begun.session) as is_stopped,
           exists (select 1 from scope_session taken
                   where taken.incident = $1 and taken.session = begun.session) as is_taken_in,
           coalesce((select max(index) from stop), 0) as last_stop
    from begun join entry on entry.index = begun.index
    order by begun.index";

pub(crate) const TOLD_AT: &str = "select min(begun_at) from run where incident = $1";

pub(crate) const RELEASED_BY: &str = "
    select session, count(distinct patient) as people, count(*) as openings, max(at) as last_at
    from entry
    where session = any($1) and kind = $2 and decision = 0 and patient <> 0
    group by session";

pub(crate) const TAKE_IN: &str = "
    insert into scope_session (incident, session, officer, role, at, entry_index)
    values ($1, $2, $3, $4, $5, $6) on conflict do nothing";

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn begun(index: i64, is_staff: bool) -> Begun {
        Begun {
            session: index,
            index,
            at: at(index),
            is_staff,
            is_stopped: false,
            is_taken_in: false,
        }
    }

    const fn span(told_at: Option<Timestamp>) -> Span {
        Span {
            first: 100,
            last_stop: 200,
            told_at,
        }
    }

    #[test]
    fn what_began_before_the_first_stopped_session_is_out_until_an_officer_takes_it_in() {
        let before = begun(99, false);
        assert_eq!(why(&before, &span(None)), Why::BeganBefore);
        let taken = Begun {
            is_taken_in: true,
            ..before
        };
        assert!(why(&taken, &span(None)).is_in());
    }

    #[test]
    fn after_the_last_stop_a_password_may_still_be_the_thief_s_and_a_passkey_is_not() {
        assert!(why(&begun(201, false), &span(None)).is_in());
        assert_eq!(why(&begun(201, true), &span(None)), Why::BeganWithPasskey);
        assert!(why(&begun(150, true), &span(None)).is_in());
    }

    #[test]
    fn whoever_comes_because_they_were_told_is_no_thief() {
        let told = span(Some(at(300)));
        assert!(why(&begun(299, false), &told).is_in());
        assert_eq!(why(&begun(300, false), &told), Why::BeganWhenTold);
    }
}
