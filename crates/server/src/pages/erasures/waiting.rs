//! What waits for a second person of the practice.

use crate::dates;
use crate::error::Problem;
use crate::frame::Frame;
use crate::portal::Portal;
use crate::respond;
use crate::session::Visitor;
use crate::text::{bytes, hexadecimal};
use crate::texts::Texts;
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::Response;
use candour_app::erasures::{self, Waiting};
use candour_keeper_api::words::Role;
use jiff::tz::TimeZone;
use serde::Deserialize;

/// The list.
#[derive(Template)]
#[template(path = "erasures/waiting.html")]
pub struct WaitingPage {
    /// Around it.
    pub frame: Frame,
    /// Key of the sentence about what was just done.
    pub said: Option<&'static str>,
    /// Oldest first.
    pub waiting: Vec<WaitingView>,
}

/// One change that waits.
pub struct WaitingView {
    /// Names it in the form.
    pub id: String,
    /// Exactly what was signed.
    pub sentence: String,
    /// Who began it, and until when it can be agreed to.
    pub about: String,
    /// The viewer began it: somebody else must agree.
    pub is_own: bool,
    /// Where the patient is.
    pub patient: Option<String>,
    /// Where the second patient is.
    pub other_patient: Option<String>,
    /// Where the document is.
    pub document: Option<String>,
}

/// What was just done.
#[derive(Deserialize)]
pub struct Said {
    said: Option<String>,
}

/// `GET /practice/waiting`.
pub async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
    Query(Said { said }): Query<Said>,
) -> Result<Response, Problem> {
    let session = visitor.session(&portal).await?;
    let waiting = erasures::waiting(portal.app(), visitor.signed_in()?).await?;
    // A manager reads no documents: a link would lead nowhere.
    let reads = session.role == Role::Clinician;
    let frame = portal
        .frame(visitor.visit, "waiting.title")
        .await
        .back_to("/practice", "frame.back");
    let (texts, zone) = (frame.texts(), &portal.settings().zone);
    let said = match said.as_deref() {
        Some("done") => Some("waiting.said_done"),
        Some("waits") => Some("waiting.said_waits"),
        Some("again") => Some("waiting.said_again"),
        Some("changed") => Some("waiting.said_changed"),
        _ => None,
    };
    let page = WaitingPage {
        said,
        waiting: waiting
            .iter()
            .map(|one| WaitingView::of(texts, zone, one, reads))
            .collect(),
        frame,
    };
    respond::page(&page)
}

impl WaitingView {
    fn of(texts: &Texts, zone: &TimeZone, one: &Waiting, reads: bool) -> Self {
        let until = dates::moment(texts, one.until, zone);
        let about = match (one.is_own, one.author.is_empty()) {
            (true, _) => texts.fill("waiting.yours", &[("when", &until)]),
            (false, true) => texts.fill("waiting.somebody", &[("when", &until)]),
            (false, false) => {
                let filled = [("name", one.author.as_str()), ("when", &until)];
                texts.fill("waiting.of", &filled)
            }
        };
        Self {
            id: hexadecimal(&one.id),
            sentence: one.text.clone(),
            about,
            is_own: one.is_own,
            patient: one.patient.map(|patient| format!("/patients/{patient}")),
            other_patient: one
                .other_patient
                .map(|patient| format!("/patients/{patient}")),
            document: one
                .document
                .filter(|_| reads)
                .map(|item| format!("/documents/{item}")),
        }
    }
}

/// Which one.
#[derive(Deserialize)]
pub struct Chosen {
    #[serde(default)]
    id: String,
}

/// `POST /practice/waiting`: shows the sentence that the second person's passkey answers.
pub async fn begin_approval(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Problem> {
    let id = bytes::<16>(&chosen.id).ok_or(Problem::Form)?;
    let ceremony = erasures::approve(portal.app(), visitor.signed_in()?, id).await?;
    let frame = portal.frame(visitor.visit, "waiting.act_title").await;
    let frame = frame.back_to("/practice/waiting", "frame.back");
    super::act(frame, ceremony, super::ANSWERED.to_owned())
}
