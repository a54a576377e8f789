//! Messages that wait for a patient: after an incident, which documents it was about.

use super::record::unreadable;
use crate::dates;
use crate::error::Problem;
use crate::frame::Frame;
use crate::portal::Portal;
use crate::reading::{Reading, together};
use crate::respond;
use crate::session::Visitor;
use crate::texts::Texts;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use candour_app::notices::TitledNotice;
use jiff::tz::TimeZone;

/// The waiting messages.
#[derive(Template)]
#[template(path = "notices/notices.html")]
pub struct NoticesPage {
    /// Around it.
    pub frame: Frame,
    /// Newest first.
    pub notices: Vec<NoticeView>,
    /// That something could not be shown.
    pub unreadable: Option<String>,
}

/// One message.
pub struct NoticeView {
    /// Its heading.
    pub subject: String,
    /// When it came.
    pub received: Option<String>,
    /// Its text: headings, each with its sentences.
    pub parts: Vec<NoticePart>,
    /// What was seen: documents by title, then parts of the record.
    pub seen: Vec<String>,
    /// The code that proves it is ours.
    pub code: Option<String>,
}

/// A heading with its sentences.
pub struct NoticePart {
    /// The heading; empty where a text has none.
    pub heading: String,
    /// The sentences.
    pub text: String,
}

impl NoticePart {
    /// The first of several lines is a heading.
    fn of(paragraph: &str) -> Self {
        let (heading, text) = paragraph.split_once('\n').unwrap_or(("", paragraph));
        Self {
            heading: heading.to_owned(),
            text: text.replace('\n', " "),
        }
    }
}

/// `GET /patients/{patient}/notices`.
pub async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    let (opened, first_byte) =
        candour_app::notices::open_titled(portal.app(), &reading.viewer, reading.patient).await?;
    let (banner, banner_byte) = reading.banner(&portal).await?.unzip();
    let frame = reading.frame(&portal, "notices.title", banner).await;
    let texts = frame.texts();
    let opened = opened.into_inner();
    let unreadable = unreadable(texts, opened.unreadable);
    let notices = opened
        .notices
        .into_iter()
        .map(|titled| view(texts, &portal.settings().zone, titled))
        .collect();
    respond::opened(
        &NoticesPage {
            frame,
            notices,
            unreadable,
        },
        together(first_byte, banner_byte),
    )
}

fn view(texts: &Texts, zone: &TimeZone, titled: TitledNotice) -> NoticeView {
    let TitledNotice { notice, documents } = titled;
    let documents = documents.into_iter().map(|title| match title {
        Some(title) => texts.fill("notices.document", &[("title", title.as_str())]),
        None => texts.say("notices.document_gone").to_owned(),
    });
    NoticeView {
        subject: notice.subject,
        received: Some(texts.fill(
            "notices.received",
            &[("date", &dates::moment(texts, notice.at, zone))],
        )),
        parts: notice
            .paragraphs
            .iter()
            .map(|paragraph| NoticePart::of(paragraph))
            .collect(),
        seen: documents.chain(notice.about).collect(),
        code: (!notice.code.is_empty())
            .then(|| texts.fill("notices.code", &[("code", &notice.code)])),
    }
}
