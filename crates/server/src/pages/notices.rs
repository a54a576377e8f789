//! Messages that wait for a patient: after an incident, which documents it was about.

use super::record::unreadable;
use crate::dates;
use crate::error::Problem;
use crate::frame::Frame;
use crate::pages::documents::asked_as;
use crate::portal::Portal;
use crate::reading::{Reading, together};
use crate::respond;
use crate::session::Visitor;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use candour_app::{FirstByte, documents};
use candour_core::notices::WaitingNotice;
use candour_seal::ItemId;
use std::collections::HashMap;

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
    /// The documents it is about, each as the patient's own shelf calls it.
    pub documents: Vec<DocumentView>,
    /// The parts of the record it is about.
    pub about: Vec<String>,
    /// The code by which it can be checked; empty without one.
    pub code: String,
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

/// A document that a message is about.
pub struct DocumentView {
    /// Its id as text.
    pub id: String,
    /// Its title; `None` when it no longer stands on the shelf.
    pub title: Option<String>,
    /// What its link says of who follows it: `?as=proxy`, or nothing.
    pub asked_as: &'static str,
}

/// `GET /patients/{patient}/notices`.
pub async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    let (opened, first_byte) =
        candour_app::notices::open(portal.app(), &reading.viewer, reading.patient).await?;
    let opened = opened.into_inner();
    let (titles, shelf_byte) = titles(&portal, &reading, &opened.notices).await?;
    let (banner, banner_byte) = reading.banner(&portal).await?.unzip();
    // Last: nothing is read that was not shown. What is not noted is announced once more, which does no harm.
    if let Some(reader) = reading.reader
        && candour_app::notices::read(portal.app(), &opened, reader)
            .await
            .is_err()
    {
        tracing::warn!("that messages were read could not be noted");
    }
    let (waiting, missing) = (opened.notices, opened.unreadable);
    let frame = reading.frame(&portal, "notices.title", banner).await;
    let texts = frame.texts();
    let notices = waiting
        .into_iter()
        .map(|(_, notice)| NoticeView {
            subject: notice.subject,
            received: Some(texts.fill(
                "notices.received",
                &[(
                    "date",
                    &dates::moment(texts, notice.at, &portal.settings().zone),
                )],
            )),
            parts: notice
                .paragraphs
                .iter()
                .map(|paragraph| NoticePart::of(paragraph))
                .collect(),
            documents: notice
                .documents
                .into_iter()
                .map(|id| DocumentView {
                    title: titles.get(&id).cloned(),
                    id,
                    asked_as: asked_as(reading.relation),
                })
                .collect(),
            about: notice.about,
            code: notice.code,
        })
        .collect();
    respond::opened(
        &NoticesPage {
            unreadable: unreadable(texts, missing),
            frame,
            notices,
        },
        together(together(first_byte, shelf_byte), banner_byte),
    )
}

/// Titles of the reader's own shelf by document; the shelf is opened only when a message names a document.
async fn titles(
    portal: &Portal,
    reading: &Reading,
    waiting: &[(ItemId, WaitingNotice)],
) -> Result<(HashMap<String, String>, Option<FirstByte>), Problem> {
    if waiting
        .iter()
        .all(|(_, notice)| notice.documents.is_empty())
    {
        return Ok((HashMap::new(), None));
    }
    let (shelf, first_byte) =
        documents::shelf(portal.app(), &reading.viewer, reading.patient).await?;
    let lines = shelf.into_inner().lines.into_iter();
    let titles = lines
        .map(|line| (line.document.to_string(), line.meta.title.to_string()))
        .collect();
    Ok((titles, Some(first_byte)))
}
