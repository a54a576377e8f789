//! Who looks at a page: an officer, by the records keeper's word.

use super::Problem;
use crate::codes::{from_hexadecimal, hexadecimal};
use crate::room::Room;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Redirect, Response};
use candour_keeper_api::wire::{self, Call, Reply};
use candour_keeper_api::words::{Action, Purpose, Reason, Role};
use candour_keeper_api::{CallError, Token};
use candour_seal::{IncidentId, PersonId, PracticeId};
use http::header::{COOKIE, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};
use std::convert::Infallible;
use std::str::FromStr;
use std::sync::Arc;

const NAME: &str = "__Host-room";

/// The roles that work in the room.
pub(super) const ROLES: [Role; 3] = [
    Role::PrivacyOfficer,
    Role::SecurityOfficer,
    Role::CommunicationsOfficer,
];

/// The roles that look at a practice's own list.
const DESK_ROLES: [Role; 3] = [Role::Manager, Role::Clinician, Role::Reception];

/// An officer who is signed in.
#[derive(Clone)]
pub(crate) struct Officer {
    pub(super) token: Token,
    pub(super) person: PersonId,
    pub(super) role: Role,
    pub(super) name: String,
}

impl Officer {
    /// What pages and the timeline call the role.
    pub(super) fn title(&self) -> &'static str {
        title(self.role)
    }

    /// Whether it is one of the operator's, and not somebody at a practice's desk.
    pub(super) fn is_of_operator(&self) -> bool {
        ROLES.contains(&self.role)
    }

    /// Who it is: the name that the practice gave, else the person's id.
    pub(super) fn who(&self) -> String {
        if self.name.is_empty() {
            format!("Person {}", self.person)
        } else {
            self.name.clone()
        }
    }

    /// The keeper's leave for something that no key is needed for: nobody who is frozen gets it, and the ledger has
    /// who asked. Gives the index of that entry.
    pub(super) async fn leave(
        &self,
        room: &Room,
        action: Action,
        purpose: Purpose,
        detail: String,
    ) -> Result<u64, CallError> {
        let call = Call::Authorize(wire::Authorize {
            token: self.token.expose().to_vec(),
            action: action.into(),
            purpose: purpose.into(),
            patient: Vec::new(),
            detail,
        });
        match room.keeper.call(call).await? {
            Reply::Authorized(authorized) => Ok(authorized.index),
            _ => Err(CallError::Unexpected),
        }
    }
}

/// A role in words.
pub(super) fn title(role: Role) -> &'static str {
    match role {
        Role::PrivacyOfficer => "Privacy officer",
        Role::SecurityOfficer => "Security officer",
        Role::CommunicationsOfficer => "Communications officer",
        Role::Manager => "Practice manager",
        Role::Clinician => "Doctor or nurse",
        Role::Reception => "Reception",
        _ => "Officer",
    }
}

/// Somebody of a practice who is signed in: at its desk.
pub(crate) struct Desk {
    pub(super) staff: Officer,
    pub(super) practice: PracticeId,
}

/// Who works here: the operator's officers, and practices at their desks.
pub(super) enum Visitor {
    Officer(Officer),
    Desk(Desk),
}

/// The visitor of a fresh sign-in or a session's view; `None` for any other role.
pub(super) fn visitor(token: Token, view: &wire::SessionView) -> Option<Visitor> {
    let role = Role::try_from(view.role).ok()?;
    let person = Officer {
        token,
        person: PersonId::try_from(view.principal.as_slice()).ok()?,
        role,
        name: view.staff_name.clone(),
    };
    if ROLES.contains(&role) {
        return Some(Visitor::Officer(person));
    }
    let practice = PracticeId::try_from(view.practice.as_slice()).ok()?;
    DESK_ROLES.contains(&role).then_some(Visitor::Desk(Desk {
        staff: person,
        practice,
    }))
}

/// The cookie that begins a session.
pub(super) fn cookie(token: &Token) -> String {
    let value = hexadecimal(token.secret());
    format!("{NAME}={value}; Path=/; Secure; HttpOnly; SameSite=Strict")
}

/// The cookie that ends it.
pub(super) fn no_cookie() -> String {
    format!("{NAME}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
}

/// The token of a request's cookie.
pub(super) fn token(headers: &HeaderMap) -> Option<Token> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == NAME)
        .and_then(|(_, value)| Token::from_bytes(&from_hexadecimal(value)?))
        .map(|token| token.with_client(&client(headers)))
}

/// How the browser describes itself: its session goes on with no other.
pub(super) fn client(headers: &HeaderMap) -> String {
    let described = headers.get(USER_AGENT).map(HeaderValue::as_bytes);
    String::from_utf8_lossy(described.unwrap_or_default()).into_owned()
}

/// What the address says of a page to which somebody comes back after signing in.
const CAME_BACK: &str = "not-written";

/// Whether somebody comes back to a form because their sign-in had ended when they sent it: nothing was written down.
pub(super) struct CameBack(pub(super) bool);

impl<S: Sync> FromRequestParts<S> for CameBack {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.uri.query() == Some(CAME_BACK)))
    }
}

/// The page with the form that writes down who was told; `None` for any other address.
fn page_of_form(parts: &Parts) -> Option<&str> {
    let page = parts.uri.path().strip_suffix("/told")?;
    let page = page.strip_suffix("/itself").unwrap_or(page);
    (parts.method == Method::POST && is_list(page)).then_some(page)
}

/// Where to go on after signing in; only to a list of ours.
pub(super) fn way_back(page: &str) -> Option<String> {
    is_list(page).then(|| format!("{page}?{CAME_BACK}"))
}

fn is_list(page: &str) -> bool {
    let is_id = |id: &str| IncidentId::from_str(id).is_ok();
    match page.strip_prefix("/desk/") {
        Some(id) => is_id(id),
        None => page
            .strip_prefix("/incidents/")
            .and_then(|rest| rest.split_once("/practices/"))
            .is_some_and(|(id, practice)| is_id(id) && is_id(practice)),
    }
}

/// Whoever the cookie names, by the records keeper's word; else what to answer.
async fn signed_in(parts: &Parts, room: &Room) -> Result<Visitor, Response> {
    let sign_in = || match page_of_form(parts) {
        Some(page) => Redirect::to(&format!("/sign-in?back={page}")).into_response(),
        None => Redirect::to("/sign-in").into_response(),
    };
    let token = token(&parts.headers).ok_or_else(sign_in)?;
    let call = Call::Session(wire::WithToken {
        token: token.expose().to_vec(),
        network: String::new(),
    });
    match room.keeper.call(call).await {
        Ok(Reply::Session(view)) => {
            visitor(token, &view).ok_or_else(|| Problem::refused(STRANGER).into_response())
        }
        Ok(_) => Err(Problem::from(CallError::Unexpected).into_response()),
        Err(CallError::Denied(denied)) if denied.reason == Reason::SessionEnded => Err(sign_in()),
        Err(error) => Err(Problem::from(error).into_response()),
    }
}

/// What anybody else is told.
pub(super) const STRANGER: &str =
    "Only the operator's officers and the practices concerned work in the incident room.";

impl FromRequestParts<Arc<Room>> for Officer {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        room: &Arc<Room>,
    ) -> Result<Self, Self::Rejection> {
        match signed_in(parts, room).await? {
            Visitor::Officer(officer) => Ok(officer),
            Visitor::Desk(_) => Err(Redirect::to("/desk").into_response()),
        }
    }
}

impl FromRequestParts<Arc<Room>> for Desk {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        room: &Arc<Room>,
    ) -> Result<Self, Self::Rejection> {
        match signed_in(parts, room).await? {
            Visitor::Desk(desk) => Ok(desk),
            Visitor::Officer(_) => Err(Redirect::to("/incidents").into_response()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_back_to_a_list_and_nowhere_else() {
        let id = "09".repeat(16);
        for page in [
            format!("/desk/{id}"),
            format!("/incidents/{id}/practices/{id}"),
        ] {
            assert_eq!(way_back(&page), Some(format!("{page}?not-written")));
        }
        for page in [
            String::new(),
            "//evil.example".to_owned(),
            format!("//evil.example/desk/{id}"),
            format!("/desk/{id}/../../sign-out"),
            format!("/desk/{id}?x"),
            format!("/incidents/{id}"),
        ] {
            assert_eq!(way_back(&page), None, "{page}");
        }
    }
}
