//! Officers of a demonstration, whose passkeys are made in software and held by its pages, so that one person can
//! see both officers' parts.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The officers as a demonstration's file has them: JSON, `{"accounts": [ … ]}`.
#[derive(Clone)]
pub struct DemonstrationOfficers(Arc<Vec<Account>>);

#[derive(Deserialize)]
struct Account {
    name: String,
    about: String,
    passkey: Passkey,
}

/// Each base64url without padding.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Passkey {
    credential_id: String,
    user_handle: String,
    pkcs8: String,
}

/// An officer as the sign-in page lists them.
pub(crate) struct ListedOfficer {
    /// Who.
    pub(crate) name: String,
    /// A sentence about them.
    pub(crate) about: String,
    /// What the page's script answers with, as JSON.
    pub(crate) keys: String,
}

impl DemonstrationOfficers {
    /// Reads the file.
    ///
    /// # Errors
    /// When the text is not such JSON.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct File {
            accounts: Vec<Account>,
        }
        let file: File = serde_json::from_str(text)?;
        Ok(Self(Arc::new(file.accounts)))
    }

    /// Everybody.
    pub(crate) fn listed(&self) -> Vec<ListedOfficer> {
        let listed = |account: &Account| {
            Some(ListedOfficer {
                name: account.name.clone(),
                about: account.about.clone(),
                keys: serde_json::to_string(&account.passkey).ok()?,
            })
        };
        self.0.iter().filter_map(listed).collect()
    }

    /// What the officer of this name answers with.
    pub(crate) fn keys_of(&self, name: &str) -> Option<String> {
        let officer = self.0.iter().find(|officer| officer.name == name)?;
        serde_json::to_string(&officer.passkey).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_officer_is_found_by_name_and_nobody_else_has_keys() {
        let file = r#"{"accounts": [{"kind": "officer", "login": "a", "name": "Ngaire", "about": "x",
            "passkey": {"pkcs8": "AA", "credentialId": "BB", "userHandle": "CC"}}]}"#;
        let officers = DemonstrationOfficers::read(file).unwrap();
        let keys = officers.keys_of("Ngaire").unwrap();
        assert_eq!(
            keys,
            r#"{"credentialId":"BB","userHandle":"CC","pkcs8":"AA"}"#
        );
        assert_eq!(officers.listed()[0].keys, keys);
        assert_eq!(officers.keys_of("Tomasi"), None);
    }
}
