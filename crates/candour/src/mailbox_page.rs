//! The demonstration's mailbox: a capturing mail server and a plain page that shows what it captured.

use std::net::SocketAddr;
use std::path::Path;

use askama::Template;
use axum::Router;
use axum::extract::{Path as InPath, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use candour_embedded::Mailbox;
use candour_embedded::mailbox::{Letter, LetterName, MailFolder};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{Configuration, Problem};

/// Messages on one page.
const PER_PAGE: usize = 100;

#[derive(Template)]
#[template(path = "mailbox/list.html")]
struct List {
    address: String,
    letters: Vec<Letter>,
    more: usize,
    total: usize,
}

#[derive(Template)]
#[template(path = "mailbox/letter.html")]
struct One {
    letter: Letter,
    source: String,
}

#[derive(Deserialize)]
struct Filter {
    #[serde(default)]
    to: String,
}

/// Runs mail server and page until `stop`.
///
/// # Errors
/// When an address is taken or the folder cannot be used.
pub async fn run(
    data: &Path,
    configuration: &Configuration,
    clock: fn() -> Timestamp,
    stop: CancellationToken,
) -> Result<(), Problem> {
    let Some(page) = configuration.mailbox_page else {
        return Err(Problem::Machine(
            "this installation captures no mail: it is no demonstration".to_owned(),
        ));
    };
    let folder = data.join("mailbox");
    let mailbox = Mailbox::start(configuration.smtp_relay, &folder, clock)
        .await
        .map_err(|error| {
            taken(
                "the capturing mail server",
                configuration.smtp_relay,
                &error,
            )
        })?;
    let listener = TcpListener::bind(page)
        .await
        .map_err(|error| taken("the mailbox page", page, &error))?;
    axum::serve(listener, routes(mailbox.folder().clone()))
        .with_graceful_shutdown(async move { stop.cancelled().await })
        .await
        .map_err(Problem::file("could not serve", &folder))?;
    mailbox.stop().await;
    Ok(())
}

fn taken(what: &'static str, address: SocketAddr, error: &std::io::Error) -> Problem {
    if error.kind() == std::io::ErrorKind::AddrInUse {
        return Problem::PortTaken { what, address };
    }
    Problem::Machine(format!("{what} cannot be started: {error}"))
}

fn routes(folder: MailFolder) -> Router {
    Router::new()
        .route("/", get(list))
        .route("/message/{name}", get(letter))
        .with_state(folder)
        .layer(middleware::from_fn(local_only))
}

/// Another site's page must not read this one by giving its own name this machine's address.
async fn local_only(request: Request, next: Next) -> Response {
    if !is_local(request.headers()) {
        return (
            StatusCode::MISDIRECTED_REQUEST,
            "This page is for this machine only.\n",
        )
            .into_response();
    }
    let mut response = next.run(request).await;
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(policy),
    );
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn is_local(headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

async fn list(State(folder): State<MailFolder>, Query(filter): Query<Filter>) -> Response {
    on_disk(move || {
        let wanted = filter.to.trim().to_lowercase();
        let mut letters = Vec::new();
        let mut total = 0;
        for name in folder.names()? {
            let recipients = folder.recipients(&name)?;
            if recipients
                .iter()
                .any(|one| one.to_lowercase().contains(&wanted))
            {
                total += 1;
                if letters.len() < PER_PAGE {
                    letters.push(folder.read(&name)?);
                }
            }
        }
        let more = total - letters.len();
        Ok(Some(
            List {
                address: filter.to,
                letters,
                more,
                total,
            }
            .render(),
        ))
    })
    .await
}

async fn letter(State(folder): State<MailFolder>, InPath(name): InPath<String>) -> Response {
    on_disk(move || {
        let Some(name) = LetterName::parse(&name) else {
            return Ok(None);
        };
        match folder.read(&name) {
            Ok(letter) => {
                let source = String::from_utf8_lossy(&letter.source).into_owned();
                Ok(Some(One { letter, source }.render()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    })
    .await
}

/// Reads files beside the runtime and turns what came of it into a page.
async fn on_disk(
    read: impl FnOnce() -> std::io::Result<Option<askama::Result<String>>> + Send + 'static,
) -> Response {
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(Some(Ok(page)))) => Html(page).into_response(),
        Ok(Ok(None)) => (StatusCode::NOT_FOUND, "No such message.\n").into_response(),
        Ok(Ok(Some(Err(_))) | Err(_)) | Err(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "The mailbox cannot be read now.\n",
        )
            .into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machines_names_are_answered() {
        for (host, expected) in [
            ("localhost:8083", true),
            ("127.0.0.1:8083", true),
            ("localhost", true),
            ("attacker.example:8083", false),
            ("localhost.attacker.example", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            assert_eq!(is_local(&headers), expected, "{host}");
        }
    }
}
