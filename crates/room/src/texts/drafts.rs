//! The words of each text: plain, short, true, without blame.

use super::{Draft, Facts, Further, Sender, TextKind, WayIn, numbers};
use crate::scope::Scope;
use std::fmt::Write;

/// Drafts one text for a scope version.
pub fn draft(kind: TextKind, version: i32, scope: &Scope, facts: &Facts, sender: &Sender) -> Draft {
    let (subject, words) = match kind {
        TextKind::Statement => statement(scope, facts, sender),
        TextKind::PracticeNotice => practice_notice(scope, facts, sender),
        TextKind::PatientNotice => patient_notice(facts, sender),
        TextKind::HolderNotice => holder_notice(facts, sender),
        TextKind::CallScript => call_script(facts, sender),
        TextKind::Update => update(scope, facts, sender),
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

/// Who noticed it, for practices and the public.
fn noticed(facts: &Facts) -> &'static str {
    match facts.further {
        Further::None => "The system that guards the records noticed it by itself and stopped it.",
        Further::Found => {
            "The system that guards the records noticed a part of it by itself and stopped that.\n\
             Our officers found more of it when they looked."
        }
        Further::Stopped => {
            "The system that guards the records noticed a part of it by itself and stopped that.\n\
             Our officers found more of it and stopped that too."
        }
    }
}

/// The same for whoever is concerned.
fn we_noticed(facts: &Facts) -> String {
    let when = &facts.noticed;
    match facts.further {
        Further::None => format!("We noticed it {when} and stopped it."),
        Further::Found => format!(
            "We noticed a part of it {when} and stopped that. We found more of it when we looked."
        ),
        Further::Stopped => format!(
            "We noticed a part of it {when} and stopped that. We found more of it and stopped that too."
        ),
    }
}

/// The same, said by a practice.
fn it_was_noticed(facts: &Facts) -> String {
    let when = &facts.noticed;
    match facts.further {
        Further::None => format!("It was noticed {when} and stopped."),
        Further::Found => {
            format!("A part of it was noticed {when} and stopped. More of it was found later.")
        }
        Further::Stopped => {
            format!(
                "A part of it was noticed {when} and stopped. More of it was found and stopped."
            )
        }
    }
}

/// What can no longer be opened.
fn stopped(facts: &Facts) -> &'static str {
    match facts.further {
        Further::None | Further::Found => {
            "The session that was noticed is stopped. Nothing more can be opened with it."
        }
        Further::Stopped => {
            "The session that was noticed is stopped, and our officers stopped more. Nothing more can be opened with those."
        }
    }
}

fn statement(scope: &Scope, facts: &Facts, sender: &Sender) -> (String, String) {
    let mut words = String::new();
    let lost = numbers::lost(scope.counts);
    let _ = write!(
        words,
        "What happened\n\
         On {day}, {span}, somebody saw records in the portal without the right to.\n\
         {way_in}\n\
         {noticed}\n\n\
         What information was involved\n\
         {lost}\n\
         We count from a log that every opening is written to first. This is count {version}.\n\n\
         What we are doing\n\
         {stopped}\n\
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
        noticed = noticed(facts),
        stopped = stopped(facts),
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
         {noticed}\n\n\
         What information was involved\n\
         Some of it belongs to patients of your practice.\n\
         People whose records were opened, in all: {opened}. People only listed: {listed}.\n\
         Your list has their names, what was seen, and how each of them is being told.\n\
         This mail names nobody on purpose.\n\n\
         What we are doing\n\
         {stopped}\n\
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
        noticed = noticed(facts),
        stopped = stopped(facts),
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
         {noticed} We are sorry.\n\n\
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
        noticed = we_noticed(facts),
        doing = doing(facts, sender),
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
         {noticed} We are sorry.\n\n\
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
        noticed = we_noticed(facts),
        phone = sender.phone,
        doing = doing(facts, sender),
        end = end(sender),
    );
    (message_title(sender), words)
}

/// What every message to a person says of our part.
fn doing(facts: &Facts, sender: &Sender) -> String {
    format!(
        "What we are doing\n\
         {stopped}\n\
         Your practice is being told too. We must also tell the regulator, {regulator}.\n\n",
        stopped = stopped(facts),
        regulator = sender.regulator,
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
         {noticed} We are sorry.\n\
         I can tell you what was seen of what we put in: read it out from your list.\n\
         The portal shows you all of it, item by item. If you have no sign-in, come in and we give you one.\n\
         Can anybody else open your portal?\n\
         How would you like us to reach you about this in future?\n\n\
         After the call\n\
         Write down on your list that the person was told, how and on which day.\n\
         {operator} answers questions on {phone}.",
        day = facts.day,
        noticed = it_was_noticed(facts),
        operator = sender.operator,
        phone = sender.phone,
    );
    ("What to say on the phone".to_owned(), words)
}

fn update(scope: &Scope, facts: &Facts, sender: &Sender) -> (String, String) {
    let lost = numbers::lost(scope.counts);
    let words = format!(
        "What is new\n\
         There is nothing new. The numbers that we published still hold.\n\n\
         What information was involved\n\
         {lost}\n\
         This is still count {version}.\n\n\
         When you hear from us again\n\
         We write here again by {next}, or earlier if we learn something.\n\n\
         For more information\n\
         Ring {operator} on {phone}.",
        version = scope.version,
        next = facts.next_update,
        operator = sender.operator,
        phone = sender.phone,
    );
    (
        format!("No news about the unauthorised access on {}", facts.day),
        words,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::{Counts, Question};
    use candour_seal::{Digest, IncidentId};
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

    fn all() -> Vec<Draft> {
        of(Further::None)
    }

    fn facts(further: Further) -> Facts {
        Facts {
            day: "22 November 2026".to_owned(),
            span: "from 9:02 am to 9:03 am".to_owned(),
            noticed: "the same day".to_owned(),
            way_in: WayIn::Staff,
            further,
            practices: 3,
            next_update: "9:00 am on 24 November 2026".to_owned(),
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

    fn of(further: Further) -> Vec<Draft> {
        TextKind::ALL
            .into_iter()
            .chain([TextKind::Update])
            .map(|kind| draft(kind, 1, &scope(), &facts(further), &sender()))
            .collect()
    }

    #[test]
    fn every_draft_passes_the_gate() {
        for further in [Further::None, Further::Found, Further::Stopped] {
            for text in of(further) {
                let findings = text.findings(&["status.example/check"]);
                assert_eq!(findings, [], "{:?} {further:?}", text.kind);
            }
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
    fn no_text_says_that_the_system_stopped_by_itself_what_people_found_or_stopped() {
        for further in [Further::Found, Further::Stopped] {
            for text in of(further) {
                for claim in [
                    "noticed it by itself and stopped it",
                    "We noticed it the same day and stopped it",
                    "It was noticed the same day and stopped",
                ] {
                    assert!(
                        !text.words.contains(claim),
                        "{:?}: {}",
                        text.kind,
                        text.words
                    );
                }
            }
        }
        let statement = &of(Further::Stopped)[0].words;
        assert!(statement.contains("Our officers found more of it and stopped that too."));
        assert!(statement.contains("our officers stopped more."));
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
    fn an_update_states_the_same_numbers_and_when_the_next_one_comes() {
        let words = &all()[5].words;
        for sentence in [
            "There is nothing new.",
            "Records of 60 people were opened.",
            "sent out: 57.",
            "This is still count 2.",
            "We write here again by 9:00 am on 24 November 2026, or earlier",
        ] {
            assert!(words.contains(sentence), "{words}");
        }
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
    fn a_statement_and_an_update_say_that_something_was_not_lost_and_pass_the_gate() {
        let mut scope = scope();
        scope.counts = Counts {
            people_opened: 3,
            people_listed: 0,
            documents_granted: 0,
            documents_delivered: 0,
        };
        for kind in [TextKind::Statement, TextKind::Update] {
            let text = draft(kind, 1, &scope, &facts(Further::None), &sender());
            for sentence in [
                "Records of fewer than 10 people were opened.",
                "Nobody else’s name line or list of titles was shown.",
                "No document was sent out.",
            ] {
                assert!(text.words.contains(sentence), "{}", text.words);
            }
            assert_eq!(text.findings(&[]), []);
        }
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
