//! The texts of an incident: drafted from a scope version's numbers, held against the gate, approved by two officers.

mod drafts;
mod numbers;
mod rows;

pub use numbers::{public_count, public_count_of_ways, public_documents};
pub(crate) use rows::STATEMENTS;

pub use drafts::{draft, replacing};
pub use rows::{
    Approval, List, Saved, approvals, approve, approve_in, mark, mark_published, newest, save,
    version, versions,
};

use candour_core::notices::{Finding, TextGate};
use candour_seal::Digest;

/// The texts of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextKind {
    /// Public, on the status site.
    Statement,
    /// To the practices concerned.
    PracticeNotice,
    /// To each person concerned.
    PatientNotice,
    /// To the person whose own sign-in was used, instead of it.
    HolderNotice,
    /// Read out by whoever rings a person.
    CallScript,
    /// Public, on the status site: there is nothing new.
    Update,
}

impl TextKind {
    /// The texts of a list, in the order in which they are drafted; an update is approved by itself.
    pub const ALL: [Self; 5] = [
        Self::Statement,
        Self::PracticeNotice,
        Self::PatientNotice,
        Self::HolderNotice,
        Self::CallScript,
    ];

    /// Whether a case with this way in needs the text: a text for the holder is about a patient's own sign-in.
    pub fn is_needed(self, way_in: WayIn) -> bool {
        self != Self::HolderNotice || way_in == WayIn::Patient
    }

    /// The word in the database and in addresses of pages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Statement => "statement",
            Self::PracticeNotice => "practice_notice",
            Self::PatientNotice => "patient_notice",
            Self::HolderNotice => "holder_notice",
            Self::CallScript => "call_script",
            Self::Update => "update",
        }
    }

    /// What the officers' pages call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Statement => "Public statement",
            Self::PracticeNotice => "Message to practices",
            Self::PatientNotice => "Message to patients",
            Self::HolderNotice => "Message to the person whose sign-in was used",
            Self::CallScript => "What to say on the phone",
            Self::Update => "Update of the public statement",
        }
    }

    /// Whether it is sent to somebody, so that a later version replaces the one that they have.
    pub const fn is_message(self) -> bool {
        matches!(
            self,
            Self::PracticeNotice | Self::PatientNotice | Self::HolderNotice
        )
    }

    /// The kind with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter().chain([Self::Update]);
        all.find(|kind| kind.word() == word)
    }
}

/// A text that is bound to a scope version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Which text.
    pub kind: TextKind,
    /// From 1.
    pub version: i32,
    /// The scope whose numbers it states.
    pub scope_version: i32,
    /// Subject or heading.
    pub subject: String,
    /// The text.
    pub words: String,
}

impl Draft {
    /// What two officers approve: SHA-256 over kind, version, scope version, subject and words, each length-prefixed.
    pub fn hash(&self) -> Digest {
        let mut bytes = Vec::new();
        let numbers = [self.version.to_string(), self.scope_version.to_string()];
        for part in [
            self.kind.word(),
            &numbers[0],
            &numbers[1],
            &self.subject,
            &self.words,
        ] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        Digest::of(&bytes)
    }

    /// What stands in the way of approving it; `allowed` names may look like clinical words or addresses.
    pub fn findings(&self, allowed: &[&str]) -> Vec<Finding> {
        let gate = TextGate {
            confirmed: true,
            allowed,
        };
        let mut findings = gate.check(&self.words);
        findings.extend(gate.check(&self.subject));
        findings
    }
}

/// Who speaks, and how they are reached; from the operator's configuration.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The operator's name.
    pub operator: String,
    /// The phone line that is open during an incident.
    pub phone: String,
    /// The status site as people type it, without a scheme.
    pub status_site: String,
    /// Whom people may complain to.
    pub regulator: String,
}

/// The facts the texts state; every number comes from a scope version or the register.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The day it happened, in words.
    pub day: String,
    /// The time span, in words: `from 9:02 am to 9:03 am`.
    pub span: String,
    /// When it was noticed, in words: `the same day`, or `on 24 November 2026`.
    pub noticed: String,
    /// How the way in is described: a stolen patient or staff sign-in.
    pub way_in: WayIn,
    /// What officers did that the keeper had not done by itself.
    pub further: Further,
    /// Practices concerned.
    pub practices: usize,
    /// When the next update is promised, in words; only an update says it.
    pub next_update: String,
}

/// How somebody got in, as far as the ledger says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayIn {
    /// A patient's or proxy's sign-in.
    Patient,
    /// A practice staff member's sign-in.
    Staff,
}

/// What officers did about further sessions of the same account that are in the scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Further {
    /// Nothing: all of it is by the keeper's rule.
    None,
    /// They took one in, and stopped none.
    Found,
    /// They stopped one.
    Stopped,
}
