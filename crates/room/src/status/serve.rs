//! `candour status`: serves the folder, and answers whether a message is ours.

use super::check::{Answer, Codes};
use super::pages;
use crate::clock;
use crate::config::StatusConfig;
use crate::limit::{Limit, network};
use crate::room::RoomError;
use crate::steward::{day, hour};
use axum::Router;
use axum::extract::{ConnectInfo, Path, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use candour_core::notices::NoticeCodeError;
use http::StatusCode;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How many codes one network, or one person at a practice's desk, may try in a minute.
pub(crate) const CHECKS: u32 = 20;

struct Site {
    config: StatusConfig,
    codes: Mutex<Codes>,
    limit: Limit<IpAddr>,
}

/// Serves the status site until `stop`.
pub async fn serve(config: StatusConfig, stop: CancellationToken) -> Result<(), RoomError> {
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|source| RoomError::File {
            what: format!("the status site cannot listen at {}", config.listen),
            source,
        })?;
    let site = Arc::new(Site {
        config,
        codes: Mutex::default(),
        limit: Limit::new(CHECKS, 60),
    });
    let routes = Router::new()
        .route("/", get(index))
        .route("/check", get(form).post(check))
        .route("/{file}", get(file))
        .fallback(missing)
        .with_state(site);
    let routes =
        crate::pages::with_headers(routes).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, routes)
        .with_graceful_shutdown(async move { stop.cancelled().await })
        .await
        .map_err(|source| RoomError::File {
            what: "the status site ended".to_owned(),
            source,
        })
}

async fn index(State(site): State<Arc<Site>>) -> Response {
    read(&site, "index.html").await
}

async fn file(State(site): State<Arc<Site>>, Path(name): Path<String>) -> Response {
    read(&site, &name).await
}

/// The files of the site are known by their form; nothing else is looked for on the disk.
async fn read(site: &Site, name: &str) -> Response {
    let kind = match name {
        "index.html" => "text/html; charset=utf-8",
        "status.css" => "text/css; charset=utf-8",
        "counters.json" => "application/json",
        _ => match name
            .strip_prefix("incident-")
            .and_then(|rest| rest.strip_suffix(".html"))
        {
            Some(number) if number.parse::<u32>().is_ok() => "text/html; charset=utf-8",
            _ => return missing().await,
        },
    };
    match tokio::fs::read(site.config.status_dir.join("site").join(name)).await {
        Ok(content) => ([(CONTENT_TYPE, kind)], content).into_response(),
        Err(_) => missing().await,
    }
}

async fn missing() -> Response {
    (StatusCode::NOT_FOUND, Html(pages::missing())).into_response()
}

async fn form() -> Html<String> {
    Html(pages::check(None, false))
}

#[derive(Deserialize)]
struct Typed {
    code: String,
}

async fn check(
    State(site): State<Arc<Site>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    axum::Form(typed): axum::Form<Typed>,
) -> Response {
    if !site.limit.admits(network(from.ip()), clock::now()) {
        let page = Html(pages::check(
            Some("Too many codes were tried from your network. Wait a minute, then try again."),
            false,
        ));
        return (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "60")], page).into_response();
    }
    let answer = {
        let mut codes = site.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.look_up(&site.config.status_dir, &typed.code)
    };
    let zone = TimeZone::get("Pacific/Auckland").unwrap_or(TimeZone::UTC);
    let (status, words, is_known) = said(&answer, &zone);
    (status, Html(pages::check(Some(&words), is_known))).into_response()
}

/// The answer to a typed code in words, and whether the message is ours.
fn said(answer: &std::io::Result<Answer>, zone: &TimeZone) -> (StatusCode, String, bool) {
    match answer {
        Ok(Answer::Ours(at)) => (
            StatusCode::OK,
            format!(
                "We sent this message on {} at {}.",
                day(*at, zone),
                hour(*at, zone)
            ),
            true,
        ),
        Ok(Answer::Unknown) => (
            StatusCode::OK,
            "We do not know this code. Do not answer the message. Ring us or your practice on a number you already have."
                .to_owned(),
            false,
        ),
        Ok(Answer::Typing(NoticeCodeError::Pattern)) => (
            StatusCode::BAD_REQUEST,
            "A code has twelve letters and digits, in three groups of four.".to_owned(),
            false,
        ),
        Ok(Answer::Typing(NoticeCodeError::Check)) => (
            StatusCode::BAD_REQUEST,
            "One of the code's characters is wrong. Look at the message again.".to_owned(),
            false,
        ),
        Err(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Codes cannot be checked at the moment. Try again later, or ring us.".to_owned(),
            false,
        ),
    }
}

/// The same answer for a practice's desk.
pub(crate) fn code_words(
    status_dir: &std::path::Path,
    typed: &str,
    zone: &TimeZone,
) -> (String, bool) {
    let answer = Codes::default().look_up(status_dir, typed);
    let (_, words, is_known) = said(&answer, zone);
    (words, is_known)
}
