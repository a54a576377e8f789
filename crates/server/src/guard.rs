//! What stands around every route: where a request comes from, headers, limits, the page of a problem, the log.

use crate::error::Problem;
use crate::pages::emergency;
use crate::pages::problem::ProblemPage;
use crate::portal::Portal;
use crate::session::{self, TOKEN_COOKIE, VISIT_COOKIE};
use crate::text::hexadecimal;
use askama::Template;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use candour_seal::{CryptoRng, SystemRandom};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// How long a handler may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What every page allows itself: its own style sheet, script and pictures, its own forms, nothing else.
pub const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The browser's network address as text; the portal's word for it.
#[derive(Debug, Clone)]
pub struct Network(pub String);

/// Lets a request in and its answer out.
pub async fn guard(State(portal): State<Portal>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let number = request_number();
    let method = request.method().clone();
    let path = request
        .uri()
        .path_and_query()
        .map(ToString::to_string)
        .unwrap_or_default();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|route| route.as_str().to_owned());
    let is_asset = route.as_deref() == Some("/assets/{name}");
    let visit = session::visit(request.headers());
    let is_known = session::cookie(request.headers(), TOKEN_COOKIE).is_some();
    let network = Network(network(&portal, &request));
    request.extensions_mut().insert(network);

    let origin = portal.settings().origin.clone();
    let mut response = match arrival(request.headers(), &method, &origin, is_asset) {
        Arrival::Ours if method == Method::HEAD && !is_asset => Problem::Method.into_response(),
        Arrival::Ours => match tokio::time::timeout(PATIENCE, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Problem::TooSlow.into_response(),
        },
        // A link on another site: its request carries no cookie of ours. The way in is the front door.
        Arrival::Link => Redirect::to("/sign-in").into_response(),
        Arrival::Foreign => Problem::CrossSite.into_response(),
    };

    if let Some(problem) = problem(&response).map(|problem| problem.for_visitor(is_known)) {
        // What was sent is not sent again; where a proof was not enough, it is not asked for once more.
        let back = if method == Method::GET || path == "/step-up" {
            path.as_str()
        } else {
            "/"
        };
        let answer = match problem.elsewhere(back, visit) {
            Some(elsewhere) => Redirect::to(&elsewhere).into_response(),
            None => page(&portal, &problem, visit, &number, back).await,
        };
        // A session that goes on under another token does so where something was refused, too.
        let cookies = std::mem::replace(&mut response, answer);
        for cookie in cookies.headers().get_all(header::SET_COOKIE) {
            let headers = response.headers_mut();
            headers.append(header::SET_COOKIE, cookie.clone());
        }
        if problem.ends_session() {
            for name in [TOKEN_COOKIE, VISIT_COOKIE] {
                if let Some(cookie) = session::set_cookie(name, "") {
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                }
            }
        }
    }
    secure(response.headers_mut(), &origin);
    let status = response.status().as_u16();
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let route = route.as_deref().unwrap_or("none");
    if response.status().is_server_error() {
        tracing::warn!(request = number, %method, route, status, milliseconds, "answered with a failure");
    } else {
        tracing::debug!(request = number, %method, route, status, milliseconds, "answered");
    }
    response
}

/// Eight random bytes as digits: what a caller reads out and the log can be searched for.
fn request_number() -> String {
    let random: &mut dyn CryptoRng = &mut SystemRandom;
    let mut bytes = [0; 8];
    random.fill_bytes(&mut bytes);
    hexadecimal(&bytes)
}

/// The problem beside a bare status; also for what the router itself answers.
fn problem(response: &Response) -> Option<Problem> {
    if let Some(problem) = response.extensions().get::<Problem>() {
        return Some(problem.clone());
    }
    let is_plain = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    match response.status() {
        StatusCode::NOT_FOUND if is_plain => Some(Problem::NoSuchPage),
        StatusCode::METHOD_NOT_ALLOWED => Some(Problem::Method),
        StatusCode::PAYLOAD_TOO_LARGE => Some(Problem::TooLarge),
        status if status.is_client_error() && is_plain => Some(Problem::Form),
        status if status.is_server_error() && is_plain => Some(Problem::Internal),
        _ => None,
    }
}

async fn page(
    portal: &Portal,
    problem: &Problem,
    visit: Option<session::Visit>,
    number: &str,
    path: &str,
) -> Response {
    let shown = if problem.ends_session() { None } else { visit };
    let frame = portal.frame(shown, "problem.internal").await;
    let operator = portal.settings().operator.as_ref();
    let shown = ProblemPage {
        emergency: problem
            .yields_to_emergency()
            .then(|| emergency::beside(path, visit))
            .flatten(),
        ..problem.page(frame, visit, operator, number)
    };
    let mut response = match shown.render() {
        Ok(page) => Html(page).into_response(),
        // Not even the page renders: the number alone, so that a call finds the log.
        Err(_) => format!("Something went wrong on our side. {number}\n").into_response(),
    };
    *response.status_mut() = problem.status();
    if let Some(seconds) = problem.retry_after_seconds() {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

enum Arrival {
    /// From our own pages, or typed by hand.
    Ours,
    /// Somebody followed a link on another site.
    Link,
    /// Another site's form, script or picture.
    Foreign,
}

/// Where a request comes from, by Fetch Metadata, else by `Origin`. What another site sends never reaches the keeper.
/// A writing request that says neither is refused: every browser since 2020 says one of them.
fn arrival(headers: &HeaderMap, method: &Method, origin: &str, is_asset: bool) -> Arrival {
    let word = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    let reads = method == Method::GET || method == Method::HEAD;
    match word("sec-fetch-site") {
        Some(b"same-origin") => Arrival::Ours,
        Some(b"none") if reads => Arrival::Ours,
        Some(_) if reads && is_asset => Arrival::Foreign,
        Some(_)
            if reads
                && word("sec-fetch-mode") == Some(b"navigate")
                && word("sec-fetch-dest") == Some(b"document") =>
        {
            Arrival::Link
        }
        Some(_) => Arrival::Foreign,
        None => match word("origin") {
            Some(from) if from == origin.as_bytes() => Arrival::Ours,
            None if reads => Arrival::Ours,
            Some(_) | None => Arrival::Foreign,
        },
    }
}

/// The peer's address, or what a trusted proxy says of it: the last hop that is not itself trusted.
fn network(portal: &Portal, request: &Request) -> String {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(peer)| peer.ip().to_canonical());
    let trusted = |address: &IpAddr| portal.settings().trusted_proxies.contains(address);
    let Some(peer) = peer else {
        return String::new();
    };
    if !trusted(&peer) {
        return peer.to_string();
    }
    let hops = request
        .headers()
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|hops| hops.to_str().ok());
    let hops: Vec<IpAddr> = hops
        .flat_map(|hops| hops.split(','))
        .filter_map(|hop| hop.trim().parse().ok())
        .collect();
    hops.into_iter()
        .rev()
        .find(|hop| !trusted(hop))
        .unwrap_or(peer)
        .to_string()
}

/// Headers of every answer; those that a handler set itself stay.
fn secure(headers: &mut HeaderMap, origin: &str) {
    const ALWAYS: [(HeaderName, &str); 8] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=(), payment=(), usb=(), \
             publickey-credentials-get=(self), publickey-credentials-create=(self)",
        ),
    ];
    for (name, value) in ALWAYS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if origin.starts_with("https://") {
        headers
            .entry(header::STRICT_TRANSPORT_SECURITY)
            .or_insert(HeaderValue::from_static(
                "max-age=63072000; includeSubDomains",
            ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrives(method: &Method, pairs: &[(&'static str, &'static str)]) -> &'static str {
        let headers = pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        match arrival(&headers, method, "https://candour.example", false) {
            Arrival::Ours => "ours",
            Arrival::Link => "link",
            Arrival::Foreign => "foreign",
        }
    }

    #[test]
    fn only_our_own_pages_write() {
        let post = |pairs: &[(&'static str, &'static str)]| arrives(&Method::POST, pairs);
        assert_eq!(post(&[("sec-fetch-site", "same-origin")]), "ours");
        assert_eq!(post(&[("origin", "https://candour.example")]), "ours");
        for foreign in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://candour.example"),
            ],
            &[("origin", "https://candour.example.evil.example")],
            &[("origin", "null")],
            &[],
        ] {
            assert_eq!(post(foreign), "foreign", "{foreign:?}");
        }
    }

    #[test]
    fn a_link_from_elsewhere_leads_to_the_front_door_and_a_picture_nowhere() {
        let get = |pairs: &[(&'static str, &'static str)]| arrives(&Method::GET, pairs);
        assert_eq!(get(&[]), "ours");
        assert_eq!(
            get(&[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")]),
            "ours"
        );
        let link = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        assert_eq!(get(&link), "link");
        let frame = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "iframe"),
        ];
        assert_eq!(get(&frame), "foreign");
        assert_eq!(
            get(&[
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "no-cors")
            ]),
            "foreign"
        );
    }
}
