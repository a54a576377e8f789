//! A doctor who files letters, and sends each again until the portal says that it is stored; sometimes once more.

use super::Somebody;
use crate::Problem;
use crate::browser::Answer;
use crate::crash::book::{Asked, Deposit, sha256};
use std::time::Instant;

/// How often one letter is sent at most before the depositor gives up on it.
const TRIES: usize = 400;
/// The longest letter; from 16 KiB on they lie in files.
const LONGEST: usize = 60_000;

/// A depositor and for whom they deposit.
pub struct Depositor {
    /// Who deposits.
    pub somebody: Somebody,
    /// Index of their practice.
    pub practice: usize,
    /// Patients' ids.
    pub patients: Vec<String>,
}

/// One letter on its way.
struct Letter {
    place: usize,
    path: String,
    form: Vec<(&'static str, String)>,
    file: Vec<u8>,
}

impl Depositor {
    /// Deposits until it is time to go.
    pub async fn deposit(mut self) {
        let mut number = 0;
        while self.letter(number).await.is_some() {
            number += 1;
        }
    }

    async fn letter(&mut self, number: u32) -> Option<()> {
        self.somebody.pause(20, 200).await?;
        let patient = self.somebody.dice.one_of(&self.patients).cloned()?;
        let title = format!("Letter {} {number}", self.somebody.account.login);
        let length = 200 + self.somebody.dice.below(LONGEST);
        let file = self.somebody.dice.text(length);
        let place = self.somebody.book.begin_deposit(Deposit {
            patient: patient.clone(),
            practice: self.practice,
            title: title.clone(),
            digest: sha256(&file),
            is_acknowledged: false,
        });
        let form = [
            ("once", self.somebody.dice.hexadecimal()),
            ("name", title),
            ("kind", "clinic_letter".to_owned()),
            ("day", "1".to_owned()),
            ("month", "6".to_owned()),
            ("year", "2025".to_owned()),
        ];
        let letter = Letter {
            place,
            path: format!("/patients/{patient}/deposit"),
            form: form.into(),
            file,
        };
        for _ in 0..TRIES {
            if self.send(&letter).await {
                // Somebody pressed the button twice, or went back and sent the form once more.
                if self.somebody.dice.percent(30) {
                    self.send(&letter).await;
                }
                return Some(());
            }
            self.somebody.pause(20, 120).await?;
        }
        let login = &self.somebody.account.login;
        self.somebody.book.find(format!(
            "a letter of {login} could not be stored in {TRIES} tries"
        ));
        Some(())
    }

    /// Sends a letter, sometimes twice at the same time; true when the portal says that it is stored.
    async fn send(&mut self, letter: &Letter) -> bool {
        if !self.somebody.is_in().await {
            return false;
        }
        let began = Instant::now();
        let mut answers: Vec<Result<Answer, Problem>> = Vec::new();
        self.somebody.book.deposit_sent();
        if self.somebody.dice.percent(15) {
            self.somebody.book.deposit_sent();
            let (one, other) = tokio::join!(self.post(letter), self.post(letter));
            answers.extend([one, other]);
        } else {
            answers.push(self.post(letter).await);
        }
        let mut is_stored = false;
        for answer in answers {
            let answer = self.somebody.take(answer, began, Asked::Write).await;
            let is_acknowledged = answer.is_some_and(|answer| {
                answer.status == 303
                    && answer
                        .location
                        .is_some_and(|place| place.ends_with("stored=1"))
            });
            if is_acknowledged {
                self.somebody.book.acknowledge_deposit(letter.place);
                is_stored = true;
            }
        }
        is_stored
    }

    async fn post(&self, letter: &Letter) -> Result<Answer, Problem> {
        self.somebody
            .browser
            .post_file(&letter.path, &letter.form, letter.file.clone())
            .await
    }
}
