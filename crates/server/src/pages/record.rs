//! The record by section.

use crate::frame::Frame;
use askama::Template;

/// A link to a section.
pub struct SectionLink {
    /// Where.
    pub path: String,
    /// Key of its name.
    pub name: &'static str,
    /// Key of what it holds.
    pub text: &'static str,
}

/// The sections to choose from.
#[derive(Template)]
#[template(path = "record/record.html")]
pub struct RecordPage {
    /// Around it.
    pub frame: Frame,
    /// The sections.
    pub sections: Vec<SectionLink>,
}

/// One section.
#[derive(Template)]
#[template(path = "record/section.html")]
pub struct SectionPage {
    /// Around it.
    pub frame: Frame,
    /// Newest first.
    pub entries: Vec<EntryView>,
    /// What an empty section says.
    pub none: &'static str,
    /// How many of how many are shown.
    pub shown: Option<String>,
    /// Where older entries are.
    pub older: Option<String>,
    /// That something could not be shown.
    pub unreadable: Option<String>,
    /// The other sections.
    pub sections: Vec<SectionLink>,
}

/// One entry of a section.
pub struct EntryView {
    /// What it is.
    pub title: String,
    /// A measured value.
    pub value: Option<String>,
    /// More about it, a whole sentence or phrase each.
    pub lines: Vec<String>,
    /// When.
    pub when: String,
    /// From whom.
    pub source: Option<String>,
}
