//! The capturing mailbox: who was written to of the incident, and whether each message is what a message may be. Mails of a
//! change to an account, and the operator's own of an alarm, go out before, meanwhile and after; they have no code, and tell
//! nobody of an incident.

use super::settled::Settled;
use crate::Problem;
use crate::browser::{Browser, Site};
use candour_core::notices::{Finding, NoticeCode, TextGate};
use candour_core::people::search_key;
use candour_embedded::mailbox::{Letter, MailFolder};
use candour_server::texts::Language;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;

/// What the mailbox holds.
#[derive(Debug, Default)]
pub struct Mails {
    /// Addresses of practices that were written to.
    pub practices: BTreeSet<String>,
    /// Addresses of people who were written to.
    pub people: BTreeSet<String>,
    /// How many messages went to people.
    pub to_people: usize,
    /// When the last message came.
    pub last_at: Option<Timestamp>,
    /// When the first one to a practice came.
    pub first_practice_at: Option<Timestamp>,
    /// When the last one to a practice came.
    pub last_practice_at: Option<Timestamp>,
    /// When the first one to a person came.
    pub first_person_at: Option<Timestamp>,
    /// What is wrong with a message; empty in a good drill.
    pub faults: Vec<String>,
}

impl Mails {
    fn note(&mut self, letter: &Letter, practices: &BTreeSet<String>) {
        let arrived = Some(letter.arrived);
        self.last_at = self.last_at.max(arrived);
        for recipient in &letter.recipients {
            if practices.contains(recipient) {
                self.practices.insert(recipient.clone());
                self.first_practice_at = earlier(self.first_practice_at, arrived);
                self.last_practice_at = self.last_practice_at.max(arrived);
            } else {
                self.people.insert(recipient.clone());
                self.to_people += 1;
                self.first_person_at = earlier(self.first_person_at, arrived);
            }
        }
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// Reads every message and looks its code up on the status site.
///
/// # Errors
/// When the mailbox cannot be read or the status site does not answer.
pub async fn read(folder: &Path, status: &Site, settled: &Settled) -> Result<Mails, Problem> {
    let folder = MailFolder::open(folder).map_err(Problem::file("could not open", folder))?;
    let place = folder.path().to_path_buf();
    let names = folder
        .names()
        .map_err(Problem::file("could not read", &place))?;
    // Everybody looks their own code up, each from their own network.
    let networks: Vec<Ipv4Addr> = (1..=250)
        .map(|last| Ipv4Addr::new(127, 0, 9, last))
        .collect();
    let browser = Browser::rotating(status, &networks)?;
    let host = status.origin.split_once("://").map_or("", |(_, host)| host);
    let rules = Rules {
        phrases: phrases(settled),
        check: format!("{host}/check"),
        of_change: Language::English.texts().say("notification.subject"),
    };
    let mut mails = Mails::default();
    let mut codes = BTreeSet::new();
    for name in names {
        let letter = folder
            .read(&name)
            .map_err(Problem::file("could not read", &place))?;
        if rules.kind(&letter) == Kind::Incident {
            mails.note(&letter, &settled.practice_mailboxes);
        }
        let code = code_in(&letter.text);
        let mut found = rules.broken_by(&letter, code.as_deref());
        if let Some(code) = code {
            let answer = browser.post("/check", &[("code", &code)]).await?;
            if !answer.is_success() || !answer.text().contains("We sent this message") {
                found.push("the status site does not confirm its code".to_owned());
            }
            if !codes.insert(code) {
                found.push("its code is on another message too".to_owned());
            }
        }
        let found = found.into_iter();
        mails
            .faults
            .extend(found.map(|fault| format!("message {}: {fault}", letter.name)));
    }
    Ok(mails)
}

/// What a message must not say.
struct Rules {
    /// Titles, conditions, medicines and all else that the records of the population name, folded, each between
    /// blanks.
    phrases: BTreeSet<String>,
    /// Where codes are checked, as people type it: the only address that a message may name.
    check: String,
    /// The one subject of mails of a change to an account.
    of_change: &'static str,
}

/// Everything clinical that the settled population's records name.
fn phrases(settled: &Settled) -> BTreeSet<String> {
    let people = settled.patients.iter();
    people
        .flat_map(|patient| &patient.clinical)
        .map(|phrase| folded(phrase))
        .filter(|phrase| phrase.trim().len() > 2)
        .collect()
}

/// Words in lower case without macrons, one blank before, between and after.
fn folded(text: &str) -> String {
    let key = search_key(text);
    let words = key
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.fold(" ".to_owned(), |line, word| line + word + " ")
}

/// What a message is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The incident, to a practice or a person.
    Incident,
    /// A change to an account, to its holder.
    Change,
    /// An alarm, to whoever is on call at the operator: the address that sends is theirs.
    Alarm,
}

impl Rules {
    fn kind(&self, letter: &Letter) -> Kind {
        if letter.subject == self.of_change {
            Kind::Change
        } else if letter.recipients == [letter.sender.as_str()] {
            Kind::Alarm
        } else {
            Kind::Incident
        }
    }

    fn broken_by(&self, letter: &Letter, code: Option<&str>) -> Vec<String> {
        let mut faults = Vec::new();
        let source = String::from_utf8_lossy(&letter.source).to_ascii_lowercase();
        if source.contains("http://") || source.contains("https://") || source.contains("href=") {
            faults.push("it has a link".to_owned());
        }
        if letter.attachments > 0 {
            faults.push("it has an attachment".to_owned());
        }
        if letter.recipients.len() != 1 {
            faults.push("it is not to one recipient".to_owned());
        }
        let words = match (code, self.kind(letter)) {
            (Some(code), Kind::Incident) => letter.text.replace(code, ""),
            (None, Kind::Change | Kind::Alarm) => letter.text.clone(),
            (Some(_), Kind::Change | Kind::Alarm) => {
                faults.push("it is of no incident, and has a code".to_owned());
                return faults;
            }
            (None, Kind::Incident) => {
                faults.push("it has no code".to_owned());
                return faults;
            }
        };
        faults.extend(self.said_in(&words));
        faults.extend(self.said_in(&letter.subject));
        faults
    }

    fn said_in(&self, text: &str) -> Vec<String> {
        let gate = TextGate {
            confirmed: true,
            allowed: &[&self.check],
        };
        let folded = folded(text);
        let of_records = self
            .phrases
            .iter()
            .filter(|phrase| folded.contains(phrase.as_str()))
            .map(|phrase| format!("it says “{}”, which stands in a record", phrase.trim()));
        let of_gate = gate
            .check(text)
            .into_iter()
            .filter_map(|finding| match finding {
                Finding::ClinicalWord { word } => {
                    Some(format!("it has the clinical word “{word}”"))
                }
                Finding::Link { text } => Some(format!("it has the link “{text}”")),
                Finding::HiddenCharacter => Some("it has a hidden character".to_owned()),
                Finding::UnfilledField { field } => {
                    Some(format!("it has the empty field “{field}”"))
                }
                // Style is the officers' business.
                Finding::Empty
                | Finding::LongSentence { .. }
                | Finding::Hedge { .. }
                | Finding::EmptyComfort { .. } => None,
            });
        of_records.chain(of_gate).collect()
    }
}

/// The message's code as it stands in the text: the first line or word that reads as one.
fn code_in(text: &str) -> Option<String> {
    text.split(|character: char| character.is_whitespace() || matches!(character, ',' | '.' | ':'))
        .find(|word| word.len() >= 12 && NoticeCode::parse(word).is_ok())
        .map(str::to_owned)
        .or_else(|| {
            // In three groups with spaces between.
            let words: Vec<&str> = text.split_whitespace().collect();
            words
                .windows(3)
                .map(|three| three.join(" "))
                .find(|three| NoticeCode::parse(three).is_ok())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use candour_embedded::mailbox::LetterName;

    fn letter(text: &str) -> Letter {
        Letter {
            name: LetterName::parse("1").unwrap(),
            sender: String::new(),
            arrived: Timestamp::UNIX_EPOCH,
            recipients: vec!["ana@example.nz".to_owned()],
            subject: "A message about your portal".to_owned(),
            text: text.to_owned(),
            attachments: 0,
            source: text.as_bytes().to_vec(),
        }
    }

    fn rules() -> Rules {
        Rules {
            phrases: ["Amoxicillin 500 mg", "Clinic letter: Respiratory"]
                .map(folded)
                .into(),
            check: "localhost:9/check".to_owned(),
            of_change: "A change",
        }
    }

    #[test]
    fn a_mail_of_a_change_or_an_alarm_has_no_code_and_nothing_of_a_record_and_every_other_has_a_code()
     {
        let of_change = |text: &str| Letter {
            subject: "A change".to_owned(),
            ..letter(text)
        };
        let code = NoticeCode::from_random([7; 16]).to_string();
        let broken = |letter: Letter| rules().broken_by(&letter, code_in(&letter.text).as_deref());
        assert!(broken(of_change("A way of signing in was added.")).is_empty());
        assert_eq!(broken(of_change("They saw amoxicillin 500 mg.")).len(), 1);
        assert_eq!(broken(of_change(&format!("Code: {code}"))).len(), 1);
        assert_eq!(broken(letter("A way of signing in was added.")).len(), 1);
        let of_alarm = |text: &str| Letter {
            sender: "notices@candour.example".to_owned(),
            recipients: vec!["notices@candour.example".to_owned()],
            ..letter(text)
        };
        assert!(broken(of_alarm("Records were opened faster than hands can.")).is_empty());
        assert_eq!(broken(of_alarm(&format!("Code: {code}"))).len(), 1);
        assert_eq!(broken(of_alarm("They saw amoxicillin 500 mg.")).len(), 1);
    }

    #[test]
    fn a_medicine_or_title_of_somebody_s_record_is_found_however_it_is_written() {
        let code = NoticeCode::from_random([7; 16]).to_string();
        let broken = |words: &str| {
            let text = format!("{words}\n\nCode: {code}");
            rules().broken_by(&letter(&text), code_in(&text).as_deref())
        };
        assert!(broken("Somebody saw it. Type the code at localhost:9/check").is_empty());
        assert_eq!(broken("They saw amoxicillin, 500 MG.").len(), 1);
        assert_eq!(broken("They saw a clinic letter (respiratory).").len(), 1);
        assert_eq!(broken("They saw your diagnosis.").len(), 1);
        assert_eq!(broken("Look at www.candour.example today.").len(), 1);
    }

    #[test]
    fn a_code_is_found_in_either_spelling() {
        let code = NoticeCode::from_random([7; 16]).to_string();
        assert_eq!(
            code_in(&format!("Code of this message: {code}.")),
            Some(code.clone())
        );
        let spaced = code.replace('-', " ");
        assert!(code_in(&format!("Its code is {spaced} and no other")).is_some());
        assert_eq!(code_in("Nothing of that kind, 0800 000 000"), None);
    }
}
