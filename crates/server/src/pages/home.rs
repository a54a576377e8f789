//! Where a patient starts.

use crate::frame::Frame;
use askama::Template;

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
