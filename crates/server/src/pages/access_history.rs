//! Who opened a record.

mod visits;

pub use visits::VisitView;

use crate::error::Problem;
use crate::frame::Frame;
use crate::pages::ToRing;
use crate::portal::Portal;
use crate::reading::{Reading, Relation, together};
use crate::respond;
use crate::session::Visitor;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use candour_app::access_history;
use serde::Deserialize;

/// The list.
#[derive(Template)]
#[template(path = "access_history/history.html")]
pub struct HistoryPage {
    /// Around it.
    pub frame: Frame,
    /// It is the viewer's own record.
    pub is_own: bool,
    /// Newest first.
    pub visits: Vec<VisitView>,
    /// Where earlier ones are.
    pub older: Option<String>,
    /// Where the newest are, on an older page.
    pub newest: Option<String>,
    /// The practices named above.
    pub practices: Vec<ToRing>,
}

/// Only events before this ledger index.
#[derive(Deserialize)]
pub struct Before {
    before: Option<u64>,
}

/// `GET /patients/{patient}/history`.
pub async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Query(Before { before }): Query<Before>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    let (opened, first_byte) =
        access_history::page(portal.app(), &reading.viewer, reading.patient, before).await?;
    let (banner, banner_byte) = reading.banner(&portal).await?.unzip();
    let is_own = reading.relation == Relation::Own;
    let title = if is_own {
        "history.title"
    } else {
        "home.history_other"
    };
    let frame = reading.frame(&portal, title, banner).await;
    let history = opened.into_inner();
    let last = history.events.last().map(|event| event.index);
    let path = reading.path("/history");
    let texts = frame.texts();
    let page = HistoryPage {
        is_own,
        visits: visits::views(texts, &portal.settings().zone, &history.events, is_own),
        older: last
            .filter(|_| history.has_more)
            .map(|index| format!("{path}?before={index}")),
        newest: before.map(|_| path),
        practices: history.practices.iter().filter_map(ToRing::of).collect(),
        frame,
    };
    respond::opened(&page, together(first_byte, banner_byte))
}
