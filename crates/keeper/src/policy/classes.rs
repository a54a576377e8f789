//! Everything that can be asked: the closed lists that a decision is taken over.

use crate::decision::{Action, Assurance, ChangeAction, Relation};
use candour_keeper_wire::words::{self, Age, ItemKind, Section};

/// Every relation.
pub const RELATIONS: [Relation; 12] = [
    Relation::Own,
    Relation::Proxy,
    Relation::ProxyOutOfScope,
    Relation::EnrolledSource,
    Relation::LetRead,
    Relation::Shared,
    Relation::FormerSource,
    Relation::Enrolled,
    Relation::OwnPractice,
    Relation::RunMember,
    Relation::Installation,
    Relation::Stranger,
];

/// Every proof.
pub const PROOFS: [Assurance; 5] = [
    Assurance::FreshPasskey,
    Assurance::Passkey,
    Assurance::FreshCode,
    Assurance::Code,
    Assurance::Secret,
];

/// Every age that a decision knows; first the one of everybody who is not acted for.
pub const AGES: [Age; 3] = [Age::Grown, Age::Young, Age::Child];

/// Every change that is decided by itself.
const CHANGES: [ChangeAction; 35] = [
    ChangeAction::InvitePatient,
    ChangeAction::InviteProxy,
    ChangeAction::InviteStaff,
    ChangeAction::GrantRole,
    ChangeAction::EndRole,
    ChangeAction::GrantManager,
    ChangeAction::GrantOfficer,
    ChangeAction::GrantProxy,
    ChangeAction::EndProxy,
    ChangeAction::EndEnrolment,
    ChangeAction::MarkPatient,
    ChangeAction::Freeze,
    ChangeAction::Unfreeze,
    ChangeAction::AddClient,
    ChangeAction::StartRun,
    ChangeAction::UnlockRoom,
    ChangeAction::AddPasskey,
    ChangeAction::RemovePasskey,
    ChangeAction::SetPassword,
    ChangeAction::SetApp,
    ChangeAction::NewSheet,
    ChangeAction::StopWaiting,
    ChangeAction::Attest,
    ChangeAction::Approve,
    ChangeAction::Erase,
    ChangeAction::Hold,
    ChangeAction::Restrict,
    ChangeAction::EndRestriction,
    ChangeAction::Share,
    ChangeAction::EndShare,
    ChangeAction::Recover,
    ChangeAction::StopRecovery,
    ChangeAction::Recall,
    ChangeAction::Merge,
    ChangeAction::EndMerge,
];

/// Everything that somebody can want to do.
pub fn actions() -> Vec<Action> {
    let mut all = vec![
        Action::OpenWorklist,
        Action::Find,
        Action::Enrol,
        Action::History,
        Action::Receipts,
    ];
    all.extend(
        Section::ALL
            .iter()
            .map(|section| Action::OpenSection(*section)),
    );
    all.extend(ItemKind::ALL.iter().map(|kind| Action::OpenItem(*kind)));
    all.extend(
        Section::ALL
            .iter()
            .map(|section| Action::OpenRunMember(*section)),
    );
    all.extend(ItemKind::ALL.iter().map(|kind| Action::Deposit(*kind)));
    all.extend(words::Action::ALL.iter().map(|one| Action::Authorize(*one)));
    all.extend(CHANGES.map(Action::Change));
    all
}
