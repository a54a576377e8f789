//! Opening, finding, history, delivery.

/// Asks for keys. One round trip, one commit, an answer for each target.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Open {
    /// The session's token.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// A [`crate::words::Purpose`].
    #[prost(int32, tag = "2")]
    pub purpose: i32,
    /// What to open; at most 64.
    #[prost(message, repeated, tag = "3")]
    pub targets: Vec<Target>,
    /// The browser's network; the portal's word.
    #[prost(string, tag = "4")]
    pub network: String,
    /// For a run: what it is for; kept in the sealed body. Emergency access keeps the sentence that was signed instead.
    #[prost(string, tag = "5")]
    pub reason: String,
    /// For emergency access: the ceremony of its [`EmergencyStart`] (16 bytes).
    #[prost(bytes = "vec", tag = "70")]
    pub ceremony: Vec<u8>,
    /// What the passkey answered, as JSON. It opens what was signed, once.
    #[prost(string, tag = "71")]
    pub answer_json: String,
}

/// Begins an emergency opening: the passkey's challenge is the hash of exactly this. It opens nothing.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EmergencyStart {
    /// The session's token; no part of what is signed.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// Whose record (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub patient: Vec<u8>,
    /// The one document of it (16 bytes); empty for the sections.
    #[prost(bytes = "vec", tag = "3")]
    pub item: Vec<u8>,
    /// Why, in the clinician's words; at most 300 letters.
    #[prost(string, tag = "4")]
    pub words: String,
    /// Who the patient is, as the portal has it. The sentence says what the practice's own index confirms.
    #[prost(message, optional, tag = "5")]
    pub who: Option<FindTerms>,
    /// The browser's network, the portal's word; no part of what is signed.
    #[prost(string, tag = "6")]
    pub network: String,
}

/// One thing to open.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Target {
    /// Which kind of target.
    #[prost(oneof = "TargetKind", tags = "1, 2, 3, 4, 80")]
    pub kind: Option<TargetKind>,
}

/// The kinds of targets.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum TargetKind {
    /// One item: its id (16 bytes).
    #[prost(bytes, tag = "1")]
    Item(Vec<u8>),
    /// A section of one patient.
    #[prost(message, tag = "2")]
    Section(SectionOf),
    /// A practice's work, rows without sealed fields: the practice (16 bytes).
    #[prost(bytes, tag = "3")]
    Worklist(Vec<u8>),
    /// One member's section within a run.
    #[prost(message, tag = "4")]
    RunMember(RunMember),
    /// The addresses on which somebody is told of the entry at this index.
    #[prost(uint64, tag = "80")]
    Notification(u64),
}

/// A section of one patient.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SectionOf {
    /// The patient (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub patient: Vec<u8>,
    /// A [`crate::words::Section`].
    #[prost(int32, tag = "2")]
    pub section: i32,
}

/// A member of a run.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RunMember {
    /// The run (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub run: Vec<u8>,
    /// The member (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub patient: Vec<u8>,
    /// A [`crate::words::Section`]: identity or contact.
    #[prost(int32, tag = "3")]
    pub section: i32,
}

/// The answers, in the order of the targets.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Opened {
    /// One for each target.
    #[prost(message, repeated, tag = "1")]
    pub answers: Vec<TargetAnswer>,
}

/// Granted or denied.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TargetAnswer {
    /// Which.
    #[prost(oneof = "Outcome", tags = "1, 2")]
    pub outcome: Option<Outcome>,
}

/// The two outcomes; both are ledger entries.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Outcome {
    /// Keys.
    #[prost(message, tag = "1")]
    Granted(Granted),
    /// No keys.
    #[prost(message, tag = "2")]
    Denied(super::Refused),
}

/// Keys of what exists at this ledger index and this principal may see; nothing later, nothing hidden.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Granted {
    /// The ledger index of the grant.
    #[prost(uint64, tag = "1")]
    pub index: u64,
    /// The keys; one for an item, any number for a section.
    #[prost(message, repeated, tag = "2")]
    pub items: Vec<ItemGrant>,
    /// For a notification: the addresses that the account itself has.
    #[prost(message, repeated, tag = "3")]
    pub addresses: Vec<ToldAddress>,
}

/// An address where somebody is told of one entry.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ToldAddress {
    /// Names it (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    /// The address.
    #[prost(string, tag = "2")]
    pub address: String,
    /// The code by which it is to be confirmed; else empty.
    #[prost(string, tag = "3")]
    pub code: String,
}

/// The key of one item and what the keeper knows about it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ItemGrant {
    /// The item (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub item: Vec<u8>,
    /// Its key (32 secret bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub key: Vec<u8>,
    /// Of whom it is: the subject of its context (16 bytes).
    #[prost(bytes = "vec", tag = "3")]
    pub subject: Vec<u8>,
    /// Its version, from 1.
    #[prost(uint32, tag = "4")]
    pub version: u32,
    /// SHA-256 of its ciphertext (32 bytes); another one is refused on opening.
    #[prost(bytes = "vec", tag = "5")]
    pub ciphertext_digest: Vec<u8>,
    /// Length of its ciphertext in bytes.
    #[prost(uint64, tag = "6")]
    pub sealed_size: u64,
    /// The practice that deposited it (16 bytes).
    #[prost(bytes = "vec", tag = "7")]
    pub source_practice: Vec<u8>,
    /// A [`crate::words::ItemKind`].
    #[prost(int32, tag = "8")]
    pub kind: i32,
}

/// Looks people up among one practice's own patients; at most 10 hits, never a canary.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Find {
    /// The session's token.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub practice: Vec<u8>,
    /// What was typed: an NHI; a surname with a birth date; a surname with an initial; a phone number.
    #[prost(message, optional, tag = "3")]
    pub terms: Option<FindTerms>,
    /// A [`crate::words::Purpose`].
    #[prost(int32, tag = "4")]
    pub purpose: i32,
    /// The browser's network; the portal's word.
    #[prost(string, tag = "5")]
    pub network: String,
}

/// Search terms; the keeper normalises them (macrons, case, hyphens). Fill what one kind of search needs.
#[derive(Clone, PartialEq, prost::Message)]
pub struct FindTerms {
    /// An NHI number.
    #[prost(string, tag = "1")]
    pub nhi: String,
    /// A surname, or the start of one (three letters at least).
    #[prost(string, tag = "2")]
    pub surname: String,
    /// A first name or initial.
    #[prost(string, tag = "3")]
    pub given: String,
    /// `YYYY-MM-DD`.
    #[prost(string, tag = "4")]
    pub birth_date: String,
    /// A phone number in any spelling.
    #[prost(string, tag = "5")]
    pub phone: String,
}

/// Who was found; names come by one batched `Open` of the identity sections.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Found {
    /// The patients (16 bytes each), at most 10.
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub patients: Vec<Vec<u8>>,
    /// There were more than 10.
    #[prost(bool, tag = "2")]
    pub has_more: bool,
}

/// Asks who opened a patient's record.
#[derive(Clone, PartialEq, prost::Message)]
pub struct History {
    /// The session's token.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// The patient (16 bytes). Empty: the session's own practice, whose reopened budgets, erasures or recalls are listed.
    #[prost(bytes = "vec", tag = "2")]
    pub patient: Vec<u8>,
    /// Only entries with a smaller index; 0 for the newest.
    #[prost(uint64, tag = "3")]
    pub before: u64,
    /// At most this many; 200 at most.
    #[prost(uint32, tag = "4")]
    pub limit: u32,
    /// The browser's network; the portal's word.
    #[prost(string, tag = "5")]
    pub network: String,
    /// Receipts instead of words: for patients themselves, of every entry about them; refused to anybody else, whom the
    /// numbers would tell how much there is that they may not see.
    #[prost(bool, tag = "6")]
    pub receipts: bool,
    /// With an empty patient: a [`crate::words::EntryKind`], `Reopening`, `Shred` or `Recall`; 0 means `Reopening`.
    #[prost(int32, tag = "7")]
    pub kind: i32,
    /// With `Recall`: an event for each patient whom the recall with this ledger index concerned.
    #[prost(uint64, optional, tag = "60")]
    pub of: Option<u64>,
}

/// Entries of one patient, or of one practice, newest first.
#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoryPage {
    /// The entries the viewer may see.
    #[prost(message, repeated, tag = "1")]
    pub events: Vec<HistoryEvent>,
    /// There are older ones.
    #[prost(bool, tag = "2")]
    pub has_more: bool,
}

/// One opening, refusal or change as a viewer may see it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent thing that happened or did not"
)]
#[derive(Clone, PartialEq, prost::Message)]
pub struct HistoryEvent {
    /// Ledger index.
    #[prost(uint64, tag = "1")]
    pub index: u64,
    /// When.
    #[prost(int64, tag = "2")]
    pub at: i64,
    /// A [`crate::words::EntryKind`].
    #[prost(int32, tag = "3")]
    pub kind: i32,
    /// `true`: granted.
    #[prost(bool, tag = "4")]
    pub is_granted: bool,
    /// A [`crate::words::Purpose`]; 0 when there is none.
    #[prost(int32, tag = "5")]
    pub purpose: i32,
    /// A [`crate::words::Role`].
    #[prost(int32, tag = "6")]
    pub role: i32,
    /// The practice that acted (16 bytes), else empty.
    #[prost(bytes = "vec", tag = "7")]
    pub practice: Vec<u8>,
    /// The actor's name where the practice released it, else empty; its own manager sees it always.
    #[prost(string, tag = "8")]
    pub actor_name: String,
    /// The item (16 bytes), else empty.
    #[prost(bytes = "vec", tag = "9")]
    pub item: Vec<u8>,
    /// A [`crate::words::Section`] when a section was opened; 0 otherwise.
    #[prost(int32, tag = "10")]
    pub section: i32,
    /// How many items' keys were released. Of a reopening: how many it makes within a day by the same person.
    #[prost(uint32, tag = "11")]
    pub count: u32,
    /// The actor is the viewer.
    #[prost(bool, tag = "12")]
    pub is_viewer: bool,
    /// A first byte was sent, by the portal's word.
    #[prost(bool, tag = "13")]
    pub is_delivered: bool,
    /// Why a budget was reopened, in the actor's own words; of an erasure or recall the sentence that was signed; else
    /// empty.
    #[prost(string, tag = "14")]
    pub reason: String,
    /// Its receipt, when receipts were asked for: then there is nothing else but the index.
    #[prost(string, tag = "15")]
    pub receipt: String,
    /// Of an erasure, or of one patient whom a recall concerned: the patient (16 bytes); else empty.
    #[prost(bytes = "vec", tag = "16")]
    pub patient: Vec<u8>,
    /// Of an erasure: who began it; `actor_name` is the second person.
    #[prost(string, tag = "17")]
    pub author_name: String,
    /// Of the recovery of an account: a [`crate::words::RecoveryStep`]; else 0. `practice` is then whose counter it was.
    #[prost(int32, tag = "20")]
    pub recovery: i32,
    /// For an erasure: from when on no copy of the databases opens what was erased, microseconds; an estimate unless
    /// `is_final`.
    #[prost(int64, tag = "44")]
    pub final_at: i64,
    /// For an erasure: the keys that copies hang on were destroyed.
    #[prost(bool, tag = "45")]
    pub is_final: bool,
    /// That two records are one person's, or no longer: a [`crate::words::MergeStep`]; else 0.
    #[prost(int32, tag = "65")]
    pub merge: i32,
    /// It was opened by way of another record that was one person's with this one.
    #[prost(bool, tag = "66")]
    pub is_by_merge: bool,
    /// Of a recall: what it took back was not put back.
    #[prost(bool, tag = "60")]
    pub is_away: bool,
    /// Of one patient whom a recall concerned: how much of `count` somebody had opened.
    #[prost(uint32, tag = "61")]
    pub opened: u32,
    /// Of how much else somebody had seen the title in a list.
    #[prost(uint32, tag = "62")]
    pub listed: u32,
}

/// Asks leave for an action without content.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Authorize {
    /// The session's token.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// A [`crate::words::Action`].
    #[prost(int32, tag = "2")]
    pub action: i32,
    /// A [`crate::words::Purpose`].
    #[prost(int32, tag = "3")]
    pub purpose: i32,
    /// The patient it concerns (16 bytes), or empty.
    #[prost(bytes = "vec", tag = "4")]
    pub patient: Vec<u8>,
    /// What exactly, in a fixed word; kept in the sealed body.
    #[prost(string, tag = "5")]
    pub detail: String,
}

/// The action may be done; it is on the ledger.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Authorized {
    /// Ledger index.
    #[prost(uint64, tag = "1")]
    pub index: u64,
}

/// First bytes that were sent; the portal's word. Sent in batches, safe to repeat.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Delivered {
    /// Ledger indexes of the grants.
    #[prost(uint64, repeated, tag = "1")]
    pub grants: Vec<u64>,
}
