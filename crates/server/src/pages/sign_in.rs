//! Signing in, and proving again that it is oneself.

use crate::frame::{FieldErrors, Frame};
use askama::Template;

/// Passkey, or password and code.
#[derive(Template)]
#[template(path = "sign_in/sign_in.html")]
pub struct SignInPage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// Key of a sentence on top.
    pub note: Option<&'static str>,
    /// The sign-in name typed before.
    pub login: String,
}

/// A fresh passkey answer or code for a running session.
#[derive(Template)]
#[template(path = "sign_in/step_up.html")]
pub struct StepUpPage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// Where to go on afterwards.
    pub back: String,
    /// The ceremony.
    pub ceremony: String,
    /// Its options as JSON; empty where only a code answers.
    pub options: String,
    /// A code answers too.
    pub code_accepted: bool,
    /// A clinician past a budget says why.
    pub asks_reason: bool,
}
