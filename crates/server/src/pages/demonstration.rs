//! The accounts of a demonstration, with one-click ordinary sign-in.

use crate::frame::Frame;
use askama::Template;

/// The list.
#[derive(Template)]
#[template(path = "demonstration/demonstration.html")]
pub struct DemonstrationPage {
    /// Around it.
    pub frame: Frame,
    /// Patients, staff, operators.
    pub groups: Vec<AccountGroup>,
}

/// Accounts of one kind.
pub struct AccountGroup {
    /// The heading's id.
    pub id: &'static str,
    /// Key of the heading.
    pub words: &'static str,
    /// The accounts.
    pub accounts: Vec<AccountView>,
}

/// One account.
pub struct AccountView {
    /// Who.
    pub name: String,
    /// A sentence about them.
    pub about: String,
    /// The button.
    pub be: String,
    /// Sign-in name.
    pub login: String,
    /// Where the ordinary sign-in is sent.
    pub action: &'static str,
    /// With a passkey held by the page; else with password and code.
    pub by_passkey: bool,
    /// What the page's script needs, as JSON.
    pub keys: String,
}
