//! Messages that wait for a patient: after an incident, which documents it was about.

use crate::frame::Frame;
use askama::Template;

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
