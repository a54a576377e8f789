//! Which policy action a change is, what proof it needs, and the sentence a person signs.

use crate::decision::ChangeAction;
use candour_keeper_wire::wire::{ChangeKind, EndMerge, FreezeChange, Invite, Merge, Recall};
use candour_keeper_wire::words::{Identified, Level, ProxyAction, Reason, Role, Section};
use candour_seal::PatientId;
use jiff::Timestamp;

/// What must be shown before a change is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A running session.
    Session,
    /// An answer whose challenge is the hash of exactly this act.
    Act,
    /// The same for what only takes reading away: who has no passkey gives a fresh code, and it is done at once. A day's
    /// wait would be one more day of reading for whoever is to read no more.
    End,
    /// That, and a second person's, in another session.
    Two,
}

/// How a change is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Its action in the policies.
    pub action: ChangeAction,
    /// Its proof.
    pub proof: Proof,
}

const fn needs(action: ChangeAction, proof: Proof) -> Plan {
    Plan { action, proof }
}

/// The plan of a change, begun in this role.
pub fn plan(kind: &ChangeKind, by: Role) -> Result<Plan, Reason> {
    use ChangeAction as Do;
    Ok(match kind {
        ChangeKind::Invite(invite) => match Role::try_from(invite.role) {
            // Whoever is let in reads what others put in too: a session alone, or a portal, lets nobody in.
            Ok(Role::Patient) => needs(Do::InvitePatient, Proof::Act),
            Ok(Role::Proxy) => needs(Do::InviteProxy, Proof::Act),
            Ok(Role::Clinician | Role::Reception) => needs(Do::InviteStaff, Proof::Act),
            Ok(Role::Manager) => needs(Do::InviteStaff, Proof::Two),
            Ok(role) if is_officer(role) => needs(Do::InviteStaff, Proof::Two),
            _ => return Err(Reason::Invalid),
        },
        ChangeKind::GrantRole(change) => match Role::try_from(change.role) {
            Ok(Role::Clinician | Role::Reception) => needs(Do::GrantRole, Proof::Act),
            Ok(Role::Manager) => needs(Do::GrantManager, Proof::Two),
            Ok(role) if is_officer(role) => needs(Do::GrantOfficer, Proof::Two),
            _ => return Err(Reason::Invalid),
        },
        ChangeKind::EndRole(_) => needs(Do::EndRole, Proof::Act),
        ChangeKind::GrantProxy(_) => needs(Do::GrantProxy, Proof::Act),
        ChangeKind::EndProxy(_) => needs(Do::EndProxy, Proof::End),
        // A program signs nothing; that patients left is part of the list it keeps.
        ChangeKind::EndEnrolment(_) if by == Role::PracticeClient => {
            needs(Do::EndEnrolment, Proof::Session)
        }
        ChangeKind::EndEnrolment(_) => needs(Do::EndEnrolment, Proof::End),
        ChangeKind::MarkPatient(_) if by == Role::PracticeClient => {
            needs(Do::MarkPatient, Proof::Session)
        }
        // One press: that somebody must not be written to cannot wait; and who is marked as having died signs in no more.
        ChangeKind::MarkPatient(_) => needs(Do::MarkPatient, Proof::End),
        ChangeKind::Freeze(_) => needs(Do::Freeze, Proof::Session),
        ChangeKind::Unfreeze(_) => needs(Do::Unfreeze, Proof::Two),
        ChangeKind::AddClient(_) => needs(Do::AddClient, Proof::Two),
        ChangeKind::StartRun(_) => needs(Do::StartRun, Proof::Two),
        ChangeKind::UnlockRoom(_) => needs(Do::UnlockRoom, Proof::Two),
        ChangeKind::Approve(_) => needs(Do::Approve, Proof::Act),
        ChangeKind::AddPasskey(_) => needs(Do::AddPasskey, Proof::Act),
        ChangeKind::RemovePasskey(_) => needs(Do::RemovePasskey, Proof::Act),
        ChangeKind::SetPassword(_) => needs(Do::SetPassword, Proof::Act),
        ChangeKind::SetApp(_) => needs(Do::SetApp, Proof::Act),
        ChangeKind::NewSheet(_) => needs(Do::NewSheet, Proof::Act),
        // Whoever finds what somebody else began waits no day to stop it.
        ChangeKind::StopWaiting(_) => needs(Do::StopWaiting, Proof::End),
        ChangeKind::Attest(_) => needs(Do::Attest, Proof::Act),
        ChangeKind::Erase(_) => needs(Do::Erase, Proof::Two),
        ChangeKind::Hold(hold) if hold.is_held => needs(Do::Hold, Proof::Act),
        ChangeKind::Hold(_) => needs(Do::Hold, Proof::Two),
        ChangeKind::Restrict(_) => needs(Do::Restrict, Proof::End),
        ChangeKind::EndRestriction(_) => needs(Do::EndRestriction, Proof::Act),
        ChangeKind::Share(_) => needs(Do::Share, Proof::Act),
        ChangeKind::EndShare(_) => needs(Do::EndShare, Proof::End),
        ChangeKind::Recover(_) => needs(Do::Recover, Proof::Two),
        // Whoever still has an older way must not need a second one to be heard.
        ChangeKind::StopRecovery(_) => needs(Do::StopRecovery, Proof::Session),
        // It takes reading away from nobody who reads yet, and waits for nobody's passkey.
        ChangeKind::StopInvitation(_) => needs(Do::EndProxy, Proof::Session),
        ChangeKind::Merge(_) => needs(Do::Merge, Proof::Two),
        // The patient takes reading away from themself alone, and must need nothing for it.
        ChangeKind::EndMerge(_) if by == Role::Patient => needs(Do::EndMerge, Proof::Session),
        ChangeKind::EndMerge(_) => needs(Do::EndMerge, Proof::End),
        // One person: what was put in wrongly cannot wait for a second, and nothing is lost by it.
        ChangeKind::Recall(_) | ChangeKind::EndRecall(_) => needs(Do::Recall, Proof::Act),
        ChangeKind::ProtectAddress(change) => protection(change.is_protected, by),
    })
}

/// Protecting an address takes reading away, so one answer does it at once. Whoever takes that back could be led by the
/// person it protects from: it is the patient's own act, or takes two of a practice.
const fn protection(is_protected: bool, by: Role) -> Plan {
    match (is_protected, by) {
        (true, Role::Patient | Role::Proxy) => needs(ChangeAction::Restrict, Proof::End),
        (false, Role::Patient | Role::Proxy) => needs(ChangeAction::EndRestriction, Proof::Act),
        (true, Role::PracticeClient) => needs(ChangeAction::MarkPatient, Proof::Session),
        (true, _) => needs(ChangeAction::MarkPatient, Proof::End),
        (false, _) => needs(ChangeAction::MarkPatient, Proof::Two),
    }
}

/// A role of the operator.
pub const fn is_officer(role: Role) -> bool {
    matches!(
        role,
        Role::PrivacyOfficer | Role::SecurityOfficer | Role::CommunicationsOfficer
    )
}

/// The patient a change is about.
pub(crate) fn patient_of(kind: &ChangeKind) -> Option<PatientId> {
    let bytes = match kind {
        ChangeKind::Invite(invite) => &invite.patient,
        ChangeKind::GrantProxy(proxy) | ChangeKind::EndProxy(proxy) => &proxy.patient,
        ChangeKind::EndEnrolment(ended) => &ended.patient,
        ChangeKind::MarkPatient(marks) => &marks.patient,
        ChangeKind::Erase(erase) => &erase.patient,
        ChangeKind::Hold(hold) => &hold.patient,
        ChangeKind::Restrict(rule) | ChangeKind::Share(rule) => &rule.patient,
        ChangeKind::EndRestriction(ended) | ChangeKind::EndShare(ended) => &ended.patient,
        ChangeKind::Recover(recover) => &recover.patient,
        ChangeKind::StopInvitation(stop) => &stop.patient,
        ChangeKind::Merge(merge) => &merge.patient,
        ChangeKind::EndMerge(end) => &end.patient,
        ChangeKind::ProtectAddress(change) => &change.patient,
        _ => return None,
    };
    PatientId::try_from(bytes.as_slice()).ok()
}

fn role_word(role: i32) -> &'static str {
    Role::try_from(role).map_or("an unknown role", Role::word)
}

/// How far somebody who acts for a patient reaches. An end is told in the one zone that everybody's clock knows.
fn scope(sections: &[i32], may: &[i32], until: i64) -> String {
    let seen = sections
        .iter()
        .filter_map(|it| match Section::try_from(*it) {
            Ok(Section::Identity) | Err(_) => None,
            Ok(Section::Shelf) => Some("documents"),
            Ok(Section::Notices) => Some("messages"),
            Ok(section) => Some(section.word()),
        });
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
    let end = Timestamp::from_microsecond(until)
        .ok()
        .filter(|_| until > 0);
    let end = end.map_or("without an end".to_owned(), |end| {
        end.strftime("until %-d %B %Y, %H:%M UTC").to_string()
    });
    let all = std::iter::once(seen).chain(done.map(str::to_owned));
    all.chain([end]).collect::<Vec<_>>().join("; ")
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
        ChangeKind::MarkPatient(marks) => format!(
            "Mark the patient: {}, {}.",
            if marks.is_deceased {
                "has died"
            } else {
                "is alive"
            },
            if marks.is_unsafe_to_write {
                "unsafe to write to"
            } else {
                "may be written to"
            },
        ),
        ChangeKind::Freeze(freeze) => of_rung(true, freeze),
        ChangeKind::Unfreeze(freeze) => of_rung(false, freeze),
        ChangeKind::AddClient(client) => {
            format!(
                "Give the program {} a credential for this practice.",
                client.name
            )
        }
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
        ChangeKind::Hold(hold) if hold.is_held => format!(
            "Keep what this practice put in about the patient from being erased. Reason: {}",
            hold.reason.trim()
        ),
        ChangeKind::Hold(hold) => format!(
            "Let what this practice put in about the patient be erased again. Reason: {}",
            hold.reason.trim()
        ),
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

    fn invite(role: Role) -> ChangeKind {
        ChangeKind::Invite(wire::Invite {
            role: role.into(),
            ..wire::Invite::default()
        })
    }

    fn grant(role: Role) -> ChangeKind {
        ChangeKind::GrantRole(wire::RoleChange {
            role: role.into(),
            ..wire::RoleChange::default()
        })
    }

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
        let invited = sentence(&invite(Role::Proxy));
        assert_eq!(
            invited,
            "Invite somebody to act for the patient: see everything; without an end."
        );
    }

    #[test]
    fn a_change_of_rights_needs_a_signature_over_it_and_the_gravest_a_second_person() {
        let two = [
            invite(Role::Manager),
            invite(Role::SecurityOfficer),
            grant(Role::Manager),
            grant(Role::PrivacyOfficer),
            ChangeKind::Unfreeze(wire::FreezeChange::default()),
            ChangeKind::AddClient(wire::AddClient::default()),
            ChangeKind::StartRun(wire::StartRun::default()),
            ChangeKind::UnlockRoom(wire::UnlockRoom::default()),
            ChangeKind::Erase(wire::Erase::default()),
            ChangeKind::Hold(wire::HoldChange::default()),
            ChangeKind::Recover(wire::Recover::default()),
            ChangeKind::Merge(wire::Merge::default()),
        ];
        let act = [
            invite(Role::Clinician),
            invite(Role::Reception),
            invite(Role::Patient),
            invite(Role::Proxy),
            grant(Role::Clinician),
            ChangeKind::EndRole(wire::RoleChange::default()),
            ChangeKind::GrantProxy(wire::ProxyChange::default()),
            ChangeKind::AddPasskey(wire::AddPasskey::default()),
            ChangeKind::RemovePasskey(wire::RemovePasskey::default()),
            ChangeKind::SetPassword(wire::SetPassword::default()),
            ChangeKind::SetApp(wire::SetApp::default()),
            ChangeKind::NewSheet(wire::NewSheet::default()),
            ChangeKind::Approve(Vec::new()),
            ChangeKind::Attest(wire::Attest::default()),
            ChangeKind::EndRestriction(wire::EndSharingRule::default()),
            ChangeKind::Share(wire::SharingRule::default()),
            ChangeKind::Recall(wire::Recall::default()),
            ChangeKind::EndRecall(wire::EndRecall::default()),
            ChangeKind::Hold(wire::HoldChange {
                is_held: true,
                ..wire::HoldChange::default()
            }),
        ];
        for (kinds, proof) in [(&two[..], Proof::Two), (&act[..], Proof::Act)] {
            for kind in kinds {
                let plan = plan(kind, Role::Manager).unwrap();
                assert_eq!(plan.proof, proof, "{}", sentence(kind));
            }
        }
        // What ends reading needs an answer too, except from the program that keeps the practice's list.
        let left = ChangeKind::EndEnrolment(wire::EnrolmentChange::default());
        let marks = ChangeKind::MarkPatient(wire::MarkPatient::default());
        for kind in [
            ChangeKind::EndProxy(wire::ProxyChange::default()),
            ChangeKind::Restrict(wire::SharingRule::default()),
            ChangeKind::EndShare(wire::EndSharingRule::default()),
            ChangeKind::EndMerge(wire::EndMerge::default()),
            left.clone(),
            marks.clone(),
        ] {
            assert_eq!(plan(&kind, Role::Reception).unwrap().proof, Proof::End);
        }
        for kind in [&left, &marks] {
            let by_program = plan(kind, Role::PracticeClient).unwrap();
            assert_eq!(by_program.proof, Proof::Session);
        }
    }

    #[test]
    fn an_address_is_protected_by_one_and_no_longer_by_the_person_or_by_two() {
        let plan_of = |is_protected, role| {
            let change = wire::ProtectAddress {
                is_protected,
                ..wire::ProtectAddress::default()
            };
            plan(&ChangeKind::ProtectAddress(change), role).unwrap()
        };
        for (role, on, off) in [
            (Role::Patient, Proof::End, Proof::Act),
            (Role::Clinician, Proof::End, Proof::Two),
            (Role::Reception, Proof::End, Proof::Two),
            (Role::PracticeClient, Proof::Session, Proof::Two),
        ] {
            let proofs = [true, false].map(|is_protected| plan_of(is_protected, role).proof);
            assert_eq!(proofs, [on, off], "{role:?}");
        }
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
