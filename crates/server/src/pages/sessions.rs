//! Where somebody is signed in, and ending it from elsewhere.

use crate::dates;
use crate::error::Problem;
use crate::frame::Frame;
use crate::portal::Portal;
use crate::respond;
use crate::session::{Visit, Visitor};
use crate::texts::Texts;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::Response;
use candour_app::Refusal;
use candour_app::sessions::{self, Ended, RunningSession};
use candour_keeper_api::words::Role;
use jiff::tz::TimeZone;
use serde::Deserialize;

/// The list.
#[derive(Template)]
#[template(path = "sessions/sessions.html")]
pub struct SessionsPage {
    /// Around it.
    pub frame: Frame,
    /// Newest first.
    pub sessions: Vec<SessionView>,
    /// There are others than the one that asks.
    pub has_others: bool,
}

/// One running session.
pub struct SessionView {
    /// Names it in the form.
    pub surrogate: i64,
    /// "Here", or "elsewhere".
    pub place: String,
    /// When it began, and in which role and how.
    pub began: String,
    /// When it was last used.
    pub used: String,
    /// It is the session that asks.
    pub is_own: bool,
}

const PATH: &str = "/sessions";

/// `GET /sessions`.
pub async fn show(State(portal): State<Portal>, visitor: Visitor) -> Result<Response, Problem> {
    let token = visitor.signed_in()?;
    let running = sessions::running(portal.app(), token, &visitor.network).await?;
    let home = visitor.visit.map_or("/", Visit::home);
    let frame = portal
        .frame(visitor.visit, "sessions.title")
        .await
        .back_to(home, "frame.back");
    let (texts, zone) = (frame.texts(), &portal.settings().zone);
    let page = SessionsPage {
        has_others: running.len() > 1,
        sessions: running
            .iter()
            .map(|session| SessionView::of(texts, zone, session))
            .collect(),
        frame,
    };
    respond::page(&page)
}

impl SessionView {
    fn of(texts: &Texts, zone: &TimeZone, session: &RunningSession) -> Self {
        let began = match (session.role, session.by_passkey) {
            (Role::Patient | Role::Proxy, true) => "sessions.began_passkey",
            (Role::Patient | Role::Proxy, false) => "sessions.began_code",
            _ => "sessions.began_staff",
        };
        let place = if session.is_own {
            "sessions.here"
        } else {
            "sessions.elsewhere"
        };
        let filled = |key, at| texts.fill(key, &[("when", &dates::moment(texts, at, zone))]);
        Self {
            surrogate: session.surrogate,
            place: texts.say(place).to_owned(),
            began: filled(began, session.began_at),
            used: filled("sessions.used", session.used_at),
            is_own: session.is_own,
        }
    }
}

/// Which one to end; none: all others.
#[derive(Deserialize)]
pub struct Chosen {
    session: Option<i64>,
}

/// `POST /sessions`: ends one other session, or all others.
pub async fn end(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Problem> {
    let token = visitor.signed_in()?;
    let ended = match chosen.session {
        // 0 names no session.
        Some(surrogate) if surrogate != 0 => Ended::One(surrogate),
        Some(_) => return Ok(respond::to(PATH)),
        None => Ended::AllOthers,
    };
    match sessions::end(portal.app(), token, ended, &visitor.network).await {
        Ok(()) => Ok(respond::to(PATH)),
        // Back to the list, and not to where a form that was sent leads otherwise.
        Err(Refusal::StepUpNeeded) => Ok(respond::to("/step-up?back=/sessions")),
        Err(refusal) => Err(refusal.into()),
    }
}
