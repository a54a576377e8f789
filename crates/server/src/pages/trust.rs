//! What the running installation promises, and what not.

use crate::frame::Frame;
use askama::Template;

/// The trust page.
#[derive(Template)]
#[template(path = "trust/trust.html")]
pub struct TrustPage {
    /// Around it.
    pub frame: Frame,
    /// Promises, limits, state.
    pub parts: Vec<TrustPart>,
    /// The last signed checkpoint.
    pub checkpoint: Option<CheckpointView>,
}

/// A heading with sentences.
pub struct TrustPart {
    /// The heading's id.
    pub id: &'static str,
    /// Key of the heading.
    pub heading: &'static str,
    /// The sentences.
    pub sentences: Vec<String>,
}

/// A signed checkpoint.
pub struct CheckpointView {
    /// As published.
    pub text: String,
    /// The key to check it with.
    pub verifier: String,
}
