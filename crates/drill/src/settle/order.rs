//! What clerk and desk tell each other: one JSON order in, one JSON line for each report out.

use crate::accounts::{Account, Accounts};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What the desk is to do.
#[derive(Serialize, Deserialize)]
pub struct Order {
    /// The installation's data directory.
    pub data: PathBuf,
    /// How many patients.
    pub patients: u32,
    /// The seed of the population.
    pub seed: u64,
    /// The seed that the practices were made from.
    pub practices_seed: u64,
    /// The day on which the population lives, `YYYY-MM-DD`.
    pub today: jiff::civil::Date,
    /// The portal's address in a browser: passkeys are bound to it.
    pub origin: String,
    /// One for each practice of the population, in its order.
    pub desks: Vec<Desk>,
    /// Invitations of the operator's officers: role's word and code.
    pub officers: Vec<(String, String)>,
    /// How many more patients get a passkey, for ordinary traffic.
    pub visitors: usize,
    /// Numbers of patients who are complete and are given nothing more: canaries that were marked.
    pub complete: Vec<u32>,
    /// Accounts that an earlier run has made.
    pub known: Vec<Account>,
}

/// A practice's way into the keeper.
#[derive(Clone, Serialize, Deserialize)]
pub struct Desk {
    /// Its id as 32 hexadecimal digits.
    pub practice: String,
    /// Its name.
    pub name: String,
    /// The invitation of its first manager.
    pub manager_invitation: String,
    /// The id of its program, 32 hexadecimal digits.
    pub client: String,
    /// The program's secret, 64 hexadecimal digits.
    pub client_secret: String,
}

/// A line from the desk.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// A patient is settled with everything.
    Patient(SettledPatient),
    /// An account was made.
    Account(Account),
    /// A patient's account for ordinary traffic.
    Visitor(Account),
    /// Everything is done.
    Done(Done),
    /// It cannot go on.
    Failed(String),
}

/// A patient as the installation knows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettledPatient {
    /// Their number in the population.
    pub number: u32,
    /// Their id as 32 hexadecimal digits.
    pub patient: String,
    /// Their surname.
    pub surname: String,
    /// Their full name, as lists show it.
    pub name: String,
    /// Their birth date.
    pub birth_date: jiff::civil::Date,
    /// They have died.
    pub is_deceased: bool,
    /// Index of the depositing practice.
    pub practice: usize,
    /// Nobody has a reason to open this one.
    pub is_canary: bool,
    /// Nothing may be sent to them.
    pub is_unsafe_to_write: bool,
    /// Their mailbox, if they have one.
    pub email: Option<String>,
    /// Indexes of the practices they are enrolled at now, and of the one that deposited.
    pub practices: Vec<usize>,
    /// Their documents' ids.
    pub documents: Vec<String>,
    /// Titles of their documents, and the conditions, medicines, allergies, vaccines and tests in their record: what
    /// no message may say.
    pub clinical: Vec<String>,
}

/// What was settled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Patients, canaries among them.
    pub people: usize,
    /// Segments of records.
    pub segments: usize,
    /// Documents.
    pub documents: usize,
    /// What the keeper refused.
    pub left_out: usize,
}

/// A patient who reads now and then.
pub type Visitor = Account;

/// Accounts as they come in.
impl Accounts {
    /// Adds one.
    pub fn add(&mut self, account: Account) {
        self.accounts.push(account);
    }
}
