//! The officers' pages. They work without a script but for the passkey step.

mod acts;
mod cases;
mod desk;
mod freezing;
mod lists;
mod scope;
mod session;
mod sign_in;
mod told;
mod words;

use crate::room::{Room, RoomError};
use askama::Template;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tracing::error;

const DEMONSTRATION_SCRIPT: &str = include_str!("../../../web/dist/room_demonstration.js");
const SCRIPT: &str = include_str!("../assets/room.js");

/// Longest form that is read, in bytes.
const FORM_LIMIT: usize = 64 * 1024;

/// Serves the pages until `stop`.
pub async fn serve(
    room: Arc<Room>,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), RoomError> {
    let routes = Router::new()
        .route("/", get(|| async { Redirect::to("/incidents") }))
        .route("/sign-in", get(sign_in::form).post(sign_in::answer))
        .route("/sign-out", post(sign_in::out))
        .route("/desk", get(desk::show).post(desk::check))
        .route("/desk/{id}", get(desk::list))
        .route("/desk/{id}/told", post(told::at_desk))
        .route("/freezes", get(freezing::all))
        .route("/freezes/freeze", get(freezing::ask).post(freezing::freeze))
        .route(
            "/freezes/let-go/{what}",
            get(freezing::why).post(freezing::let_go),
        )
        .route(
            "/freezes/waiting/{id}",
            get(freezing::second).post(freezing::approve),
        )
        .route("/incidents", get(cases::all))
        .route("/incidents/{id}", get(cases::one))
        .route("/incidents/{id}/scope", get(scope::show))
        .route("/incidents/{id}/register", get(lists::register))
        .route("/incidents/{id}/notices", get(lists::notices))
        .route("/incidents/{id}/practices/{practice}", get(lists::practice))
        .route(
            "/incidents/{id}/practices/{practice}/told",
            post(told::by_officer),
        )
        .route(
            "/incidents/{id}/practices/{practice}/itself/told",
            post(told::practice_itself),
        )
        .route("/incidents/{id}/texts/{kind}", get(lists::text))
        .route(
            "/incidents/{id}/texts/{kind}/{version}",
            get(lists::text_version),
        )
        .route("/incidents/{id}/regulator-told", post(acts::regulator_told))
        .route(
            "/incidents/{id}/acts/{act}",
            get(acts::begin).post(acts::answer),
        )
        .fallback(|| async { Problem::not_found() })
        .layer(middleware::from_fn_with_state(
            Arc::clone(&room),
            same_origin,
        ))
        .route("/room.css", get(style))
        .route("/room.js", get(script))
        .route("/demonstration.js", get(demonstration_script))
        .with_state(room);
    axum::serve(listener, with_headers(routes))
        .with_graceful_shutdown(async move { stop.cancelled().await })
        .await
        .map_err(|source| RoomError::File {
            what: "the room's pages ended".to_owned(),
            source,
        })
}

/// What every page carries: nothing from another host, no frame, nothing kept.
pub(crate) fn with_headers(routes: Router) -> Router {
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                  form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    let headers: [(HeaderName, &'static str); 4] = [
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    let mut routes = routes.layer(RequestBodyLimitLayer::new(FORM_LIMIT));
    for (name, value) in headers {
        routes = routes.layer(SetResponseHeaderLayer::if_not_present(
            name,
            HeaderValue::from_static(value),
        ));
    }
    routes
}

/// A form that was sent from another site changes nothing. The cookie's `SameSite=Strict` is the first wall.
async fn same_origin(State(room): State<Arc<Room>>, request: Request, next: Next) -> Response {
    if request.method() != Method::GET && is_foreign(request.headers(), &room.config.origin) {
        return Problem::refused("This form was sent from another site. Nothing was done.")
            .into_response();
    }
    next.run(request).await
}

/// By Fetch Metadata, else by `Origin`: a browser calls the origin of a page without referrer "null".
fn is_foreign(headers: &HeaderMap, own: &str) -> bool {
    match headers.get("sec-fetch-site") {
        Some(site) => site.as_bytes() != b"same-origin",
        None => headers
            .get(ORIGIN)
            .is_some_and(|origin| origin.as_bytes() != own.as_bytes()),
    }
}

async fn style() -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "text/css; charset=utf-8")],
        crate::status::STYLE,
    )
}

async fn script() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT)
}

/// Only a demonstration has a use for it, so elsewhere it is not there.
async fn demonstration_script(State(room): State<Arc<Room>>) -> Response {
    if room.config.demonstration.is_none() {
        return Problem::not_found().into_response();
    }
    let kind = [(CONTENT_TYPE, "text/javascript; charset=utf-8")];
    (kind, DEMONSTRATION_SCRIPT).into_response()
}

/// A page that says what is wrong and what to do.
#[derive(Template)]
#[template(path = "room/problem.html")]
pub(crate) struct Problem {
    title: &'static str,
    words: Box<str>,
    officer: Option<session::Officer>,
    status: StatusCode,
}

impl Problem {
    fn new(status: StatusCode, title: &'static str, words: &str) -> Self {
        Self {
            title,
            words: words.into(),
            officer: None,
            status,
        }
    }

    fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "Not found",
            "There is no such page in the incident room.",
        )
    }

    fn refused(words: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Not done", words)
    }

    fn unavailable(words: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Not possible now", words)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status;
        (status, page(&self)).into_response()
    }
}

impl From<crate::database::DatabaseError> for Problem {
    fn from(error: crate::database::DatabaseError) -> Self {
        error!(%error, "a page could not be made");
        Self::unavailable("The room's database does not answer. Try again in a minute.")
    }
}

impl From<candour_keeper_api::CallError> for Problem {
    fn from(error: candour_keeper_api::CallError) -> Self {
        use candour_keeper_api::CallError;
        use candour_keeper_api::words::Reason;
        match error {
            CallError::Denied(denied) => Self::refused(match denied.reason {
                Reason::WrongCredentials => "The passkey did not fit. Begin again.",
                Reason::SecondPersonNeeded => "Somebody else must answer this.",
                Reason::NotAllowed => "Your role may not do this.",
                Reason::Frozen => "This is frozen.",
                Reason::NotFound => "The keeper no longer knows what was begun. Begin again.",
                Reason::TooMany => "Too many tries. Wait a minute.",
                Reason::StepUpNeeded | Reason::SessionEnded => "Sign in again.",
                Reason::LedgerUnavailable => {
                    "The ledger cannot be written, so nothing can be approved or unlocked."
                }
                Reason::Sealed => {
                    "The keeper's root key is not at hand, so nothing can be approved or unlocked."
                }
                Reason::CredentialIsNew => {
                    "The passkey was added less than a day ago. Answer with an older one."
                }
                Reason::OverBudget
                | Reason::SessionSpent
                | Reason::OverCeiling
                | Reason::Invalid
                | Reason::NotAsShown
                | Reason::SubjectClosed
                | Reason::OnHold
                | Reason::NoAccount
                | Reason::HasAccount
                | Reason::RecordsDiffer
                | Reason::AlreadyMerged
                | Reason::TwoAccounts
                | Reason::WrongAge
                | Reason::Deceased => "The keeper refused this.",
            }),
            CallError::Unreachable => Self::unavailable(
                "The records keeper cannot be reached. What the room knows already stays; signing in and approving must wait.",
            ),
            CallError::Unexpected => {
                Self::unavailable("The records keeper answered something else. Nothing was done.")
            }
        }
    }
}

/// Renders a page.
pub(crate) fn page(template: &impl Template) -> Html<String> {
    Html(template.render().unwrap_or_else(|error| {
        error!(%error, "a template does not render");
        String::from("This page cannot be shown.")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(pairs: &[(&'static str, &'static str)]) -> bool {
        let headers = pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        is_foreign(&headers, "https://room.example")
    }

    #[test]
    fn a_form_of_our_own_pages_is_taken_though_its_browser_names_no_origin() {
        assert!(!foreign(&[
            ("sec-fetch-site", "same-origin"),
            ("origin", "null")
        ]));
        assert!(!foreign(&[("origin", "https://room.example")]));
    }

    #[test]
    fn a_form_of_another_site_is_refused() {
        for site in ["cross-site", "same-site", "none"] {
            assert!(foreign(&[
                ("sec-fetch-site", site),
                ("origin", "https://room.example")
            ]));
        }
        assert!(foreign(&[("origin", "null")]));
        assert!(foreign(&[("origin", "https://room.example.evil.example")]));
    }
}
