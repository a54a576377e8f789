//! Writing down that somebody was told by a person: at a practice's desk, or by an officer whom a practice rings.

use super::lists::of_practice;
use super::session::{Desk, Officer};
use super::{Problem, acts};
use crate::clock;
use crate::database::DatabaseError;
use crate::follower::principal_of;
use crate::incidents::{Event, Incident, note_once_an_hour};
use crate::register::{self, How, Mark, Told};
use crate::room::Room;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Redirect;
use candour_keeper_api::words::{Action, Purpose};
use candour_seal::{PatientId, PracticeId};
use http::StatusCode;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use std::sync::Arc;

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Written {
    /// Whom; empty in the form about the practice itself.
    #[serde(default)]
    patient: String,
    #[serde(default)]
    how: String,
    #[serde(default)]
    day: String,
    /// `told`, or `not_told`: what was written before was wrong.
    what: String,
}

/// What the form says, read once.
struct Said {
    is_told: bool,
    how: How,
    day: Date,
}

/// Who writes, and for which practice.
struct Writer<'a> {
    person: &'a Officer,
    practice: PracticeId,
    is_desk: bool,
}

impl<'a> Writer<'a> {
    fn of_officer(person: &'a Officer, practice: &str) -> Result<Self, Problem> {
        Ok(Self {
            person,
            practice: practice.parse().map_err(|_| Problem::not_found())?,
            is_desk: false,
        })
    }
}

/// `POST /desk/{incident}/told`.
pub(super) async fn at_desk(
    State(room): State<Arc<Room>>,
    desk: Desk,
    Path(id): Path<String>,
    Form(written): Form<Written>,
) -> Result<Redirect, Problem> {
    let incident = acts::incident(&room, &id).await?;
    super::desk::must_have_list(&room, incident.id, desk.practice).await?;
    let writer = Writer {
        person: &desk.staff,
        practice: desk.practice,
        is_desk: true,
    };
    write_down(&room, &incident, &writer, &written).await?;
    Ok(Redirect::to(&format!("/desk/{id}")))
}

/// `POST /incidents/{incident}/practices/{practice}/told`.
pub(super) async fn by_officer(
    State(room): State<Arc<Room>>,
    officer: Officer,
    Path((id, practice)): Path<(String, String)>,
    Form(written): Form<Written>,
) -> Result<Redirect, Problem> {
    let incident = acts::incident(&room, &id).await?;
    let writer = Writer::of_officer(&officer, &practice)?;
    write_down(&room, &incident, &writer, &written).await?;
    let back = format!("/incidents/{id}/practices/{practice}");
    Ok(Redirect::to(&back))
}

/// `POST /incidents/{incident}/practices/{practice}/itself/told`: a practice that our mail does not reach was told.
pub(super) async fn practice_itself(
    State(room): State<Arc<Room>>,
    officer: Officer,
    Path((id, practice)): Path<(String, String)>,
    Form(written): Form<Written>,
) -> Result<Redirect, Problem> {
    let incident = acts::incident(&room, &id).await?;
    let writer = Writer::of_officer(&officer, &practice)?;
    if !register::has_approved_list(&room.pool, incident.id, writer.practice).await? {
        return Err(Problem::not_found());
    }
    let told = register::practices_told(&room.pool, incident.id).await?;
    let before = told.get(&writer.practice);
    let now = clock::now();
    let said = read(&room, &incident, before, &written, now)?;
    let whom = writer.practice.to_string();
    let mark = mark(&room, &incident, &writer, (&whom, &said), now).await?;
    if register::mark_practice(&room.pool, incident.id, writer.practice, &mark).await? {
        let name = super::lists::practice_name(&room, writer.practice).await?;
        let who = officer.who();
        let detail = if said.is_told {
            format!("{who} wrote down that {name} was told.")
        } else {
            format!("{who} corrected that {name} was told: not yet.")
        };
        let (event, entry) = (Event::PracticeTold, mark.entry_index);
        let title = officer.title();
        note_once_an_hour(&room.pool, incident.id, now, event, title, &detail, entry).await?;
        room.wake.notify_waiters();
    }
    Ok(Redirect::to(&format!(
        "/incidents/{id}/practices/{practice}"
    )))
}

async fn write_down(
    room: &Room,
    incident: &Incident,
    writer: &Writer<'_>,
    written: &Written,
) -> Result<(), Problem> {
    let now = clock::now();
    let patient: PatientId = written.patient.parse().map_err(|_| Problem::not_found())?;
    let members = register::approved_members(&room.pool, incident.id).await?;
    let told = register::told(&room.pool, incident.id).await?;
    let said = read(room, incident, told.get(&patient), written, now)?;
    let member = of_practice(&members, writer.practice)
        .find(|member| member.patient == patient)
        .ok_or_else(Problem::not_found)?;
    if said.is_told && said.how == How::Letter && member.is_unsafe_to_write {
        return Err(unclear(
            "Nobody may write to this person. Tell them by phone or in person, then write it down.",
        ));
    }
    let whom = patient.to_string();
    let mark = mark(room, incident, writer, (&whom, &said), now).await?;
    if !register::mark(&room.pool, incident.id, patient, &mark).await? {
        return Ok(());
    }
    let practice = super::lists::practice_name(room, writer.practice).await?;
    let (who, title) = (writer.person.who(), writer.person.title());
    let detail = if said.is_told {
        format!("{who} wrote down who was told, of {practice}.")
    } else {
        format!("{who} corrected that somebody of {practice} was told: not yet.")
    };
    note_once_an_hour(
        &room.pool,
        incident.id,
        now,
        Event::PatientTold,
        title,
        &detail,
        mark.entry_index,
    )
    .await?;
    room.wake.notify_waiters();
    Ok(())
}

fn unclear(words: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "Nothing was written down", words)
}

/// Reads the form. A correction keeps the words of what it corrects.
fn read(
    room: &Room,
    incident: &Incident,
    before: Option<&Told>,
    written: &Written,
    now: Timestamp,
) -> Result<Said, Problem> {
    let day = |at: Timestamp| at.to_zoned(room.config.zone.clone()).date();
    let (first, today) = (day(incident.opened_at), day(now));
    if written.what == "not_told" {
        return Ok(Said {
            is_told: false,
            how: before.map_or(How::Phone, |before| before.how),
            day: before.map_or(today, |before| before.day),
        });
    }
    let how = How::from_word(&written.how)
        .ok_or_else(|| unclear("Say how the person was told, and try again."))?;
    let day: Date = written
        .day
        .parse()
        .map_err(|_| unclear("Say on which day the person was told, and try again."))?;
    if day < first || day > today {
        return Err(unclear(
            "The day must not be before the incident and not after today. Go back and look at it again.",
        ));
    }
    Ok(Said {
        is_told: true,
        how,
        day,
    })
}

/// What is written, with the keeper's leave.
async fn mark(
    room: &Room,
    incident: &Incident,
    writer: &Writer<'_>,
    (whom, said): (&str, &Said),
    now: Timestamp,
) -> Result<Mark, Problem> {
    Ok(Mark {
        is_told: said.is_told,
        how: said.how,
        day: said.day,
        author: writer.person.person,
        role: writer.person.role,
        practice: writer.is_desk.then_some(writer.practice),
        at: now,
        entry_index: leave(room, incident, writer, (whom, said)).await?,
    })
}

/// The keeper's leave. Whoever the case is about gets none of ours: they would take their own victims off the lists.
async fn leave(
    room: &Room,
    incident: &Incident,
    writer: &Writer<'_>,
    (whom, said): (&str, &Said),
) -> Result<i64, Problem> {
    let (action, purpose) = if writer.is_desk {
        (Action::Worklist, Purpose::Administration)
    } else {
        (Action::Room, Purpose::IncidentNotice)
    };
    let what = if said.is_told { "told" } else { "not_told" };
    let detail = format!(
        "incident_{what} {} {whom} {} {}",
        incident.id,
        said.how.word(),
        said.day
    );
    let index = writer.person.leave(room, action, purpose, detail).await?;
    if incident.is_about(principal_of(&room.keeper, index).await?) {
        return Err(Problem::refused(
            "This incident is about your own account. Ask a colleague to write down who was told.",
        ));
    }
    Ok(i64::try_from(index).map_err(|_| DatabaseError::Row)?)
}
