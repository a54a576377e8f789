//! What a decision depends on: one closed, hashable struct, so that a remembered decision is sound by construction.

use candour_keeper_wire::words::{self, Age, ItemKind, Purpose, Role, Section};

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Open a section of a patient.
    OpenSection(Section),
    /// Open one item.
    OpenItem(ItemKind),
    /// See a practice's work without sealed fields.
    OpenWorklist,
    /// Open one member's section within a run.
    OpenRunMember(Section),
    /// Look people up.
    Find,
    /// Put a new item in.
    Deposit(ItemKind),
    /// Enrol somebody.
    Enrol,
    /// See who opened a record.
    History,
    /// Take away the receipts of every entry about a patient.
    Receipts,
    /// An action without content.
    Authorize(words::Action),
    /// A change of facts.
    Change(ChangeAction),
}

/// A change of facts, told apart as finely as who may author it differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeAction {
    /// Invite a patient to their own record.
    InvitePatient,
    /// Invite somebody to act for a patient.
    InviteProxy,
    /// Invite a member of staff, or an officer of the operator.
    InviteStaff,
    /// Give a person a role at a practice.
    GrantRole,
    /// End a role.
    EndRole,
    /// Give a person the role that gives roles.
    GrantManager,
    /// Give a person a role of the operator.
    GrantOfficer,
    /// Let a person act for a patient.
    GrantProxy,
    /// End that.
    EndProxy,
    /// A patient left a practice.
    EndEnrolment,
    /// Mark a patient as deceased or unsafe to write to.
    MarkPatient,
    /// Freeze something.
    Freeze,
    /// Let it go on.
    Unfreeze,
    /// Add a practice's program, say what it reads, end it.
    AddClient,
    /// Open a bulk lane.
    StartRun,
    /// Unlock the room's private key.
    UnlockRoom,
    /// Add a passkey to one's own account.
    AddPasskey,
    /// Take one away from it.
    RemovePasskey,
    /// Change its password.
    SetPassword,
    /// Change its authenticator app.
    SetApp,
    /// Print a new sheet of codes for it.
    NewSheet,
    /// Stop an act of one's own that waits.
    StopWaiting,
    /// Put one's name to a text or list.
    Attest,
    /// Approve what somebody else began.
    Approve,
    /// Destroy the keys of what a practice deposited.
    Erase,
    /// Keep that from being done, or let it be done again.
    Hold,
    /// Keep something of one's own record from somebody.
    Restrict,
    /// No longer.
    EndRestriction,
    /// Share something of it with a practice.
    Share,
    /// No longer.
    EndShare,
    /// Give out a code by which a patient makes new ways to sign in.
    Recover,
    /// Stop that for one's own account.
    StopRecovery,
    /// Note that two records are one person's.
    Merge,
    /// End that.
    EndMerge,
    /// Take back a batch of what a practice put in, or put it back.
    Recall,
}

/// How the session stands to whom or what it concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// The patient themself.
    Own,
    /// A proxy, and the section or item lies within the proxy's scope.
    Proxy,
    /// A proxy, outside the proxy's scope.
    ProxyOutOfScope,
    /// The session's practice deposited it, and the patient is enrolled there now.
    EnrolledSource,
    /// The session is a program that two of its practice's people let read such a thing; else as [`Self::EnrolledSource`].
    LetRead,
    /// Another practice deposited it, the patient shared it with the session's, and is enrolled there now.
    Shared,
    /// The session's practice deposited it; the patient left.
    FormerSource,
    /// The patient is enrolled at the session's practice, which did not deposit it.
    Enrolled,
    /// It concerns the session's own practice, and no patient.
    OwnPractice,
    /// A live member of the session's own run.
    RunMember,
    /// It concerns neither patient nor practice.
    Installation,
    /// None of these.
    Stranger,
}

/// How sure the keeper is of who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Assurance {
    /// A passkey within the last five minutes.
    FreshPasskey,
    /// A passkey at sign-in.
    Passkey,
    /// A code within the last five minutes.
    FreshCode,
    /// Password and code at sign-in.
    Code,
    /// A program's secret, or a run that two people approved.
    Secret,
}

/// Everything a decision may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecisionFacts {
    /// In which role.
    pub role: Role,
    /// What for.
    pub purpose: Purpose,
    /// What.
    pub action: Action,
    /// Standing how to it.
    pub relation: Relation,
    /// Sensitivity tags of what it concerns: bit n − 1 is tag n ([`words::Tag`]).
    pub tags: u8,
    /// Proved how.
    pub assurance: Assurance,
    /// How old the patient is, to whoever acts for them; grown to everybody else.
    pub age: Age,
    /// The patient has died.
    pub is_deceased: bool,
    /// Nothing may be sent to the patient.
    pub is_unsafe_to_write: bool,
    /// A reason was given in words.
    pub has_reason: bool,
}

/// What the policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be.
    pub is_allowed: bool,
    /// The policy that decided; empty when none allows it.
    pub policy: std::sync::Arc<str>,
    /// SHA-256 of the set that it is of.
    pub set: [u8; 32],
}
