//! Signing in, sessions, invitations.

/// Asks for a passkey challenge.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PasskeyStart {
    /// The login name; empty for discoverable sign-in.
    #[prost(string, tag = "1")]
    pub login: String,
    /// The browser's network, as the portal saw it; the portal's word.
    #[prost(string, tag = "2")]
    pub network: String,
}

/// What the browser is to answer. The ceremony ends after five minutes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Ceremony {
    /// Names the ceremony (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub ceremony: Vec<u8>,
    /// `WebAuthn` options as JSON for `navigator.credentials`, empty where only a code answers.
    #[prost(string, tag = "2")]
    pub options_json: String,
    /// For an act: the sentence the person sees; it is part of what is signed.
    #[prost(string, tag = "3")]
    pub text: String,
    /// A fresh code may answer instead of a passkey.
    #[prost(bool, tag = "4")]
    pub code_accepted: bool,
    /// For a new authenticator app: its secret as `otpauth://` address.
    #[prost(string, tag = "5")]
    pub otpauth: String,
    /// A code answers together with the account's password only.
    #[prost(bool, tag = "70")]
    pub needs_password: bool,
}

/// The browser's answer.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PasskeyFinish {
    /// The ceremony (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub ceremony: Vec<u8>,
    /// The `PublicKeyCredential` as JSON.
    #[prost(string, tag = "2")]
    pub answer_json: String,
    /// How the session acts.
    #[prost(message, optional, tag = "3")]
    pub acting: Option<Acting>,
    /// The browser's network; the portal's word.
    #[prost(string, tag = "4")]
    pub network: String,
    /// How the browser describes itself, the portal's word. The session goes on with this one only; `None`: with any.
    #[prost(string, optional, tag = "70")]
    pub client: Option<String>,
}

/// How a session acts: as oneself (patient and proxy), or as staff of one practice, or as operator.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Acting {
    /// `true`: with a staff or operator role; `false`: as patient or proxy.
    #[prost(bool, tag = "1")]
    pub as_staff: bool,
    /// The practice (16 bytes); empty where the person has only one staff role.
    #[prost(bytes = "vec", tag = "2")]
    pub practice: Vec<u8>,
}

/// Password and second factor; patients only.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PasswordSignIn {
    /// The login name.
    #[prost(string, tag = "1")]
    pub login: String,
    /// The password.
    #[prost(string, tag = "2")]
    pub password: String,
    /// Six digits of the authenticator app, or a code of the printed sheet.
    #[prost(string, tag = "3")]
    pub code: String,
    /// The browser's network; the portal's word.
    #[prost(string, tag = "4")]
    pub network: String,
    /// How the browser describes itself, the portal's word. The session goes on with this one only; `None`: with any.
    #[prost(string, optional, tag = "70")]
    pub client: Option<String>,
}

/// A practice's program.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ClientSignIn {
    /// The client (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub client: Vec<u8>,
    /// Its secret (32 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub secret: Vec<u8>,
}

/// A fresh proof for a running session.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StepUp {
    /// The session's token.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// Answer of a `PasskeyStart` ceremony (16 bytes); empty when a code answers.
    #[prost(bytes = "vec", tag = "2")]
    pub ceremony: Vec<u8>,
    /// The `PublicKeyCredential` as JSON.
    #[prost(string, tag = "3")]
    pub answer_json: String,
    /// A fresh code.
    #[prost(string, tag = "4")]
    pub code: String,
    /// Why a clinician goes on past a full budget; kept in the sealed body.
    #[prost(string, tag = "5")]
    pub reason: String,
    /// The browser's network; the portal's word.
    #[prost(string, tag = "6")]
    pub network: String,
}

/// A session began.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SignedIn {
    /// 32 secret bytes; live 15 minutes idle, 8 hours at most, through this instance only.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// Who it is.
    #[prost(message, optional, tag = "2")]
    pub session: Option<SessionView>,
}

/// Who a token is.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SessionView {
    /// The person or client (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub principal: Vec<u8>,
    /// A [`crate::words::Role`].
    #[prost(int32, tag = "2")]
    pub role: i32,
    /// The practice of a staff or client session (16 bytes), else empty.
    #[prost(bytes = "vec", tag = "3")]
    pub practice: Vec<u8>,
    /// Patients reachable in this session as oneself or as proxy.
    #[prost(message, repeated, tag = "4")]
    pub patients: Vec<Reachable>,
    /// When the last passkey or code was given.
    #[prost(int64, tag = "5")]
    pub proved_at: i64,
    /// Whether that was a passkey.
    #[prost(bool, tag = "6")]
    pub by_passkey: bool,
    /// When the session ends whatever happens.
    #[prost(int64, tag = "7")]
    pub ends_at: i64,
    /// The session's surrogate in the ledger.
    #[prost(sfixed64, tag = "8")]
    pub session: i64,
    /// How the person is named in lists of this practice's staff; empty for patients.
    #[prost(string, tag = "9")]
    pub staff_name: String,
    /// What it was signed in by is new: it opens no records until then; 0 for all others.
    #[prost(int64, tag = "10")]
    pub opens_from: i64,
    /// How the person signs in was changed within a day, or is about to be.
    #[prost(bool, tag = "11")]
    pub ways_changed: bool,
    /// A recovery of the account that is not over.
    #[prost(message, optional, tag = "20")]
    pub recovery: Option<RecoveryView>,
}

/// A recovery at the counter that can still be stopped.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RecoveryView {
    /// At whose counter (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// When the code was given out.
    #[prost(int64, tag = "2")]
    pub allowed_at: i64,
    /// When it is over, and the older ways end; 0 while the code was not used.
    #[prost(int64, tag = "3")]
    pub opens_from: i64,
    /// This session was signed in by what it made: it opens what that practice deposited, and nothing else.
    #[prost(bool, tag = "4")]
    pub is_own: bool,
}

/// The running sessions of one person, newest first.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SessionList {
    /// Also the one that asks.
    #[prost(message, repeated, tag = "1")]
    pub sessions: Vec<RunningSession>,
}

/// One of them.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RunningSession {
    /// The session's surrogate in the ledger.
    #[prost(sfixed64, tag = "1")]
    pub session: i64,
    /// A [`crate::words::Role`].
    #[prost(int32, tag = "2")]
    pub role: i32,
    /// When it began.
    #[prost(int64, tag = "3")]
    pub began_at: i64,
    /// When it was last used.
    #[prost(int64, tag = "4")]
    pub used_at: i64,
    /// The last proof was a passkey.
    #[prost(bool, tag = "5")]
    pub by_passkey: bool,
    /// It is the session that asks.
    #[prost(bool, tag = "6")]
    pub is_own: bool,
}

/// By what one person can sign in.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent way, or one rule about them"
)]
#[derive(Clone, PartialEq, prost::Message)]
pub struct SignInWays {
    /// Oldest first.
    #[prost(message, repeated, tag = "1")]
    pub passkeys: Vec<PasskeyView>,
    /// There is room for one more.
    #[prost(bool, tag = "2")]
    pub has_room: bool,
    /// There is a password.
    #[prost(bool, tag = "3")]
    pub has_password: bool,
    /// There is an authenticator app.
    #[prost(bool, tag = "4")]
    pub has_app: bool,
    /// There is a printed sheet.
    #[prost(bool, tag = "5")]
    pub has_sheet: bool,
    /// How many codes of the sheet were not used yet.
    #[prost(uint32, tag = "6")]
    pub codes_left: u32,
    /// A role of the person allows passkeys only.
    #[prost(bool, tag = "7")]
    pub passkeys_only: bool,
    /// Acts that wait for their day to be over, oldest first.
    #[prost(message, repeated, tag = "8")]
    pub waiting: Vec<WaitingAct>,
    /// Addresses where the person is told of changes, oldest first.
    #[prost(message, repeated, tag = "9")]
    pub addresses: Vec<NotificationAddressView>,
    /// There is room for one more.
    #[prost(bool, tag = "10")]
    pub has_room_for_address: bool,
}

/// An address of one's own account.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NotificationAddressView {
    /// Names it (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    /// The address.
    #[prost(string, tag = "2")]
    pub address: String,
    /// A code that was sent there came back; before that nothing else is written there.
    #[prost(bool, tag = "3")]
    pub is_confirmed: bool,
    /// Until when that code is taken; 0 for one that is confirmed, and for one whose code is too old.
    #[prost(int64, tag = "4")]
    pub code_until: i64,
}

/// An act that waits.
#[derive(Clone, PartialEq, prost::Message)]
pub struct WaitingAct {
    /// The pending change (16 bytes): for `Approve` once its day is over, and for `StopWaiting`.
    #[prost(bytes = "vec", tag = "1")]
    pub pending: Vec<u8>,
    /// The sentence of the act.
    #[prost(string, tag = "2")]
    pub text: String,
    /// When it may be done.
    #[prost(int64, tag = "3")]
    pub not_before: i64,
    /// That time has come.
    #[prost(bool, tag = "4")]
    pub is_due: bool,
}

/// One passkey in the list.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PasskeyView {
    /// Names it in `RemovePasskey` (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub passkey: Vec<u8>,
    /// What its owner calls it.
    #[prost(string, tag = "2")]
    pub name: String,
    /// When it was added.
    #[prost(int64, tag = "3")]
    pub added_at: i64,
    /// A [`crate::words::Origin`].
    #[prost(int32, tag = "4")]
    pub origin: i32,
    /// The session that asks was signed in with it.
    #[prost(bool, tag = "5")]
    pub is_own: bool,
    /// It can be removed: another way, not new itself, is left.
    #[prost(bool, tag = "6")]
    pub may_go: bool,
    /// It is new: a session signed in by it opens no records until then, and it answers no act; 0 for all others.
    #[prost(int64, tag = "7")]
    pub opens_from: i64,
}

/// Ends other sessions of the person who asks.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EndSessions {
    /// The token of the session that asks.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// The browser's network; the portal's word.
    #[prost(string, tag = "2")]
    pub network: String,
    /// The surrogate of the one to end; 0 for all others.
    #[prost(sfixed64, tag = "3")]
    pub session: i64,
}

/// A patient within reach of a patient session.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Reachable {
    /// The patient (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub patient: Vec<u8>,
    /// `false`: the person themself; `true`: somebody they act for.
    #[prost(bool, tag = "2")]
    pub is_proxied: bool,
    /// Sections within reach ([`crate::words::Section`]); empty means all.
    #[prost(int32, repeated, tag = "3")]
    pub sections: Vec<i32>,
    /// When the proxy ends; 0 without end.
    #[prost(int64, tag = "4")]
    pub until: i64,
    /// Only what this practice (16 bytes) put in is seen until `opens_from`: it invited; else empty.
    #[prost(bytes = "vec", tag = "12")]
    pub only_from: Vec<u8>,
    /// When everything is seen; 0 where it is.
    #[prost(int64, tag = "13")]
    pub opens_from: i64,
    /// What a proxy may do beside reading ([`crate::words::ProxyAction`]).
    #[prost(int32, repeated, tag = "5")]
    pub may: Vec<i32>,
    /// How old the patient is ([`crate::words::Age`]); 0 for the person themself.
    #[prost(int32, tag = "6")]
    pub age: i32,
    /// From which age on others act by the patient's own wish alone.
    #[prost(uint32, tag = "7")]
    pub grown_from: u32,
    /// It is within reach because this patient (16 bytes), who is too, is the same person; else empty.
    #[prost(bytes = "vec", tag = "65")]
    pub merged_with: Vec<u8>,
    /// Since when.
    #[prost(int64, tag = "66")]
    pub merged_at: i64,
    /// The practice (16 bytes) that noted it.
    #[prost(bytes = "vec", tag = "67")]
    pub merged_by: Vec<u8>,
    /// Its number is the one that stays.
    #[prost(bool, tag = "68")]
    pub stays: bool,
    /// To the person themself and nobody else: their address is protected.
    #[prost(bool, tag = "70")]
    pub is_address_protected: bool,
}

/// Looks at an invitation. The code is the secret; wrong codes are counted by network.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InvitationOpen {
    /// The code from the invitation.
    #[prost(string, tag = "1")]
    pub code: String,
    /// The browser's network; the portal's word.
    #[prost(string, tag = "2")]
    pub network: String,
    /// The login name wanted, so that a passkey can be made for it.
    #[prost(string, tag = "3")]
    pub login: String,
}

/// What an invitation offers.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InvitationView {
    /// The practice that invites (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// A staff role, or `Patient`, or `Proxy` ([`crate::words::Role`]).
    #[prost(int32, tag = "2")]
    pub role: i32,
    /// To make a passkey: the ceremony.
    #[prost(message, optional, tag = "3")]
    pub ceremony: Option<Ceremony>,
    /// To use an authenticator app: the secret as `otpauth://` address; empty for staff.
    #[prost(string, tag = "4")]
    pub otpauth: String,
}

/// Makes an account.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Register {
    /// The invitation's code.
    #[prost(string, tag = "1")]
    pub code: String,
    /// The patient's birth date as `YYYY-MM-DD`, which the invitation does not say.
    #[prost(string, tag = "2")]
    pub birth_date: String,
    /// The login name wanted.
    #[prost(string, tag = "3")]
    pub login: String,
    /// The passkey ceremony (16 bytes) with its answer, or empty.
    #[prost(bytes = "vec", tag = "4")]
    pub ceremony: Vec<u8>,
    /// The `PublicKeyCredential` as JSON.
    #[prost(string, tag = "5")]
    pub answer_json: String,
    /// Or a password …
    #[prost(string, tag = "6")]
    pub password: String,
    /// … with the current six digits of the authenticator app …
    #[prost(string, tag = "7")]
    pub totp_code: String,
    /// … or with a printed sheet of 40 codes.
    #[prost(bool, tag = "8")]
    pub wants_sheet: bool,
    /// The browser's network; the portal's word.
    #[prost(string, tag = "9")]
    pub network: String,
}

/// The account exists.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Registered {
    /// The person (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub person: Vec<u8>,
    /// The 40 codes of the sheet, shown once; empty without one.
    #[prost(string, repeated, tag = "2")]
    pub sheet: Vec<String>,
}

/// Links an invitation to the account that is signed in; adds no credential.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InvitationLink {
    /// The session's token.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// The invitation's code.
    #[prost(string, tag = "2")]
    pub code: String,
    /// The patient's birth date as `YYYY-MM-DD`.
    #[prost(string, tag = "3")]
    pub birth_date: String,
}
