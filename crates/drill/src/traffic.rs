//! Ordinary traffic while the attack runs: people who read their own record, staff who read their patients'.
//!
//! It is also a check: nobody of them may be frozen or refused.

use crate::accounts::Account;
use crate::browser::{Acting, Browser, Site, ids_in};
use crate::{Problem, clock};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Nobody reads faster than this.
const PAUSE: Duration = Duration::from_millis(900);

/// What ordinary people met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Met {
    /// How many people came.
    pub people: usize,
    /// Pages and files they saw.
    pub shown: u64,
    /// Refusals, by what was asked for and the status.
    pub refused: BTreeMap<String, u64>,
}

/// People who come until they are told to stop.
pub struct Traffic {
    met: Arc<Mutex<Met>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

struct Reader {
    browser: Browser,
    met: Arc<Mutex<Met>>,
    stop: CancellationToken,
}

impl Traffic {
    /// Signs everybody in with their passkeys, patients and staff, and lets them read.
    ///
    /// # Errors
    /// When somebody cannot sign in.
    pub async fn start(
        portal: &Site,
        visitors: &[Account],
        staff: &[Account],
    ) -> Result<Self, Problem> {
        let traffic = Self {
            met: Arc::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        for (account, is_staff) in visitors
            .iter()
            .map(|account| (account, false))
            .chain(staff.iter().map(|account| (account, true)))
        {
            let browser = Browser::new(portal)?;
            let acting = if is_staff {
                Acting::Staff
            } else {
                Acting::Patient
            };
            browser
                .sign_in_with_passkey(&account.login, &mut account.keys.passkey()?, acting)
                .await?;
            let reader = Reader {
                browser,
                met: Arc::clone(&traffic.met),
                stop: traffic.stop.clone(),
            };
            reader.lock().people += 1;
            if is_staff {
                traffic.tasks.spawn(async move { reader.works().await });
            } else {
                traffic.tasks.spawn(async move { reader.reads().await });
            }
        }
        Ok(traffic)
    }

    /// Sends everybody home and says what they met.
    pub async fn end(self) -> Met {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.met
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Reader {
    fn lock(&self) -> std::sync::MutexGuard<'_, Met> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A page, after a pause; `None` when it is time to go.
    async fn page(&self, what: &str, path: &str) -> Option<String> {
        self.pause().await?;
        let answer = self.browser.visit(path).await;
        Some(self.note(what, answer))
    }

    async fn pause(&self) -> Option<()> {
        // People are not metronomes; the clock's own digits are chance enough here.
        let uneven = u64::try_from(clock::now().subsec_microsecond()).unwrap_or(0) % 1000;
        tokio::select! {
            () = self.stop.cancelled() => None,
            () = tokio::time::sleep(PAUSE + Duration::from_millis(uneven)) => Some(()),
        }
    }

    fn note(&self, what: &str, answer: Result<crate::browser::Answer, Problem>) -> String {
        let mut met = self.lock();
        match answer {
            Ok(answer) if answer.is_success() => {
                met.shown += 1;
                answer.text()
            }
            Ok(answer) => {
                *met.refused
                    .entry(format!("{what}: {}", answer.status))
                    .or_default() += 1;
                String::new()
            }
            Err(_) => {
                *met.refused.entry(format!("{what}: no answer")).or_default() += 1;
                String::new()
            }
        }
    }

    /// A patient at home: record, list of documents, one document.
    async fn reads(&self) -> Option<()> {
        loop {
            let home = self.page("home", "/home").await?;
            let patient = ids_in(&home, "/patients/").into_iter().next();
            let Some(patient) = patient else { continue };
            self.page("record", &format!("/patients/{patient}/record"))
                .await?;
            let shelf = self
                .page("documents", &format!("/patients/{patient}/documents"))
                .await?;
            if let Some(document) = ids_in(&shelf, "/documents/").into_iter().next() {
                self.page("document", &format!("/documents/{document}/download"))
                    .await?;
            }
        }
    }

    /// A doctor: looks one patient up, opens their record, a document, and goes on to the next.
    async fn works(&self) -> Option<()> {
        self.pause().await?;
        let chosen = self
            .browser
            .post("/practice/purpose", &[("purpose", "direct_care")])
            .await;
        self.note("purpose", chosen);
        for (surname, initial) in COMMON
            .iter()
            .flat_map(|name| ["M", "T", "A", "S"].map(|initial| (*name, initial)))
            .cycle()
        {
            self.pause().await?;
            let form = [
                ("nhi", ""),
                ("surname", surname),
                ("given", initial),
                ("day", ""),
                ("month", ""),
                ("year", ""),
                ("phone", ""),
            ];
            let found = self.note("find", self.browser.post("/practice/find", &form).await);
            let Some(patient) = ids_in(&found, "/patients/").into_iter().next() else {
                continue;
            };
            self.page("patient", &format!("/patients/{patient}"))
                .await?;
            self.page("record", &format!("/patients/{patient}/record"))
                .await?;
            let shelf = self
                .page("documents", &format!("/patients/{patient}/documents"))
                .await?;
            for document in ids_in(&shelf, "/documents/").into_iter().take(2) {
                self.page("document", &format!("/documents/{document}/download"))
                    .await?;
            }
            // The consultation itself.
            for _ in 0..4 {
                self.pause().await?;
            }
        }
        Some(())
    }
}

/// Surnames that a doctor of a practice in Northland types often.
const COMMON: &[&str] = &[
    "Smith", "Wilson", "Ngāta", "Brown", "Hēnare", "Taylor", "Parata", "Singh", "Pōtae", "Jones",
    "Harris", "Te Aho",
];
