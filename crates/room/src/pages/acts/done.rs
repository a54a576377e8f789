//! What follows an officer's answer.

use super::Act;
use super::standing::{account_session, left_out};
use crate::acts::{self, Pending, TwoPersonAct};
use crate::closing::{self, Closing, Outcome};
use crate::database::DatabaseError;
use crate::incidents::{self, Event, Incident, note};
use crate::pages::Problem;
use crate::pages::cases::moment;
use crate::pages::session::Officer;
use crate::room::Room;
use crate::texts::{self, Approval};
use crate::unlock::Unlocked;
use crate::{clock, clocks, scope};
use axum::extract::{Path, State};
use axum::response::Redirect;
use candour_keeper_api::CallError;
use candour_keeper_api::wire;
use candour_seal::{Digest, RoomPrivateKey, Zeroizing};
use jiff::Timestamp;
use std::sync::Arc;

/// An officer's answer that the keeper took.
pub(super) struct Done<'a> {
    pub(super) room: &'a Room,
    pub(super) incident: &'a Incident,
    pub(super) officer: &'a Officer,
    pub(super) now: Timestamp,
}

impl Done<'_> {
    async fn note(&self, event: Event, detail: &str) -> Result<(), DatabaseError> {
        let author = self.officer.title();
        let (pool, incident) = (&self.room.pool, self.incident.id);
        note(pool, incident, self.now, event, author, detail).await
    }

    fn approval(&self, changed: &wire::Changed) -> Result<Approval, DatabaseError> {
        Ok(Approval {
            officer: self.officer.person,
            role: i16::from(self.officer.role.number()),
            at: self.now,
            entry_index: index(changed)?,
        })
    }

    /// One of two approvals of exactly this; what two approved the room's tasks publish.
    pub(super) async fn approve(
        &self,
        act: Act,
        hash: Digest,
        changed: &wire::Changed,
    ) -> Result<(), Problem> {
        let approval = self.approval(changed)?;
        texts::approve(&self.room.pool, self.incident.id, hash, &approval).await?;
        let detail = match act {
            Act::Update => format!("The update was approved: {hash}."),
            _ => format!("The texts and the list were approved: {hash}."),
        };
        Ok(self.note(Event::Approved, &detail).await?)
    }

    pub(super) async fn close(
        &self,
        closing: &Closing,
        changed: &wire::Changed,
    ) -> Result<(), Problem> {
        let (approval, author) = (self.approval(changed)?, self.officer.title());
        match closing::approve(&self.room.pool, closing, &approval, author).await? {
            Outcome::Approved | Outcome::Closed => Ok(()),
            Outcome::Hindered => Err(Problem::refused(
                "A message or a run came in between. Nothing was closed. Look at the incident again.",
            )),
        }
    }

    /// What the keeper does only for two: begun by the first, done by the second.
    pub(super) async fn two_person(&self, act: Act, changed: wire::Changed) -> Result<(), Problem> {
        let Some(two) = act.by_two() else {
            return Ok(());
        };
        let (pool, incident) = (&self.room.pool, self.incident.id);
        if let Ok(pending) = <[u8; 16]>::try_from(changed.pending.as_slice()) {
            let pending = Pending {
                id: pending,
                officer: self.officer.person,
                begun_at: self.now,
            };
            acts::begun(pool, incident, two, &pending).await?;
            return Ok(());
        }
        // Of a run the sender asks the keeper, and keeps it.
        if two == TwoPersonAct::Unlock {
            self.unlock(changed).await?;
        }
        Ok(acts::ended(pool, incident, two).await?)
    }

    pub(super) async fn take_in(
        &self,
        session: i64,
        changed: &wire::Changed,
    ) -> Result<(), Problem> {
        let Some(left_out) = left_out(self.room, self.incident, session).await? else {
            return Ok(());
        };
        let by = self.by(changed)?;
        if scope::take_in(&self.room.pool, self.incident.id, session, &by).await? {
            let at = moment(self.room, left_out.at);
            let detail = format!("The session that began on {at} was taken into the scope.");
            self.note(Event::Scope, &detail).await?;
        }
        Ok(())
    }

    /// The keeper has stopped it: nothing is opened with it any more, whatever happens here.
    pub(super) async fn stop(&self, session: i64, changed: &wire::Changed) -> Result<(), Problem> {
        let by = self.by(changed)?;
        if !scope::stop(&self.room.pool, self.incident.id, session, &by).await? {
            return Ok(());
        }
        let stopped = account_session(self.room, self.incident, session).await?;
        let began = stopped.map_or_else(String::new, |one| moment(self.room, one.at));
        let detail = format!(
            "The session that began on {began} was stopped. Nothing more is released to it."
        );
        Ok(self.note(Event::Freeze, &detail).await?)
    }

    fn by(&self, changed: &wire::Changed) -> Result<scope::By, DatabaseError> {
        Ok(scope::By {
            officer: self.officer.person,
            role: self.officer.role,
            entry_index: index(changed)?,
            at: self.now,
        })
    }

    async fn unlock(&self, changed: wire::Changed) -> Result<(), Problem> {
        let key = Zeroizing::new(changed.room_key);
        let key: &[u8; 32] = key
            .as_slice()
            .try_into()
            .map_err(|_| CallError::Unexpected)?;
        let key = Unlocked::new(RoomPrivateKey::from_bytes(key));
        self.room.unlock(self.incident.id, key);
        incidents::unlocked(&self.room.pool, self.incident.id, self.now).await?;
        let detail = "Two officers unlocked the names for this case.";
        Ok(self.note(Event::Unlock, detail).await?)
    }
}

fn index(changed: &wire::Changed) -> Result<i64, DatabaseError> {
    i64::try_from(changed.index).map_err(|_| DatabaseError::Row)
}

/// An officer says that the regulator was told; the clock stops.
pub(in crate::pages) async fn regulator_told(
    State(room): State<Arc<Room>>,
    officer: Officer,
    Path(id): Path<String>,
) -> Result<Redirect, Problem> {
    let incident = super::incident(&room, &id).await?;
    let now = clock::now();
    if clocks::done(&room.pool, incident.id, "regulator", now).await? {
        let detail = "The regulator was told.";
        note(
            &room.pool,
            incident.id,
            now,
            Event::Approved,
            officer.title(),
            detail,
        )
        .await?;
    }
    Ok(Redirect::to(&format!("/incidents/{id}")))
}
