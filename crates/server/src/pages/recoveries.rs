//! Recovery of an account at the counter: for staff, for whoever uses the code, and for whoever says that it was not them.

use crate::dates;
use crate::error::Problem;
use crate::frame::{FieldErrors, Frame};
use crate::pages::invitations::account::{
    AccountForm, CodeForm, Kind, ask_code, choose, make_ways, take_code,
};
use crate::pages::{erasures, practice_name};
use crate::portal::Portal;
use crate::reading::{Reading, banner};
use crate::respond;
use crate::session::Visitor;
use crate::texts::Language;
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use candour_app::recoveries::{self, Recovery};
use candour_app::sign_in::InPart;
use candour_app::{FirstByte, Refusal};
use candour_keeper_api::words::Identified;
use http::HeaderMap;
use serde::Deserialize;

/// Staff say how they know who stands before them.
#[derive(Template)]
#[template(path = "recoveries/recover.html")]
pub struct RecoverPage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// Where it is sent.
    pub action: String,
    /// The ways of identifying: number, and key of the words.
    pub choices: Vec<(u8, &'static str)>,
    /// What was chosen before.
    pub chosen: u8,
}

/// The code, shown once.
#[derive(Template)]
#[template(path = "recoveries/code.html")]
pub struct RecoveryCodePage {
    /// Around it.
    pub frame: Frame,
    /// The code to hand over.
    pub code: String,
    /// Where it is used.
    pub place: String,
}

/// What the home page says of a recovery.
pub struct RecoveryNote {
    /// Key of the title.
    pub title: &'static str,
    /// What happened, where and when.
    pub what: String,
    /// What follows, and when.
    pub then: String,
    /// Whoever reads it can stop it.
    pub may_stop: bool,
}

impl RecoveryNote {
    /// In words.
    pub async fn of(portal: &Portal, recovery: &Recovery) -> Self {
        let texts = Language::English.texts();
        let practice = practice_name(portal, Some(recovery.practice)).await;
        let moment = |at| dates::moment(texts, at, &portal.settings().zone);
        let (when, until) = (
            moment(recovery.allowed_at),
            recovery.opens_from.map(moment).unwrap_or_default(),
        );
        let [title, what, then] = match (recovery.is_own, recovery.opens_from) {
            (true, _) => [
                "recovery.own_title",
                "recovery.own_what",
                "recovery.own_then",
            ],
            (false, None) => [
                "recovery.allowed_title",
                "recovery.allowed_what",
                "recovery.allowed_then",
            ],
            (false, Some(_)) => [
                "recovery.made_title",
                "recovery.made_what",
                "recovery.made_then",
            ],
        };
        let filled = [
            ("practice", practice.as_str()),
            ("when", &when),
            ("until", &until),
        ];
        Self {
            title,
            what: texts.fill(what, &filled),
            then: texts.fill(then, &filled),
            may_stop: !recovery.is_own,
        }
    }
}

/// What stands above every page of a record that opens in part: what is missing could be what matters.
pub(crate) async fn seen_in_part(portal: &Portal, part: InPart) -> String {
    let texts = Language::English.texts();
    let practice = practice_name(portal, Some(part.practice)).await;
    let until = dates::moment(texts, part.until, &portal.settings().zone);
    let filled = [("practice", practice.as_str()), ("until", &until)];
    texts.fill("recovery.in_part", &filled)
}

const CHOICES: [(Identified, &str); 3] = [
    (Identified::KnownInPerson, "recover.known"),
    (Identified::PhotoSeen, "recover.photo"),
    (Identified::PapersAndQuestions, "recover.papers"),
];

/// What staff say.
#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    identified: String,
    checked: Option<String>,
}

impl Asked {
    fn identified(&self) -> Option<Identified> {
        let number: i32 = self.identified.parse().ok()?;
        Identified::try_from(number).ok()
    }
}

async fn form(
    portal: &Portal,
    reading: &Reading,
    asked: &Asked,
    errors: FieldErrors,
) -> Result<(RecoverPage, FirstByte), Problem> {
    let (identity, first_byte) = reading.identity(portal).await?;
    reading.staff_only()?;
    let frame = reading.frame(portal, "recover.title", None).await;
    let around = banner(frame.texts(), identity.as_ref());
    let mut frame = frame.about(around);
    frame.has_errors = !errors.is_empty();
    let page = RecoverPage {
        frame,
        errors,
        action: reading.path("/recover"),
        choices: CHOICES
            .map(|(identified, words)| (identified.number(), words))
            .to_vec(),
        chosen: asked.identified().map_or(0, Identified::number),
    };
    Ok((page, first_byte))
}

/// `GET /patients/{patient}/recover`.
pub async fn ask(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    let asked = Asked::default();
    let (page, first_byte) = form(&portal, &reading, &asked, FieldErrors::default()).await?;
    respond::opened(&page, first_byte)
}

/// `POST /patients/{patient}/recover`: shows the sentence that the passkey answers. Nobody is let in yet.
pub async fn begin(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Form(asked): Form<Asked>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    let texts = Language::English.texts();
    let mut errors = FieldErrors::default();
    if asked.identified().is_none() {
        errors.add("identified", texts.say("recover.error_identified"));
    }
    if asked.checked.is_none() {
        errors.add("checked", texts.say("recover.error_checked"));
    }
    // Whoever may not see whose record it is, is refused here, on the ledger, whatever they sent.
    let has_errors = !errors.is_empty();
    let (page, first_byte) = form(&portal, &reading, &asked, errors).await?;
    let Some(identified) = asked.identified().filter(|_| !has_errors) else {
        return Ok(respond::to_mend(respond::opened(&page, first_byte)?));
    };
    let session = reading.visitor.session(&portal).await?;
    let practice = session.practice.ok_or(Problem::NoSuchPage)?;
    let token = reading.visitor.signed_in()?;
    let begun = recoveries::start(portal.app(), token, practice, reading.patient, identified).await;
    let frame = portal
        .frame(reading.visitor.visit, "recover.act_title")
        .await
        .back_to(reading.path("/recover"), "frame.back");
    erasures::act(frame, begun?, erasures::ANSWERED.to_owned())
}

/// The code, to be printed and handed over: in this answer and nowhere else.
pub(super) async fn code_page(
    portal: &Portal,
    visitor: &Visitor,
    code: &str,
) -> Result<Response, Problem> {
    let frame = portal.frame(visitor.visit, "recover.code_title").await;
    let origin = portal.settings().origin.as_str();
    let place = frame
        .texts()
        .fill("recover.code_where", &[("address", origin)]);
    respond::page(&RecoveryCodePage {
        frame,
        code: code.to_owned(),
        place,
    })
}

/// `GET /recover`.
pub async fn show(State(portal): State<Portal>) -> Result<Response, Problem> {
    ask_code(&portal, Kind::Recovery).await
}

/// `POST /recover`.
pub async fn take(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(form): Form<CodeForm>,
) -> Result<Response, Problem> {
    take_code(&portal, &visitor, Kind::Recovery, form).await
}

/// `GET /recover/account`: the ways to sign in from now on.
pub async fn ways(
    State(portal): State<Portal>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    choose(&portal, &visitor, Kind::Recovery, &headers).await
}

/// `POST /recover/account`.
pub async fn make(
    State(portal): State<Portal>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<AccountForm>,
) -> Result<Response, Problem> {
    make_ways(&portal, &visitor, Kind::Recovery, &headers, form).await
}

/// `POST /recover/stop`: it was not whoever reads this. One press, and it is done.
pub async fn stop(State(portal): State<Portal>, visitor: Visitor) -> Result<Response, Problem> {
    let stopped = recoveries::stop(portal.app(), visitor.signed_in()?).await;
    match stopped {
        Ok(()) => Ok(respond::to("/home?said=stopped")),
        // Pressed twice, or over meanwhile: the home page says what stands.
        Err(Refusal::NotFound) => Ok(respond::to("/home")),
        Err(refusal) => Err(refusal.into()),
    }
}
