//! What a practice's manager sees of budgets that were reopened.

use crate::dates;
use crate::error::Problem;
use crate::frame::Frame;
use crate::pages::{Before, ToRing};
use crate::portal::Portal;
use crate::respond;
use crate::session::Visitor;
use crate::texts::Texts;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use candour_app::reopenings::{self, Reopening};
use candour_keeper_api::words::Purpose;
use jiff::tz::TimeZone;

/// The list.
#[derive(Template)]
#[template(path = "reopenings/reopenings.html")]
pub struct ReopeningsPage {
    /// Around it.
    pub frame: Frame,
    /// Newest first.
    pub reopenings: Vec<ReopeningView>,
    /// Who runs the portal, and can stop a sign-in.
    pub operator: Option<ToRing>,
    /// Where earlier ones are.
    pub older: Option<String>,
    /// Where the newest are, on an older page.
    pub newest: Option<&'static str>,
}

/// One reopening.
pub struct ReopeningView {
    /// Who.
    pub who: String,
    /// Day and hour.
    pub when: String,
    /// How many times that person went on within a day.
    pub times: String,
    /// Why, in their own words.
    pub reason: String,
}

const PATH: &str = "/practice/reopenings";

/// `GET /practice/reopenings`. Whether a session may see it is the keeper's to say.
pub async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
    Query(Before { before }): Query<Before>,
) -> Result<Response, Problem> {
    visitor.signed_in()?;
    let viewer = visitor.viewer(Purpose::AccessHistory)?;
    let found = reopenings::page(portal.app(), &viewer, before).await?;
    let found = found.into_inner();
    let frame = portal
        .frame(visitor.visit, "reopenings.title")
        .await
        .back_to("/practice", "frame.back");
    let (texts, zone) = (frame.texts(), &portal.settings().zone);
    let last = found.all.last().filter(|_| found.has_more);
    let page = ReopeningsPage {
        older: last.map(|last| format!("{PATH}?before={}", last.index)),
        newest: before.map(|_| PATH),
        operator: portal.settings().operator.clone(),
        reopenings: found
            .all
            .iter()
            .map(|one| ReopeningView::of(texts, zone, one))
            .collect(),
        frame,
    };
    respond::page(&page)
}

impl ReopeningView {
    fn of(texts: &Texts, zone: &TimeZone, one: &Reopening) -> Self {
        Self {
            who: if one.name.is_empty() {
                texts.say("reopenings.unnamed").to_owned()
            } else {
                one.name.clone()
            },
            when: dates::moment(texts, one.at, zone),
            times: match one.nth {
                0 | 1 => texts.say("reopenings.first").to_owned(),
                nth => texts.fill("reopenings.nth", &[("count", &nth.to_string())]),
            },
            reason: texts.fill("reopenings.reason", &[("reason", &one.reason)]),
        }
    }
}
