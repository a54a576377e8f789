//! Erasing what a practice put in: asking for it, agreeing to it, and the certificates.

mod certificates;
mod waiting;

pub use certificates::{CertificatePage, CertificateView, show as certificates};
pub use waiting::{WaitingPage, WaitingView, begin_approval, show as waiting};

use crate::error::Problem;
use crate::frame::{FieldErrors, Frame};
use crate::pages::{programs, recoveries};
use crate::portal::Portal;
use crate::reading::{Reading, banner};
use crate::respond;
use crate::session::Visitor;
use crate::text::{ceremony, hexadecimal};
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use candour_app::acts::Changed;
use candour_app::erasures::{self, What};
use candour_app::sign_in::Ceremony;
use candour_app::{ReadError, Refusal, documents};
use candour_keeper_api::words::Role;
use serde::Deserialize;

/// Where most answers are sent.
pub(super) const ANSWERED: &str = "/practice/act";
/// Longest reason in characters; the keeper's bound.
const LONGEST_REASON: usize = 300;

/// What can be erased, and the hold.
#[derive(Template)]
#[template(path = "erasures/erase.html")]
pub struct ErasePage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// Where it is sent.
    pub action: String,
    /// Documents: id and what stands on the shelf about them. Empty for who may not see the shelf.
    pub documents: Vec<(String, String)>,
    /// What was chosen before: a document's id, `everything`, `hold`, `release`.
    pub chosen: String,
    /// The reason typed before.
    pub reason: String,
    /// A manager sees no documents, and is told so.
    pub is_manager: bool,
}

/// A sentence to be answered with a passkey.
#[derive(Template)]
#[template(path = "erasures/act.html")]
pub struct ActPage {
    /// Around it.
    pub frame: Frame,
    /// Where the answer is sent.
    pub action: String,
    /// Exactly what is signed.
    pub sentence: String,
    /// The ceremony.
    pub ceremony: String,
    /// Its options as JSON.
    pub options: String,
}

/// What was chosen.
#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    what: String,
    #[serde(default)]
    reason: String,
}

/// `GET /patients/{patient}/erase`.
pub async fn ask(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    form(&portal, &reading, &Asked::default(), FieldErrors::default()).await
}

async fn form(
    portal: &Portal,
    reading: &Reading,
    asked: &Asked,
    errors: FieldErrors,
) -> Result<Response, Problem> {
    let (identity, mut first_byte) = reading.identity(portal).await?;
    reading.staff_only()?;
    let session = reading.visitor.session(portal).await?;
    if !matches!(session.role, Role::Clinician | Role::Manager) {
        return Err(Problem::Refused(Refusal::NotAllowed));
    }
    let mut lines = Vec::new();
    // A manager runs the practice and reads no record: for them there is no shelf.
    match documents::shelf(portal.app(), &reading.viewer, reading.patient).await {
        Ok((shelf, shelf_byte)) => {
            first_byte = first_byte.and(shelf_byte);
            let shelf = shelf.into_inner();
            let texts = crate::texts::Language::English.texts();
            let named = |line| super::documents::named(texts, line);
            lines = shelf.lines.iter().map(named).collect();
        }
        Err(ReadError::Refused(Refusal::NotAllowed)) => {}
        Err(error) => return Err(error.into()),
    }
    let frame = reading.frame(portal, "erase.title", None).await;
    let around = banner(frame.texts(), identity.as_ref());
    let mut frame = frame.about(around);
    let has_errors = !errors.is_empty();
    frame.has_errors = has_errors;
    let page = ErasePage {
        frame,
        errors,
        action: reading.path("/erase"),
        documents: lines,
        chosen: asked.what.clone(),
        reason: asked.reason.clone(),
        is_manager: session.role == Role::Manager,
    };
    let response = respond::opened(&page, first_byte)?;
    Ok(respond::to_mend_if(has_errors, response))
}

/// `POST /patients/{patient}/erase`: shows the sentence that the passkey answers. Nothing is erased yet.
pub async fn begin(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Form(asked): Form<Asked>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    // Whoever may not see whose record it is, is refused here, on the ledger, whatever they sent.
    let (_, _not_shown) = reading.identity(&portal).await?;
    reading.staff_only()?;
    let texts = crate::texts::Language::English.texts();
    let mut errors = FieldErrors::default();
    if asked.what.is_empty() {
        errors.add("what", texts.say("erase.error_what"));
    }
    let length = asked.reason.trim().chars().count();
    if length == 0 || length > LONGEST_REASON {
        errors.add("reason", texts.say("erase.error_reason"));
    }
    if !errors.is_empty() {
        return form(&portal, &reading, &asked, errors).await;
    }
    let session = reading.visitor.session(&portal).await?;
    let practice = session.practice.ok_or(Problem::NoSuchPage)?;
    let (app, token) = (portal.app(), reading.visitor.signed_in()?);
    let (patient, reason) = (reading.patient, asked.reason.as_str());
    let begun = match asked.what.as_str() {
        held @ ("hold" | "release") => {
            erasures::start_hold(app, token, practice, patient, held == "hold", reason).await
        }
        "everything" => {
            erasures::start(app, token, practice, patient, What::Everything, reason).await
        }
        document => {
            let document = document.parse().map_err(|_| Problem::Form)?;
            let what = What::Document(document);
            erasures::start(app, token, practice, patient, what, reason).await
        }
    };
    let frame = portal.frame(reading.visitor.visit, "erase.act_title").await;
    let frame = frame.back_to(reading.path("/erase"), "erase.back");
    act(frame, begun?, ANSWERED.to_owned())
}

/// The page that asks the passkey; the answer is sent to `action`.
pub(super) fn act(frame: Frame, ceremony: Ceremony, action: String) -> Result<Response, Problem> {
    respond::page(&ActPage {
        frame: frame.with_passkeys(),
        action,
        sentence: ceremony.text,
        ceremony: hexadecimal(ceremony.id.as_bytes()),
        options: ceremony.options_json,
    })
}

/// The passkey's answer.
#[derive(Deserialize)]
pub struct Answer {
    #[serde(default)]
    ceremony: String,
    #[serde(default)]
    answer: String,
}

impl Answer {
    /// Gives it to the keeper.
    pub(super) async fn give(self, portal: &Portal, visitor: &Visitor) -> Result<Changed, Problem> {
        let token = visitor.signed_in()?;
        let ceremony = ceremony(&self.ceremony)?;
        let given = erasures::answer(portal.app(), token, ceremony, self.answer).await;
        Ok(given?)
    }
}

/// `POST /practice/act`: the answer to a sentence; what needs a second person waits from then on.
pub async fn answer(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(answer): Form<Answer>,
) -> Result<Response, Problem> {
    let path = match answer.give(&portal, &visitor).await {
        // What is agreed to here and has something to hand over: to a program, which has an id, or to a patient.
        Ok(Changed {
            code: Some(code),
            id: Some(_),
            ..
        }) => return programs::credential_page(&portal, &visitor, &code).await,
        Ok(Changed {
            code: Some(code), ..
        }) => return recoveries::code_page(&portal, &visitor, &code).await,
        Ok(Changed { pending: None, .. }) => "/practice/waiting?said=done",
        Ok(_) => "/practice/waiting?said=waits",
        // The five minutes are over, or it was answered before: what stands is in the list.
        Err(Problem::Refused(Refusal::WrongCredentials | Refusal::NotFound)) => {
            "/practice/waiting?said=again"
        }
        Err(Problem::Refused(Refusal::NotAsShown)) => "/practice/waiting?said=changed",
        Err(problem) => return Err(problem),
    };
    Ok(respond::to(path))
}
