//! The load: people who read, staff who deposit, reception that makes accounts. They go on whatever happens.

mod depositor;
mod reader;
mod registrar;

pub use depositor::Depositor;
pub use reader::Reader;
pub use registrar::{Invitee, Registrar, signs_in};

use super::book::{Asked, Book};
use super::dice::Dice;
use crate::Problem;
use crate::accounts::Account;
use crate::browser::{Acting, Answer, Browser, Site};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long somebody waits after they got no answer.
const AGAIN: Duration = Duration::from_millis(60);

/// Somebody with an account, a browser and a watch.
pub struct Somebody {
    browser: Browser,
    account: Account,
    acting: Acting,
    book: Arc<Book>,
    dice: Dice,
    stop: CancellationToken,
    is_signed_in: bool,
}

impl Somebody {
    /// Somebody who is not signed in yet.
    ///
    /// # Errors
    /// When they get no browser.
    pub fn new(
        site: &Site,
        account: &Account,
        acting: Acting,
        book: &Arc<Book>,
        dice: Dice,
        stop: &CancellationToken,
    ) -> Result<Self, Problem> {
        Ok(Self {
            browser: Browser::new(site)?,
            account: account.clone(),
            acting,
            book: Arc::clone(book),
            dice,
            stop: stop.clone(),
            is_signed_in: false,
        })
    }

    /// Waits; `None` when it is time to go.
    async fn pause(&mut self, least: u64, most: u64) -> Option<()> {
        let time = self
            .dice
            .time(Duration::from_millis(least), Duration::from_millis(most));
        tokio::select! {
            () = self.stop.cancelled() => None,
            () = tokio::time::sleep(time) => Some(()),
        }
    }

    /// Signs in where that is needed; false when it did not work now.
    async fn is_in(&mut self) -> bool {
        if self.is_signed_in {
            return true;
        }
        self.book.sign_in();
        self.is_signed_in = self.sign_in().await.is_ok();
        if !self.is_signed_in {
            tokio::time::sleep(AGAIN).await;
        }
        self.is_signed_in
    }

    async fn sign_in(&self) -> Result<(), Problem> {
        let passkey = &mut self.account.keys.passkey()?;
        self.browser
            .sign_in_with_passkey(&self.account.login, passkey, self.acting)
            .await?;
        if self.acting == Acting::Staff {
            self.browser
                .post("/practice/purpose", &[("purpose", purpose(&self.account))])
                .await?
                .expect("choosing a purpose")?;
        }
        Ok(())
    }

    /// Gets something, writes it down, and notices when the session is over.
    pub async fn get(&mut self, path: &str, asked: Asked<'_>) -> Option<Answer> {
        if !self.is_in().await {
            return None;
        }
        let began = Instant::now();
        let answer = self.browser.get(path).await;
        self.take(answer, began, asked).await
    }

    async fn take(
        &mut self,
        answer: Result<Answer, Problem>,
        began: Instant,
        asked: Asked<'_>,
    ) -> Option<Answer> {
        let Ok(answer) = answer else {
            self.book.unanswered();
            tokio::time::sleep(AGAIN).await;
            return None;
        };
        self.book.note(asked, began, &answer);
        let is_sent_away = answer.status == 401
            || answer
                .location
                .as_deref()
                .is_some_and(|place| place.starts_with("/sign-in"));
        if is_sent_away {
            // The keeper forgot the session when it died.
            self.is_signed_in = false;
            return None;
        }
        match answer.status {
            403 | 429 => self.book.find(format!(
                "{} was refused: {asked:?} was answered {}",
                self.account.login, answer.status
            )),
            503 => tokio::time::sleep(AGAIN).await,
            _ => {}
        }
        Some(answer)
    }
}

fn purpose(account: &Account) -> &'static str {
    if account.role == "clinician" {
        "direct_care"
    } else {
        "administration"
    }
}

/// The id of the document that a shelf names by a title, once for each time that it stands there.
pub fn documents_titled(shelf: &str, title: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for rest in shelf.split("/documents/").skip(1) {
        let id: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
        if id.len() == 32 && rest.contains(&format!(">{title}<")) && !found.contains(&id) {
            found.push(id);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_found_as_often_as_documents_have_it() {
        let (one, two) = ("a".repeat(32), "b".repeat(32));
        let line = |id: &str, title: &str| {
            format!(
                "<li><a class=\"t\" href=\"/documents/{id}?as=x\">{title}</a>\
                 <a href=\"/documents/{id}/download\">Download</a></li>"
            )
        };
        let shelf = [line(&one, "Letter 1"), line(&two, "Letter 11")].concat();
        assert_eq!(
            documents_titled(&shelf, "Letter 1"),
            std::slice::from_ref(&one)
        );
        assert_eq!(
            documents_titled(&shelf, "Letter 11"),
            std::slice::from_ref(&two)
        );
        assert!(documents_titled(&shelf, "Letter").is_empty());
        let twice = [line(&one, "Letter 1"), line(&two, "Letter 1")].concat();
        assert_eq!(documents_titled(&twice, "Letter 1"), [one, two]);
    }
}
