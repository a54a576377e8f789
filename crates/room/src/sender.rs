//! Sends what is queued: practices first, then people as a run that two officers opened. What is no incident
//! (an alarm for whoever is on call, a reopened budget) goes before both.
//!
//! A row is leased before anything leaves and marked right after. A process that dies in between leaves a row whose
//! lease runs out; the mail then goes again with the same `Message-ID` and the same code, because a person told
//! twice in the same words is better than one never told.

mod people;

use crate::acts;
use crate::alarms;
use crate::clocks;
use crate::database::DatabaseError;
use crate::incidents::{self, Event, note};
use crate::mail::{Letter, MailError};
use crate::notices::{self, Channel, Leased, Wanted};
use crate::portal;
use crate::register;
use crate::reopenings;
use crate::room::Room;
use crate::scope;
use crate::status;
use crate::steward::{self, StewardError};
use crate::texts::{self, Saved, TextKind};
use candour_keeper_api::wire::{self, Call, Reply};
use candour_keeper_api::{CallError, Token};
use candour_seal::{IncidentId, PracticeId, RunId};
use jiff::Timestamp;
use std::collections::BTreeMap;
use tracing::{info, warn};

/// Rows that one pass takes.
const BATCH: i64 = 16;

/// Why nothing was sent; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// A database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The keeper.
    #[error(transparent)]
    Keeper(#[from] CallError),
    /// The status site's codes could not be written, so nothing may leave.
    #[error(transparent)]
    Status(#[from] StewardError),
}

/// A live run of one of our cases.
pub(crate) struct LiveRun {
    pub(crate) incident: IncidentId,
    pub(crate) run: RunId,
    pub(crate) token: Token,
}

/// Sends a batch of everything that may leave now; returns how many rows were worked on.
pub async fn step(room: &Room, now: Timestamp) -> Result<usize, SendError> {
    let mut worked = alarms::step(room, now).await? + reopenings::step(room, now).await?;
    let all = incidents::all(&room.pool).await?;
    // Practices go on telling people after a case is closed; nothing is sent in it.
    let told = all.iter().filter(|incident| incident.has_names(now));
    for incident in told.clone().filter(|incident| incident.closed_at.is_some()) {
        finish(room, incident.id, now).await?;
    }
    let open: Vec<IncidentId> = told
        .filter(|incident| incident.closed_at.is_none())
        .map(|incident| incident.id)
        .collect();
    if open.is_empty() {
        return Ok(worked);
    }
    // A code must be known to the status site before its message is out.
    status::write_codes(room).await?;
    for incident in &open {
        worked += practices(room, *incident, now).await?;
    }
    for live in live_runs(room, &open, now).await? {
        if practices_come_first(&notices::counts(&room.pool, live.incident).await?) {
            continue;
        }
        worked += people::mail(room, &live, now).await?;
        worked += people::portal(room, &live, now).await?;
    }
    for incident in open {
        finish(room, incident, now).await?;
    }
    Ok(worked)
}

async fn live_runs(
    room: &Room,
    open: &[IncidentId],
    now: Timestamp,
) -> Result<Vec<LiveRun>, SendError> {
    let mut queued = false;
    for incident in open {
        queued |= notices::counts(&room.pool, *incident)
            .await?
            .iter()
            .any(|count| count.recipient == "patient" && is_unfinished(&count.state));
    }
    if !queued {
        return Ok(Vec::new());
    }
    let question = wire::RunsQuestion { run: Vec::new() };
    let Reply::Runs(runs) = room.keeper.call(Call::Runs(question)).await? else {
        return Err(CallError::Unexpected.into());
    };
    let mut live = Vec::new();
    for view in runs.runs {
        let (Ok(incident), Ok(run), Some(token)) = (
            IncidentId::try_from(view.incident.as_slice()),
            RunId::try_from(view.run.as_slice()),
            Token::from_bytes(&view.token),
        ) else {
            continue;
        };
        if !open.contains(&incident) || is_finished(room, incident, run).await? {
            continue;
        }
        keep(room, incident, run, now).await?;
        live.push(LiveRun {
            incident,
            run,
            token,
        });
    }
    Ok(live)
}

/// Everybody of it was told: it may live on in the keeper for days, and must not take the rows of the run after it.
async fn is_finished(room: &Room, incident: IncidentId, run: RunId) -> Result<bool, DatabaseError> {
    let runs = acts::runs(&room.pool, incident).await?;
    Ok(runs
        .iter()
        .any(|known| known.id == *run.as_bytes() && known.finished_at.is_some()))
}

/// A practice hears of it before its patients do. One that cannot be reached at the first try holds nobody up.
fn practices_come_first(counts: &[notices::Count]) -> bool {
    counts.iter().any(|count| {
        count.recipient == "practice" && matches!(count.state.as_str(), "waiting" | "sending")
    })
}

fn is_unfinished(state: &str) -> bool {
    matches!(state, "waiting" | "sending" | "failed")
}

/// The keeper's word counts: a run that we were killed before noting is noted now.
async fn keep(
    room: &Room,
    incident: IncidentId,
    run: RunId,
    now: Timestamp,
) -> Result<(), SendError> {
    let scope = scope::latest(&room.pool, incident).await?;
    let texts = texts::newest(&room.pool, incident).await?;
    let text = texts
        .iter()
        .find(|text| text.draft.kind == TextKind::PatientNotice);
    let versions = (
        text.map_or(0, |text| text.draft.version),
        scope.map_or(0, |scope| scope.version),
    );
    if acts::keep_run(&room.pool, incident, run.as_bytes(), versions, now).await? {
        acts::ended(&room.pool, incident, acts::TwoPersonAct::Run).await?;
        let detail = "Two officers opened the run: people are being told.";
        note(&room.pool, incident, now, Event::Run, "Candour", detail).await?;
    }
    Ok(())
}

/// The text of a leased row.
pub(crate) async fn text_of(
    room: &Room,
    incident: IncidentId,
    kind: TextKind,
    leased: &Leased,
) -> Result<Saved, DatabaseError> {
    texts::version(&room.pool, incident, kind, leased.text_version)
        .await?
        .ok_or(DatabaseError::Row)
}

/// What a message says first that replaces another one.
fn replacing(room: &Room, row: &Leased) -> Option<String> {
    let day = |at| steward::day(at, &room.config.zone);
    row.replaces.map(|at| texts::replacing(&day(at)))
}

/// The body of a mail: greeting, what it replaces, words, code.
pub(crate) fn body(greeting: &str, replacing: Option<&str>, words: &str, code: &str) -> String {
    let replacing = replacing.map_or_else(String::new, |sentence| format!("{sentence}\n\n"));
    let hello = if greeting.is_empty() {
        "Kia ora".to_owned()
    } else {
        format!("Kia ora {greeting}")
    };
    format!("{hello},\n\n{replacing}{words}\n\nCode: {code}\n")
}

async fn practices(room: &Room, incident: IncidentId, now: Timestamp) -> Result<usize, SendError> {
    let wanted = Wanted {
        incident,
        is_practice: true,
        channel: Channel::Mail,
    };
    if !waits(room, wanted).await? || !room.mailer.is_reachable().await {
        return Ok(0);
    }
    let leased = notices::lease(&room.pool, wanted, BATCH, now).await?;
    let ids: Vec<PracticeId> = leased
        .iter()
        .map(|row| PracticeId::from_bytes(row.recipient))
        .collect();
    let known: BTreeMap<PracticeId, portal::Practice> = portal::practices(&room.portal, &ids)
        .await?
        .into_iter()
        .map(|practice| (practice.id, practice))
        .collect();
    for row in &leased {
        let text = text_of(room, incident, TextKind::PracticeNotice, row).await?;
        let Some(practice) = known.get(&PracticeId::from_bytes(row.recipient)) else {
            notices::failed(&room.pool, row, "unknown_practice", true, now).await?;
            continue;
        };
        let to = (practice.email.as_str(), practice.name.as_str());
        if hand_over(room, row, &text, to, None, now).await? {
            let detail = "A practice was told.";
            note(
                &room.pool,
                incident,
                now,
                Event::PracticeTold,
                "Candour",
                detail,
            )
            .await?;
        }
    }
    Ok(leased.len())
}

/// Whether rows wait; so that the relay is not asked for nothing.
pub(crate) async fn waits(room: &Room, wanted: Wanted) -> Result<bool, DatabaseError> {
    let recipient = if wanted.is_practice {
        "practice"
    } else {
        "patient"
    };
    let counts = notices::counts(&room.pool, wanted.incident).await?;
    Ok(counts.iter().any(|count| {
        count.recipient == recipient
            && count.channel == wanted.channel.word()
            && is_unfinished(&count.state)
    }))
}

/// Hands one mail over and marks its row; `to` is the address and what to call whoever reads it.
pub(crate) async fn hand_over(
    room: &Room,
    row: &Leased,
    text: &Saved,
    to: (&str, &str),
    grant_index: Option<i64>,
    now: Timestamp,
) -> Result<bool, SendError> {
    let (address, greeting) = to;
    let letter = Letter {
        to: address,
        subject: &text.draft.subject,
        body: body(
            greeting,
            replacing(room, row).as_deref(),
            &text.draft.words,
            &room.codes.code(&row.id).to_string(),
        ),
        message_id: room.codes.message_id(&row.id),
        now,
    };
    match room.mailer.send(letter).await {
        Ok(()) => {
            notices::handed_over(&room.pool, &row.id, grant_index, crate::clock::now()).await?;
            Ok(true)
        }
        Err(error) => {
            let is_final = error == MailError::Address;
            warn!(
                word = error.word(),
                attempts = row.attempts,
                "a mail did not leave"
            );
            notices::failed(&room.pool, row, error.word(), is_final, now).await?;
            Ok(false)
        }
    }
}

/// When nobody is left to write to the run is finished; when nobody is left to ring, the clock of telling people stops.
async fn finish(room: &Room, incident: IncidentId, now: Timestamp) -> Result<(), SendError> {
    let counts = notices::counts(&room.pool, incident).await?;
    let people: Vec<_> = counts
        .iter()
        .filter(|count| count.recipient == "patient")
        .collect();
    let is_done = !people.is_empty() && people.iter().all(|count| !is_unfinished(&count.state));
    // The duty is to tell everybody: it is done when the call lists are empty too.
    let to_ring = register::still_to_ring(&room.pool, incident).await?;
    if is_done && to_ring == 0 {
        clocks::done(&room.pool, incident, "person", now).await?;
    } else if to_ring > 0 && clocks::not_done(&room.pool, incident, "person").await? {
        let detail = "Somebody must be rung again. The clock of telling people runs on.";
        let event = Event::PatientTold;
        note(&room.pool, incident, now, event, "Candour", detail).await?;
    }
    if is_done && acts::finish_runs(&room.pool, incident, now).await? {
        // The public numbers first: nobody must read that the run is finished, and then numbers from before its end.
        status::write(room).await?;
        let detail = "Nobody is left to be told by mail or in the portal.";
        note(
            &room.pool,
            incident,
            now,
            Event::Finished,
            "Candour",
            detail,
        )
        .await?;
        info!(%incident, "the run is finished");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(recipient: &str, state: &str) -> notices::Count {
        notices::Count {
            recipient: recipient.to_owned(),
            channel: "mail".to_owned(),
            state: state.to_owned(),
            number: 1,
            recipients: 1,
            last_at: None,
        }
    }

    #[test]
    fn people_wait_for_practices_that_were_not_tried_yet_and_for_no_others() {
        let patient = count("patient", "waiting");
        let with = |state| practices_come_first(&[count("practice", state), patient.clone()]);
        assert!(with("waiting") && with("sending"));
        assert!(!with("handed_over") && !with("failed") && !with("stuck"));
    }
}
