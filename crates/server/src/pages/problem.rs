//! A page for each thing that can go wrong: what it means, what to do, whom to ring.

use crate::frame::Frame;
use crate::pages::ToRing;
use askama::Template;

/// The page.
#[derive(Template)]
#[template(path = "problem.html")]
pub struct ProblemPage {
    /// Around it.
    pub frame: Frame,
    /// Key: what happened.
    pub what: &'static str,
    /// Key: what to do and whom to ring.
    pub next: &'static str,
    /// Key of what stands before the number of the people who run the portal, and that number.
    pub ring: Option<(&'static str, ToRing)>,
    /// When it may work again.
    pub wait: Option<String>,
    /// Where the record is opened in an emergency all the same.
    pub emergency: Option<String>,
    /// Where the button leads.
    pub path: &'static str,
    /// Key of the button's words.
    pub path_words: &'static str,
    /// The request's number, for a call.
    pub request: Option<String>,
}
