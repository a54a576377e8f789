//! The desk of a practice: its own patients in a case, whom to ring and what to say, and whether a code is ours.

use super::lists::{self, ShownList};
use super::session::{CameBack, Desk, Officer};
use super::{Problem, acts, page};
use crate::database::DatabaseError;
use crate::incidents::{self, Event, note_once_an_hour};
use crate::register::Version;
use crate::room::Room;
use crate::status::code_words;
use crate::{clock, publish, register, steward};
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Html;
use candour_keeper_api::words::{Action, Purpose};
use candour_seal::{IncidentId, PracticeId};
use http::StatusCode;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "room/desk.html")]
struct DeskPage {
    officer: Option<Officer>,
    practice: String,
    cases: Vec<Case>,
    answer: Option<String>,
    is_known: bool,
}

struct Case {
    id: String,
    opened: String,
    people: usize,
}

/// `GET /desk`: the cases that concern the practice.
pub(super) async fn show(
    State(room): State<Arc<Room>>,
    desk: Desk,
) -> Result<Html<String>, Problem> {
    desk_page(&room, desk, None).await
}

/// What somebody reads out of a message.
#[derive(Deserialize)]
pub(super) struct Typed {
    #[serde(default)]
    code: String,
}

/// `POST /desk`: whether a message that a patient holds is ours. The answer is the same as on the status site.
pub(super) async fn check(
    State(room): State<Arc<Room>>,
    desk: Desk,
    Form(typed): Form<Typed>,
) -> Result<Html<String>, Problem> {
    if !room.checks.admits(desk.staff.person, clock::now()) {
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many codes",
            "You tried many codes within a minute. Wait a minute, then try again.",
        ));
    }
    let answer = code_words(&room.config.status_dir, &typed.code, &room.config.zone);
    desk_page(&room, desk, Some(answer)).await
}

async fn desk_page(
    room: &Room,
    desk: Desk,
    answer: Option<(String, bool)>,
) -> Result<Html<String>, Problem> {
    leave(room, &desk, "incident_lists".to_owned()).await?;
    let mut cases = Vec::new();
    for incident in incidents::all(&room.pool).await? {
        if !register::has_approved_list(&room.pool, incident.id, desk.practice).await? {
            continue;
        }
        let members = register::approved_members(&room.pool, incident.id).await?;
        cases.push(Case {
            id: incident.id.to_string(),
            opened: super::cases::moment(room, incident.opened_at),
            people: lists::of_practice(&members, desk.practice).count(),
        });
    }
    let (answer, is_known) = answer.unzip();
    Ok(page(&DeskPage {
        practice: lists::practice_name(room, desk.practice).await?,
        officer: Some(desk.staff),
        cases,
        answer,
        is_known: is_known.unwrap_or_default(),
    }))
}

/// A practice gets its list when two officers have approved one, and not before. It keeps that one while a newer
/// version waits for them.
pub(super) async fn must_have_list(
    room: &Room,
    incident: IncidentId,
    practice: PracticeId,
) -> Result<(), Problem> {
    if register::has_approved_list(&room.pool, incident, practice).await? {
        Ok(())
    } else {
        Err(Problem::not_found())
    }
}

/// Whether the list that was approved last is not the newest.
async fn waits(room: &Room, incident: IncidentId) -> Result<bool, Problem> {
    match steward::list(room, incident).await? {
        Some(list) => Ok(!publish::is_approved(&room.pool, incident, &list).await?),
        None => Ok(true),
    }
}

#[derive(Template)]
#[template(path = "room/desk_list.html")]
struct ListPage {
    officer: Option<Officer>,
    practice: String,
    is_unlocked: bool,
    /// A newer version of the list waits for approval.
    is_waiting: bool,
    /// The day, where the case is closed, and the day until which names can be read.
    closed: Option<(String, String)>,
    came_back: bool,
    phone: String,
    list: ShownList,
}

/// The keeper's leave at a desk: nobody who is frozen gets it, and the ledger has who asked. Gives its index.
async fn leave(room: &Room, desk: &Desk, what: String) -> Result<u64, Problem> {
    let (action, purpose) = (Action::Worklist, Purpose::Administration);
    Ok(desk.staff.leave(room, action, purpose, what).await?)
}

/// `GET /desk/{incident}`: the practice's own list; who looked at it stands in the ledger and in the timeline.
pub(super) async fn list(
    State(room): State<Arc<Room>>,
    desk: Desk,
    CameBack(came_back): CameBack,
    Path(id): Path<String>,
) -> Result<Html<String>, Problem> {
    let incident = acts::incident(&room, &id).await?;
    must_have_list(&room, incident.id, desk.practice).await?;
    let entry = leave(&room, &desk, format!("incident_list {}", incident.id)).await?;
    let to = format!("/desk/{id}/told");
    let shown =
        lists::of_one_practice(&room, &incident, desk.practice, Version::Approved, to).await?;
    let who = desk.staff.who();
    note_once_an_hour(
        &room.pool,
        incident.id,
        clock::now(),
        Event::PracticeTold,
        desk.staff.title(),
        &format!("{who} looked at the list of {}.", shown.practice),
        i64::try_from(entry).map_err(|_| DatabaseError::Row)?,
    )
    .await?;
    Ok(page(&ListPage {
        officer: Some(desk.staff),
        practice: shown.practice,
        is_unlocked: shown.is_unlocked,
        is_waiting: waits(&room, incident.id).await?,
        closed: super::cases::closed(&room, &incident),
        came_back,
        phone: room.config.sender.phone.clone(),
        list: shown.list,
    }))
}
