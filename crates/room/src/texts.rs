//! The texts of an incident: drafted from a scope version's numbers, held against the gate, approved by two officers.

mod numbers;
mod rows;

pub use numbers::{public_count, public_count_of_ways};
pub(crate) use rows::STATEMENTS;

pub use rows::{
    Approval, List, Saved, approvals, approve, mark_published, newest, save, version, versions,
};

use crate::scope::Scope;
use candour_core::notices::{Finding, TextGate};
use candour_seal::Digest;
use std::fmt::Write;

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
}

impl TextKind {
    /// Every kind, in the order in which they are drafted.
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
        Self::ALL.into_iter().find(|kind| kind.word() == word)
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
    /// Practices concerned.
    pub practices: usize,
}

/// How somebody got in, as far as the ledger says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayIn {
    /// A patient's or proxy's sign-in.
    Patient,
    /// A practice staff member's sign-in.
    Staff,
}

/// Drafts one text for a scope version.
pub fn draft(kind: TextKind, version: i32, scope: &Scope, facts: &Facts, sender: &Sender) -> Draft {
    let (subject, words) = match kind {
        TextKind::Statement => statement(scope, facts, sender),
        TextKind::PracticeNotice => practice_notice(scope, facts, sender),
        TextKind::PatientNotice => patient_notice(facts, sender),
        TextKind::HolderNotice => holder_notice(facts, sender),
        TextKind::CallScript => call_script(facts, sender),
    };
    Draft {
        kind,
        version,
        scope_version: scope.version,
        subject,
        words,
    }
}

fn way_in(facts: &Facts) -> &'static str {
    match facts.way_in {
        WayIn::Patient => "Somebody used the sign-in of one patient.",
        WayIn::Staff => "Somebody used the sign-in of one staff member of a practice.",
    }
}

fn statement(scope: &Scope, facts: &Facts, sender: &Sender) -> (String, String) {
    let mut words = String::new();
    let [opened, listed, documents] = numbers::lost(scope.counts);
    let _ = write!(
        words,
        "What happened\n\
         On {day}, {span}, somebody saw records in the portal without the right to.\n\
         {way_in}\n\
         The system that guards the records noticed it by itself and stopped it.\n\n\
         What information was involved\n\
         {opened}\n\
         {listed}\n\
         {documents}\n\
         We count from a log that every opening is written to first. This is count {version}.\n\n\
         What we are doing\n\
         The session that was noticed is stopped. Nothing more can be opened with it.\n\
         The practices concerned and the people concerned are being told by name.\n\
         We must also tell the regulator: {regulator}.\n\n\
         What you can do\n\
         If we have a message for you, it waits in the portal as well.\n\
         Each message has a code. You can check the code on this site.\n\
         We never ask for your password, a sign-in code or a payment by phone or mail.\n\n\
         For more information\n\
         Ring {operator} on {phone}.",
        day = facts.day,
        span = facts.span,
        way_in = way_in(facts),
        version = scope.version,
        regulator = sender.regulator,
        operator = sender.operator,
        phone = sender.phone,
    );
    (
        format!("Unauthorised access to records on {}", facts.day),
        words,
    )
}

fn practice_notice(scope: &Scope, facts: &Facts, sender: &Sender) -> (String, String) {
    let mut words = String::new();
    let _ = write!(
        words,
        "What happened\n\
         On {day}, {span}, somebody saw records in the portal without the right to.\n\
         {way_in}\n\
         The system that guards the records noticed it by itself and stopped it.\n\n\
         What information was involved\n\
         Some of it belongs to patients of your practice.\n\
         People whose records were opened, in all: {opened}. People only listed: {listed}.\n\
         Your list has their names, what was seen, and how each of them is being told.\n\
         This mail names nobody on purpose.\n\n\
         What we are doing\n\
         The session that was noticed is stopped. Nothing more can be opened with it.\n\
         We write to you before we write to your patients.\n\
         Whoever must not be written to, or has no mailbox, stands on your call list.\n\n\
         What you can do\n\
         Your list waits at the practice desk of our incident room.\n\
         Whoever has a staff passkey for the portal can open it there.\n\
         Ring us for the address, or for your list. Use a number you already have, or the one below.\n\
         Please ring the people on your call list. What to say stands beside it.\n\
         Write down there who has been told.\n\
         Tell us if somebody has died or must not be written to.\n\
         You are free to speak with your patients at any time.\n\n\
         For more information\n\
         Ring {operator} on {phone}.",
        day = facts.day,
        span = facts.span,
        way_in = way_in(facts),
        opened = scope.counts.people_opened,
        listed = scope.counts.people_listed,
        operator = sender.operator,
        phone = sender.phone,
    );
    ("Please ring us today about your portal".to_owned(), words)
}

fn patient_notice(facts: &Facts, sender: &Sender) -> (String, String) {
    let mut words = String::new();
    let _ = write!(
        words,
        "What happened\n\
         On {day}, {span}, somebody saw information about you without the right to.\n\
         {way_in}\n\
         We noticed it {noticed} and stopped it. We are sorry.\n\n\
         What information was involved\n\
         The portal shows you exactly what was seen, item by item.\n\
         For your safety we do not write it in a mail.\n\n\
         {doing}\
         What you can do\n\
         Open the portal at the address you always use. The same message waits there.\n\
         If you cannot, ring your practice on the number you already have.\n\
         {end}",
        day = facts.day,
        span = facts.span,
        way_in = way_in(facts),
        noticed = facts.noticed,
        doing = doing(sender),
        end = end(sender),
    );
    (message_title(sender), words)
}

fn holder_notice(facts: &Facts, sender: &Sender) -> (String, String) {
    let mut words = String::new();
    let _ = write!(
        words,
        "What happened\n\
         On {day}, {span}, somebody used your own sign-in to the portal.\n\
         With it they saw information about you without the right to.\n\
         You did nothing wrong. Sign-ins are stolen from careful people too.\n\
         We noticed it {noticed} and stopped it. We are sorry.\n\n\
         What information was involved\n\
         The portal shows you exactly what was seen, item by item.\n\
         If you signed in yourself at that time, it can list what you opened too.\n\
         For your safety we do not write it in a mail.\n\n\
         {doing}\
         What you can do\n\
         Please ring us on {phone} before you sign in again.\n\
         Please assume that whoever did this can still sign in. The portal cannot change a password yet.\n\
         On the phone we agree with you how your sign-in is made safe.\n\
         If you use the same password elsewhere, change it there.\n\
         The same message waits in the portal. You can also ring your practice.\n\
         {end}",
        day = facts.day,
        span = facts.span,
        noticed = facts.noticed,
        phone = sender.phone,
        doing = doing(sender),
        end = end(sender),
    );
    (message_title(sender), words)
}

/// What every message to a person says of our part.
fn doing(sender: &Sender) -> String {
    format!(
        "What we are doing\n\
         The session that was noticed is stopped. Nothing more can be opened with it.\n\
         Your practice is being told too. We must also tell the regulator, {}.\n\n",
        sender.regulator
    )
}

/// With what every message to a person ends.
fn end(sender: &Sender) -> String {
    format!(
        "We never ask for your password, a sign-in code or a payment.\n\
         If you feel unsafe because of this, ring 111 first, then your practice.\n\n\
         For more information\n\
         Ring {operator} on {phone}.\n\
         You can complain to {regulator}.\n\
         To check that this message is ours, type its code at {status_site}/check",
        operator = sender.operator,
        phone = sender.phone,
        regulator = sender.regulator,
        status_site = sender.status_site,
    )
}

/// What a second message about the same incident says first; the day is that of the one before.
pub fn replacing(day: &str) -> String {
    format!("This message replaces the one that we sent you on {day}.")
}

fn message_title(sender: &Sender) -> String {
    format!("A message from {} about your portal", sender.operator)
}

fn call_script(facts: &Facts, sender: &Sender) -> (String, String) {
    let mut words = String::new();
    let _ = write!(
        words,
        "Before you ring\n\
         Use the number in your own records, not ours. Leave no message.\n\
         Speak only to the person, or to whom your list names. For a child, say the name instead of “you”.\n\n\
         What to say\n\
         I am ringing from your practice. Can you talk safely now?\n\
         On {day} somebody saw information about you in the portal without the right to.\n\
         It was noticed {noticed} and stopped. We are sorry.\n\
         I can tell you what was seen of what we put in: read it out from your list.\n\
         The portal shows you all of it, item by item. If you have no sign-in, come in and we give you one.\n\
         Can anybody else open your portal?\n\
         How would you like us to reach you about this in future?\n\n\
         After the call\n\
         Write down on your list that the person was told, how and on which day.\n\
         {operator} answers questions on {phone}.",
        day = facts.day,
        noticed = facts.noticed,
        operator = sender.operator,
        phone = sender.phone,
    );
    ("What to say on the phone".to_owned(), words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::{Counts, Question};
    use candour_seal::IncidentId;
    use jiff::Timestamp;

    fn scope() -> Scope {
        Scope {
            incident: IncidentId::from_bytes([1; 16]),
            version: 2,
            computed_at: Timestamp::UNIX_EPOCH,
            question: Question {
                sessions: vec![1],
                principals: vec![],
                from_index: 0,
            },
            to_index: 10,
            hash: Digest::of(b""),
            counts: Counts {
                people_opened: 60,
                people_listed: 240,
                documents_granted: 58,
                documents_delivered: 57,
            },
        }
    }

    fn facts() -> Facts {
        Facts {
            day: "22 November 2026".to_owned(),
            span: "from 9:02 am to 9:03 am".to_owned(),
            noticed: "the same day".to_owned(),
            way_in: WayIn::Staff,
            practices: 3,
        }
    }

    fn sender() -> Sender {
        Sender {
            operator: "Kōwhai Health".to_owned(),
            phone: "0800 000 000".to_owned(),
            status_site: "status.example".to_owned(),
            regulator: "the Privacy Commissioner".to_owned(),
        }
    }

    fn all() -> Vec<Draft> {
        TextKind::ALL
            .into_iter()
            .map(|kind| draft(kind, 1, &scope(), &facts(), &sender()))
            .collect()
    }

    #[test]
    fn every_draft_passes_the_gate() {
        for text in all() {
            assert_eq!(
                text.findings(&["status.example/check"]),
                [],
                "{:?}",
                text.kind
            );
        }
    }

    #[test]
    fn whoever_s_own_sign_in_was_used_reads_so_and_is_not_blamed_and_nobody_else_reads_it() {
        let own = "somebody used your own sign-in";
        let texts = all();
        let said: Vec<TextKind> = texts
            .iter()
            .filter(|text| text.words.contains(own))
            .map(|text| text.kind)
            .collect();
        assert_eq!(said, [TextKind::HolderNotice]);
        assert!(texts[3].words.contains("You did nothing wrong."));
        assert!(
            texts[3]
                .words
                .contains("Please ring us on 0800 000 000 before you sign in again.")
        );
    }

    #[test]
    fn a_message_says_of_itself_only_what_holds_below_the_list_in_the_portal_too() {
        let texts = all();
        for message in &texts[2..4] {
            let words = &message.words;
            assert!(words.contains("For your safety we do not write it in a mail."));
            assert!(!words.contains("do not write it here"));
        }
    }

    #[test]
    fn a_practice_reads_where_its_list_waits() {
        let words = &all()[1].words;
        assert!(words.contains("Your list waits at the practice desk of our incident room."));
        assert!(!words.contains("http") && !words.contains('/'));
    }

    #[test]
    fn a_statement_states_the_scope_s_numbers() {
        let statement = &all()[0];
        assert!(
            statement
                .words
                .contains("Records of 60 people were opened."),
            "{}",
            statement.words
        );
        assert!(statement.words.contains("sent out: 57."));
    }

    #[test]
    fn a_statement_says_that_something_was_not_lost_and_passes_the_gate() {
        let mut scope = scope();
        scope.counts = Counts {
            people_opened: 3,
            people_listed: 0,
            documents_granted: 0,
            documents_delivered: 0,
        };
        let statement = draft(TextKind::Statement, 1, &scope, &facts(), &sender());
        for sentence in [
            "Records of fewer than 10 people were opened.",
            "Nobody else’s name line or list of titles was shown.",
            "No document was sent out.",
        ] {
            assert!(statement.words.contains(sentence), "{}", statement.words);
        }
        assert_eq!(statement.findings(&[]), []);
    }

    #[test]
    fn one_changed_word_is_another_text_to_approve() {
        let text = all().remove(2);
        let other = Draft {
            words: text.words.replace("sorry", "glad"),
            ..text.clone()
        };
        assert_ne!(text.hash(), other.hash());
    }
}
