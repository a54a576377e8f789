//! The accounts of a demonstration, with one-click ordinary sign-in.

use crate::error::Problem;
use crate::frame::Frame;
use crate::portal::Portal;
use crate::respond;
use crate::session::Visitor;
use crate::texts::Texts;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The list.
#[derive(Template)]
#[template(path = "demonstration/demonstration.html")]
pub struct DemonstrationPage {
    /// Around it.
    pub frame: Frame,
    /// Patients, staff.
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
    /// As patient or as staff.
    pub acting: &'static str,
    /// Where the ordinary sign-in is sent.
    pub action: &'static str,
    /// With a passkey held by the page; else with password and code.
    pub by_passkey: bool,
    /// What the page's script needs, as JSON.
    pub keys: String,
}

/// The accounts of a demonstration as its file has them: JSON, `{"accounts": [ … ]}`.
#[derive(Clone)]
pub struct DemonstrationAccounts {
    accounts: Arc<Vec<DemonstrationAccount>>,
}

/// Of which kind an account is.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountKind {
    /// A patient, or somebody who acts for one.
    Patient,
    /// Practice staff.
    Staff,
    /// An officer of the operator, who signs in at the incident room.
    Officer,
}

/// One account with what it signs in with.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DemonstrationAccount {
    kind: AccountKind,
    /// Who it is.
    name: String,
    /// A sentence about them.
    about: String,
    /// Sign-in name.
    login: String,
    /// A passkey made in software …
    passkey: Option<DemonstrationPasskey>,
    /// … or a password …
    password: Option<String>,
    /// … with an authenticator app's secret in base32.
    totp_secret: Option<String>,
}

/// What `SoftwarePasskey::export` of the testkit writes; each base64url without padding.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DemonstrationPasskey {
    credential_id: String,
    user_handle: String,
    pkcs8: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PasswordKeys<'a> {
    password: &'a str,
    totp_secret: &'a str,
}

impl DemonstrationAccounts {
    /// Reads the file.
    ///
    /// # Errors
    /// When the text is not such JSON.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct File {
            accounts: Vec<DemonstrationAccount>,
        }
        let file: File = serde_json::from_str(text)?;
        Ok(Self {
            accounts: Arc::new(file.accounts),
        })
    }
}

impl DemonstrationAccount {
    fn view(&self, texts: &Texts) -> Option<AccountView> {
        let (by_passkey, keys) = match (&self.passkey, &self.password, &self.totp_secret) {
            (Some(passkey), ..) => (true, serde_json::to_string(passkey)),
            (None, Some(password), Some(totp_secret)) => (
                false,
                serde_json::to_string(&PasswordKeys {
                    password,
                    totp_secret,
                }),
            ),
            _ => return None,
        };
        Some(AccountView {
            name: self.name.clone(),
            about: self.about.clone(),
            be: texts.fill("demonstration.be", &[("name", &self.name)]),
            login: self.login.clone(),
            acting: if self.kind == AccountKind::Patient {
                "patient"
            } else {
                "staff"
            },
            action: if by_passkey {
                "/sign-in/passkey"
            } else {
                "/sign-in/password"
            },
            by_passkey,
            keys: keys.ok()?,
        })
    }
}

/// `GET /demonstration`. Elsewhere the page does not exist: only a demonstration has the file, and only where the
/// keeper says that it is one is the file shown.
pub async fn show(State(portal): State<Portal>, visitor: Visitor) -> Result<Response, Problem> {
    let standing = portal.standing().await;
    let accounts = portal
        .settings()
        .demonstration
        .as_ref()
        .filter(|_| standing.demonstration);
    let accounts = accounts.ok_or(Problem::NoSuchPage)?;
    let frame = portal
        .frame(visitor.visit, "demonstration.title")
        .await
        .with_script("demonstration.js");
    let texts = frame.texts();
    let groups = [
        (AccountKind::Patient, "patients", "demonstration.patients"),
        (AccountKind::Staff, "staff", "demonstration.staff"),
    ];
    let groups = groups
        .into_iter()
        .map(|(kind, id, words)| AccountGroup {
            id,
            words,
            accounts: accounts
                .accounts
                .iter()
                .filter(|account| account.kind == kind)
                .filter_map(|account| account.view(texts))
                .collect(),
        })
        .filter(|group| !group.accounts.is_empty())
        .collect();
    respond::page(&DemonstrationPage { frame, groups })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_reads_and_an_account_without_a_way_in_is_left_out() {
        let file = r#"{"accounts": [
            {"kind": "staff", "name": "Dr A", "about": "x", "login": "a",
             "passkey": {"credentialId": "AA", "userHandle": "AQEBAQEBAQEBAQEBAQEBAQ", "pkcs8": "AA"}},
            {"kind": "patient", "name": "B", "about": "x", "login": "b", "password": "p", "totpSecret": "S"},
            {"kind": "patient", "name": "C", "about": "x", "login": "c"}
        ]}"#;
        let texts = crate::texts::Language::English.texts();
        let accounts = DemonstrationAccounts::read(file).unwrap();
        let views: Vec<_> = accounts
            .accounts
            .iter()
            .filter_map(|account| account.view(texts))
            .collect();
        assert_eq!(
            views.iter().map(|view| view.by_passkey).collect::<Vec<_>>(),
            [true, false]
        );
        assert_eq!(views[1].keys, r#"{"password":"p","totpSecret":"S"}"#);
    }
}
