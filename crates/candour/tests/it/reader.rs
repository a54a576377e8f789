//! A patient who reads through the portal.

use std::collections::BTreeMap;
use std::path::Path;

use candour_drill::accounts::{Account, Accounts};
use candour_drill::browser::{Acting, Browser, Site, ids_in};

/// Documents of one person: id and bytes.
pub type Documents = BTreeMap<String, Vec<u8>>;

/// Somebody who reads.
pub struct Reader {
    account: Account,
    pub port: u16,
}

impl Reader {
    /// Somebody with documents who signs in with a passkey.
    pub fn of(data: &Path, port: u16) -> Self {
        let known = Accounts::read(&data.join(Accounts::FILE)).unwrap();
        let is_patient =
            |account: &Account| account.role == "patient" && account.keys.passkey().is_ok();
        let account = known.accounts.into_iter().find(is_patient).unwrap();
        Self { account, port }
    }

    pub fn in_a_browser<T>(&self, work: impl AsyncFnOnce(&Browser) -> T) -> T {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let browser = Browser::new(&Site::local(self.port)).unwrap();
            work(&browser).await
        })
    }

    pub async fn sign_in(&self, browser: &Browser) -> Result<(), candour_drill::Problem> {
        let mut passkey = self.account.keys.passkey().unwrap();
        browser
            .sign_in_with_passkey(&self.account.login, &mut passkey, Acting::Patient)
            .await
    }

    pub fn documents(&self) -> Documents {
        self.in_a_browser(async |browser| {
            self.sign_in(browser).await.unwrap();
            let shelf = shelf(browser).await;
            let mut documents = Documents::new();
            for id in ids_in(&shelf, "/documents/") {
                let answer = browser
                    .get(&format!("/documents/{id}/download"))
                    .await
                    .unwrap();
                let is_there = answer.is_success() && answer.is_whole;
                documents.insert(id, if is_there { answer.body } else { Vec::new() });
            }
            documents
        })
    }

    /// Whether signing in and the shelf show anything.
    pub fn sees_anything(&self) -> bool {
        self.in_a_browser(async |browser| {
            if self.sign_in(browser).await.is_err() {
                return false;
            }
            !ids_in(&shelf(browser).await, "/documents/").is_empty()
        })
    }
}

/// The page of one's own documents.
pub async fn shelf(browser: &Browser) -> String {
    let home = browser.visit("/home").await.unwrap().text();
    let Some(patient) = ids_in(&home, "/patients/").into_iter().next() else {
        return String::new();
    };
    let path = format!("/patients/{patient}/documents");
    browser.visit(&path).await.unwrap().text()
}
