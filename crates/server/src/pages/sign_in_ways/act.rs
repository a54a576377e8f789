//! The answer that a change of one's ways needs: the sentence that is signed, and a passkey or a code.

use super::{Given, PATH, again};
use crate::error::Problem;
use crate::frame::{FieldErrors, Frame};
use crate::pages::invitations::account::{AppKey, SheetPage, app_key};
use crate::pages::sharing::proxies::code_page;
use crate::portal::Portal;
use crate::respond;
use crate::session::{Visit, Visitor};
use crate::text::{ceremony, hexadecimal, secret};
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::Response;
use candour_app::Refusal;
use candour_app::acts::{self, Changed, New};
use candour_app::sign_in::{Ceremony, Proof};
use serde::Deserialize;
use zeroize::Zeroizing;

/// What is asked.
#[derive(Template)]
#[template(path = "sign_in_ways/act.html")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent thing that the page asks for or says"
)]
pub struct ActPage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// The sentence that is signed.
    pub sentence: String,
    /// Key: what comes of it.
    pub note: Option<&'static str>,
    /// The ceremony.
    pub ceremony: String,
    /// Its options as JSON; empty where only a code answers.
    pub options: String,
    /// An older passkey may answer.
    pub by_passkey: bool,
    /// A code may answer.
    pub by_code: bool,
    /// With the password, then.
    pub with_password: bool,
    /// Key: what a code means for when it is done.
    pub code_text: &'static str,
    /// A new passkey is made.
    pub makes_passkey: bool,
    /// The new authenticator app.
    pub app: Option<AppKey>,
    /// What is changed, for the form.
    pub what: &'static str,
}

/// What the page asks, as it came from the keeper or back from the form.
#[derive(Default)]
pub(super) struct Asked {
    what: &'static str,
    sentence: String,
    ceremony: String,
    options: String,
    by_code: bool,
    with_password: bool,
    otpauth: Zeroizing<String>,
    errors: FieldErrors,
}

/// The changes there are.
const KINDS: [&str; 8] = [
    "passkey",
    "remove",
    "password",
    "app",
    "sheet",
    "stop",
    "address",
    "without-address",
];

fn kind(word: &str) -> &'static str {
    let known = KINDS.into_iter().find(|known| *known == word);
    known.unwrap_or_default()
}

impl Asked {
    pub fn of(what: &str, ceremony: &Ceremony) -> Self {
        Self {
            what: kind(what),
            sentence: ceremony.text.clone(),
            ceremony: hexadecimal(ceremony.id.as_bytes()),
            options: ceremony.options_json.clone(),
            by_code: ceremony.code_accepted,
            with_password: ceremony.needs_password,
            otpauth: ceremony.otpauth.clone(),
            errors: FieldErrors::default(),
        }
    }
}

pub(super) async fn page(portal: &Portal, visitor: &Visitor, asked: Asked) -> ActPage {
    let mut frame = portal
        .frame(visitor.visit, "sign_in_ways.act_title")
        .await
        .back_to(PATH, "frame.back")
        .with_passkeys();
    frame.has_errors = !asked.errors.is_empty();
    let is_staff = matches!(visitor.visit, Some(Visit::Staff(_)));
    ActPage {
        frame,
        errors: asked.errors,
        sentence: asked.sentence,
        note: match asked.what {
            "passkey" if is_staff => Some("sign_in_ways.note_passkey_staff"),
            "passkey" => Some("sign_in_ways.note_passkey"),
            "remove" => Some("sign_in_ways.note_remove"),
            "password" => Some("sign_in_ways.note_password"),
            "app" => Some("sign_in_ways.note_app"),
            "sheet" => Some("sign_in_ways.note_sheet"),
            "address" => Some("sign_in_ways.note_address"),
            "without-address" => Some("sign_in_ways.note_without_address"),
            _ => None,
        },
        by_passkey: serde_json::from_str::<serde_json::Value>(&asked.options)
            .is_ok_and(|options| options.get("publicKey").is_some()),
        by_code: asked.by_code,
        with_password: asked.with_password,
        code_text: if asked.what == "stop" {
            "sign_in_ways.code_at_once"
        } else {
            "sign_in_ways.code_waits"
        },
        makes_passkey: asked.what == "passkey",
        app: (!asked.otpauth.is_empty())
            .then(|| app_key(asked.ceremony.clone(), asked.otpauth.to_string())),
        what: asked.what,
        ceremony: asked.ceremony,
        options: asked.options,
    }
}

/// The answer.
#[derive(Deserialize)]
pub struct AnswerForm {
    #[serde(default)]
    what: String,
    ceremony: String,
    #[serde(default)]
    answer: String,
    #[serde(default)]
    created: String,
    #[serde(default, deserialize_with = "secret")]
    code: Zeroizing<String>,
    #[serde(default, rename = "new-code", deserialize_with = "secret")]
    new_code: Zeroizing<String>,
    // As the page had them, for showing it again after a slip.
    #[serde(default)]
    sentence: String,
    #[serde(default)]
    options: String,
    by_code: Option<String>,
    with_password: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    password: Zeroizing<String>,
    #[serde(default, deserialize_with = "secret")]
    address: Zeroizing<String>,
}

/// `POST /sign-in-ways/act`.
pub async fn answer(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(form): Form<AnswerForm>,
) -> Result<Response, Problem> {
    let token = visitor.signed_in()?;
    let act = ceremony(&form.ceremony)?;
    let proof = if form.answer.is_empty() {
        Proof::Code(Zeroizing::new(form.code.trim().to_owned()))
    } else {
        Proof::Passkey(act, form.answer.clone())
    };
    let new = New {
        credential_json: form.created.clone(),
        app_code: Zeroizing::new(form.new_code.trim().to_owned()),
        password: form.password,
    };
    let texts = crate::texts::Language::English.texts();
    match acts::finish_new(portal.app(), token, act, proof, new).await {
        Ok(changed) => done(&portal, &visitor, &changed).await,
        // The keeper still knows what it asked: the app need not be set up again.
        Err(Refusal::Invalid) if form.address.starts_with("otpauth://totp/") => {
            let mut errors = FieldErrors::default();
            errors.add("new-code", texts.say("invitation.error_totp"));
            let asked = Asked {
                what: kind(&form.what),
                sentence: form.sentence,
                ceremony: form.ceremony,
                options: form.options,
                by_code: form.by_code.is_some(),
                with_password: form.with_password.is_some(),
                otpauth: form.address,
                errors,
            };
            Ok(respond::to_mend(respond::page(
                &page(&portal, &visitor, asked).await,
            )?))
        }
        Err(Refusal::NotFound) => Ok(respond::to(PATH)),
        Err(Refusal::WrongCredentials | Refusal::Invalid) => {
            let mut given = Given::default();
            given
                .errors
                .add("maincontent", texts.say("sign_in_ways.failed"));
            again(&portal, &visitor, given).await
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// Where a change that was taken leads: a sheet is shown, once.
pub(super) async fn done(
    portal: &Portal,
    visitor: &Visitor,
    changed: &Changed,
) -> Result<Response, Problem> {
    if !changed.sheet.is_empty() {
        let frame = portal.frame(visitor.visit, "invitation.sheet_ready").await;
        let codes = changed.sheet.iter().map(|code| code.to_string()).collect();
        return respond::page(&SheetPage {
            frame,
            codes,
            lead: "sign_in_ways.sheet_ready",
            next: if changed.signed_out {
                ("/sign-in", "invitation.sheet_ready_button")
            } else {
                (PATH, "sign_in_ways.sheet_kept")
            },
        });
    }
    if let Some(code) = &changed.code {
        // A patient who has no passkey let somebody act for them, a day ago.
        return code_page(portal, visitor, code).await;
    }
    Ok(respond::to(if changed.signed_out {
        "/sign-in?note=changed"
    } else if changed.waits_until.is_some() {
        "/sign-in-ways?note=waits"
    } else {
        "/sign-in-ways?note=done"
    }))
}
