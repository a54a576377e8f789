//! The shelf of documents, and putting one on it.

use super::GivenDate;
use crate::frame::{FieldErrors, Frame};
use askama::Template;

/// The shelf.
#[derive(Template)]
#[template(path = "documents/documents.html")]
pub struct DocumentsPage {
    /// Around it.
    pub frame: Frame,
    /// A document was just stored.
    pub stored: bool,
    /// Where staff add one.
    pub deposit: Option<String>,
    /// Newest first.
    pub documents: Vec<DocumentView>,
    /// That something could not be shown.
    pub unreadable: Option<String>,
}

/// One document.
pub struct DocumentView {
    /// Its id as text.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Kind, practice, date.
    pub about: String,
    /// Type of file and size.
    pub file: String,
    /// "Download" with the title, for those who hear the page read.
    pub download: String,
    /// The browser may show it.
    pub shows_inline: bool,
}

/// Adding a document.
#[derive(Template)]
#[template(path = "documents/deposit.html")]
pub struct DepositPage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// Where it is sent.
    pub action: String,
    /// Makes sending twice store once.
    pub once: String,
    /// What files are taken.
    pub file_hint: String,
    /// The title typed before.
    pub name: String,
    /// The kind chosen before.
    pub kind: String,
    /// Kinds: word and text.
    pub kinds: Vec<(String, String)>,
    /// The date typed before.
    pub date: GivenDate,
}
