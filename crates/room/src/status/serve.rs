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
use candour_ledger::Tile;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
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
    let routes = routes(config).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, routes)
        .with_graceful_shutdown(async move { stop.cancelled().await })
        .await
        .map_err(|source| RoomError::File {
            what: "the status site ended".to_owned(),
            source,
        })
}

fn routes(config: StatusConfig) -> Router {
    let site = Arc::new(Site {
        config,
        codes: Mutex::default(),
        limit: Limit::new(CHECKS, 60),
    });
    let routes = Router::new()
        .route("/", get(index))
        .route("/check", get(form).post(check))
        .route("/checkpoint", get(checkpoint))
        .route("/tile/{*path}", get(tile))
        .route("/{file}", get(file))
        .fallback(missing)
        .with_state(site);
    crate::pages::with_headers(routes)
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

/// The ledger's newest checkpoint that witnesses cosigned; where none is configured or none has yet, the newest. Like
/// every page of the site it is never kept.
async fn checkpoint(State(site): State<Arc<Site>>) -> Response {
    let ledger = &site.config.ledger_dir;
    let cosigned = tokio::fs::read(ledger.join("cosigned")).await;
    let note = match cosigned {
        Ok(note) => Ok(note),
        Err(_) => tokio::fs::read(ledger.join("checkpoint")).await,
    };
    match note {
        Ok(note) => ([(CONTENT_TYPE, "text/plain; charset=utf-8")], note).into_response(),
        Err(_) => missing().await,
    }
}

/// A tile or an entry bundle of the ledger: what stands at one path never changes but where a loss was accepted. Only
/// paths that a tile can have are looked for on the disk.
async fn tile(State(site): State<Arc<Site>>, Path(path): Path<String>) -> Response {
    let Some(tile) = Tile::parse(&format!("tile/{path}")) else {
        return missing().await;
    };
    match tokio::fs::read(site.config.ledger_dir.join(tile.to_string())).await {
        Ok(content) => {
            // A narrow one is soon asked for no more, and is the first that a loss contradicts.
            let kept = if tile.is_full() {
                "public, max-age=31536000, immutable"
            } else {
                "public, max-age=60"
            };
            let headers = [
                (CONTENT_TYPE, "application/octet-stream"),
                (CACHE_CONTROL, kept),
            ];
            (headers, content).into_response()
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http::{HeaderMap, Request};
    use std::fs;
    use tower::ServiceExt;

    async fn get(site: &std::path::Path, path: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
        let config = StatusConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            status_dir: site.join("status"),
            ledger_dir: site.join("ledger"),
        };
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = routes(config).oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        (parts.status, parts.headers, body.to_vec())
    }

    #[tokio::test]
    async fn the_ledger_is_served_to_anybody_its_full_tiles_for_ever_and_its_checkpoint_for_now() {
        let site = tempfile::tempdir().unwrap();
        let ledger = site.path().join("ledger");
        fs::create_dir_all(ledger.join("tile/0/x001/234.p")).unwrap();
        fs::create_dir_all(ledger.join("tile/entries")).unwrap();
        fs::write(ledger.join("checkpoint"), "signed").unwrap();
        fs::write(ledger.join("tile/0/x001/234.p/5"), [5; 160]).unwrap();
        fs::write(ledger.join("tile/entries/000"), [7; 8_704]).unwrap();
        let (status, headers, body) = get(site.path(), "/checkpoint").await;
        assert_eq!((status, body.as_slice()), (StatusCode::OK, &b"signed"[..]));
        fs::write(ledger.join("cosigned"), "signed, cosigned").unwrap();
        let (_, _, body) = get(site.path(), "/checkpoint").await;
        assert_eq!(body, b"signed, cosigned");
        assert_eq!(headers[CONTENT_TYPE], "text/plain; charset=utf-8");
        assert_eq!(headers[CACHE_CONTROL], "no-store");
        let for_ever = "public, max-age=31536000, immutable";
        for (path, length, kept) in [
            ("/tile/0/x001/234.p/5", 160, "public, max-age=60"),
            ("/tile/entries/000", 8_704, for_ever),
        ] {
            let (status, headers, body) = get(site.path(), path).await;
            assert_eq!((status, body.len()), (StatusCode::OK, length), "{path}");
            assert_eq!(headers[CONTENT_TYPE], "application/octet-stream");
            assert_eq!(headers[CACHE_CONTROL], kept, "{path}");
        }
    }

    #[tokio::test]
    async fn nothing_but_tiles_is_looked_for_in_the_ledger_s_folder() {
        let site = tempfile::tempdir().unwrap();
        let ledger = site.path().join("ledger");
        fs::create_dir_all(ledger.join("tile/0")).unwrap();
        for planted in [
            "tile/0/000.incoming",
            "tile/0/1",
            "secret",
            "tile/secret",
            "../secret",
        ] {
            fs::write(ledger.join(planted), "secret").unwrap();
        }
        for path in [
            "/checkpoint",
            "/tile/0/000",
            "/tile/0/000.incoming",
            "/tile/0/1",
            "/tile/secret",
            "/tile/../secret",
            "/tile/0/..%2f..%2fsecret",
            "/tile/%2e%2e/%2e%2e/secret",
            "/tile/",
            "/tile",
        ] {
            let (status, headers, body) = get(site.path(), path).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(headers[CACHE_CONTROL], "no-store", "{path}");
            assert!(!body.windows(6).any(|part| part == b"secret"), "{path}");
        }
    }
}
