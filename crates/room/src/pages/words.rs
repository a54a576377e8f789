//! Words of the database as officers read them: a page says sentences, never codes.

use crate::notices::Count;
use crate::register::{Counts, How, Member, Seen, Told};
use crate::scope::{AccountSession, Why};
use candour_core::notices::Finding;
use candour_seal::PracticeId;
use jiff::Timestamp;

/// How people of one route are told.
pub(super) fn route(counts: &Counts) -> &'static str {
    match counts.route.as_str() {
        "mail" => "Told by mail and in the portal",
        "call" => "Rung by their practice: unsafe to write to",
        "representative" => "Have died: their practice finds a representative",
        "guardian" => "Under 16: their practice speaks with the guardian",
        "canary" => "Canaries of the keeper: nobody",
        _ => "Told by their practice",
    }
}

/// Where messages of one kind stand.
pub(super) fn messages(count: &Count) -> String {
    let what = match (count.recipient.as_str(), count.channel.as_str()) {
        ("practice", "mail") => "Mails to practices",
        ("practice", _) => "Practices without a mailbox",
        (_, "mail") => "Mails to people",
        (_, "portal") => "Messages in the portal",
        _ => "People for their practice to ring",
    };
    let state = match count.state.as_str() {
        "waiting" => "waiting for the run",
        "sending" => "on their way",
        "handed_over" if count.channel == "portal" => "waiting to be read",
        "handed_over" => "taken by the mail server",
        "on_call_list" if count.channel == "mail" => "cannot be mailed: on the call list",
        "on_call_list" => "on the call list",
        "failed" => "failed: tried again by itself",
        "stuck" => "stuck after ten tries: somebody must look",
        _ => "in a state that this page does not know",
    };
    format!("{what}: {state}")
}

/// Why a session is in the scope or out of it.
pub(super) const fn why_session(why: Why) -> &'static str {
    match why {
        Why::Stopped => "The keeper stopped it.",
        Why::BeganSince => {
            "It began when the account may have been in other hands: after a session that was stopped began."
        }
        Why::WentOn => {
            "It began before the first session that was stopped, and went on opening after that."
        }
        Why::TakenIn => "An officer took it in.",
        Why::BeganBefore => "It began before the first session that was stopped.",
        Why::WasOpenToo => {
            "It began before the first session that was stopped, and was open at the same time: ask whose it is."
        }
        Why::BeganWithPasskey => {
            "It began after a stop, with a passkey, which somebody who took a session does not have."
        }
        Why::BeganWhenTold => "It began when people were already being told.",
        Why::OfAnotherKind => {
            "It is of the same person in another role, in which no session was stopped."
        }
    }
}

/// Whether something can still be opened with a session.
pub(super) fn session_state(session: &AccountSession, now: Timestamp) -> &'static str {
    if session.why == Why::Stopped {
        "Stopped by the keeper."
    } else if session.stopped_at.is_some() {
        "Stopped by an officer."
    } else if session.may_be_open(now) {
        "It may still be open."
    } else {
        "It has ended."
    }
}

/// What was seen of one person, of what one practice deposited.
pub(super) fn seen(member: &Member, seen: Seen) -> String {
    let what = match (seen.documents, seen.has_parts, seen.has_lines) {
        // One sentence for both: that nothing of theirs was seen would say that the person has documents elsewhere.
        (0, false, _) => {
            "Of what you deposited, at most a name line or a list of titles".to_owned()
        }
        (0, true, _) => "Parts of the record".to_owned(),
        (1, false, _) => "One document".to_owned(),
        (1, true, _) => "One document, and parts of the record".to_owned(),
        (many, false, _) => format!("{many} documents"),
        (many, true, _) => format!("{many} documents, and parts of the record"),
    };
    match member.state.as_str() {
        "confirmed" => what,
        _ => format!("{what}; released, and not confirmed as sent"),
    }
}

/// How and when somebody was told, for one practice's eyes: whether another has the person too is not its business.
pub(super) fn told(told: &Told, practice: PracticeId) -> String {
    let day = told.day.strftime("%-d %B %Y");
    let how = how(told.how);
    if told.practice == Some(practice) {
        format!("{how} on {day}. The practice wrote it down.")
    } else {
        format!("{how} on {day}. Somebody else wrote it down.")
    }
}

/// How and when a practice itself was told.
pub(super) fn practice_told(told: &Told) -> String {
    format!("{} on {}.", how(told.how), told.day.strftime("%-d %B %Y"))
}

/// Where our own message to a practice stands: channel and state of its newest row.
pub(super) fn practice_mail(row: Option<(&str, &str)>) -> &'static str {
    match row {
        None => "No message to it is queued yet.",
        Some(("mail", "handed_over")) => "Our mail left for its mailbox.",
        Some(("mail", "failed" | "stuck")) => "Our mail does not arrive: ring it.",
        Some(("mail", _)) => "Our mail is on its way.",
        Some(_) => "It has no mailbox with us: ring it.",
    }
}

const fn how(how: How) -> &'static str {
    match how {
        How::Phone => "By phone",
        How::InPerson => "In person",
        How::Letter => "By letter",
    }
}

/// What is wrong with a text.
pub(super) fn finding(finding: &Finding) -> String {
    match finding {
        Finding::Empty => "There is no text.".to_owned(),
        Finding::LongSentence { sentence, words } => {
            format!("A sentence has {words} words; 20 are the most: “{sentence}”")
        }
        Finding::Link { text } => format!("A mail program makes a link of “{text}”."),
        Finding::ClinicalWord { word } => format!("“{word}” tells others about somebody’s health."),
        Finding::Hedge { word } => format!("“{word}” hedges, and the loss is confirmed."),
        Finding::EmptyComfort { phrase } => format!("“{phrase}” comforts and says nothing."),
        Finding::UnfilledField { field } => format!("The field “{field}” was not filled in."),
        Finding::HiddenCharacter => "It has characters that nobody can see.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candour_seal::PatientId;

    #[test]
    fn a_practice_does_not_read_that_only_another_practice_s_documents_were_seen() {
        let member = Member {
            patient: PatientId::from_bytes([1; 16]),
            state: "confirmed".to_owned(),
            route: "mail".to_owned(),
            reason: "mail".to_owned(),
            practices: Vec::new(),
            enrolled: Vec::new(),
            is_unsafe_to_write: false,
            is_holder: false,
        };
        let with_lines = |has_lines| Seen {
            has_lines,
            ..Seen::default()
        };
        let elsewhere = seen(&member, with_lines(false));
        assert_eq!(elsewhere, seen(&member, with_lines(true)));
        assert_eq!(
            elsewhere,
            "Of what you deposited, at most a name line or a list of titles"
        );
    }

    #[test]
    fn a_stuck_mail_is_said_so_that_somebody_looks() {
        let count = Count {
            recipient: "patient".to_owned(),
            channel: "mail".to_owned(),
            state: "stuck".to_owned(),
            number: 1,
            recipients: 1,
            last_at: None,
        };
        assert_eq!(
            messages(&count),
            "Mails to people: stuck after ten tries: somebody must look"
        );
    }
}
