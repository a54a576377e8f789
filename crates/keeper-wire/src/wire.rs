//! The messages on the keeper's socket (prost), exactly as sent. `docs/formats/wire.md` explains the framing.
//!
//! Ids are 16 raw bytes; closed lists are the numbers of [`crate::words`]; times are microseconds since
//! the Unix epoch. Field numbers are never reused.

mod change;
mod clients;
mod freezing;
mod identity;
mod merges;
mod notifications;
mod reading;
mod recall;
mod room;
mod sharing;
mod ways;
mod writing;

pub use change::*;
pub use clients::*;
pub use freezing::*;
pub use identity::*;
pub use merges::*;
pub use notifications::*;
pub use reading::*;
pub use recall::*;
pub use room::*;
pub use sharing::*;
pub use ways::*;
pub use writing::*;

/// One call; `id` is chosen by the caller and comes back in the reply.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Request {
    /// Names the call on this connection.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// What is asked.
    #[prost(
        oneof = "Call",
        tags = "2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 36, 38, 39, 48, 52, 60, 65, 70, 72, 80, 81"
    )]
    pub call: Option<Call>,
}

/// The calls. `Hello` must come first on a connection.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Call {
    /// Who is calling: the process's own credential.
    #[prost(message, tag = "2")]
    Hello(Hello),
    /// Is the keeper well, and how does it run?
    #[prost(message, tag = "3")]
    Status(StatusQuestion),
    /// Begin a passkey ceremony to sign in.
    #[prost(message, tag = "4")]
    PasskeyStart(PasskeyStart),
    /// Finish it.
    #[prost(message, tag = "5")]
    PasskeyFinish(PasskeyFinish),
    /// Sign in with password and second factor (patients only).
    #[prost(message, tag = "6")]
    PasswordSignIn(PasswordSignIn),
    /// Sign in a practice's program.
    #[prost(message, tag = "7")]
    ClientSignIn(ClientSignIn),
    /// End a session.
    #[prost(message, tag = "8")]
    SignOut(WithToken),
    /// Who is this token?
    #[prost(message, tag = "9")]
    Session(WithToken),
    /// Prove oneself again: a fresh passkey answer or code for a running session.
    #[prost(message, tag = "10")]
    StepUp(StepUp),
    /// Release keys for reading.
    #[prost(message, tag = "11")]
    Open(Open),
    /// Look people up in one practice.
    #[prost(message, tag = "12")]
    Find(Find),
    /// Who opened this record?
    #[prost(message, tag = "13")]
    History(History),
    /// Ask leave for an action without content.
    #[prost(message, tag = "14")]
    Authorize(Authorize),
    /// The first byte of these was sent.
    #[prost(message, tag = "15")]
    Delivered(Delivered),
    /// Give out keys of new items.
    #[prost(message, tag = "16")]
    Deposit(Deposit),
    /// These deposits are stored; make them visible.
    #[prost(message, tag = "17")]
    Sealed(Sealed),
    /// Enrol people at the client's or staff's practice.
    #[prost(message, tag = "18")]
    Enrol(Enrol),
    /// Change a fact that needs no act-bound answer.
    #[prost(message, tag = "19")]
    Change(ChangeCall),
    /// Begin an act that needs an act-bound answer.
    #[prost(message, tag = "20")]
    ActStart(ActStart),
    /// Answer it; the act is done.
    #[prost(message, tag = "21")]
    ActFinish(ActFinish),
    /// Look at an invitation before accepting it.
    #[prost(message, tag = "22")]
    InvitationOpen(InvitationOpen),
    /// Make an account from an invitation.
    #[prost(message, tag = "23")]
    Register(Register),
    /// Link an invitation to the account that is signed in.
    #[prost(message, tag = "24")]
    InvitationLink(InvitationLink),
    /// The committed entries after an index (room only).
    #[prost(message, tag = "25")]
    EntriesAfter(EntriesAfter),
    /// Approved runs this process may work on (worker only).
    #[prost(message, tag = "26")]
    Runs(RunsQuestion),
    /// Facts the room needs of people and practices, by number (room only).
    #[prost(message, tag = "27")]
    RoomFacts(RoomFacts),
    /// The items a section entry covered, at its ledger index (room only).
    #[prost(message, tag = "28")]
    SectionAt(SectionAt),
    /// Where else is this person signed in?
    #[prost(message, tag = "29")]
    Sessions(WithToken),
    /// End other sessions of this person.
    #[prost(message, tag = "30")]
    EndSessions(EndSessions),
    /// By what can this person sign in?
    #[prost(message, tag = "31")]
    SignInWays(WithToken),
    /// Who reads this patient's own record beside them?
    #[prost(message, tag = "36")]
    Sharing(SharingQuestion),
    /// Who acts for this patient of the session's practice?
    #[prost(message, tag = "48")]
    Acting(ActingQuestion),
    /// Look at a recovery's code before using it; answered as an invitation is.
    #[prost(message, tag = "32")]
    RecoveryOpen(InvitationOpen),
    /// Make new ways to sign in with it.
    #[prost(message, tag = "33")]
    Recover(Register),
    /// What waits for a second person at this practice?
    #[prost(message, tag = "38")]
    Waiting(WithToken),
    /// What was erased after an index (worker only).
    #[prost(message, tag = "39")]
    Erased(ErasedQuestion),
    /// What is frozen, and what can be (room only, officers).
    #[prost(message, tag = "52")]
    Freezes(WithToken),
    /// Of what are people to be told (worker only)?
    #[prost(message, tag = "80")]
    NotificationsOwed(NotificationsQuestion),
    /// Somebody was told, or could not be (worker only).
    #[prost(message, tag = "81")]
    NotificationDone(NotificationDone),
    /// Which other record is one person's with this one, and what was opened by way of that (staff)?
    #[prost(message, tag = "65")]
    Merges(MergesQuestion),
    /// What was put in at this practice within a time, and by whom?
    #[prost(message, tag = "60")]
    Batches(BatchesQuestion),
    /// Which programs does the practice have, and what may they read (managers)?
    #[prost(message, tag = "72")]
    Clients(WithToken),
    /// What is a clinician's passkey to sign for an emergency opening?
    #[prost(message, tag = "70")]
    EmergencyStart(EmergencyStart),
}

/// The reply to the request of the same id.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Response {
    /// The request's id.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// What came of it.
    #[prost(
        oneof = "Reply",
        tags = "2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 27, 28, 29, 38, 42, 60, 65, 72, 80"
    )]
    pub reply: Option<Reply>,
}

/// The replies. A whole call that is refused answers `Refused`, whatever it asked.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Reply {
    /// The call is refused.
    #[prost(message, tag = "2")]
    Refused(Refused),
    /// Done; nothing to say.
    #[prost(message, tag = "3")]
    Done(Done),
    /// To `Status`.
    #[prost(message, tag = "4")]
    Status(Status),
    /// To `PasskeyStart`, `ActStart`, `EmergencyStart` and `InvitationOpen`: what the browser is to answer.
    #[prost(message, tag = "5")]
    Ceremony(Ceremony),
    /// To the sign-ins.
    #[prost(message, tag = "6")]
    SignedIn(SignedIn),
    /// To `Session`.
    #[prost(message, tag = "7")]
    Session(SessionView),
    /// To `Open`: one answer for each target, in order.
    #[prost(message, tag = "8")]
    Opened(Opened),
    /// To `Find`.
    #[prost(message, tag = "9")]
    Found(Found),
    /// To `History`.
    #[prost(message, tag = "10")]
    History(HistoryPage),
    /// To `Authorize`.
    #[prost(message, tag = "11")]
    Authorized(Authorized),
    /// To `Deposit`.
    #[prost(message, tag = "12")]
    Deposited(Deposited),
    /// To `Enrol`.
    #[prost(message, tag = "13")]
    Enrolled(Enrolled),
    /// To `Change` and `ActFinish`.
    #[prost(message, tag = "14")]
    Changed(Changed),
    /// To `InvitationOpen` and `RecoveryOpen`.
    #[prost(message, tag = "15")]
    Invitation(InvitationView),
    /// To `Register` and `Recover`.
    #[prost(message, tag = "16")]
    Registered(Registered),
    /// To `EntriesAfter`.
    #[prost(message, tag = "17")]
    Entries(Entries),
    /// To `Runs`.
    #[prost(message, tag = "18")]
    Runs(Runs),
    /// To `RoomFacts`.
    #[prost(message, tag = "19")]
    RoomFacts(RoomFactsAnswer),
    /// To `SectionAt`.
    #[prost(message, tag = "20")]
    SectionAt(SectionItems),
    /// To `Hello`.
    #[prost(message, tag = "21")]
    Welcome(Welcome),
    /// To `Sessions`.
    #[prost(message, tag = "22")]
    Sessions(SessionList),
    /// To `SignInWays`.
    #[prost(message, tag = "23")]
    SignInWays(SignInWays),
    /// To `Sharing`.
    #[prost(message, tag = "27")]
    Sharing(Sharing),
    /// To `Acting`.
    #[prost(message, tag = "38")]
    Acting(ActingList),
    /// To `Waiting`.
    #[prost(message, tag = "28")]
    Waiting(WaitingChanges),
    /// To `Erased`.
    #[prost(message, tag = "29")]
    Erased(ErasedItems),
    /// To `Freezes`.
    #[prost(message, tag = "42")]
    Freezes(Freezes),
    /// To `NotificationsOwed`.
    #[prost(message, tag = "80")]
    NotificationsOwed(OwedNotifications),
    /// To `Merges`.
    #[prost(message, tag = "65")]
    Merges(Merges),
    /// To `Batches`.
    #[prost(message, tag = "60")]
    Batches(Batches),
    /// To `Clients`.
    #[prost(message, tag = "72")]
    Clients(Clients),
}

/// A process introduces itself. Its credential was issued by the supervisor.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Hello {
    /// 32 secret bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub credential: Vec<u8>,
}

/// The process is known.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Welcome {
    /// The id of this process in the ledger; tokens are bound to it (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub instance: Vec<u8>,
    /// The installation (16 bytes); part of every context.
    #[prost(bytes = "vec", tag = "2")]
    pub installation: Vec<u8>,
    /// Fixed when the keeper's database was made.
    #[prost(bool, tag = "3")]
    pub demonstration: bool,
}

/// Asks for `Status`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StatusQuestion {}

/// How the keeper runs; nothing personal.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent state of the keeper"
)]
#[derive(Clone, PartialEq, prost::Message)]
pub struct Status {
    /// Entries committed.
    #[prost(uint64, tag = "1")]
    pub ledger_size: u64,
    /// The ledger can be written now.
    #[prost(bool, tag = "2")]
    pub ledger_writable: bool,
    /// Made as a demonstration.
    #[prost(bool, tag = "3")]
    pub demonstration: bool,
    /// The keeper shares its OS user with another part.
    #[prost(bool, tag = "4")]
    pub shares_user: bool,
    /// The whole installation is frozen.
    #[prost(bool, tag = "5")]
    pub frozen: bool,
    /// The calling instance is in proof mode.
    #[prost(bool, tag = "6")]
    pub proof_mode: bool,
    /// The last signed checkpoint, as text.
    #[prost(string, tag = "7")]
    pub checkpoint: String,
    /// The checkpoint key, as a C2SP verifier key.
    #[prost(string, tag = "8")]
    pub verifier_key: String,
    /// SHA-256 of the policy set.
    #[prost(bytes = "vec", tag = "9")]
    pub policy_hash: Vec<u8>,
    /// How the root key is kept: `key file`, `passphrase`, `token`.
    #[prost(string, tag = "10")]
    pub root_kind: String,
    /// Where entries are missing that were signed, and nothing opens: the first missing index.
    #[prost(uint64, tag = "11")]
    pub missing_from: u64,
    /// The first index after the missing ones; 0 where nothing is missing.
    #[prost(uint64, tag = "12")]
    pub missing_to: u64,
    /// The keeper's database shares its cluster, and so its owner, with other databases.
    #[prost(bool, tag = "13")]
    pub shares_cluster: bool,
    /// Budgets and thresholds that are set other than the design's.
    #[prost(message, repeated, tag = "14")]
    pub limits: Vec<Limit>,
    /// The keeper's memory stays out of swap.
    #[prost(bool, tag = "15")]
    pub memory_locked: bool,
    /// Who else sees the ledger grow; absent where no witness is configured.
    #[prost(message, optional, tag = "16")]
    pub witnessing: Option<Witnessing>,
    /// The token without which the root key does not open; absent where there is none.
    #[prost(message, optional, tag = "17")]
    pub token: Option<KeyToken>,
    /// A commit of the keeper's database waits for the disk.
    #[prost(bool, tag = "18")]
    pub waits_for_disk: bool,
    /// And for the disk of a second machine.
    #[prost(bool, tag = "19")]
    pub waits_for_standby: bool,
    /// How old the keys are that everything about people hangs on.
    #[prost(message, optional, tag = "44")]
    pub epoch_keys: Option<EpochKeys>,
    /// Of how many changes somebody could not be told by mail, at one of their addresses at least, in the last 31 days, as far
    /// as the worker has asked.
    #[prost(uint32, tag = "80")]
    pub notifications_missed: u32,
    /// Every entry was read since the keeper started, and gives what was signed. Of a long ledger that takes a while.
    #[prost(bool, tag = "81")]
    pub ledger_looked_through: bool,
}

/// The keys that everything about people hangs on. Times are microseconds; 0: not yet, or none.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EpochKeys {
    /// When the newest was made.
    #[prost(int64, tag = "1")]
    pub made_at: i64,
    /// How many there were.
    #[prost(uint32, tag = "2")]
    pub made: u32,
    /// After so many days the next is made.
    #[prost(uint32, tag = "3")]
    pub days: u32,
    /// Something still hangs on an older one, and is being moved.
    #[prost(bool, tag = "4")]
    pub is_moving: bool,
    /// How many older ones nothing hangs on, and wait to be destroyed.
    #[prost(uint32, tag = "5")]
    pub waiting: u32,
    /// When the next of these is destroyed.
    #[prost(int64, tag = "6")]
    pub destroyed_next: i64,
    /// When the last one was.
    #[prost(int64, tag = "7")]
    pub destroyed_last: i64,
}

/// A PKCS#11 token. It keeps no count of its own that its uses could be compared with.
#[derive(Clone, PartialEq, prost::Message)]
pub struct KeyToken {
    /// Its maker's name for what it is.
    #[prost(string, tag = "1")]
    pub model: String,
    /// How often this process used it; each is an entry.
    #[prost(uint64, tag = "2")]
    pub uses: u64,
    /// Why it cannot be used now, and nothing opens; empty while it can.
    #[prost(string, tag = "3")]
    pub trouble: String,
}

/// Who else sees the ledger grow, and what waits for them.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Witnessing {
    /// Every configured witness.
    #[prost(message, repeated, tag = "1")]
    pub witnesses: Vec<Witness>,
    /// How many must have cosigned; 0: nothing waits for them.
    #[prost(uint32, tag = "2")]
    pub quorum: u32,
    /// Most entries beyond the newest that so many cosigned, before nothing opens.
    #[prost(uint64, tag = "3")]
    pub most_entries: u64,
    /// Entries that so many cosigned, and at least one did.
    #[prost(uint64, tag = "4")]
    pub cosigned: u64,
    /// Nothing opens until they have seen more.
    #[prost(bool, tag = "5")]
    pub stops: bool,
}

/// A witness: what it has seen, as its own cosignature says.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Witness {
    /// What people call it.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its verifier key.
    #[prost(string, tag = "2")]
    pub key: String,
    /// Entries it has seen; 0 where none is known.
    #[prost(uint64, tag = "3")]
    pub size: u64,
    /// When, in Unix seconds of its own clock.
    #[prost(uint64, tag = "4")]
    pub at_seconds: u64,
    /// It saw so many entries of another past of this ledger; 0 where nothing is wrong.
    #[prost(uint64, tag = "5")]
    pub conflict: u64,
}

/// A budget or threshold that is set other than the design's.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Limit {
    /// Its name in `candour.json`, such as `budgets.staff.opened_hour`.
    #[prost(string, tag = "1")]
    pub name: String,
    /// What is set.
    #[prost(string, tag = "2")]
    pub value: String,
    /// The design's own.
    #[prost(string, tag = "3")]
    pub usual: String,
    /// The weakest that a real installation may have.
    #[prost(string, tag = "4")]
    pub bound: String,
    /// It is weaker than that: for demonstrations only.
    #[prost(bool, tag = "5")]
    pub is_beyond: bool,
}

/// A call whose only content is the token, and where it came from.
#[derive(Clone, PartialEq, prost::Message)]
pub struct WithToken {
    /// 32 secret bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// The browser's network; the portal's word.
    #[prost(string, tag = "2")]
    pub network: String,
}

/// The call is refused; nothing was changed and nothing released.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Refused {
    /// A [`crate::words::Reason`].
    #[prost(int32, tag = "1")]
    pub reason: i32,
    /// Seconds until it may succeed; 0 when that is unknown.
    #[prost(uint32, tag = "2")]
    pub retry_after_seconds: u32,
    /// The ledger entry of the refusal, when it has one of its own.
    #[prost(uint64, optional, tag = "3")]
    pub index: Option<u64>,
}

/// Done.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Done {}
