//! What people outside saw and were told: the only word that the crash test believes.

use crate::browser::Answer;
use crate::passkey::SoftwarePasskey;
use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The words of the page that says nothing can be opened (`locales/en.toml`, `problem.unavailable`).
const SAYS_SO: &str = "cannot be opened right now";

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked<'a> {
    /// A document's bytes.
    Document(&'a str),
    /// A page that shows something of a patient.
    Page(&'a str),
    /// Something was sent in.
    Write,
}

/// A document that somebody deposits.
#[derive(Debug, Clone)]
pub struct Deposit {
    /// Whose.
    pub patient: String,
    /// Index of the practice.
    pub practice: usize,
    /// Its title; no other document has it.
    pub title: String,
    /// SHA-256 of its bytes.
    pub digest: [u8; 32],
    /// The portal said that it is stored.
    pub is_acknowledged: bool,
}

/// An account that somebody makes from an invitation.
pub struct NewAccount {
    /// What is typed to sign in.
    pub login: String,
    /// Every passkey that was tried; which of them the account has is not known when an answer was lost.
    pub passkeys: Vec<SoftwarePasskey>,
    /// The portal said that the account is there.
    pub is_acknowledged: bool,
}

/// How much happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Answers of all kinds.
    pub answers: u64,
    /// Documents of which a first byte came.
    pub documents_served: u64,
    /// Of these, the ones that broke off.
    pub documents_cut: u64,
    /// Pages that showed something of a patient.
    pub pages_shown: u64,
    /// Pages that said that nothing can be opened.
    pub said_so: u64,
    /// Of these, the ones that were asked for and answered while it was known that nothing could be opened.
    pub said_so_while_away: u64,
    /// Requests without any answer.
    pub unanswered: u64,
    /// Deposits sent, repetitions among them.
    pub deposits_sent: u64,
    /// Documents acknowledged.
    pub deposits_acknowledged: u64,
    /// Accounts acknowledged.
    pub accounts_acknowledged: u64,
    /// Requests to sign in.
    pub sign_ins: u64,
}

/// A time in which nothing could be opened: from when the killed processes were gone until others might be started.
#[derive(Debug, Clone, Copy)]
struct Away {
    from: Instant,
    until: Option<Instant>,
}

#[derive(Default)]
struct Pages {
    counts: Counts,
    /// How often each document was served.
    served: BTreeMap<String, u64>,
    /// How often a page of each patient was shown.
    shown: BTreeMap<String, u64>,
    /// SHA-256 of each document, from the first time that it came whole.
    contents: BTreeMap<String, [u8; 32]>,
    deposits: Vec<Deposit>,
    accounts: Vec<NewAccount>,
    away: Vec<Away>,
    findings: Vec<String>,
}

/// What was served up to a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served {
    /// How often each document.
    pub documents: BTreeMap<String, u64>,
    /// How often a page of each patient.
    pub pages: BTreeMap<String, u64>,
}

/// The book of one run; shared by everybody who looks.
#[derive(Default)]
pub struct Book {
    pages: Mutex<Pages>,
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

impl Book {
    fn open(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an answer down. `began` is when it was asked for; it has come to its end now.
    pub fn note(&self, asked: Asked<'_>, began: Instant, answer: &Answer) {
        let ended = Instant::now();
        let mut pages = self.open();
        pages.counts.answers += 1;
        let while_away = pages
            .away
            .iter()
            .any(|away| away.from <= began && away.until.is_none_or(|until| ended <= until));
        let is_content = answer.status == 200 && answer.first_byte_at.is_some();
        let says_so = answer.status == 503 && answer.text().contains(SAYS_SO);
        if says_so {
            pages.counts.said_so += 1;
        }
        match asked {
            Asked::Document(item) if is_content => pages.served(item, answer),
            Asked::Page(patient) if is_content => {
                pages.counts.pages_shown += 1;
                *pages.shown.entry(patient.to_owned()).or_default() += 1;
            }
            Asked::Document(_) | Asked::Page(_) | Asked::Write => {}
        }
        if answer.status == 500 {
            pages.findings.push(format!("{asked:?} was answered 500"));
        }
        if while_away && asked != Asked::Write {
            if is_content {
                pages.findings.push(format!(
                    "{asked:?} was shown while nothing could be written down"
                ));
            } else if says_so {
                pages.counts.said_so_while_away += 1;
            } else {
                let status = answer.status;
                pages.findings.push(format!(
                    "{asked:?} was answered {status} and not with the page that says that nothing can be opened"
                ));
            }
        }
    }

    /// Somebody asked and got no answer at all.
    pub fn unanswered(&self) {
        self.open().counts.unanswered += 1;
    }

    /// Somebody asked to sign in.
    pub fn sign_in(&self) {
        self.open().counts.sign_ins += 1;
    }

    /// From now on nothing can be opened.
    pub fn away(&self) {
        self.open().away.push(Away {
            from: Instant::now(),
            until: None,
        });
    }

    /// From now on something might be.
    pub fn back(&self) {
        let now = Instant::now();
        if let Some(away) = self.open().away.last_mut() {
            away.until.get_or_insert(now);
        }
    }

    /// Begins a deposit; gives its place in the book.
    pub fn begin_deposit(&self, deposit: Deposit) -> usize {
        let mut pages = self.open();
        pages.deposits.push(deposit);
        pages.deposits.len() - 1
    }

    /// A deposit is sent, for the first time or again.
    pub fn deposit_sent(&self) {
        self.open().counts.deposits_sent += 1;
    }

    /// A deposit was acknowledged.
    pub fn acknowledge_deposit(&self, place: usize) {
        let mut pages = self.open();
        let is_first = pages
            .deposits
            .get_mut(place)
            .is_some_and(|deposit| !std::mem::replace(&mut deposit.is_acknowledged, true));
        pages.counts.deposits_acknowledged += u64::from(is_first);
    }

    /// An account was made, or may have been.
    pub fn add_account(&self, account: NewAccount) {
        let mut pages = self.open();
        pages.counts.accounts_acknowledged += u64::from(account.is_acknowledged);
        pages.accounts.push(account);
    }

    /// Deposits from a place on.
    pub fn deposits_from(&self, place: usize) -> Vec<Deposit> {
        self.open()
            .deposits
            .get(place..)
            .unwrap_or_default()
            .to_vec()
    }

    /// Takes the accounts that were not looked at yet.
    pub fn take_accounts(&self) -> Vec<NewAccount> {
        std::mem::take(&mut self.open().accounts)
    }

    /// What was served up to now.
    pub fn served(&self) -> Served {
        let pages = self.open();
        Served {
            documents: pages.served.clone(),
            pages: pages.shown.clone(),
        }
    }

    /// Something is not as it must be.
    pub fn find(&self, finding: String) {
        self.open().findings.push(finding);
    }

    /// What is not as it must be.
    pub fn findings(&self) -> Vec<String> {
        self.open().findings.clone()
    }

    /// How much happened.
    pub fn counts(&self) -> Counts {
        self.open().counts
    }
}

impl Pages {
    fn served(&mut self, item: &str, answer: &Answer) {
        self.counts.documents_served += 1;
        *self.served.entry(item.to_owned()).or_default() += 1;
        if !answer.is_whole {
            self.counts.documents_cut += 1;
            return;
        }
        let digest = sha256(&answer.body);
        let known = *self.contents.entry(item.to_owned()).or_insert(digest);
        if known != digest {
            self.findings
                .push(format!("document {item} came with other bytes than before"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            location: None,
            body: body.as_bytes().to_vec(),
            first_byte_at: Some(crate::clock::now()),
            is_whole: true,
        }
    }

    #[test]
    fn what_is_shown_while_everything_is_away_is_a_finding() {
        let book = Book::default();
        book.away();
        let began = Instant::now();
        book.note(
            Asked::Document("a"),
            began,
            &answer(503, "Records cannot be opened right now"),
        );
        assert!(book.findings().is_empty());
        assert_eq!(book.counts().said_so_while_away, 1);
        book.note(Asked::Document("a"), began, &answer(200, "content"));
        book.note(Asked::Page("p"), began, &answer(404, "no such page"));
        assert_eq!(book.findings().len(), 2);
    }

    #[test]
    fn what_was_asked_for_before_or_came_after_is_none() {
        let book = Book::default();
        let before = Instant::now();
        book.away();
        book.note(Asked::Document("a"), before, &answer(200, "content"));
        let within = Instant::now();
        book.back();
        book.note(Asked::Document("a"), within, &answer(200, "content"));
        assert!(book.findings().is_empty());
        assert_eq!(book.served().documents.get("a"), Some(&2));
    }

    #[test]
    fn a_document_that_comes_with_other_bytes_is_a_finding() {
        let book = Book::default();
        book.note(
            Asked::Document("a"),
            Instant::now(),
            &answer(200, "content"),
        );
        let mut cut = answer(200, "cont");
        cut.is_whole = false;
        book.note(Asked::Document("a"), Instant::now(), &cut);
        assert!(book.findings().is_empty());
        book.note(
            Asked::Document("a"),
            Instant::now(),
            &answer(200, "contend"),
        );
        assert_eq!(book.findings().len(), 1);
    }
}
