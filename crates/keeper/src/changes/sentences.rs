//! The sentence that a person signs for a change.

use candour_keeper_wire::wire::{
    ChangeKind, EndClient, EndMerge, FreezeChange, HoldChange, Invite, LetClientRead, MarkPatient,
    Merge, Recall,
};
use candour_keeper_wire::words::{Identified, Level, ProxyAction, Role, Section};
use jiff::Timestamp;

fn role_word(role: i32) -> &'static str {
    Role::try_from(role).map_or("an unknown role", Role::word)
}

/// Sections as the sentences name them.
fn named(sections: &[i32]) -> impl Iterator<Item = &'static str> {
    sections
        .iter()
        .filter_map(|it| match Section::try_from(*it) {
            Ok(Section::Identity) => Some("names"),
            Ok(Section::Shelf) => Some("documents"),
            Ok(Section::Notices) => Some("messages"),
            Ok(section) => Some(section.word()),
            Err(_) => None,
        })
}

fn moment(at: i64) -> String {
    let at = Timestamp::from_microsecond(at).unwrap_or_default();
    at.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

/// An end is told in the one zone that everybody's clock knows.
fn end(until: i64) -> String {
    let end = Timestamp::from_microsecond(until).ok();
    end.filter(|_| until > 0)
        .map_or("without an end".to_owned(), |end| {
            format!("until {}", moment(end.as_microsecond()))
        })
}

/// How far somebody who acts for a patient reaches. Whoever may see anything sees whose it is.
fn scope(sections: &[i32], may: &[i32], until: i64) -> String {
    let seen = named(sections).filter(|name| *name != "names");
    let seen = match (sections, seen.collect::<Vec<_>>().join(", ")) {
        ([], _) => "see everything".to_owned(),
        (_, seen) if seen.is_empty() => "see the name and nothing else".to_owned(),
        (_, seen) => format!("see {seen}"),
    };
    let done = may
        .iter()
        .filter_map(|it| match ProxyAction::try_from(*it) {
            Ok(ProxyAction::Write) => Some("write messages"),
            Ok(ProxyAction::Book) => Some("book appointments"),
            Ok(ProxyAction::History) => Some("see who opened the record"),
            Err(_) => None,
        });
    let all = std::iter::once(seen).chain(done.map(str::to_owned));
    all.chain([end(until)]).collect::<Vec<_>>().join("; ")
}

fn identified(number: i32) -> &'static str {
    match Identified::try_from(number) {
        Ok(Identified::KnownInPerson) => "somebody here has long known them in person",
        Ok(Identified::PhotoSeen) => "an identification with their photo was looked at",
        Ok(Identified::PapersAndQuestions) => {
            "two papers with their name were looked at, and they answered questions only they can"
        }
        Err(_) => "not said",
    }
}

/// What a person agrees to, in words; part of what a passkey signs. Ids stand in the change itself, which is signed too.
pub fn sentence(kind: &ChangeKind) -> String {
    match kind {
        ChangeKind::Invite(invite) => invitation(invite),
        ChangeKind::GrantRole(change) => {
            format!("Give a person the role {}.", role_word(change.role))
        }
        ChangeKind::EndRole(change) => format!("End a person's role {}.", role_word(change.role)),
        ChangeKind::GrantProxy(change) => {
            let scope = scope(&change.sections, &change.may, change.until);
            format!("Let another person act for this patient: {scope}.")
        }
        ChangeKind::EndProxy(_) => "End that a person acts for this patient.".to_owned(),
        ChangeKind::EndEnrolment(_) => "Note that the patient left the practice.".to_owned(),
        ChangeKind::MarkPatient(marks) => marks_of(marks),
        ChangeKind::Freeze(freeze) => of_rung(true, freeze),
        ChangeKind::Unfreeze(freeze) => of_rung(false, freeze),
        ChangeKind::AddClient(client) => {
            format!(
                "Give the program {} a credential for this practice.",
                client.name
            )
        }
        ChangeKind::LetClientRead(change) => let_read(change),
        ChangeKind::EndClient(change) => end_client(change),
        ChangeKind::StartRun(run) => {
            format!(
                "Send the approved message to {} of the people concerned, and open their addresses for it.",
                run.members.len()
            )
        }
        ChangeKind::UnlockRoom(_) => "Unlock the incident room's key for this incident.".to_owned(),
        ChangeKind::Approve(_) => "Approve what somebody else began.".to_owned(),
        ChangeKind::AddPasskey(passkey) => {
            format!("Add the passkey “{}” to my account.", passkey.name)
        }
        ChangeKind::RemovePasskey(passkey) => {
            format!("Remove the passkey “{}” from my account.", passkey.name)
        }
        ChangeKind::AddNotificationAddress(add) => format!(
            "Write to {} too when something changes about my account.",
            add.address
        ),
        ChangeKind::RemoveNotificationAddress(gone) => format!(
            "No longer write to {} when something changes about my account.",
            gone.address
        ),
        ChangeKind::ConfirmNotificationAddress(_) => {
            "What is written to an address of my account arrives.".to_owned()
        }
        ChangeKind::SetPassword(_) => "Change the password of my account.".to_owned(),
        ChangeKind::SetApp(_) => "Change the authenticator app of my account.".to_owned(),
        ChangeKind::NewSheet(_) => "Make a new sheet of codes for my account.".to_owned(),
        ChangeKind::StopWaiting(stopped) => format!("Do not do this: {}", stopped.text),
        ChangeKind::Attest(attest) => attest.text.clone(),
        ChangeKind::Erase(erase) if erase.item.is_empty() => format!(
            "Erase everything this practice put in about the patient, for good, and note that they left. Reason: {}",
            erase.reason.trim()
        ),
        ChangeKind::Erase(erase) => {
            format!(
                "Erase one document, for good. Reason: {}",
                erase.reason.trim()
            )
        }
        ChangeKind::Hold(change) => hold(change),
        ChangeKind::Restrict(rule) => format!("Keep from {}.", rule.words),
        ChangeKind::EndRestriction(ended) => format!("No longer keep from {}.", ended.words),
        ChangeKind::Share(rule) => format!("Share with {}.", rule.words),
        ChangeKind::EndShare(ended) => format!("No longer share with {}.", ended.words),
        ChangeKind::Recover(recover) => format!(
            "Give the patient, who is here themself, a code to make new ways to sign in. Who they are: {}.",
            identified(recover.identified)
        ),
        ChangeKind::StopRecovery(_) => "Stop the recovery of my account.".to_owned(),
        ChangeKind::StopInvitation(_) => "Stop an invitation to act for this patient.".to_owned(),
        ChangeKind::Merge(change) => merge(change),
        ChangeKind::EndMerge(change) => end_merge(change),
        ChangeKind::Recall(change) => recall(change),
        ChangeKind::EndRecall(change) => {
            let reason = change.reason.trim();
            format!(
                "Put back what was taken back by this: “{}” Reason: {reason}",
                change.text
            )
        }
        ChangeKind::ProtectAddress(change) => match (change.is_protected, change.practice.len()) {
            (true, 0) => "Protect my address.",
            (true, _) => "Protect the patient's address.",
            (false, 0) => "No longer protect my address.",
            (false, _) => "No longer protect the patient's address.",
        }
        .to_owned(),
    }
}

fn marks_of(marks: &MarkPatient) -> String {
    let lives = if marks.is_deceased {
        "has died"
    } else {
        "is alive"
    };
    let is_written_to = if marks.is_unsafe_to_write {
        "unsafe to write to"
    } else {
        "may be written to"
    };
    format!("Mark the patient: {lives}, {is_written_to}.")
}

fn hold(change: &HoldChange) -> String {
    let what = if change.is_held {
        "Keep what this practice put in about the patient from being erased."
    } else {
        "Let what this practice put in about the patient be erased again."
    };
    format!("{what} Reason: {}", change.reason.trim())
}

/// A program as its lists name it. Two may be called the same, so it is said since when it is there.
fn program(name: &str, since: i64) -> String {
    format!("the program “{name}”, added {}", moment(since))
}

fn end_client(change: &EndClient) -> String {
    let program = program(&change.name, change.since);
    if change.only_reading {
        format!("End what {program}, may read. It goes on putting in.")
    } else {
        format!(
            "End {program}: its credential is void, and it does nothing any more for this practice."
        )
    }
}

fn let_read(change: &LetClientRead) -> String {
    let sections = change.sections.iter();
    let seen = sections.filter_map(|it| match Section::try_from(*it) {
        Ok(Section::Identity) => Some("names and birth dates"),
        Ok(Section::Contact) => Some("addresses and phone numbers"),
        Ok(Section::Other) => Some("other entries"),
        _ => named(&[*it]).next(),
    });
    format!(
        "Let {}, read what this practice put in about the patients enrolled here: {}. Nothing that is marked sensitive, and no \
         protected address. Only {}. What it could read before ends now. Reason: {}",
        program(&change.name, change.since),
        seen.collect::<Vec<_>>().join(", "),
        end(change.until),
        change.reason.trim()
    )
}

/// How many of how many, and what of it was seen: whoever signs knows to whom the practice must speak.
fn recall(change: &Recall) -> String {
    let batch = change.batch.clone().unwrap_or_default();
    let named = |words: &str| format!("{words} {}", batch.name).trim_end().to_owned();
    let who = match (batch.is_program, batch.name.is_empty()) {
        (true, _) => named("the program"),
        (false, true) => "somebody of this practice".to_owned(),
        (false, false) => batch.name.clone(),
    };
    let at = |micros: i64| {
        let at = Timestamp::from_microsecond(micros).unwrap_or_default();
        at.strftime("%-d %B %Y, %H:%M").to_string()
    };
    format!(
        "Take back what {who} put in from {} to {} UTC. Documents, messages and parts of records: {}. Patients: {}. \
         Opened by somebody: {}. Only the title seen: {}. Reason: {}",
        at(change.from),
        at(change.until),
        batch.items,
        batch.patients,
        batch.opened,
        batch.listed,
        change.reason.trim()
    )
}

fn invitation(invite: &Invite) -> String {
    let named = |words: &'static str, name: &str| match name.trim() {
        "" => words.to_owned(),
        name => name.to_owned(),
    };
    let who = named("the patient", &invite.who);
    match Role::try_from(invite.role) {
        Ok(Role::Patient) => format!("Invite {who} to their own record."),
        Ok(Role::Proxy) => {
            let scope = scope(&invite.sections, &invite.may, invite.until);
            let reason = invite.reason.trim();
            let sentence = format!("Invite somebody to act for {who}: {scope}. {reason}");
            sentence.trim_end().to_owned()
        }
        _ => format!(
            "Invite {} as {}.",
            named("somebody", &invite.staff_name),
            role_word(invite.role)
        ),
    }
}

/// The rung and the reason: a surrogate tells nobody which session is meant, and the reason stays in the entry's body.
fn of_rung(is_frozen: bool, change: &FreezeChange) -> String {
    let level = Level::try_from(change.level);
    let what = match level {
        Ok(Level::Proof) => "proof mode".to_owned(),
        Ok(Level::Installation) => "the installation".to_owned(),
        Ok(Level::Instance) => "an instance".to_owned(),
        other => format!("a {}", other.map_or("thing", Level::word)),
    };
    let does = match (level, is_frozen) {
        (Ok(Level::Proof), true) => "Begin",
        (Ok(Level::Proof), false) => "End",
        (_, true) => "Freeze",
        (_, false) => "Unfreeze",
    };
    let sentence = format!("{does} {what}. {}", change.reason);
    sentence.trim_end().to_owned()
}

fn merge(merge: &Merge) -> String {
    format!(
        "Note that {} and {} are one person: whoever reads one of the two records as the patient, or for them, reads the other too. The first number stays. Reason: {}",
        merge.who.trim(),
        merge.replaced_who.trim(),
        merge.reason.trim()
    )
}

fn end_merge(end: &EndMerge) -> String {
    let why = if end.are_two_people {
        "They are two different people."
    } else {
        ""
    };
    let words = [
        "End that two records are read as one person's.",
        why,
        end.reason.trim(),
    ];
    words.join(" ").trim_end().replace("  ", " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use candour_keeper_wire::wire;

    #[test]
    fn whoever_freezes_signs_the_reason_too() {
        let mut change = FreezeChange {
            level: Level::Session.into(),
            ..FreezeChange::default()
        };
        let sentence = |change: &FreezeChange| sentence(&ChangeKind::Freeze(change.clone()));
        assert_eq!(sentence(&change), "Freeze a session.");
        "It began at 9:02 am.".clone_into(&mut change.reason);
        assert_eq!(sentence(&change), "Freeze a session. It began at 9:02 am.");
        change.level = Level::Proof.into();
        "It is slow.".clone_into(&mut change.reason);
        assert_eq!(sentence(&change), "Begin proof mode. It is slow.");
    }

    #[test]
    fn whoever_lets_somebody_act_for_them_signs_how_far_that_reaches() {
        let change = wire::ProxyChange {
            sections: vec![Section::Medicines.into(), Section::Shelf.into()],
            may: vec![ProxyAction::Book.into()],
            until: 1_804_000_000_000_000,
            ..wire::ProxyChange::default()
        };
        assert_eq!(
            sentence(&ChangeKind::GrantProxy(change)),
            "Let another person act for this patient: see medicines, documents; book appointments; \
             until 2 March 2027, 15:06 UTC."
        );
        let name = vec![Section::Identity.into()];
        assert_eq!(
            scope(&name, &[], 0),
            "see the name and nothing else; without an end"
        );
        assert_eq!(
            scope(&[], &[3], 0),
            "see everything; see who opened the record; without an end"
        );
        let invited = sentence(&ChangeKind::Invite(wire::Invite {
            role: Role::Proxy.into(),
            ..wire::Invite::default()
        }));
        assert_eq!(
            invited,
            "Invite somebody to act for the patient: see everything; without an end."
        );
    }

    #[test]
    fn whoever_invites_signs_as_what_and_whom() {
        let mut invite = Invite {
            role: Role::Patient.into(),
            ..Invite::default()
        };
        let sentence = |invite: &Invite| sentence(&ChangeKind::Invite(invite.clone()));
        assert_eq!(sentence(&invite), "Invite the patient to their own record.");
        "Mia Kōrero (born 29 February 1980)".clone_into(&mut invite.who);
        let named = "Invite Mia Kōrero (born 29 February 1980) to their own record.";
        assert_eq!(sentence(&invite), named);
        invite.role = Role::Proxy.into();
        "Parent or guardian.".clone_into(&mut invite.reason);
        let acting = "Invite somebody to act for Mia Kōrero (born 29 February 1980): see everything; without an end. Parent or guardian.";
        assert_eq!(sentence(&invite), acting);
        invite.role = Role::Reception.into();
        assert_eq!(sentence(&invite), "Invite somebody as reception.");
    }
}
