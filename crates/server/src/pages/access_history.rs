//! Who opened a record.

pub mod receipt;
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
use axum::response::{IntoResponse, Response};
use candour_app::access_history;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
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
    /// For patients themselves: where the receipts of this page are; all pages' together are all there are.
    pub receipts: Option<String>,
    /// Receipts were asked for that are not made yet.
    pub is_early: bool,
}

/// Only events before this ledger index.
#[derive(Deserialize)]
pub struct Before {
    before: Option<u64>,
    early: Option<String>,
}

/// Of which entries, by ledger index: the first and the last.
#[derive(Deserialize)]
pub struct Range {
    from: Option<u64>,
    to: Option<u64>,
}

/// `GET /patients/{patient}/history`.
pub async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Query(Before { before, early }): Query<Before>,
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
    let receipts = reading.path("/history/receipts");
    let texts = frame.texts();
    let zone = &portal.settings().zone;
    let mut visits = visits::views(texts, zone, &history.events, is_own, &receipts);
    if reading.is_other {
        // What is kept is kept on one's own record, and holds here.
        for visit in &mut visits {
            visit.keep = None;
        }
    }
    let page = HistoryPage {
        is_own,
        visits,
        receipts: is_own.then(|| {
            visits::receipts_of_page(&receipts, &history.events, before, history.has_more)
        }),
        is_early: early.is_some(),
        older: last
            .filter(|_| history.has_more)
            .map(|index| format!("{path}?before={index}")),
        newest: before.map(|_| path),
        practices: history.practices.iter().filter_map(ToRing::of).collect(),
        frame,
    };
    respond::opened(&page, together(first_byte, banner_byte))
}

/// `GET /patients/{patient}/history/receipts`: a file of receipts.
pub async fn receipts(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Query(Range { from, to }): Query<Range>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    let range = (from.unwrap_or(0), to.unwrap_or(u64::MAX));
    let file =
        access_history::receipts(portal.app(), &reading.viewer, reading.patient, range).await?;
    if file.is_empty() {
        return Ok(respond::to(&reading.path("/history?early=yes")));
    }
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (
            CONTENT_DISPOSITION,
            "attachment; filename=\"candour-receipts.tlog-proof\"",
        ),
    ];
    Ok((headers, file).into_response())
}
