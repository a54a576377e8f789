//! The accounts of a demonstration or drill: who can sign in, and with what.
//!
//! `accounts.json` exists in demonstrations only; it is read by the portal's page of accounts and by a drill's
//! ordinary traffic. `keys` has the form that the page's script reads.

use crate::Problem;
use crate::passkey::SoftwarePasskey;
use crate::totp::Authenticator;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;

/// The file's content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// Every account, patients first.
    pub accounts: Vec<Account>,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// What is typed to sign in.
    pub login: String,
    /// The person's name.
    pub name: String,
    /// A sentence about them.
    pub about: String,
    /// `patient`, `proxy`, `clinician`, `reception`, `manager`, `privacy_officer`, `security_officer` or
    /// `communications_officer`.
    pub role: String,
    /// The practice's name; empty for operators.
    pub practice: String,
    /// The practice's id as 32 hexadecimal digits; empty for operators.
    pub practice_id: String,
    /// The patient's id; empty for staff and operators.
    pub patient: String,
    /// What they sign in with.
    pub keys: Keys,
}

/// What somebody signs in with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Keys {
    /// A software passkey; base64url without padding.
    Passkey {
        /// The private key.
        pkcs8: String,
        /// Its id.
        credential_id: String,
        /// The account it belongs to.
        user_handle: String,
    },
    /// Password and authenticator app.
    Authenticator {
        /// The password.
        password: String,
        /// The shared secret as base32.
        totp_secret: String,
    },
    /// Password and printed sheet.
    Sheet {
        /// The password.
        password: String,
        /// The codes, each good once.
        sheet: Vec<String>,
    },
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Passkey { .. } => "Passkey",
            Self::Authenticator { .. } => "Authenticator",
            Self::Sheet { .. } => "Sheet",
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exported {
    credential_id: String,
    user_handle: String,
    pkcs8: String,
}

impl Keys {
    /// Writes a passkey down.
    ///
    /// # Errors
    /// When its key cannot be encoded.
    pub fn of_passkey(passkey: &SoftwarePasskey) -> Result<Self, Problem> {
        let exported: Exported = serde_json::from_str(&passkey.export()?)
            .map_err(|error| Problem::Unexpected(format!("a passkey does not export: {error}")))?;
        Ok(Self::Passkey {
            pkcs8: exported.pkcs8,
            credential_id: exported.credential_id,
            user_handle: exported.user_handle,
        })
    }

    /// The passkey, where it is one.
    ///
    /// # Errors
    /// When it is none, or does not read.
    pub fn passkey(&self) -> Result<SoftwarePasskey, Problem> {
        let Self::Passkey {
            pkcs8,
            credential_id,
            user_handle,
        } = self
        else {
            return Err(Problem::Unexpected("the account has no passkey".to_owned()));
        };
        let exported = Exported {
            credential_id: credential_id.clone(),
            user_handle: user_handle.clone(),
            pkcs8: pkcs8.clone(),
        };
        let text = serde_json::to_string(&exported)
            .map_err(|error| Problem::Unexpected(format!("a passkey does not read: {error}")))?;
        Ok(SoftwarePasskey::import(&text)?)
    }

    /// Password and authenticator app, where it is that.
    pub fn authenticator(&self) -> Option<(&str, Authenticator)> {
        match self {
            Self::Authenticator {
                password,
                totp_secret,
            } => Some((password, Authenticator::from_secret(totp_secret)?)),
            Self::Passkey { .. } | Self::Sheet { .. } => None,
        }
    }
}

/// The kind of account that works in the incident room.
const OFFICER: &str = "officer";

impl Account {
    fn kind(&self) -> &'static str {
        match self.role.as_str() {
            "patient" | "proxy" => "patient",
            "clinician" | "reception" | "manager" => "staff",
            _ => OFFICER,
        }
    }

    fn on_the_page(&self) -> Value {
        let mut page = json!({ "kind": self.kind(), "name": self.name, "about": self.about, "login": self.login });
        match &self.keys {
            Keys::Passkey {
                pkcs8,
                credential_id,
                user_handle,
            } => {
                page["passkey"] = json!({ "pkcs8": pkcs8, "credentialId": credential_id, "userHandle": user_handle });
            }
            Keys::Authenticator {
                password,
                totp_secret,
            } => {
                page["password"] = json!(password);
                page["totpSecret"] = json!(totp_secret);
            }
            Keys::Sheet { password, .. } => page["password"] = json!(password),
        }
        page
    }
}

impl Accounts {
    /// Everything about them, in the data directory; the supervisor's own.
    pub const FILE: &str = "secrets/accounts.json";
    /// Patients for ordinary traffic; the supervisor's own.
    pub const VISITORS: &str = "secrets/visitors.json";
    /// What the portal's page of accounts reads; the portal's own.
    pub const ON_THE_PAGE: &str = "accounts.json";

    /// What the incident room's sign-in page reads; the room's own.
    pub const IN_THE_ROOM: &str = "officers.json";

    /// The file's text.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn written(&self) -> Result<String, Problem> {
        serde_json::to_string_pretty(self).map_err(Problem::json(Path::new(Self::FILE)))
    }

    /// The text of the page's file: who can sign in by one click. A sheet of codes cannot: each is good once.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn for_the_page(&self) -> Result<String, Problem> {
        self.listed(Self::ON_THE_PAGE, |one| one.kind() != OFFICER)
    }

    /// The text of the room's file: the officers, and the managers who look at their practice's list.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn for_the_room(&self) -> Result<String, Problem> {
        self.listed(Self::IN_THE_ROOM, |one| {
            one.kind() == OFFICER || one.role == "manager"
        })
    }

    fn listed(&self, file: &str, is_listed: impl Fn(&Account) -> bool) -> Result<String, Problem> {
        let listed = self.accounts.iter().filter(|one| is_listed(one));
        let accounts: Vec<Value> = listed.map(Account::on_the_page).collect();
        let content = json!({ "accounts": accounts });
        serde_json::to_string_pretty(&content).map_err(Problem::json(Path::new(file)))
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When it is missing or does not read.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let bytes = std::fs::read(path).map_err(Problem::file("could not read", path))?;
        serde_json::from_slice(&bytes).map_err(Problem::json(path))
    }

    /// Reads the file; nobody when there is none yet.
    ///
    /// # Errors
    /// When it does not read.
    pub fn read_if_there(path: &Path) -> Result<Self, Problem> {
        if path.exists() {
            Self::read(path)
        } else {
            Ok(Self::default())
        }
    }

    /// The first account with a role.
    pub fn with_role(&self, role: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.role == role)
    }

    /// An account by its login.
    pub fn by_login(&self, login: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.login == login)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_passkey_is_the_same_passkey() {
        let passkey = SoftwarePasskey::new().unwrap();
        let keys = Keys::of_passkey(&passkey).unwrap();
        let text = serde_json::to_string(&keys).unwrap();
        let read: Keys = serde_json::from_str(&text).unwrap();
        assert_eq!(read, keys);
        assert_eq!(
            read.passkey().unwrap().export().unwrap(),
            passkey.export().unwrap()
        );
    }

    #[test]
    fn the_portal_s_page_of_accounts_reads_its_file() {
        let account = |login: &str, role: &str, keys| Account {
            login: login.to_owned(),
            name: "Mere Pōtae".to_owned(),
            about: "A patient.".to_owned(),
            role: role.to_owned(),
            practice: String::new(),
            practice_id: String::new(),
            patient: String::new(),
            keys,
        };
        let passkey = Keys::of_passkey(&SoftwarePasskey::new().unwrap()).unwrap();
        let password = "p".to_owned();
        let app = Keys::Authenticator {
            password: password.clone(),
            totp_secret: "JBSWY3DP".to_owned(),
        };
        let sheet = Keys::Sheet {
            password,
            sheet: vec!["a".to_owned()],
        };
        let accounts = Accounts {
            accounts: vec![
                account("mere", "patient", passkey.clone()),
                account("ana", "patient", app),
                account("pita", "patient", sheet),
                account("aroha", "clinician", passkey.clone()),
                account("ngaire", "privacy_officer", passkey),
            ],
        };
        let text = accounts.for_the_page().unwrap();
        assert!(candour_server::pages::demonstration::DemonstrationAccounts::read(&text).is_ok());
        assert!(!text.contains("ngaire"), "officers sign in at the room");
        let text = accounts.for_the_room().unwrap();
        assert!(text.contains("ngaire") && !text.contains("aroha"));
    }

    #[test]
    fn the_kinds_of_keys_are_told_apart() {
        let text = r#"{"password":"p","totp_secret":"JBSWY3DPEHPK3PXP"}"#;
        let keys: Keys = serde_json::from_str(text).unwrap();
        assert!(keys.authenticator().is_some());
        let sheet: Keys = serde_json::from_str(r#"{"password":"p","sheet":["a"]}"#).unwrap();
        assert!(matches!(sheet, Keys::Sheet { .. }));
    }
}
