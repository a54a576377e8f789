//! Where a patient starts.

use crate::dates;
use crate::error::Problem;
use crate::frame::Frame;
use crate::portal::Portal;
use crate::respond;
use crate::session::{Visit, Visitor};
use crate::texts::Texts;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use candour_app::sign_in::Reachable;
use candour_app::{FirstByte, notices, patients};
use candour_keeper_api::words::{Purpose, Section};

/// The records within reach.
#[derive(Template)]
#[template(path = "home/home.html")]
pub struct HomePage {
    /// Around it.
    pub frame: Frame,
    /// One's own first.
    pub records: Vec<RecordTile>,
}

/// One record within reach.
pub struct RecordTile {
    /// The patient's id as text.
    pub patient: String,
    /// "Your record", or whose.
    pub heading: String,
    /// It is one's own.
    pub is_own: bool,
    /// Until when one may act for the patient.
    pub until: Option<String>,
    /// That messages wait.
    pub waiting: Option<String>,
}

/// `GET /`: to where the visitor starts.
pub async fn start(visitor: Visitor) -> Response {
    respond::to(visitor.visit.map_or("/sign-in", Visit::home))
}

/// `GET /home`: the records within reach, one's own first, with what waits to be read.
pub async fn show(State(portal): State<Portal>, visitor: Visitor) -> Result<Response, Problem> {
    let session = visitor.session(&portal).await?;
    let mut frame = portal.frame(visitor.visit, "home.title").await.at("/home");
    let texts = frame.texts();
    let mut records = Vec::with_capacity(session.patients.len());
    let mut delivered: Option<FirstByte> = None;
    for reachable in &session.patients {
        let (record, called, first_byte) = tile(&portal, &visitor, reachable, texts).await?;
        if let Some(name) = called {
            frame.title = texts.fill("home.hello", &[("name", &name)]);
        }
        records.push(record);
        delivered = Some(match delivered {
            Some(delivered) => delivered.and(first_byte),
            None => first_byte,
        });
    }
    let page = HomePage { frame, records };
    match delivered {
        Some(first_byte) => respond::opened(&page, first_byte),
        None => respond::page(&page),
    }
}

/// One record's tile; for one's own record also how one is called.
async fn tile(
    portal: &Portal,
    visitor: &Visitor,
    reachable: &Reachable,
    texts: &Texts,
) -> Result<(RecordTile, Option<String>, FirstByte), Problem> {
    let purpose = if reachable.is_proxied {
        Purpose::ProxyAccess
    } else {
        Purpose::OwnRecord
    };
    let viewer = visitor.viewer(purpose)?;
    let reaches = |section| reachable.sections.is_empty() || reachable.sections.contains(&section);
    let (line, mut first_byte) = patients::name(portal.app(), &viewer, reachable.patient).await?;
    let identity = line.into_inner().identity;
    let mut waiting = None;
    if reaches(Section::Notices) {
        let (opened, notices_byte) =
            notices::open(portal.app(), &viewer, reachable.patient).await?;
        first_byte = first_byte.and(notices_byte);
        waiting = waiting_words(texts, opened.get().notices.len());
    }
    let full = identity
        .as_ref()
        .map(|identity| identity.name.full())
        .unwrap_or_default();
    let called = identity
        .as_ref()
        .map(|identity| identity.name.called().to_owned());
    let tile = RecordTile {
        patient: reachable.patient.to_string(),
        heading: if reachable.is_proxied {
            texts.fill("home.proxied", &[("name", &full)])
        } else {
            texts.say("home.own").to_owned()
        },
        is_own: !reachable.is_proxied,
        until: reachable.until.map(|until| {
            let date = dates::day(texts, until.to_zoned(portal.settings().zone.clone()).date());
            texts.fill("home.proxied_until", &[("date", &date)])
        }),
        waiting,
    };
    Ok((tile, called.filter(|_| !reachable.is_proxied), first_byte))
}

fn waiting_words(texts: &Texts, count: usize) -> Option<String> {
    match count {
        0 => None,
        1 => Some(texts.say("home.messages_waiting").to_owned()),
        _ => Some(texts.fill(
            "home.messages_waiting_many",
            &[("count", &count.to_string())],
        )),
    }
}
