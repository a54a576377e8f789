//! Which policy action a change is, and what proof it needs.

use crate::decision::ChangeAction;
use candour_keeper_wire::wire::ChangeKind;
use candour_keeper_wire::words::{Reason, Role};
use candour_seal::PatientId;

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
        ChangeKind::AddClient(_) | ChangeKind::LetClientRead(_) => needs(Do::AddClient, Proof::Two),
        // One person: a credential that somebody else has cannot wait for a second.
        ChangeKind::EndClient(_) => needs(Do::AddClient, Proof::Act),
        ChangeKind::StartRun(_) => needs(Do::StartRun, Proof::Two),
        ChangeKind::UnlockRoom(_) => needs(Do::UnlockRoom, Proof::Two),
        ChangeKind::Approve(_) => needs(Do::Approve, Proof::Act),
        // Where somebody is told of their account is theirs to say, as its passkeys are: the same right, for whatever role.
        ChangeKind::AddPasskey(_) | ChangeKind::AddNotificationAddress(_) => {
            needs(Do::AddPasskey, Proof::Act)
        }
        ChangeKind::RemovePasskey(_) | ChangeKind::RemoveNotificationAddress(_) => {
            needs(Do::RemovePasskey, Proof::Act)
        }
        // The code itself is the proof, and nothing is read or changed by it.
        ChangeKind::ConfirmNotificationAddress(_) => needs(Do::AddPasskey, Proof::Session),
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

#[cfg(test)]
mod tests {
    use super::super::sentence;
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
    fn a_change_of_rights_needs_a_signature_over_it_and_the_gravest_a_second_person() {
        let two = [
            invite(Role::Manager),
            invite(Role::SecurityOfficer),
            grant(Role::Manager),
            grant(Role::PrivacyOfficer),
            ChangeKind::Unfreeze(wire::FreezeChange::default()),
            ChangeKind::AddClient(wire::AddClient::default()),
            ChangeKind::LetClientRead(wire::LetClientRead::default()),
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
            ChangeKind::AddNotificationAddress(wire::AddNotificationAddress::default()),
            ChangeKind::RemoveNotificationAddress(wire::RemoveNotificationAddress::default()),
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
}
