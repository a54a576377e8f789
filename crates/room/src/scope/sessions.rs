//! Which sessions a case is about. The decision and its reasons: `docs/adr/scope-which-sessions.md`.

use super::Question;
use crate::database::DatabaseError;
use crate::incidents::Incident;
use candour_keeper_api::words::{EntryKind, Role};
use candour_seal::{IncidentId, PersonId};
use deadpool_postgres::Pool;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Why a session of the account is in the scope, or why it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// In: the keeper stopped it.
    Stopped,
    /// In: it began while the account was in somebody else's hands, as far as the ledger says.
    BeganSince,
    /// In: of a patient's account, it began before the first session that was stopped, and opened something after that.
    WentOn,
    /// In: an officer took it in.
    TakenIn,
    /// Out: it began before the first session that was stopped.
    BeganBefore,
    /// Out: of staff, it began before the first session that was stopped, and was open at the same time.
    WasOpenToo,
    /// Out: it began after the last stop, with a passkey, as all staff do.
    BeganWithPasskey,
    /// Out: it began when people were being told.
    BeganWhenTold,
    /// Out: as staff where only patient sessions were stopped, or the other way round.
    OfAnotherKind,
}

impl Why {
    /// Whether the scope counts the session.
    pub const fn is_in(self) -> bool {
        matches!(
            self,
            Self::Stopped | Self::BeganSince | Self::WentOn | Self::TakenIn
        )
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
    /// When an officer stopped it.
    pub stopped_at: Option<Timestamp>,
    /// Its owner ended it.
    pub is_signed_out: bool,
}

/// A session lives no longer, by the keeper's rule.
const LONGEST: SignedDuration = SignedDuration::from_hours(8);

impl AccountSession {
    /// Whether something can still be opened with it, as far as the ledger says.
    pub fn may_be_open(&self, now: Timestamp) -> bool {
        self.why != Why::Stopped
            && self.stopped_at.is_none()
            && !self.is_signed_out
            && now < self.at + LONGEST
    }
}

/// A session as the ledger has it.
#[derive(Debug, Clone, Copy)]
struct Begun {
    session: i64,
    index: i64,
    at: Timestamp,
    is_staff: bool,
    /// Ledger index of its last stop.
    stopped_at: Option<i64>,
    /// Ledger index of the last entry by which it got anything.
    last_open: Option<i64>,
    is_taken_in: bool,
    /// When an officer stopped it.
    ended_at: Option<Timestamp>,
    is_signed_out: bool,
}

/// Where other hands came and went, in one kind of the account's sessions: staff's, or a patient's.
#[derive(Debug, Clone)]
struct Span {
    /// Of each session that was stopped, its first entry and its last stop.
    stopped: Vec<(i64, i64)>,
    /// First entry of the first of them.
    first: i64,
    /// When the first run began: from then on people know.
    told_at: Option<Timestamp>,
}

impl Span {
    /// `None` where no session of that kind was stopped.
    fn of(all: &[Begun], is_staff: bool, told_at: Option<Timestamp>) -> Option<Self> {
        let stopped: Vec<(i64, i64)> = all
            .iter()
            .filter(|begun| begun.is_staff == is_staff)
            .filter_map(|begun| Some((begun.index, begun.stopped_at?)))
            .collect();
        let first = stopped.iter().map(|(from, _)| *from).min()?;
        Some(Self {
            stopped,
            first,
            told_at,
        })
    }
}

fn why(begun: &Begun, span: Option<&Span>) -> Why {
    if begun.stopped_at.is_some() {
        return Why::Stopped;
    }
    if begun.is_taken_in {
        return Why::TakenIn;
    }
    let Some(span) = span else {
        return Why::OfAnotherKind;
    };
    let lies_within = |(from, to): &(i64, i64)| (*from..*to).contains(&begun.index);
    if begun.index < span.first {
        match begun.last_open {
            Some(last) if last > span.first && begun.is_staff => Why::WasOpenToo,
            Some(last) if last > span.first => Why::WentOn,
            _ => Why::BeganBefore,
        }
    } else if span.stopped.iter().any(lies_within) {
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
                &i16::from(EntryKind::Open.number()),
                &i16::from(EntryKind::SignOut.number()),
            ],
        )
        .await?;
    let told_at = client.query_one(TOLD_AT, &[&id]).await?.try_get(0)?;
    let mut all = Vec::new();
    for row in &rows {
        let role: i16 = row.try_get("role")?;
        let is_of_patient = [Role::Patient, Role::Proxy]
            .into_iter()
            .any(|own| i16::from(own.number()) == role);
        all.push(Begun {
            session: row.try_get("session")?,
            index: row.try_get("index")?,
            at: row.try_get("at")?,
            is_staff: !is_of_patient,
            stopped_at: row.try_get("stopped_at")?,
            last_open: row.try_get("last_open")?,
            is_taken_in: row.try_get("is_taken_in")?,
            ended_at: row.try_get("ended_at")?,
            is_signed_out: row.try_get("is_signed_out")?,
        });
    }
    let staff = Span::of(&all, true, told_at);
    let patient = Span::of(&all, false, told_at);
    if staff.is_none() && patient.is_none() {
        return Ok(Vec::new());
    }
    Ok(all
        .iter()
        .map(|begun| {
            let span = if begun.is_staff { &staff } else { &patient };
            AccountSession {
                session: begun.session,
                index: begun.index,
                at: begun.at,
                why: why(begun, span.as_ref()),
                stopped_at: begun.ended_at,
                is_signed_out: begun.is_signed_out,
            }
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

/// An officer's answer, by which a session comes into the scope or is stopped.
#[derive(Debug, Clone, Copy)]
pub struct By {
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
    by: &By,
) -> Result<bool, DatabaseError> {
    keep(pool, TAKE_IN, incident, session, by).await
}

/// Keeps that an officer stopped a session of the account. Safe to repeat: the first answer stays; whether this was it.
pub async fn stop(
    pool: &Pool,
    incident: IncidentId,
    session: i64,
    by: &By,
) -> Result<bool, DatabaseError> {
    keep(pool, STOP, incident, session, by).await
}

async fn keep(
    pool: &Pool,
    statement: &str,
    incident: IncidentId,
    session: i64,
    by: &By,
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
            statement,
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
           (select max(index) from stop where stop.session = begun.session) as stopped_at,
           (select max(index) from entry opened
            where opened.session = begun.session and opened.kind = $8 and opened.decision = 0) as last_open,
           exists (select 1 from scope_session taken
                   where taken.incident = $1 and taken.session = begun.session) as is_taken_in,
           (select at from session_stop ended
            where ended.incident = $1 and ended.session = begun.session) as ended_at,
           exists (select 1 from entry out
                   where out.session = begun.session and out.kind = $9 and out.decision = 0) as is_signed_out
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

pub(crate) const STOP: &str = "
    insert into session_stop (incident, session, officer, role, at, entry_index)
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
            stopped_at: None,
            last_open: None,
            is_taken_in: false,
            ended_at: None,
            is_signed_out: false,
        }
    }

    /// Sessions that were stopped from their first entry to their last stop.
    fn said(begun: &Begun, stopped: &[(i64, i64)], told_at: Option<Timestamp>) -> Why {
        let of_same_kind = |(from, to): &(i64, i64)| Begun {
            stopped_at: Some(*to),
            ..self::begun(*from, begun.is_staff)
        };
        let all: Vec<Begun> = stopped.iter().map(of_same_kind).collect();
        why(begun, Span::of(&all, begun.is_staff, told_at).as_ref())
    }

    const ONCE: &[(i64, i64)] = &[(100, 200)];
    const TWICE: &[(i64, i64)] = &[(100, 200), (500, 600)];

    #[test]
    fn a_session_may_be_open_until_it_is_stopped_signed_out_or_eight_hours_old() {
        let open = AccountSession {
            session: 9,
            index: 9,
            at: at(0),
            why: Why::BeganWithPasskey,
            stopped_at: None,
            is_signed_out: false,
        };
        assert!(open.may_be_open(at(8 * 3_600 - 1)));
        assert!(!open.may_be_open(at(8 * 3_600)));
        let ended = [
            AccountSession {
                why: Why::Stopped,
                ..open
            },
            AccountSession {
                stopped_at: Some(at(1)),
                ..open
            },
            AccountSession {
                is_signed_out: true,
                ..open
            },
        ];
        assert!(ended.iter().all(|session| !session.may_be_open(at(2))));
    }

    #[test]
    fn what_began_before_the_first_stopped_session_is_out_until_an_officer_takes_it_in() {
        let before = begun(99, false);
        assert_eq!(said(&before, ONCE, None), Why::BeganBefore);
        let taken = Begun {
            is_taken_in: true,
            ..before
        };
        assert!(said(&taken, ONCE, None).is_in());
    }

    #[test]
    fn after_the_last_stop_a_password_may_still_be_the_thief_s_and_a_passkey_is_not() {
        assert!(said(&begun(201, false), ONCE, None).is_in());
        assert_eq!(said(&begun(201, true), ONCE, None), Why::BeganWithPasskey);
        assert!(said(&begun(150, true), ONCE, None).is_in());
    }

    #[test]
    fn whoever_comes_because_they_were_told_is_no_thief() {
        let told = Some(at(300));
        assert!(said(&begun(299, false), ONCE, told).is_in());
        assert_eq!(said(&begun(300, false), ONCE, told), Why::BeganWhenTold);
    }

    #[test]
    fn between_two_stops_a_doctor_s_work_and_a_told_patient_s_visit_are_their_own() {
        assert_eq!(said(&begun(300, true), TWICE, None), Why::BeganWithPasskey);
        assert_eq!(
            said(&begun(300, false), TWICE, Some(at(250))),
            Why::BeganWhenTold
        );
        assert_eq!(said(&begun(300, false), TWICE, None), Why::BeganSince);
        for is_staff in [true, false] {
            let within = begun(550, is_staff);
            assert_eq!(said(&within, TWICE, Some(at(250))), Why::BeganSince);
        }
    }

    #[test]
    fn an_older_session_that_goes_on_opening_is_in_for_a_patient_and_shown_for_staff() {
        let went_on = |is_staff, last| Begun {
            last_open: Some(last),
            ..begun(50, is_staff)
        };
        assert_eq!(said(&went_on(false, 99), ONCE, None), Why::BeganBefore);
        assert_eq!(said(&went_on(false, 201), ONCE, None), Why::WentOn);
        assert_eq!(said(&went_on(true, 201), ONCE, None), Why::WasOpenToo);
        assert!(!Why::WasOpenToo.is_in());
    }
}
