//! Whether what was acknowledged is there: every letter once and with its bytes, every account with its passkey.

use super::book::{Asked, Book, Deposit, NewAccount};
use super::crew::Crew;
use super::dice::Dice;
use super::people::{Somebody, documents_titled, signs_in};
use crate::Problem;
use crate::accounts::Account;
use crate::browser::{Acting, ids_in};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// How often a page is asked for before it counts as not there: something may just be starting.
const TRIES: usize = 60;
/// Where the streams of these people begin; everybody else has lower ones.
const STREAM: u64 = 1 << 40;

/// Those who look after things.
pub struct Keeping {
    book: Arc<Book>,
    patient: Somebody,
    doctors: Vec<Somebody>,
    /// Deposits before this place were found well.
    seen: usize,
    /// Accounts that were found well.
    accounts: Vec<NewAccount>,
}

impl Keeping {
    /// A patient to see whether anything opens, and a doctor for each practice.
    ///
    /// # Errors
    /// When somebody is missing or gets no browser.
    pub fn new(crew: &Crew, book: &Arc<Book>, seed: u64) -> Result<Self, Problem> {
        let stop = CancellationToken::new();
        let somebody = |account: &Account, acting, stream| {
            let dice = Dice::new(seed, STREAM + stream);
            Somebody::new(&crew.site, account, acting, book, dice, &stop)
        };
        let missing =
            || Problem::Unexpected("the installation has no patient who reads".to_owned());
        let patient = crew.visitors.first().ok_or_else(missing)?;
        let patient = somebody(patient, Acting::Patient, 0)?;
        let doctors = crew
            .doctors
            .iter()
            .zip(1..)
            .map(|(doctor, stream)| somebody(doctor, Acting::Staff, stream))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            book: Arc::clone(book),
            patient,
            doctors,
            seen: 0,
            accounts: Vec::new(),
        })
    }

    /// Looks at everything again from the beginning.
    pub fn begin_again(&mut self) {
        self.seen = 0;
        for account in std::mem::take(&mut self.accounts) {
            self.book.add_account(NewAccount {
                // Counted when it was made.
                is_acknowledged: false,
                ..account
            });
        }
    }

    /// Whether a patient can open a document now.
    pub async fn opens_something(&mut self, crew: &Crew) -> bool {
        let Some(patient) = crew.visitors.first().map(|visitor| visitor.patient.clone()) else {
            return false;
        };
        let shelf = format!("/patients/{patient}/documents");
        let Some(shelf) = self.patient.get(&shelf, Asked::Page(&patient)).await else {
            return false;
        };
        let Some(document) = ids_in(&shelf.text(), "/documents/").into_iter().next() else {
            return false;
        };
        let path = format!("/documents/{document}/download");
        let answer = self.patient.get(&path, Asked::Document(&document)).await;
        answer.is_some_and(|answer| answer.status == 200 && answer.is_whole)
    }

    /// Looks at everything that was acknowledged since the last look.
    pub async fn look(&mut self, crew: &Crew) {
        let deposits = self.book.deposits_from(self.seen);
        let still_open = deposits
            .iter()
            .position(|deposit| !deposit.is_acknowledged)
            .unwrap_or(deposits.len());
        let mut by_patient: BTreeMap<(usize, String), Vec<&Deposit>> = BTreeMap::new();
        for deposit in &deposits {
            by_patient
                .entry((deposit.practice, deposit.patient.clone()))
                .or_default()
                .push(deposit);
        }
        for ((practice, patient), deposits) in by_patient {
            if let Err(finding) = self.shelf(practice, &patient, &deposits).await {
                self.book.find(finding);
            }
        }
        self.seen += still_open;
        for mut account in self.book.take_accounts() {
            match self.account(crew, &mut account).await {
                Ok(()) => self.accounts.push(account),
                Err(finding) => self.book.find(finding),
            }
        }
    }

    async fn shelf(
        &mut self,
        practice: usize,
        patient: &str,
        deposits: &[&Deposit],
    ) -> Result<(), String> {
        let doctor = self
            .doctors
            .get_mut(practice)
            .ok_or_else(|| "a practice has no doctor".to_owned())?;
        let path = format!("/patients/{patient}/documents");
        let shelf = whole(doctor, &path, Asked::Page(patient)).await?;
        let shelf = String::from_utf8_lossy(&shelf).into_owned();
        for deposit in deposits {
            let (title, is_acknowledged) = (&deposit.title, deposit.is_acknowledged);
            let found = documents_titled(&shelf, title);
            match found.as_slice() {
                [] if !is_acknowledged => {}
                [] => return Err(format!("{title} was acknowledged and is not there")),
                [document] => {
                    let path = format!("/documents/{document}/download");
                    let bytes = whole(doctor, &path, Asked::Document(document)).await?;
                    if super::book::sha256(&bytes) != deposit.digest {
                        return Err(format!("{title} came back with other bytes"));
                    }
                }
                _ => return Err(format!("{title} is there {} times", found.len())),
            }
        }
        Ok(())
    }

    async fn account(&self, crew: &Crew, account: &mut NewAccount) -> Result<(), String> {
        for _ in 0..TRIES {
            match signs_in(&crew.site, account).await {
                Ok(true) => return Ok(()),
                Ok(false) => {
                    let word = if account.is_acknowledged {
                        "acknowledged"
                    } else {
                        "made by a try without answer"
                    };
                    return Err(format!("an account that was {word} cannot be signed in to"));
                }
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
            }
        }
        Err("an account could not be asked after".to_owned())
    }
}

/// Asks until something comes whole.
async fn whole(somebody: &mut Somebody, path: &str, asked: Asked<'_>) -> Result<Vec<u8>, String> {
    let mut status = 0;
    for _ in 0..TRIES {
        if let Some(answer) = somebody.get(path, asked).await {
            if answer.status == 200 && answer.is_whole {
                return Ok(answer.body);
            }
            status = answer.status;
            if status == 404 {
                break;
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Err(format!("{asked:?} cannot be opened any more: {status}"))
}
