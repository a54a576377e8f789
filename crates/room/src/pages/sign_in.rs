//! Signing in by passkey, through the records keeper.

use super::session::{self, Officer, Visitor};
use super::{Problem, page};
use crate::codes::{from_hexadecimal, hexadecimal};
use crate::demonstration::{DemonstrationOfficers, ListedOfficer};
use crate::room::Room;
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use candour_keeper_api::wire::{self, Call, Reply};
use candour_keeper_api::{CallError, Token};
use http::HeaderMap;
use http::header::SET_COOKIE;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "room/sign_in.html")]
struct SignInPage {
    officer: Option<Officer>,
    ceremony: String,
    options: String,
    officers: Vec<ListedOfficer>,
    /// What they sent was not taken: their sign-in had ended.
    is_unwritten: bool,
}

/// A passkey's answer as the form sends it.
#[derive(Deserialize)]
pub(super) struct Answer {
    pub(super) ceremony: String,
    pub(super) answer: String,
}

impl Answer {
    pub(super) fn ceremony(&self) -> Option<Vec<u8>> {
        from_hexadecimal(&self.ceremony)
    }
}

#[derive(Deserialize)]
pub(super) struct Login {
    #[serde(default)]
    login: String,
    /// The page with the form that was sent when the sign-in had ended.
    #[serde(default)]
    back: String,
}

/// JSON that may stand in a page: no `<` can end the element it stands in.
pub(super) fn in_page(json: &str) -> String {
    json.replace('<', "\\u003c")
}

pub(super) async fn form(
    State(room): State<Arc<Room>>,
    Query(login): Query<Login>,
) -> Result<Response, Problem> {
    let call = Call::PasskeyStart(wire::PasskeyStart {
        login: login.login,
        network: String::new(),
    });
    let Reply::Ceremony(ceremony) = room.keeper.call(call).await? else {
        return Err(CallError::Unexpected.into());
    };
    let demonstration = room.config.demonstration.as_ref();
    Ok(page(&SignInPage {
        officer: None,
        ceremony: hexadecimal(&ceremony.ceremony),
        options: in_page(&ceremony.options_json),
        officers: demonstration.map_or_else(Vec::new, DemonstrationOfficers::listed),
        is_unwritten: session::way_back(&login.back).is_some(),
    })
    .into_response())
}

pub(super) async fn answer(
    State(room): State<Arc<Room>>,
    Query(login): Query<Login>,
    headers: HeaderMap,
    Form(answer): Form<Answer>,
) -> Result<Response, Problem> {
    let call = Call::PasskeyFinish(wire::PasskeyFinish {
        ceremony: answer.ceremony().ok_or_else(Problem::not_found)?,
        answer_json: answer.answer,
        acting: Some(wire::Acting {
            as_staff: true,
            practice: Vec::new(),
        }),
        network: String::new(),
        client: Some(session::client(&headers)),
    });
    let Reply::SignedIn(signed_in) = room.keeper.call(call).await? else {
        return Err(CallError::Unexpected.into());
    };
    let token = Token::from_bytes(&signed_in.token).ok_or(CallError::Unexpected)?;
    let token = token.with_client(&session::client(&headers));
    let view = signed_in.session.ok_or(CallError::Unexpected)?;
    let home = match session::visitor(token.clone(), &view) {
        Some(Visitor::Officer(_)) => "/incidents",
        Some(Visitor::Desk(_)) => "/desk",
        None => {
            end(&room, &token).await;
            return Err(Problem::refused(session::STRANGER));
        }
    };
    // The session that this browser had before ends.
    if let Some(before) = session::token(&headers) {
        end(&room, &before).await;
    }
    let cookie = [(SET_COOKIE, session::cookie(&token))];
    let way = session::way_back(&login.back);
    let way = way.as_deref().unwrap_or(home);
    Ok((cookie, Redirect::to(way)).into_response())
}

pub(super) async fn out(State(room): State<Arc<Room>>, headers: HeaderMap) -> Response {
    if let Some(token) = session::token(&headers) {
        end(&room, &token).await;
    }
    let cookie = [(SET_COOKIE, session::no_cookie())];
    (cookie, Redirect::to("/sign-in")).into_response()
}

async fn end(room: &Room, token: &Token) {
    let call = Call::SignOut(wire::WithToken {
        token: token.expose().to_vec(),
        network: String::new(),
    });
    // A session that cannot be ended now ends by itself after 15 minutes.
    let _ = room.keeper.call(call).await;
}
