//! Acts of two officers: what one has begun and another must answer.

use crate::database::DatabaseError;
use candour_seal::{IncidentId, PersonId};
use deadpool_postgres::Pool;
use jiff::Timestamp;

/// The acts that wait for a second officer in the keeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TwoPersonAct {
    /// Unlock the room's private key.
    Unlock,
    /// Send to people.
    Run,
}

impl TwoPersonAct {
    /// The word in the database and in addresses of pages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unlock => "unlock",
            Self::Run => "run",
        }
    }
}

/// An act that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// The keeper's id of the pending change.
    pub id: [u8; 16],
    /// Who began it.
    pub officer: PersonId,
    /// When.
    pub begun_at: Timestamp,
}

/// The act of this kind that waits in a case.
pub async fn pending(
    pool: &Pool,
    incident: IncidentId,
    act: TwoPersonAct,
) -> Result<Option<Pending>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let row = pool
        .get()
        .await?
        .query_opt(PENDING, &[&id, &act.word()])
        .await?;
    row.map(|row| {
        let (pending, officer): (&[u8], &[u8]) = (row.try_get("pending")?, row.try_get("officer")?);
        Ok(Pending {
            id: pending.try_into().map_err(|_| DatabaseError::Row)?,
            officer: PersonId::try_from(officer).map_err(|_| DatabaseError::Row)?,
            begun_at: row.try_get("begun_at")?,
        })
    })
    .transpose()
}

/// Keeps that an officer has begun an act; a later one takes its place.
pub async fn begun(
    pool: &Pool,
    incident: IncidentId,
    act: TwoPersonAct,
    pending: &Pending,
) -> Result<(), DatabaseError> {
    let (id, officer) = (
        incident.as_bytes().as_slice(),
        pending.officer.as_bytes().as_slice(),
    );
    let change = pending.id.as_slice();
    pool.get()
        .await?
        .execute(
            BEGUN,
            &[&id, &act.word(), &change, &officer, &pending.begun_at],
        )
        .await?;
    Ok(())
}

/// The act is done, or the keeper no longer knows it.
pub async fn ended(
    pool: &Pool,
    incident: IncidentId,
    act: TwoPersonAct,
) -> Result<(), DatabaseError> {
    let id = incident.as_bytes().as_slice();
    pool.get()
        .await?
        .execute(ENDED, &[&id, &act.word()])
        .await?;
    Ok(())
}

/// A run that two officers have opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The keeper's id of the run.
    pub id: [u8; 16],
    /// When it began.
    pub begun_at: Timestamp,
    /// When nobody was left to write to.
    pub finished_at: Option<Timestamp>,
}

/// The runs of a case, oldest first.
pub async fn runs(pool: &Pool, incident: IncidentId) -> Result<Vec<Run>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let rows = pool.get().await?.query(RUNS, &[&id]).await?;
    rows.iter()
        .map(|row| {
            let run: &[u8] = row.try_get("id")?;
            Ok(Run {
                id: run.try_into().map_err(|_| DatabaseError::Row)?,
                begun_at: row.try_get("begun_at")?,
                finished_at: row.try_get("finished_at")?,
            })
        })
        .collect()
}

/// Keeps a run that the keeper says is live. Safe to repeat; returns whether it is new.
pub async fn keep_run(
    pool: &Pool,
    incident: IncidentId,
    run: &[u8; 16],
    versions: (i32, i32),
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let (id, run) = (incident.as_bytes().as_slice(), run.as_slice());
    let (text, scope) = versions;
    let count = pool
        .get()
        .await?
        .execute(KEEP_RUN, &[&run, &id, &text, &scope, &now])
        .await?;
    Ok(count == 1)
}

/// Nobody is left to write to; returns whether that is new.
pub async fn finish_runs(
    pool: &Pool,
    incident: IncidentId,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let count = pool.get().await?.execute(FINISH_RUNS, &[&id, &now]).await?;
    Ok(count > 0)
}

pub(crate) const PENDING: &str =
    "select pending, officer, begun_at from act where incident = $1 and kind = $2";

pub(crate) const BEGUN: &str = "
    insert into act (incident, kind, pending, officer, begun_at) values ($1, $2, $3, $4, $5)
    on conflict (incident, kind) do update set
        pending = excluded.pending, officer = excluded.officer, begun_at = excluded.begun_at";

pub(crate) const ENDED: &str = "delete from act where incident = $1 and kind = $2";

pub(crate) const RUNS: &str =
    "select id, begun_at, finished_at from run where incident = $1 order by begun_at";

pub(crate) const KEEP_RUN: &str = "
    insert into run (id, incident, text_version, scope_version, begun_at)
    values ($1, $2, $3, $4, $5) on conflict (id) do nothing";

pub(crate) const FINISH_RUNS: &str =
    "update run set finished_at = $2 where incident = $1 and finished_at is null";

pub(crate) const STATEMENTS: &[&str] = &[PENDING, BEGUN, ENDED, RUNS, KEEP_RUN, FINISH_RUNS];
