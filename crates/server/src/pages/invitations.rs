//! Inviting a patient, and accepting an invitation.

use super::GivenDate;
use crate::frame::{FieldErrors, Frame};
use askama::Template;

/// Staff invite a patient.
#[derive(Template)]
#[template(path = "invitations/invite.html")]
pub struct InvitePage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// Where it is sent.
    pub action: String,
}

/// The code, shown once.
#[derive(Template)]
#[template(path = "invitations/made.html")]
pub struct InviteMadePage {
    /// Around it.
    pub frame: Frame,
    /// The code to hand over.
    pub code: String,
    /// Where it is used.
    pub made_where: String,
    /// Back to the patient.
    pub patient_path: String,
}

/// Code and sign-in name.
#[derive(Template)]
#[template(path = "invitations/invitation.html")]
pub struct InvitationPage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// The sign-in name typed before.
    pub login: String,
}

/// What an authenticator app needs.
pub struct AppKey {
    /// `otpauth://` address.
    pub address: String,
    /// The key in groups of four.
    pub key: String,
}

/// The three ways to make an account; staff have the first only.
#[derive(Template)]
#[template(path = "invitations/account.html")]
pub struct AccountPage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// Who invites.
    pub lead: String,
    /// The passkey ceremony.
    pub ceremony: String,
    /// Its options as JSON.
    pub options: String,
    /// For patients: the authenticator app.
    pub app: Option<AppKey>,
    /// A birth date is asked for.
    pub asks_birth: bool,
    /// The birth date typed before.
    pub birth: GivenDate,
    /// The way chosen before.
    pub way: &'static str,
}

/// The printed sheet, shown once.
#[derive(Template)]
#[template(path = "invitations/sheet.html")]
pub struct SheetPage {
    /// Around it.
    pub frame: Frame,
    /// 40 codes.
    pub codes: Vec<String>,
}

/// Linking a record to the account that is signed in.
#[derive(Template)]
#[template(path = "invitations/link.html")]
pub struct LinkPage {
    /// Around it.
    pub frame: Frame,
    /// What is to be mended.
    pub errors: FieldErrors,
    /// The birth date typed before.
    pub birth: GivenDate,
}
