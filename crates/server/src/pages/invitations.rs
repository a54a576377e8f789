//! Inviting a patient, and linking an invitation to the account that is signed in.

pub mod account;

use super::{GivenDate, erasures};
use crate::error::Problem;
use crate::frame::{FieldErrors, Frame, PatientBanner};
use crate::portal::Portal;
use crate::reading::{Reading, banner};
use crate::respond;
use crate::session::Visitor;
use crate::text::{ceremony, secret};
use crate::texts::Texts;
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use candour_app::acts;
use candour_app::invitations::{self, About};
use candour_app::sign_in::Proof;
use candour_app::{FirstByte, Refusal};
use serde::Deserialize;
use zeroize::Zeroizing;

/// Staff invite a patient.
#[derive(Template)]
#[template(path = "invitations/invite.html")]
pub struct InvitePage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// Where it is sent.
    pub action: String,
}

/// The code, shown once.
#[derive(Template)]
#[template(path = "invitations/made.html")]
pub struct InviteMadePage {
    /// Around it.
    pub frame: Frame,
    /// The code to hand over.
    pub code: String,
    /// Where it is used.
    pub made_where: String,
    /// Key of what is asked there beside the code.
    pub made_birth: &'static str,
    /// Key of what whoever uses it may see at first, where that is not everything they are let into.
    pub made_then: Option<&'static str>,
    /// Where it goes on.
    pub back: String,
    /// Key of what that says.
    pub back_words: &'static str,
}

/// Linking a record to the account that is signed in.
#[derive(Template)]
#[template(path = "invitations/link.html")]
pub struct LinkPage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// The birth date typed before.
    pub birth: GivenDate,
}

async fn invite_page(
    portal: &Portal,
    reading: &Reading,
    errors: FieldErrors,
) -> Result<(InvitePage, FirstByte), Problem> {
    let (identity, first_byte) = reading.identity(portal).await?;
    reading.staff_only()?;
    let mut frame = reading.frame(portal, "invite.title", None).await;
    let around = banner(frame.texts(), identity.as_ref());
    frame = frame.about(around);
    frame.has_errors = !errors.is_empty();
    let action = reading.path("/invite");
    Ok((
        InvitePage {
            frame,
            errors,
            action,
        },
        first_byte,
    ))
}

/// `GET /patients/{patient}/invite`.
pub async fn ask(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    let (page, first_byte) = invite_page(&portal, &reading, FieldErrors::default()).await?;
    respond::opened(&page, first_byte)
}

/// That staff looked whom they have before them; then their passkey's answer.
#[derive(Deserialize)]
pub struct Asked {
    checked: Option<String>,
    #[serde(default)]
    ceremony: String,
    #[serde(default)]
    answer: String,
}

/// `POST /patients/{patient}/invite`: shows the sentence that the passkey answers, or takes the answer.
pub async fn invite(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Form(asked): Form<Asked>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    if !asked.ceremony.is_empty() {
        return made(&portal, &reading, asked).await;
    }
    if asked.checked.is_none() {
        return again(&portal, &reading, ("checked", "invite.error_check")).await;
    }
    // Whoever may not see whose record it is, is refused here, on the ledger, whatever they sent.
    let (identity, _not_shown) = reading.identity(&portal).await?;
    reading.staff_only()?;
    let session = reading.visitor.session(&portal).await?;
    let frame = portal
        .frame(reading.visitor.visit, "invite.act_title")
        .await
        .back_to(reading.path("/invite"), "frame.back");
    let about = About {
        practice: session.practice.ok_or(Problem::NoSuchPage)?,
        patient: reading.patient,
        who: identity.map_or_else(String::new, |identity| {
            who(frame.texts(), &banner(frame.texts(), Some(&identity)))
        }),
    };
    let token = reading.visitor.signed_in()?;
    let ceremony = invitations::invite_patient(portal.app(), token, about).await?;
    erasures::act(frame, ceremony, reading.path("/invite"))
}

/// The patient as the sentence names them that staff sign.
pub(super) fn who(texts: &Texts, about: &PatientBanner) -> String {
    let filled = [("name", about.name.as_str()), ("date", &about.born)];
    texts.fill("invite.who", &filled)
}

/// Takes the passkey's answer to an invitation: its code, or why there is none. Where the five minutes are over, or it was
/// answered before, that is [`Refusal::WrongCredentials`].
pub(super) async fn answered(
    portal: &Portal,
    reading: &Reading,
    (act, answer): (&str, String),
) -> Result<Result<String, Refusal>, Problem> {
    let token = reading.visitor.signed_in()?;
    let act = ceremony(act)?;
    let proof = Proof::Passkey(act, answer);
    Ok(match acts::finish(portal.app(), token, act, proof).await {
        Ok(changed) => Ok(changed.code.ok_or(Problem::Internal)?.to_string()),
        Err(Refusal::NotFound) => Err(Refusal::WrongCredentials),
        Err(refusal) => Err(refusal),
    })
}

async fn again(
    portal: &Portal,
    reading: &Reading,
    (field, error): (&'static str, &'static str),
) -> Result<Response, Problem> {
    let mut errors = FieldErrors::default();
    errors.add(field, crate::texts::Language::English.texts().say(error));
    let (page, first_byte) = invite_page(portal, reading, errors).await?;
    Ok(respond::to_mend(respond::opened(&page, first_byte)?))
}

/// The code is in this answer and nowhere else.
async fn made(portal: &Portal, reading: &Reading, asked: Asked) -> Result<Response, Problem> {
    let (page, first_byte) = invite_page(portal, reading, FieldErrors::default()).await?;
    let code = match answered(portal, reading, (&asked.ceremony, asked.answer)).await? {
        Ok(code) => code,
        Err(Refusal::WrongCredentials) => {
            return again(portal, reading, ("maincontent", "invite.error_again")).await;
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let mut frame = page.frame;
    let texts = frame.texts();
    texts.say("invite.made_title").clone_into(&mut frame.title);
    let made = InviteMadePage {
        frame,
        code,
        made_where: texts.fill(
            "invite.made_where",
            &[("address", &portal.settings().origin)],
        ),
        made_birth: "invite.made_birth",
        made_then: Some("invite.made_then"),
        back: reading.path(""),
        back_words: "invite.done",
    };
    respond::opened(&made, first_byte)
}

async fn link_page(
    portal: &Portal,
    visitor: &Visitor,
    errors: FieldErrors,
    birth: GivenDate,
) -> LinkPage {
    let mut frame = portal
        .frame(visitor.visit, "invitation.link_title")
        .await
        .back_to("/home", "frame.back");
    frame.has_errors = !errors.is_empty();
    LinkPage {
        frame,
        errors,
        birth,
    }
}

/// `GET /invitation/link`.
pub async fn ask_link(State(portal): State<Portal>, visitor: Visitor) -> Result<Response, Problem> {
    visitor.signed_in()?;
    respond::page(
        &link_page(
            &portal,
            &visitor,
            FieldErrors::default(),
            GivenDate::default(),
        )
        .await,
    )
}

/// Code and birth date.
#[derive(Deserialize)]
pub struct LinkForm {
    #[serde(default, deserialize_with = "secret")]
    code: Zeroizing<String>,
    #[serde(default)]
    day: String,
    #[serde(default)]
    month: String,
    #[serde(default)]
    year: String,
}

/// `POST /invitation/link`.
pub async fn link(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(form): Form<LinkForm>,
) -> Result<Response, Problem> {
    let token = visitor.signed_in()?;
    let texts = crate::texts::Language::English.texts();
    let birth = GivenDate {
        day: form.day,
        month: form.month,
        year: form.year,
    };
    let mut errors = FieldErrors::default();
    if form.code.trim().is_empty() {
        errors.add("code", texts.say("invitation.error_code"));
    }
    match birth.read() {
        None => errors.add("birth", texts.say("invitation.error_birth")),
        Some(date) if errors.is_empty() => {
            match invitations::link(portal.app(), token, form.code.trim(), &date.to_string()).await
            {
                Ok(()) => return Ok(respond::to("/home")),
                Err(Refusal::NotFound | Refusal::WrongCredentials | Refusal::Invalid) => {
                    errors.add("code", texts.say("invitation.wrong"));
                }
                Err(refusal) => return Err(refusal.into()),
            }
        }
        Some(_) => {}
    }
    Ok(respond::to_mend(respond::page(
        &link_page(&portal, &visitor, errors, birth).await,
    )?))
}
