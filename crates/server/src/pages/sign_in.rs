//! Signing in, and proving again that it is oneself.

use crate::error::Problem;
use crate::frame::{FieldErrors, Frame};
use crate::pages::emergency;
use crate::portal::Portal;
use crate::respond;
use crate::session::{TOKEN_COOKIE, VISIT_COOKIE, Visit, Visitor, set_cookie, token_text};
use crate::text::{ceremony, hexadecimal, secret};
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use candour_app::Refusal;
use candour_app::sign_in::{self, Acting, Proof, SignedIn};
use http::header::{CONTENT_TYPE, SET_COOKIE};
use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// Passkey, or password and code.
#[derive(Template)]
#[template(path = "sign_in/sign_in.html")]
pub struct SignInPage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// Key of a sentence on top.
    pub note: Option<&'static str>,
    /// The sign-in name typed before.
    pub login: String,
}

/// A fresh passkey answer or code for a running session.
#[derive(Template)]
#[template(path = "sign_in/step_up.html")]
pub struct StepUpPage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// Where to go on afterwards.
    pub back: String,
    /// The ceremony.
    pub ceremony: String,
    /// Its options as JSON; empty where only a code answers.
    pub options: String,
    /// Where the record is opened in an emergency, for staff who have reached a limit.
    pub emergency: Option<String>,
    /// A code answers too.
    pub code_accepted: bool,
    /// A clinician past a budget says why.
    pub asks_reason: bool,
}

/// What brought somebody to the sign-in page.
#[derive(Deserialize)]
pub struct Note {
    note: Option<String>,
}

async fn ask(
    portal: &Portal,
    errors: FieldErrors,
    note: Option<&'static str>,
    login: String,
) -> SignInPage {
    let mut frame = portal.frame(None, "sign_in.title").await.with_passkeys();
    frame.has_errors = !errors.is_empty();
    SignInPage {
        frame,
        errors,
        note,
        login,
    }
}

/// `GET /sign-in`.
pub async fn show(
    State(portal): State<Portal>,
    Query(Note { note }): Query<Note>,
) -> Result<Response, Problem> {
    let note = match note.as_deref() {
        Some("ready") => Some("sign_in.account_ready"),
        Some("recovered") => Some("recover.ready"),
        Some("changed") => Some("sign_in_ways.sign_in_again"),
        Some("out") => Some("sign_in.signed_out"),
        _ => None,
    };
    respond::page(&ask(&portal, FieldErrors::default(), note, String::new()).await)
}

async fn ask_again(
    portal: &Portal,
    errors: FieldErrors,
    login: String,
) -> Result<Response, Problem> {
    Ok(respond::to_mend(respond::page(
        &ask(portal, errors, None, login).await,
    )?))
}

/// For whom a challenge is wanted.
#[derive(Deserialize)]
pub struct Start {
    #[serde(default)]
    login: String,
}

/// What the page's script answers.
#[derive(serde::Serialize)]
struct Challenge {
    ceremony: String,
    options: Box<RawValue>,
}

/// `POST /sign-in/passkey/start`: the challenge as JSON.
pub async fn passkey_start(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(Start { login }): Form<Start>,
) -> Result<Response, Problem> {
    let ceremony = sign_in::passkey_start(portal.app(), login.trim(), &visitor.network).await?;
    let options = RawValue::from_string(ceremony.options_json).map_err(|_| Problem::Internal)?;
    let ceremony = hexadecimal(ceremony.id.as_bytes());
    let challenge =
        serde_json::to_string(&Challenge { ceremony, options }).map_err(|_| Problem::Internal)?;
    Ok(([(CONTENT_TYPE, "application/json")], challenge).into_response())
}

/// The browser's answer to a challenge.
#[derive(Deserialize)]
pub struct PasskeyAnswer {
    ceremony: String,
    answer: String,
    #[serde(default)]
    acting: String,
}

/// `POST /sign-in/passkey`.
pub async fn with_passkey(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(form): Form<PasskeyAnswer>,
) -> Result<Response, Problem> {
    let acting = match form.acting.as_str() {
        "staff" => Acting::AsStaff(None),
        _ => Acting::AsPatient,
    };
    let ceremony = ceremony(&form.ceremony)?;
    let answer = sign_in::passkey_finish(
        portal.app(),
        ceremony,
        form.answer,
        acting,
        visitor.browser(),
    )
    .await;
    match answer {
        Ok(signed_in) => Ok(begin(&portal, &visitor, &signed_in).await),
        Err(refusal) => {
            refused(
                &portal,
                refusal,
                "login",
                "sign_in.passkey_failed",
                String::new(),
            )
            .await
        }
    }
}

/// Sign-in name, password and second factor.
#[derive(Deserialize)]
pub struct PasswordForm {
    #[serde(default)]
    name: String,
    #[serde(default, deserialize_with = "secret")]
    password: Zeroizing<String>,
    #[serde(default, deserialize_with = "secret")]
    code: Zeroizing<String>,
}

/// `POST /sign-in/password`; patients only.
pub async fn with_password(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(form): Form<PasswordForm>,
) -> Result<Response, Problem> {
    let texts = crate::texts::Language::English.texts();
    let login = form.name.trim().to_owned();
    let code = Zeroizing::new(form.code.trim().to_owned());
    let mut errors = FieldErrors::default();
    if login.is_empty() {
        errors.add("name", texts.say("sign_in.error_login"));
    }
    if form.password.is_empty() {
        errors.add("password", texts.say("sign_in.error_password"));
    }
    if code.is_empty() {
        errors.add("code", texts.say("sign_in.error_code"));
    }
    if !errors.is_empty() {
        return ask_again(&portal, errors, login).await;
    }
    match sign_in::with_password(
        portal.app(),
        &login,
        &form.password,
        &code,
        visitor.browser(),
    )
    .await
    {
        Ok(signed_in) => Ok(begin(&portal, &visitor, &signed_in).await),
        Err(refusal) => refused(&portal, refusal, "name", "sign_in.wrong", login).await,
    }
}

/// What does not fit is said beside the form, the same words for every reason; anything else has its own page.
async fn refused(
    portal: &Portal,
    refusal: Refusal,
    field: &'static str,
    words: &'static str,
    login: String,
) -> Result<Response, Problem> {
    match refusal {
        Refusal::WrongCredentials | Refusal::NotFound | Refusal::NotAllowed | Refusal::Invalid => {
            let mut errors = FieldErrors::default();
            errors.add(field, crate::texts::Language::English.texts().say(words));
            ask_again(portal, errors, login).await
        }
        other => Err(other.into()),
    }
}

/// The session's cookies, and the way to where the visitor starts. The session that this browser had before ends.
async fn begin(portal: &Portal, visitor: &Visitor, signed_in: &SignedIn) -> Response {
    end(portal, visitor).await;
    let visit = Visit::first(signed_in.session.role);
    let mut response = respond::to(visit.home());
    let token = token_text(&signed_in.token);
    let cookies = [
        set_cookie(TOKEN_COOKIE, &token),
        set_cookie(VISIT_COOKIE, visit.word()),
    ];
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Ends the session that came with a request, if one did. With the keeper away it ends by itself.
async fn end(portal: &Portal, visitor: &Visitor) {
    let Some(token) = &visitor.token else {
        return;
    };
    let ended = sign_in::sign_out(portal.app(), token, &visitor.network).await;
    if let Err(refusal) = ended
        && !matches!(refusal, Refusal::SessionEnded)
    {
        tracing::warn!(%refusal, "a session was not ended with the keeper");
    }
}

/// `POST /sign-out`. The cookies go even when the keeper is away.
pub async fn out(State(portal): State<Portal>, visitor: Visitor) -> Response {
    end(&portal, &visitor).await;
    let mut response = respond::to("/sign-in?note=out");
    for name in [TOKEN_COOKIE, VISIT_COOKIE] {
        if let Some(cookie) = set_cookie(name, "") {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    response
}

/// Where to go on after a fresh proof, and whether a reason is asked for.
#[derive(Deserialize)]
pub struct StepUpQuestion {
    #[serde(default)]
    back: String,
    reason: Option<String>,
}

/// Only addresses of our own pages.
fn own_path(path: &str) -> &str {
    let is_ours = path.starts_with('/')
        && !path.starts_with("//")
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_ours { path } else { "/" }
}

async fn ask_step_up(
    portal: &Portal,
    visitor: &Visitor,
    question: StepUpQuestion,
    errors: FieldErrors,
) -> Result<Response, Problem> {
    visitor.session(portal).await?;
    let ceremony = sign_in::passkey_start(portal.app(), "", &visitor.network).await?;
    let mut frame = portal
        .frame(visitor.visit, "step_up.title")
        .await
        .with_passkeys();
    frame.has_errors = !errors.is_empty();
    respond::page(&StepUpPage {
        frame,
        errors,
        back: own_path(&question.back).to_owned(),
        ceremony: hexadecimal(ceremony.id.as_bytes()),
        options: ceremony.options_json,
        emergency: emergency::beside(&question.back, visitor.visit)
            .filter(|_| question.reason.is_some()),
        code_accepted: visitor.visit == Some(Visit::Patient),
        asks_reason: question.reason.is_some(),
    })
}

/// `GET /step-up`.
pub async fn step_up_form(
    State(portal): State<Portal>,
    visitor: Visitor,
    Query(question): Query<StepUpQuestion>,
) -> Result<Response, Problem> {
    ask_step_up(&portal, &visitor, question, FieldErrors::default()).await
}

/// A fresh proof.
#[derive(Deserialize)]
pub struct StepUpAnswer {
    #[serde(default)]
    back: String,
    #[serde(default)]
    ceremony: String,
    #[serde(default)]
    answer: String,
    #[serde(default, deserialize_with = "secret")]
    code: Zeroizing<String>,
    reason: Option<String>,
}

/// `POST /step-up`.
pub async fn step_up(
    State(portal): State<Portal>,
    visitor: Visitor,
    Form(form): Form<StepUpAnswer>,
) -> Result<Response, Problem> {
    let token = visitor.signed_in()?;
    let proof = if form.answer.is_empty() {
        Proof::Code(Zeroizing::new(form.code.trim().to_owned()))
    } else {
        Proof::Passkey(ceremony(&form.ceremony)?, form.answer)
    };
    let reason = form.reason.as_deref().unwrap_or_default().trim();
    let texts = crate::texts::Language::English.texts();
    let mut errors = FieldErrors::default();
    if form.reason.is_some() && reason.is_empty() {
        errors.add("reason", texts.say("step_up.error_reason"));
    } else {
        match sign_in::step_up(portal.app(), token, proof, reason, &visitor.network).await {
            Ok(proved) => {
                let mut response = respond::to(own_path(&form.back));
                let cookie = set_cookie(TOKEN_COOKIE, &token_text(&proved.token));
                response
                    .headers_mut()
                    .extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
                return Ok(response);
            }
            Err(Refusal::WrongCredentials | Refusal::Invalid) => {
                let field = if visitor.visit == Some(Visit::Patient) {
                    "code"
                } else {
                    "maincontent"
                };
                errors.add(field, texts.say("step_up.failed"));
            }
            Err(refusal) => return Err(refusal.into()),
        }
    }
    let question = StepUpQuestion {
        back: form.back,
        reason: form.reason,
    };
    Ok(respond::to_mend(
        ask_step_up(&portal, &visitor, question, errors).await?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for path in ["/home", "/patients/ab/history?before=7"] {
            assert_eq!(own_path(path), path);
        }
        for path in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/a\r\nb",
            "home",
        ] {
            assert_eq!(own_path(path), "/", "{path}");
        }
    }
}
