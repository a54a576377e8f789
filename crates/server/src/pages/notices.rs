//! Messages that wait for a patient: after an incident, which documents it was about.

use crate::dates;
use crate::error::Problem;
use crate::frame::Frame;
use crate::portal::Portal;
use crate::reading::{Reading, together};
use crate::respond;
use crate::session::Visitor;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

/// The waiting messages.
#[derive(Template)]
#[template(path = "notices/notices.html")]
pub struct NoticesPage {
    /// Around it.
    pub frame: Frame,
    /// Newest first.
    pub notices: Vec<NoticeView>,
}

/// One message.
pub struct NoticeView {
    /// Its heading.
    pub subject: String,
    /// When it came.
    pub received: Option<String>,
    /// Its text.
    pub paragraphs: Vec<String>,
    /// Titles of the documents it is about.
    pub documents: Vec<String>,
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
    let (banner, banner_byte) = reading.banner(&portal).await?.unzip();
    let frame = reading.frame(&portal, "notices.title", banner).await;
    let texts = frame.texts();
    let notices = opened
        .into_inner()
        .notices
        .into_iter()
        .map(|notice| NoticeView {
            subject: notice.subject,
            received: Some(texts.fill(
                "notices.received",
                &[(
                    "date",
                    &dates::moment(texts, notice.at, &portal.settings().zone),
                )],
            )),
            paragraphs: notice.paragraphs,
            documents: notice.about,
        })
        .collect();
    respond::opened(
        &NoticesPage { frame, notices },
        together(first_byte, banner_byte),
    )
}
