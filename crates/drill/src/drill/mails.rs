//! The capturing mailbox: who was written to, and whether each message is what a message may be.

use super::settled::Settled;
use crate::Problem;
use crate::browser::{Browser, Site};
use candour_core::notices::{NoticeCode, TextGate};
use candour_embedded::mailbox::{Letter, MailFolder};
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
    /// When the last message came.
    pub last_at: Option<Timestamp>,
    /// When the last one to a practice came.
    pub last_practice_at: Option<Timestamp>,
    /// What is wrong with a message; empty in a good drill.
    pub faults: Vec<String>,
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
    let status = Browser::rotating(status, &networks)?;
    let mut mails = Mails::default();
    let mut codes = BTreeSet::new();
    for name in names {
        let letter = folder
            .read(&name)
            .map_err(Problem::file("could not read", &place))?;
        mails.last_at = mails.last_at.max(Some(letter.arrived));
        for recipient in &letter.recipients {
            if settled.practice_mailboxes.contains(recipient) {
                mails.practices.insert(recipient.clone());
                mails.last_practice_at = mails.last_practice_at.max(Some(letter.arrived));
            } else {
                mails.people.insert(recipient.clone());
            }
        }
        check(&letter, &status, &mut codes, &mut mails.faults).await?;
    }
    Ok(mails)
}

async fn check(
    letter: &Letter,
    status: &Browser,
    codes: &mut BTreeSet<String>,
    faults: &mut Vec<String>,
) -> Result<(), Problem> {
    let mut fault = |what: &str| faults.push(format!("message {}: {what}", letter.name));
    let source = String::from_utf8_lossy(&letter.source).to_ascii_lowercase();
    if source.contains("http://") || source.contains("https://") || source.contains("href=") {
        fault("it has a link");
    }
    if letter.attachments > 0 {
        fault("it has an attachment");
    }
    if letter.recipients.len() != 1 {
        fault("it is not to one recipient");
    }
    let Some(code) = code_in(&letter.text) else {
        fault("it has no code");
        return Ok(());
    };
    if !codes.insert(code.clone()) {
        fault("its code is on another message too");
    }
    let words = letter.text.replace(&code, "");
    let gate = TextGate {
        confirmed: true,
        allowed: &[],
    };
    for text in [&words, &letter.subject] {
        for finding in gate.check(text) {
            // Only what a stranger must not read or click counts here; style is the officers' business.
            let finding = format!("{finding:?}");
            if finding.contains("Clinical") {
                fault(&finding);
            }
        }
    }
    let answer = status.post("/check", &[("code", &code)]).await?;
    if !answer.is_success() || !answer.text().contains("We sent this message") {
        fault("the status site does not confirm its code");
    }
    Ok(())
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
