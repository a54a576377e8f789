//! What no policy set can permit: a deny-only kernel under whatever two operators put in force.
//!
//! It is asked at every decision, and once over everything that can be asked before a set comes into force, so that a set
//! which means to open more is refused with the sentence and not quietly narrowed.

use crate::changes::is_officer;
use crate::decision::{Action, Assurance, ChangeAction, DecisionFacts, Relation};
use candour_keeper_wire::words::{self, ItemKind, Purpose, Role, Section};

/// Why this is not allowed whatever the policies say.
pub fn forbids(facts: &DecisionFacts) -> Option<&'static str> {
    let mut rules = by_role(facts).into_iter().chain(by_content(facts));
    rules.find(|(holds, _)| *holds).map(|(_, words)| words)
}

/// What a role cannot do.
fn by_role(facts: &DecisionFacts) -> [(bool, &'static str); 7] {
    let (role, action) = (facts.role, facts.action);
    let works_at_practice = matches!(role, Role::Clinician | Role::Reception | Role::Manager);
    let by_passkey = matches!(
        facts.assurance,
        Assurance::FreshPasskey | Assurance::Passkey
    );
    [
        (
            role == Role::Anonymous,
            "Nobody does anything without a role.",
        ),
        (
            (works_at_practice || is_officer(role)) && !by_passkey,
            "Staff and officers act by passkey only.",
        ),
        (
            role == Role::PracticeClient && reads(action) && !is_let(facts),
            "A practice's program reads what two of its people let it, and nothing sensitive.",
        ),
        (
            is_officer(role) && (reads(action) || puts_in(action)),
            "An officer of the operator reads and writes nothing about patients.",
        ),
        (
            role == Role::Keeper && !is_of_run(facts) && !keeps_own_passkeys(action),
            "A run opens names and addresses of its members and leaves them notices, telling somebody of a change opens an address to which may be written, and the keeper does nothing else.",
        ),
        (
            matches!(role, Role::Patient | Role::Proxy) && looks_around(action),
            "Patients and proxies look nobody up, and do no work of a practice.",
        ),
        (
            is_of_operator(action) && !is_officer(role),
            "Only officers let go what is frozen, unlock the room, name officers and open runs.",
        ),
    ]
}

/// What nobody can do, or nobody but one.
fn by_content(facts: &DecisionFacts) -> [(bool, &'static str); 7] {
    let (role, action, relation) = (facts.role, facts.action, facts.relation);
    let is_emergency = facts.purpose == Purpose::Emergency;
    let is_own = role == Role::Patient && relation == Relation::Own;
    let is_message = action == Action::OpenItem(ItemKind::Notice);
    [
        (
            role != Role::Keeper && matches!(action, Action::OpenRunMember(_)),
            "Only a run that two people approved opens members of a run.",
        ),
        (
            relation == Relation::Stranger && reads(action),
            "Nobody reads about somebody who has nothing to do with them.",
        ),
        (
            relation == Relation::ProxyOutOfScope && reads(action),
            "A proxy reads nothing outside their scope.",
        ),
        (
            action == Action::Receipts && !is_own,
            "Receipts go to the patient alone: they say how many entries there are.",
        ),
        (
            is_message && facts.is_unsafe_to_write && relation != Relation::Own,
            "Messages to whom nobody may write are read by nobody else.",
        ),
        (
            is_emergency && facts.assurance != Assurance::FreshPasskey,
            "Emergency access needs a fresh passkey answer.",
        ),
        (
            is_emergency && opens(action) && !facts.has_reason,
            "Emergency access to a record needs words.",
        ),
    ]
}

/// A program opens what it was let read: it looks nobody up, and takes no history.
fn is_let(facts: &DecisionFacts) -> bool {
    opens(facts.action) && facts.relation == Relation::LetRead && facts.tags == 0
}

const fn opens(action: Action) -> bool {
    matches!(action, Action::OpenSection(_) | Action::OpenItem(_))
}

const fn reads(action: Action) -> bool {
    opens(action)
        || matches!(
            action,
            Action::OpenRunMember(_)
                | Action::OpenWorklist
                | Action::Find
                | Action::History
                | Action::Receipts
        )
}

const fn puts_in(action: Action) -> bool {
    matches!(
        action,
        Action::Deposit(_)
            | Action::Enrol
            | Action::Authorize(words::Action::Send | words::Action::Book)
    )
}

const fn looks_around(action: Action) -> bool {
    matches!(
        action,
        Action::Find
            | Action::OpenWorklist
            | Action::Enrol
            | Action::Deposit(_)
            | Action::Authorize(words::Action::Worklist | words::Action::Room)
    )
}

fn is_of_run(facts: &DecisionFacts) -> bool {
    if facts.purpose == Purpose::Notification {
        let is_address = facts.action == Action::OpenRunMember(Section::Contact);
        let may_write = !facts.is_deceased && !facts.is_unsafe_to_write;
        return is_address && may_write && facts.relation == Relation::RunMember;
    }
    let is_within = matches!(
        facts.action,
        Action::OpenRunMember(Section::Identity | Section::Contact)
            | Action::Deposit(ItemKind::Notice)
    );
    is_within && facts.relation == Relation::RunMember
}

/// What the policies permit whoever has an account, and so name no role for.
const fn keeps_own_passkeys(action: Action) -> bool {
    matches!(
        action,
        Action::Change(
            ChangeAction::AddPasskey | ChangeAction::RemovePasskey | ChangeAction::StopWaiting
        )
    )
}

const fn is_of_operator(action: Action) -> bool {
    matches!(
        action,
        Action::Authorize(words::Action::Room)
            | Action::Change(
                ChangeAction::Unfreeze
                    | ChangeAction::UnlockRoom
                    | ChangeAction::GrantOfficer
                    | ChangeAction::StartRun
                    | ChangeAction::Attest
            )
    )
}
