//! The flaw of 29 December 2025, rebuilt: routes that take any id from the request and never ask whose it is.
//!
//! Everything else is the real portal: its pages, its sign-in, its use cases and its keeper. What these handlers
//! leave out is exactly what the real event's handlers left out.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use candour_app::{FirstByte, ReadError, Refusal, documents, record};
use candour_keeper_api::Viewer;
use candour_keeper_api::words::Purpose;
use candour_seal::{ItemId, PatientId};
use candour_server::Portal;
use candour_server::routes;
use candour_server::session::{Visit, Visitor};
use futures_util::stream;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// The portal's own routes, and the careless ones beside them.
pub fn router(portal: Portal) -> Router {
    let careless = Router::new()
        .route("/api/documents/{id}", get(document))
        .route("/api/patients/{id}/documents", get(shelf))
        .route("/api/patients/{id}/record", get(whole_record))
        .with_state(portal.clone());
    routes::router(portal).merge(careless)
}

/// A refusal, as an API says it.
struct Refused(ReadError);

impl<E: Into<ReadError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self.0 {
            ReadError::Refused(refusal) => match refusal {
                Refusal::NotFound => StatusCode::NOT_FOUND,
                Refusal::SessionEnded | Refusal::WrongCredentials => StatusCode::UNAUTHORIZED,
                Refusal::OverBudget { .. }
                | Refusal::SessionSpent { .. }
                | Refusal::OverCeiling { .. }
                | Refusal::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
                Refusal::LedgerUnavailable | Refusal::KeeperUnavailable => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
                Refusal::Invalid => StatusCode::BAD_REQUEST,
                Refusal::NotAllowed
                | Refusal::StepUpNeeded
                | Refusal::CredentialIsNew { .. }
                | Refusal::Frozen
                | Refusal::SubjectClosed
                | Refusal::SecondPersonNeeded
                | Refusal::OnHold
                | Refusal::NotAsShown
                | Refusal::NoAccount
                | Refusal::HasAccount
                | Refusal::RecordsDiffer
                | Refusal::AlreadyMerged
                | Refusal::TwoAccounts
                | Refusal::WrongAge
                | Refusal::Deceased => StatusCode::FORBIDDEN,
            },
            ReadError::Store(_) | ReadError::Unseal(_) | ReadError::Content(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        let said = json!({ "status": status.as_u16() }).to_string();
        (status, [(CONTENT_TYPE, "application/json")], said).into_response()
    }
}

/// Whatever the session may be for; never whose the id is.
fn viewer(visitor: &Visitor, peer: SocketAddr) -> Result<Viewer, Refused> {
    let purpose = match visitor.visit {
        Some(Visit::Staff(Some(purpose))) => purpose,
        Some(Visit::Staff(None)) => Purpose::DirectCare,
        Some(Visit::Patient) | None => Purpose::OwnRecord,
    };
    let token = visitor.token.clone().ok_or(Refusal::SessionEnded)?;
    Ok(Viewer {
        token,
        purpose,
        network: peer.ip().to_string(),
    })
}

async fn document(
    State(portal): State<Portal>,
    visitor: Visitor,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let id: ItemId = id.parse().map_err(|_| Refusal::NotFound)?;
    let opened = documents::open(portal.app(), &viewer(&visitor, peer)?, id).await?;
    let mut response = Response::new(Body::from_stream(opened.body));
    let kind = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

async fn shelf(
    State(portal): State<Portal>,
    visitor: Visitor,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let patient: PatientId = id.parse().map_err(|_| Refusal::NotFound)?;
    let (shelf, first_byte) =
        documents::shelf(portal.app(), &viewer(&visitor, peer)?, patient).await?;
    let lines: Vec<Value> = shelf
        .into_inner()
        .lines
        .iter()
        .map(|line| json!({ "document": line.document.to_string(), "title": line.meta.title }))
        .collect();
    Ok(answer(
        &json!({ "patient": id, "documents": lines }),
        first_byte,
    ))
}

async fn whole_record(
    State(portal): State<Portal>,
    visitor: Visitor,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let patient: PatientId = id.parse().map_err(|_| Refusal::NotFound)?;
    let viewer = viewer(&visitor, peer)?;
    let mut sections = serde_json::Map::new();
    let mut first_bytes: Option<FirstByte> = None;
    let mut refusal = Refused(Refusal::NotFound.into());
    for section in record::SECTIONS {
        match record::open(portal.app(), &viewer, patient, section).await {
            Ok((opened, first_byte)) => {
                let rows = opened.into_inner().rows().len();
                sections.insert(section.word().to_owned(), json!(rows));
                first_bytes = Some(match first_bytes {
                    Some(others) => others.and(first_byte),
                    None => first_byte,
                });
            }
            Err(error) => refusal = Refused(error),
        }
    }
    match first_bytes {
        Some(first_byte) => Ok(answer(
            &json!({ "patient": id, "record": sections }),
            first_byte,
        )),
        None => Err(refusal),
    }
}

/// JSON whose delivery is reported when its first byte is taken.
fn answer(value: &Value, first_byte: FirstByte) -> Response {
    let bytes = Bytes::from(value.to_string());
    let once = stream::once(async move {
        first_byte.sent();
        Ok::<_, std::convert::Infallible>(bytes)
    });
    let mut response = Response::new(Body::from_stream(once));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
