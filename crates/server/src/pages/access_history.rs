//! Who opened a record.

use crate::frame::Frame;
use askama::Template;

/// The list.
#[derive(Template)]
#[template(path = "access_history/history.html")]
pub struct HistoryPage {
    /// Around it.
    pub frame: Frame,
    /// It is the viewer's own record.
    pub is_own: bool,
    /// Newest first.
    pub events: Vec<EventView>,
    /// Where earlier ones are.
    pub older: Option<String>,
    /// Where the newest are, on an older page.
    pub newest: Option<String>,
}

/// One opening, refusal or change.
pub struct EventView {
    /// Who did what and when.
    pub sentence: String,
    /// The reason given.
    pub why: Option<String>,
    /// The viewer did it.
    pub is_viewer: bool,
    /// It was refused.
    pub is_refused: bool,
}
