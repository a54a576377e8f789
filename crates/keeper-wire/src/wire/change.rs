//! Changes of facts: rights, credentials, freezes, runs.

use super::{
    AddClient, AddNotificationAddress, AddPasskey, ConfirmNotificationAddress, EndClient, EndMerge,
    EndRecall, EndSharingRule, LetClientRead, Merge, NewSheet, Recall, RemoveNotificationAddress,
    RemovePasskey, SetApp, SetPassword, SharingRule, StopWaiting,
};

/// A change that needs no act-bound answer.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ChangeCall {
    /// The session's token.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// What is to change.
    #[prost(message, optional, tag = "2")]
    pub change: Option<Change>,
}

/// Begins an act: the reply is a ceremony whose challenge is the hash of exactly this act.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ActStart {
    /// The session's token.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// What is to change.
    #[prost(message, optional, tag = "2")]
    pub change: Option<Change>,
}

/// Answers an act; the change is done when the answer fits.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ActFinish {
    /// The session's token.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// The ceremony (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub ceremony: Vec<u8>,
    /// The `PublicKeyCredential` as JSON; empty when a code answers.
    #[prost(string, tag = "3")]
    pub answer_json: String,
    /// A fresh code; the act then waits 24 hours and every old channel is told.
    #[prost(string, tag = "4")]
    pub code: String,
    /// For `AddPasskey`: the new credential as JSON.
    #[prost(string, tag = "5")]
    pub new_credential_json: String,
    /// For `SetApp`: six digits that the new app shows. Where they do not fit, the act goes on and asks again.
    #[prost(string, tag = "6")]
    pub new_app_code: String,
    /// With a code, where `Ceremony::needs_password` says so: the account's password.
    #[prost(string, tag = "70")]
    pub password: String,
}

/// One change.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Change {
    /// Which.
    #[prost(
        oneof = "ChangeKind",
        tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 27, 28, 29, 30, 31, 60, 61, 65, 66, 70, 72, 73, 74, 75, 76"
    )]
    pub kind: Option<ChangeKind>,
}

/// The changes of the spine. Those marked *act* need an act-bound answer, *two* a second person as well.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum ChangeKind {
    /// Invite a patient, proxy or staff member (act).
    #[prost(message, tag = "1")]
    Invite(Invite),
    /// Give a person a role at a practice (act).
    #[prost(message, tag = "2")]
    GrantRole(RoleChange),
    /// End it (act).
    #[prost(message, tag = "3")]
    EndRole(RoleChange),
    /// Let a person act for a patient (act).
    #[prost(message, tag = "4")]
    GrantProxy(ProxyChange),
    /// End it, at once and without notice to the proxy.
    #[prost(message, tag = "5")]
    EndProxy(ProxyChange),
    /// The patient left the practice.
    #[prost(message, tag = "6")]
    EndEnrolment(EnrolmentChange),
    /// Mark a patient as deceased or unsafe to write to.
    #[prost(message, tag = "7")]
    MarkPatient(MarkPatient),
    /// Freeze something; one person is enough.
    #[prost(message, tag = "8")]
    Freeze(FreezeChange),
    /// Unfreeze it (act, two).
    #[prost(message, tag = "9")]
    Unfreeze(FreezeChange),
    /// Add a client of a practice (act, two).
    #[prost(message, tag = "10")]
    AddClient(AddClient),
    /// Open a bulk lane (act, two).
    #[prost(message, tag = "11")]
    StartRun(StartRun),
    /// Unlock the room's private key for one incident (act, two).
    #[prost(message, tag = "12")]
    UnlockRoom(UnlockRoom),
    /// Approve what somebody else began: the pending change's id (16 bytes) (act).
    #[prost(bytes, tag = "13")]
    Approve(Vec<u8>),
    /// Add a passkey to one's own account (act).
    #[prost(message, tag = "14")]
    AddPasskey(AddPasskey),
    /// Bind a text or list of the room to two people's answers: what exactly is in the hash (act).
    #[prost(message, tag = "15")]
    Attest(Attest),
    /// Remove a passkey of one's own account (act).
    #[prost(message, tag = "16")]
    RemovePasskey(RemovePasskey),
    /// A new password for one's own account; the old one is void (act).
    #[prost(message, tag = "17")]
    SetPassword(SetPassword),
    /// A new authenticator app for it; the old one is void (act).
    #[prost(message, tag = "18")]
    SetApp(SetApp),
    /// A new printed sheet for it; the old one is void (act).
    #[prost(message, tag = "19")]
    NewSheet(NewSheet),
    /// Stop an act of one's own that waits; at once.
    #[prost(message, tag = "20")]
    StopWaiting(StopWaiting),
    /// Give out a code by which a patient makes new ways to sign in (act, two).
    #[prost(message, tag = "21")]
    Recover(Recover),
    /// Destroy the keys of what a practice deposited (act, two).
    #[prost(message, tag = "22")]
    Erase(Erase),
    /// Keep what a practice deposited from being erased (act), or no longer (act, two).
    #[prost(message, tag = "23")]
    Hold(HoldChange),
    /// Keep something of one's own record from a practice or a person; at once.
    #[prost(message, tag = "27")]
    Restrict(SharingRule),
    /// No longer (act).
    #[prost(message, tag = "28")]
    EndRestriction(EndSharingRule),
    /// Share something of one's own record with a practice that did not put it in (act).
    #[prost(message, tag = "29")]
    Share(SharingRule),
    /// No longer; at once.
    #[prost(message, tag = "30")]
    EndShare(EndSharingRule),
    /// Stop the recovery of one's own account, by a way that it did not make; at once.
    #[prost(message, tag = "24")]
    StopRecovery(StopRecovery),
    /// Stop that somebody whom a practice invited may begin to act for a patient; at once.
    #[prost(message, tag = "31")]
    StopInvitation(StopInvitation),
    /// Note that two records are one person's (act, two).
    #[prost(message, tag = "65")]
    Merge(Merge),
    /// They are no longer; at once.
    #[prost(message, tag = "66")]
    EndMerge(EndMerge),
    /// Take back what somebody of one's own practice put in, as one batch (act).
    #[prost(message, tag = "60")]
    Recall(Recall),
    /// Put it back (act).
    #[prost(message, tag = "61")]
    EndRecall(EndRecall),
    /// Protect a patient's address, at once; or no longer (the person's own act, or two of a practice).
    #[prost(message, tag = "70")]
    ProtectAddress(ProtectAddress),
    /// Let a client of a practice read some of what the practice put in (act, two).
    #[prost(message, tag = "72")]
    LetClientRead(LetClientRead),
    /// End that, or the client itself, at once (act).
    #[prost(message, tag = "73")]
    EndClient(EndClient),
    /// Write to an address too when something changes about one's own account (act).
    #[prost(message, tag = "74")]
    AddNotificationAddress(AddNotificationAddress),
    /// No longer (act).
    #[prost(message, tag = "75")]
    RemoveNotificationAddress(RemoveNotificationAddress),
    /// What is written there arrives: the code that was sent there.
    #[prost(message, tag = "76")]
    ConfirmNotificationAddress(ConfirmNotificationAddress),
}

/// Whether a patient's address is seen by nobody but them and the practice that put it in.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ProtectAddress {
    /// The patient (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub patient: Vec<u8>,
    /// The practice whose staff say so (16 bytes); empty for the person themself.
    #[prost(bytes = "vec", tag = "2")]
    pub practice: Vec<u8>,
    /// It is protected from now on.
    #[prost(bool, tag = "3")]
    pub is_protected: bool,
}

/// Stops an invitation.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StopInvitation {
    /// The patient (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub patient: Vec<u8>,
    /// Which, as in [`crate::wire::InvitedProxy`] (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub invitation: Vec<u8>,
}

/// Recovers a patient's account at the counter of a practice.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Recover {
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// The patient (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub patient: Vec<u8>,
    /// An [`crate::words::Identified`]; part of what is signed.
    #[prost(int32, tag = "3")]
    pub identified: i32,
}

/// Says that a recovery was not asked for.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StopRecovery {}

/// Erases what a practice deposited about a patient.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Erase {
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// The patient (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub patient: Vec<u8>,
    /// One document (16 bytes); empty: everything, and the patient left.
    #[prost(bytes = "vec", tag = "3")]
    pub item: Vec<u8>,
    /// Why; part of what is signed, kept in the sealed body. 1 to 300 characters.
    #[prost(string, tag = "4")]
    pub reason: String,
}

/// Whether a practice must keep what it deposited about a patient.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HoldChange {
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// The patient (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub patient: Vec<u8>,
    /// It must.
    #[prost(bool, tag = "3")]
    pub is_held: bool,
    /// Why; part of what is signed, kept in the sealed body. 1 to 300 characters.
    #[prost(string, tag = "4")]
    pub reason: String,
}

/// What waits, oldest first.
#[derive(Clone, PartialEq, prost::Message)]
pub struct WaitingChanges {
    /// Those that this session began or may approve.
    #[prost(message, repeated, tag = "1")]
    pub changes: Vec<WaitingChange>,
}

/// A change that waits for a second person.
#[derive(Clone, PartialEq, prost::Message)]
pub struct WaitingChange {
    /// For [`ChangeKind::Approve`] (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    /// The sentence that was signed.
    #[prost(string, tag = "2")]
    pub text: String,
    /// Who began it, as the practice's list names them; may be empty.
    #[prost(string, tag = "3")]
    pub author_name: String,
    /// When it can no longer be approved.
    #[prost(int64, tag = "4")]
    pub until: i64,
    /// This session's person began it.
    #[prost(bool, tag = "5")]
    pub is_own: bool,
    /// The patient it concerns (16 bytes), or empty.
    #[prost(bytes = "vec", tag = "6")]
    pub patient: Vec<u8>,
    /// The one document it concerns (16 bytes), or empty.
    #[prost(bytes = "vec", tag = "7")]
    pub item: Vec<u8>,
    /// The second patient it concerns (16 bytes), or empty.
    #[prost(bytes = "vec", tag = "65")]
    pub other_patient: Vec<u8>,
}

/// Invites somebody.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Invite {
    /// The inviting practice (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// `Patient`, `Proxy` or a staff role ([`crate::words::Role`]).
    #[prost(int32, tag = "2")]
    pub role: i32,
    /// The patient concerned (16 bytes); empty for staff.
    #[prost(bytes = "vec", tag = "3")]
    pub patient: Vec<u8>,
    /// The staff member's name as released by the practice; empty for patients.
    #[prost(string, tag = "4")]
    pub staff_name: String,
    /// For a proxy: sections within reach ([`crate::words::Section`]); empty means all.
    #[prost(int32, repeated, tag = "5")]
    pub sections: Vec<i32>,
    /// For a proxy: when it ends; 0 without end.
    #[prost(int64, tag = "6")]
    pub until: i64,
    /// For a proxy: why; kept sealed.
    #[prost(string, tag = "7")]
    pub reason: String,
    /// For a patient or proxy: the patient as the page names them, part of the sentence that is signed. May be empty.
    #[prost(string, tag = "12")]
    pub who: String,
    /// For a proxy: what they may do beside reading ([`crate::words::ProxyAction`]).
    #[prost(int32, repeated, tag = "20")]
    pub may: Vec<i32>,
    /// For a proxy: as what ([`crate::words::ProxyKind`]), filled in by the keeper, whatever was sent.
    #[prost(int32, tag = "21")]
    pub kind: i32,
}

/// A role of a person.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RoleChange {
    /// The person (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub person: Vec<u8>,
    /// The practice (16 bytes); empty for operator roles.
    #[prost(bytes = "vec", tag = "2")]
    pub practice: Vec<u8>,
    /// A [`crate::words::Role`].
    #[prost(int32, tag = "3")]
    pub role: i32,
    /// When it ends; 0 without end.
    #[prost(int64, tag = "4")]
    pub until: i64,
}

/// A proxy.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ProxyChange {
    /// The person who acts (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub person: Vec<u8>,
    /// The patient acted for (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub patient: Vec<u8>,
    /// Sections within reach ([`crate::words::Section`]); empty means all.
    #[prost(int32, repeated, tag = "3")]
    pub sections: Vec<i32>,
    /// When it ends; 0 without end.
    #[prost(int64, tag = "4")]
    pub until: i64,
    /// Why; kept in the sealed body.
    #[prost(string, tag = "5")]
    pub reason: String,
    /// What they may do beside reading ([`crate::words::ProxyAction`]).
    #[prost(int32, repeated, tag = "6")]
    pub may: Vec<i32>,
}

/// An enrolment.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EnrolmentChange {
    /// The patient (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub patient: Vec<u8>,
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub practice: Vec<u8>,
}

/// Marks of a patient.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MarkPatient {
    /// The patient (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub patient: Vec<u8>,
    /// The patient has died.
    #[prost(bool, tag = "2")]
    pub is_deceased: bool,
    /// Nothing may be sent to the address or mailbox.
    #[prost(bool, tag = "3")]
    pub is_unsafe_to_write: bool,
}

/// A rung of the ladder.
#[derive(Clone, PartialEq, prost::Message)]
pub struct FreezeChange {
    /// A [`crate::words::Level`].
    #[prost(int32, tag = "1")]
    pub level: i32,
    /// The surrogate of the session, principal, client, practice or instance, or the purpose's number; for proof mode the
    /// instance's.
    #[prost(sfixed64, tag = "2")]
    pub surrogate: i64,
    /// Why; kept in the sealed body.
    #[prost(string, tag = "3")]
    pub reason: String,
}

/// A bulk lane.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StartRun {
    /// A [`crate::words::Purpose`].
    #[prost(int32, tag = "1")]
    pub purpose: i32,
    /// The members (16 bytes each).
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub members: Vec<Vec<u8>>,
    /// Sections that may be opened: identity, contact.
    #[prost(int32, repeated, tag = "3")]
    pub sections: Vec<i32>,
    /// When it ends.
    #[prost(int64, tag = "4")]
    pub until: i64,
    /// The incident (16 bytes).
    #[prost(bytes = "vec", tag = "5")]
    pub incident: Vec<u8>,
    /// SHA-256 of the scope version the members come from (32 bytes).
    #[prost(bytes = "vec", tag = "6")]
    pub scope_hash: Vec<u8>,
}

/// Asks for the room's private key.
#[derive(Clone, PartialEq, prost::Message)]
pub struct UnlockRoom {
    /// The incident (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub incident: Vec<u8>,
}

/// What a person of the room puts their name to.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Attest {
    /// The incident (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub incident: Vec<u8>,
    /// What it is, in plain words; part of what is signed.
    #[prost(string, tag = "2")]
    pub text: String,
    /// SHA-256 of the exact text or list (32 bytes).
    #[prost(bytes = "vec", tag = "3")]
    pub hash: Vec<u8>,
}

/// The change is done, or waits for a second person.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Changed {
    /// Ledger index.
    #[prost(uint64, tag = "1")]
    pub index: u64,
    /// A second person must approve this pending change (16 bytes); empty when it is done.
    #[prost(bytes = "vec", tag = "2")]
    pub pending: Vec<u8>,
    /// `Invite` and `Recover`: the code to hand over. `AddClient`: the client's id and secret as text.
    #[prost(string, tag = "3")]
    pub code: String,
    /// `StartRun`: the run (16 bytes). `AddClient`: the client (16 bytes).
    #[prost(bytes = "vec", tag = "4")]
    pub id: Vec<u8>,
    /// `UnlockRoom`, to the room only: the private key (32 secret bytes).
    #[prost(bytes = "vec", tag = "5")]
    pub room_key: Vec<u8>,
    /// The act waits until then; 0 when it is done.
    #[prost(int64, tag = "6")]
    pub waits_until: i64,
    /// `NewSheet`: the 40 codes, shown once.
    #[prost(string, repeated, tag = "7")]
    pub sheet: Vec<String>,
    /// The session that asked was signed in by what is gone, and is over.
    #[prost(bool, tag = "8")]
    pub signed_out: bool,
}

/// Asks for approved runs.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RunsQuestion {
    /// Only this run (16 bytes), or empty for all that are live.
    #[prost(bytes = "vec", tag = "1")]
    pub run: Vec<u8>,
}

/// Live runs.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Runs {
    /// Approved, not ended, not frozen.
    #[prost(message, repeated, tag = "1")]
    pub runs: Vec<RunView>,
}

/// One live run. Its token opens nothing but its members' sections.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RunView {
    /// The run (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub run: Vec<u8>,
    /// A token for `Open` with `RunMember` targets (32 secret bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub token: Vec<u8>,
    /// The incident (16 bytes).
    #[prost(bytes = "vec", tag = "3")]
    pub incident: Vec<u8>,
    /// When it ends.
    #[prost(int64, tag = "4")]
    pub until: i64,
}
