//! Who acts for a patient, for the practice: the list, an ending, and the marks of the patient.

use super::{Choice, section_name};
use crate::dates;
use crate::error::Problem;
use crate::frame::Frame;
use crate::pages::erasures;
use crate::portal::Portal;
use crate::reading::{Reading, banner};
use crate::respond;
use crate::session::Visitor;
use crate::text::bytes;
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use candour_app::Refusal;
use candour_app::sharing::{self, ActsFor};
use candour_keeper_api::words::ProxyKind;
use candour_seal::PersonId;
use serde::Deserialize;

/// The list, and the marks.
#[derive(Template)]
#[template(path = "sharing/acting.html")]
pub struct ActingPage {
    /// Around it.
    pub frame: Frame,
    /// Where an ending is sent.
    pub end: String,
    /// Where the marks are sent.
    pub marks: String,
    /// Where somebody is let act.
    pub invite: String,
    /// Who acts now.
    pub people: Vec<ActingView>,
    /// The marks: name in the form, words, whether it stands.
    pub marked: Vec<Choice>,
    /// Where protecting the address is sent.
    pub address: String,
    /// The address is protected.
    pub is_address_protected: bool,
}

/// Somebody who acts.
pub struct ActingView {
    /// Names them in the form.
    pub person: String,
    /// Key: as what.
    pub kind: &'static str,
    /// Why, where the practice gave it.
    pub reason: String,
    /// What they see.
    pub reach: String,
    /// Since when, until when.
    pub when: String,
}

/// Key of as what somebody acts.
const fn kind_name(kind: Option<ProxyKind>) -> &'static str {
    match kind {
        None => "proxies.kind_before",
        Some(ProxyKind::Wish) => "proxies.kind_wish",
        Some(ProxyKind::Guardian) => "proxies.kind_guardian",
        Some(ProxyKind::Helper) => "proxies.kind_helper",
        Some(ProxyKind::Representative) => "proxies.kind_representative",
    }
}

/// `GET /patients/{patient}/acting`.
pub async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    let (identity, first_byte) = reading.identity(&portal).await?;
    reading.staff_only()?;
    let token = reading.visitor.signed_in()?;
    let standing = sharing::acting(portal.app(), token, reading.patient).await?;
    let frame = reading.frame(&portal, "proxies.acting_title", None).await;
    let around = banner(frame.texts(), identity.as_ref());
    let frame = frame.about(around);
    let texts = frame.texts();
    let mark = |value: &str, words, is_chosen| Choice {
        value: value.to_owned(),
        words: texts.say(words).to_owned(),
        is_chosen,
    };
    let page = ActingPage {
        address: reading.path("/address"),
        is_address_protected: standing.is_address_protected,
        end: reading.path("/acting"),
        marks: reading.path("/marks"),
        invite: reading.path("/proxy"),
        people: standing
            .people
            .iter()
            .map(|person| view(&portal, &frame, person))
            .collect(),
        marked: vec![
            mark("died", "proxies.mark_died", standing.is_deceased),
            mark("unsafe", "proxies.mark_unsafe", standing.is_unsafe_to_write),
        ],
        frame,
    };
    respond::opened(&page, first_byte)
}

fn view(portal: &Portal, frame: &Frame, person: &ActsFor) -> ActingView {
    let texts = frame.texts();
    let zone = &portal.settings().zone;
    let seen: Vec<&str> = person
        .sections
        .iter()
        .map(|section| texts.say(section_name(*section)))
        .collect();
    ActingView {
        person: person.person.to_string(),
        kind: kind_name(person.kind),
        reason: person.reason.clone(),
        reach: if seen.is_empty() {
            texts.say("proxies.reach_all").to_owned()
        } else {
            texts.fill("sharing.reach", &[("sections", &seen.join(", "))])
        },
        when: dates::lasting(texts, zone, person.since, person.until),
    }
}

/// Whose acting is to end.
#[derive(Deserialize)]
pub struct EndForm {
    #[serde(default)]
    person: String,
}

/// `POST /patients/{patient}/acting`: asks for the answer that an ending needs. Whoever acts is not told.
pub async fn end(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Form(form): Form<EndForm>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    // Whoever may not see whose record it is, is refused here, on the ledger; the name is not shown.
    let (_, _undelivered) = reading.identity(&portal).await?;
    reading.staff_only()?;
    let person = bytes(&form.person).ok_or(Problem::Form)?;
    let (app, token) = (portal.app(), reading.visitor.signed_in()?);
    let person = PersonId::from_bytes(person);
    match sharing::withdraw(app, token, person, reading.patient).await {
        Ok(ceremony) => sign(&portal, &reading, ceremony).await,
        // It ended meanwhile.
        Err(Refusal::NotFound) => Ok(respond::to(&reading.path("/acting"))),
        Err(refusal) => Err(refusal.into()),
    }
}

async fn sign(
    portal: &Portal,
    reading: &Reading,
    ceremony: candour_app::sign_in::Ceremony,
) -> Result<Response, Problem> {
    let frame = portal.frame(reading.visitor.visit, "erase.act_title").await;
    erasures::act(
        frame.back_to(reading.path("/acting"), "frame.back"),
        ceremony,
        erasures::ANSWERED.to_owned(),
    )
}

/// The marks that are to stand.
#[derive(Deserialize)]
pub struct MarksForm {
    died: Option<String>,
    r#unsafe: Option<String>,
}

/// `POST /patients/{patient}/marks`: asks for the answer that marks need.
pub async fn mark(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Form(form): Form<MarksForm>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    // Whoever may not see whose record it is, is refused here, on the ledger; the name is not shown.
    let (_, _undelivered) = reading.identity(&portal).await?;
    reading.staff_only()?;
    let (app, token) = (portal.app(), reading.visitor.signed_in()?);
    let (died, is_unsafe) = (form.died.is_some(), form.r#unsafe.is_some());
    let ceremony = sharing::mark(app, token, reading.patient, died, is_unsafe).await?;
    sign(&portal, &reading, ceremony).await
}

/// Whether the address is to be protected.
#[derive(Deserialize)]
pub struct AddressForm {
    protect: Option<String>,
}

/// `POST /patients/{patient}/address`: asks for the answer that protecting an address needs. No longer takes a colleague's
/// too.
pub async fn protect(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Form(form): Form<AddressForm>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    // Whoever may not see whose record it is, is refused here, on the ledger; the name is not shown.
    let (_, _undelivered) = reading.identity(&portal).await?;
    reading.staff_only()?;
    let practice = reading.visitor.session(&portal).await?.practice;
    let practice = practice.ok_or(Problem::NoSuchPage)?;
    let (app, token) = (portal.app(), reading.visitor.signed_in()?);
    let (patient, is_protected) = (reading.patient, form.protect.is_some());
    let begun = sharing::protect_address(app, token, patient, Some(practice), is_protected);
    sign(&portal, &reading, begun.await?).await
}
