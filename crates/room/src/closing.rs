//! Closing a case after review: when it may be, what two officers put their names to, and what stays afterwards.

use crate::acts::{self, TwoPersonAct};
use crate::database::DatabaseError;
use crate::incidents::{Event, Incident, note_in};
use crate::room::Room;
use crate::texts::{self, Approval};
use crate::{clocks, notices, publish, register, scope, steward};
use candour_core::incidents::ClockState;
use candour_seal::{Digest, Digester, IncidentId};
use deadpool_postgres::Pool;
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::types::ToSql;

/// How long after the closing the names can still be read on practices' lists, if two officers unlock them.
pub const NAMES_STAY: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Why a case cannot be closed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Two officers opened a run, or one began to.
    Run,
    /// Messages have not left yet.
    Messages,
    /// A version of the scope, the register or the texts waits.
    Review,
}

impl Obstacle {
    /// For the officers.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Run => "Not yet: people are being told. Wait until the run is finished.",
            Self::Messages => "Not yet: messages wait to be sent.",
            Self::Review => {
                "Not yet: what was lost is under review. Two officers must first approve the newest texts and list."
            }
        }
    }
}

/// What is closed, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    incident: IncidentId,
    /// Version and hash; `None` where nobody's openings can be counted.
    scope: Option<(i32, Digest)>,
    /// The approved list; `None` where nothing was lost or what was lost is not known.
    list: Option<Digest>,
    /// Ledger size that was looked at.
    pub to_index: i64,
    /// People on call lists whom nobody has told.
    pub to_ring: i64,
    /// Messages that will not leave any more.
    pub stuck: i64,
    /// Legal duties that are not done.
    pub duties: usize,
}

impl Closing {
    /// What two officers approve: SHA-256 over the case, the scope's version and hash, and the list.
    ///
    /// What is left to do is not part of it: practices go on telling people between the two answers.
    pub fn hash(&self) -> Digest {
        let (version, hash) = self.scope.unwrap_or((0, Digest::from_bytes([0; 32])));
        let list = self.list.unwrap_or(Digest::from_bytes([0; 32]));
        let mut digester = Digester::new();
        digester.push(b"candour/v1/room/closing");
        digester.push(self.incident.as_bytes());
        digester.push(&version.to_be_bytes());
        digester.push(hash.as_bytes());
        digester.push(list.as_bytes());
        digester.finish()
    }

    /// The sentence that an officer sees and signs.
    pub fn sentence(&self) -> String {
        format!(
            "I close this incident after review. {} People on call lists whom nobody has told: {}. Messages that could \
             not be sent: {}. Duties that are not done: {}. What I close is {}.",
            self.scope.map_or_else(
                || "The ledger does not say what was lost.".to_owned(),
                |(version, _)| format!("Its numbers are those of scope version {version}."),
            ),
            self.to_ring,
            self.stuck,
            self.duties,
            self.hash()
        )
    }
}

/// Looks whether a case may be closed now.
pub async fn look(
    room: &Room,
    incident: &Incident,
    now: Timestamp,
) -> Result<Result<Closing, Obstacle>, DatabaseError> {
    let (pool, id) = (&room.pool, incident.id);
    let runs = acts::runs(pool, id).await?;
    let is_begun = acts::pending(pool, id, TwoPersonAct::Run).await?.is_some();
    if is_begun || runs.iter().any(|run| run.finished_at.is_none()) {
        return Ok(Err(Obstacle::Run));
    }
    let counts = notices::counts(pool, id).await?;
    if counts.iter().any(|count| is_unsent(&count.state)) {
        return Ok(Err(Obstacle::Messages));
    }
    let to_index = scope::ledger_size(pool).await?;
    let Some((scope, list)) = reviewed(room, incident, to_index).await? else {
        return Ok(Err(Obstacle::Review));
    };
    let stuck = counts.iter().filter(|count| count.state == "stuck");
    let clocks = clocks::running(pool, id, &room.config.zone, now).await?;
    let is_owed = |state| !matches!(state, ClockState::Met { .. } | ClockState::Late { .. });
    Ok(Ok(Closing {
        incident: id,
        scope,
        list,
        to_index,
        to_ring: register::still_to_ring(pool, id).await?,
        stuck: stuck.map(|count| count.number).sum(),
        duties: clocks.iter().filter(|clock| is_owed(clock.state)).count(),
    }))
}

fn is_unsent(state: &str) -> bool {
    matches!(state, "waiting" | "sending" | "failed")
}

type Reviewed = (Option<(i32, Digest)>, Option<Digest>);

/// The scope and the approved list; `None` while a newer answer of the ledger, register or text waits.
async fn reviewed(
    room: &Room,
    incident: &Incident,
    to_index: i64,
) -> Result<Option<Reviewed>, DatabaseError> {
    let (pool, id) = (&room.pool, incident.id);
    if incident.names_nobody() {
        return Ok(Some((None, None)));
    }
    let question = scope::question_of(pool, incident).await?;
    let releases = scope::ask(pool, &question, to_index).await?;
    if scope::is_news(pool, id, &releases).await? {
        return Ok(None);
    }
    let Some(scope) = scope::latest(pool, id).await? else {
        return Ok(None);
    };
    let of_scope = Some((scope.version, scope.hash));
    if scope.counts == scope::Counts::default() && register::version(pool, id).await?.is_none() {
        return Ok(Some((of_scope, None)));
    }
    let members = register::members(pool, id).await?;
    if members.iter().any(|member| member.state == "under_review") {
        return Ok(None);
    }
    match steward::list(room, id).await? {
        // Approved is not yet told: the texts are published when everything is queued.
        Some(list)
            if list.texts.iter().all(|text| text.published_at.is_some())
                && publish::is_approved(pool, id, &list).await? =>
        {
            Ok(Some((of_scope, Some(list.hash()))))
        }
        _ => Ok(None),
    }
}

/// What an officer's approval of a closing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is kept; another officer must approve the same.
    Approved,
    /// It was the second: the case is closed.
    Closed,
    /// A message or a run came in between: nothing was kept.
    Hindered,
}

/// Keeps an officer's approval of exactly this closing, and closes the case with the second of different officers: both
/// or neither, so that no case is approved and stays open. `author`: the officer's role in words.
pub async fn approve(
    pool: &Pool,
    closing: &Closing,
    approval: &Approval,
    author: &str,
) -> Result<Outcome, DatabaseError> {
    let (id, at) = (closing.incident, approval.at);
    let bytes = id.as_bytes().as_slice();
    let hash = closing.hash();
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    // Two officers who answer at the same moment come one after the other.
    transaction.execute(LOCK, &[&bytes]).await?;
    texts::approve_in(&transaction, id, hash, approval).await?;
    let detail = format!("The closing was approved: {hash}.");
    note_in(&transaction, id, at, Event::Approved, author, &detail, None).await?;
    let officers: i64 = transaction
        .query_one(OFFICERS, &[&bytes, &hash.as_bytes().as_slice()])
        .await?
        .try_get(0)?;
    let is_second = usize::try_from(officers).is_ok_and(|count| count >= publish::OFFICERS);
    if is_second {
        let values: [&(dyn ToSql + Sync); 3] = [&bytes, &at, &closing.to_index];
        if transaction.execute(CLOSE, &values).await? == 0 {
            transaction.rollback().await?;
            return Ok(Outcome::Hindered);
        }
        let detail = "Two officers closed the incident after review.";
        note_in(&transaction, id, at, Event::Closed, author, detail, None).await?;
    }
    transaction.commit().await?;
    Ok(if is_second {
        Outcome::Closed
    } else {
        Outcome::Approved
    })
}

pub(crate) const LOCK: &str = "select 1 from incident where id = $1 for update";

pub(crate) const OFFICERS: &str =
    "select count(distinct officer) from approval where incident = $1 and hash = $2";

pub(crate) const CLOSE: &str = "
    update incident set closed_at = $2, closed_index = $3
    where id = $1 and closed_at is null
      and not exists (select 1 from run where incident = $1 and finished_at is null)
      and not exists (select 1 from notice where incident = $1 and state in ('waiting', 'sending', 'failed'))
      and not exists (select 1 from (
              select published_at from text_version where incident = $1 and kind = 'statement'
              order by version desc limit 1) newest
          where published_at is null)";

pub(crate) const STATEMENTS: &[&str] = &[LOCK, OFFICERS, CLOSE];

#[cfg(test)]
mod tests {
    use super::*;

    fn closing() -> Closing {
        Closing {
            incident: IncidentId::from_bytes([9; 16]),
            scope: Some((3, Digest::of(b"rows"))),
            list: Some(Digest::of(b"list")),
            to_index: 70,
            to_ring: 2,
            stuck: 0,
            duties: 1,
        }
    }

    #[test]
    fn another_case_scope_or_list_is_another_thing_to_close_and_a_told_person_is_not() {
        let one = closing().hash();
        let others = [
            Closing {
                incident: IncidentId::from_bytes([8; 16]),
                ..closing()
            },
            Closing {
                scope: Some((4, Digest::of(b"rows"))),
                ..closing()
            },
            Closing {
                scope: Some((3, Digest::of(b"more rows"))),
                ..closing()
            },
            Closing {
                list: Some(Digest::of(b"another list")),
                ..closing()
            },
        ];
        for other in others {
            assert_ne!(other.hash(), one);
        }
        let told = Closing {
            to_ring: 1,
            ..closing()
        };
        assert_eq!(told.hash(), one);
    }

    #[test]
    fn whoever_closes_signs_what_is_left_to_do() {
        let sentence = closing().sentence();
        assert!(sentence.starts_with(
            "I close this incident after review. Its numbers are those of scope version 3. People on call lists whom \
             nobody has told: 2. Messages that could not be sent: 0. Duties that are not done: 1."
        ));
    }
}
