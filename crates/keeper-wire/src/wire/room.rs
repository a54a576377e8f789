//! What the incident room gets.

/// Asks for committed entries after an index; waits up to `wait_ms` when there are none.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntriesAfter {
    /// Entries with an index greater than or equal to this.
    #[prost(uint64, tag = "1")]
    pub from: u64,
    /// At most this many; 2,000 at most.
    #[prost(uint32, tag = "2")]
    pub limit: u32,
    /// Milliseconds to wait for the first; 10,000 at most.
    #[prost(uint32, tag = "3")]
    pub wait_ms: u32,
}

/// Entries in index order, without gap.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Entries {
    /// The entries.
    #[prost(message, repeated, tag = "1")]
    pub entries: Vec<EntryRow>,
    /// Hourly keys that wrap the bodies for the room, each sealed to the room's public key, that `entries` need.
    #[prost(message, repeated, tag = "2")]
    pub keys: Vec<RoomHourKey>,
}

/// The narrow row and the sealed body of one entry. Surrogates are 0 where there is none.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntryRow {
    /// Position in the ledger, from 0.
    #[prost(uint64, tag = "1")]
    pub index: u64,
    /// When it was written.
    #[prost(int64, tag = "2")]
    pub at: i64,
    /// A [`crate::words::EntryKind`].
    #[prost(int32, tag = "3")]
    pub kind: i32,
    /// 0 granted; else the [`crate::words::Reason`] of the refusal. For an alarm: the rule's number.
    #[prost(int32, tag = "4")]
    pub decision: i32,
    /// A [`crate::words::Purpose`], or 0.
    #[prost(int32, tag = "5")]
    pub purpose: i32,
    /// A [`crate::words::Role`].
    #[prost(int32, tag = "6")]
    pub role: i32,
    /// The practice that acted (16 bytes), or empty.
    #[prost(bytes = "vec", tag = "7")]
    pub practice: Vec<u8>,
    /// A [`crate::words::ItemKind`], or 0.
    #[prost(int32, tag = "8")]
    pub item_kind: i32,
    /// Surrogate of the session.
    #[prost(sfixed64, tag = "9")]
    pub session: i64,
    /// Surrogate of the principal.
    #[prost(sfixed64, tag = "10")]
    pub principal: i64,
    /// Surrogate of the patient.
    #[prost(sfixed64, tag = "11")]
    pub patient: i64,
    /// Surrogate of the item.
    #[prost(sfixed64, tag = "12")]
    pub item: i64,
    /// The leaf hash (32 bytes).
    #[prost(bytes = "vec", tag = "13")]
    pub leaf: Vec<u8>,
    /// The sealed body.
    #[prost(bytes = "vec", tag = "14")]
    pub body: Vec<u8>,
    /// The body's key, wrapped by the hour's key.
    #[prost(bytes = "vec", tag = "15")]
    pub room_wrap: Vec<u8>,
    /// Which hour's key.
    #[prost(uint32, tag = "16")]
    pub hour: u32,
}

/// A key that wraps bodies during one hour.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RoomHourKey {
    /// Number of the key.
    #[prost(uint32, tag = "1")]
    pub hour: u32,
    /// HPKE to the room's public key.
    #[prost(bytes = "vec", tag = "2")]
    pub sealed: Vec<u8>,
}

/// The plaintext of an entry's body (`docs/formats/entries.md`).
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntryBody {
    /// The principal (16 bytes), or empty.
    #[prost(bytes = "vec", tag = "1")]
    pub principal: Vec<u8>,
    /// The patient (16 bytes), or empty.
    #[prost(bytes = "vec", tag = "2")]
    pub patient: Vec<u8>,
    /// The item (16 bytes), or empty.
    #[prost(bytes = "vec", tag = "3")]
    pub item: Vec<u8>,
    /// A [`crate::words::Section`], or 0.
    #[prost(int32, tag = "4")]
    pub section: i32,
    /// How many items' keys were released.
    #[prost(uint32, tag = "5")]
    pub count: u32,
    /// SHA-256 over the sorted ids of those items.
    #[prost(bytes = "vec", tag = "6")]
    pub items_digest: Vec<u8>,
    /// The practice that deposited the item (16 bytes), or empty.
    #[prost(bytes = "vec", tag = "7")]
    pub source_practice: Vec<u8>,
    /// The browser's network; the portal's word.
    #[prost(string, tag = "8")]
    pub network: String,
    /// The instance (16 bytes).
    #[prost(bytes = "vec", tag = "9")]
    pub instance: Vec<u8>,
    /// For `Delivered` and `Withheld`: the grant's index. For `Recall` and `RecallEnded` about a patient: the act's.
    #[prost(uint64, tag = "10")]
    pub of_grant: u64,
    /// This patient's counter, from 1; a gap is a missing entry.
    #[prost(uint64, tag = "11")]
    pub patient_sequence: u64,
    /// SHA-256 of this patient's previous canonical entry (32 bytes), or empty.
    #[prost(bytes = "vec", tag = "12")]
    pub patient_previous: Vec<u8>,
    /// The deciding policy's id.
    #[prost(string, tag = "13")]
    pub policy: String,
    /// SHA-256 of the policy set (32 bytes).
    #[prost(bytes = "vec", tag = "14")]
    pub policy_hash: Vec<u8>,
    /// For a change: the whole new fact row. For an alarm: its numbers. Plain prost bytes.
    #[prost(bytes = "vec", tag = "15")]
    pub details: Vec<u8>,
    /// A sentence, where there is one: an alarm's words, a reason given.
    #[prost(string, tag = "16")]
    pub text: String,
    /// Keyed hash of the plaintext (for `Sealed`), which a leaked file can be matched against.
    #[prost(bytes = "vec", tag = "17")]
    pub match_value: Vec<u8>,
    /// Random bytes that salt the commitment (32 bytes).
    #[prost(bytes = "vec", tag = "18")]
    pub salt: Vec<u8>,
    /// The session was signed in by what a recovery made at the counter of this practice (16 bytes), before it was over.
    #[prost(bytes = "vec", tag = "20")]
    pub recovered_at: Vec<u8>,
    /// Of what somebody is to be told: a [`crate::words::Notification`], or 0.
    #[prost(int32, tag = "80")]
    pub owes: i32,
    /// Who: the token of a patient, or of a person whose own record has the address (16 bytes), or empty.
    #[prost(bytes = "vec", tag = "81")]
    pub owed_to: Vec<u8>,
    /// Somebody is told of the entry at this index: an address was opened for it, or the mail went; else 0.
    #[prost(uint64, tag = "82")]
    pub told_of: u64,
    /// It was within reach by way of this patient's record (16 bytes), which was one person's with the entry's patient's.
    #[prost(bytes = "vec", tag = "65")]
    pub merged_with: Vec<u8>,
    /// Of a sign-in: how the browser described itself, the portal's word; its first 300 letters.
    #[prost(string, tag = "70")]
    pub client: String,
}

/// The numbers of an alarm: [`EntryBody::details`] of an `Alarm` entry.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AlarmDetails {
    /// The rule's number, as in the row's decision.
    #[prost(uint32, tag = "1")]
    pub rule: u32,
    /// Its word, as in `candour_rules::detect::Rule`, lower case with underscores.
    #[prost(string, tag = "2")]
    pub rule_word: String,
    /// Counted.
    #[prost(uint32, tag = "3")]
    pub counted: u32,
    /// Counted at which the rule speaks.
    #[prost(uint32, tag = "4")]
    pub threshold: u32,
    /// Within how many milliseconds.
    #[prost(uint64, tag = "5")]
    pub within_ms: u64,
    /// Documents and sections opened so far by whom it is about.
    #[prost(uint32, tag = "6")]
    pub documents: u32,
    /// Patients opened so far by whom it is about.
    #[prost(uint32, tag = "7")]
    pub people: u32,
    /// An incident is to be opened.
    #[prost(bool, tag = "8")]
    pub opens_incident: bool,
    /// A human is to be woken.
    #[prost(bool, tag = "9")]
    pub pages: bool,
    /// Surrogate of the instance, or 0.
    #[prost(sfixed64, tag = "10")]
    pub instance: i64,
}

/// What a section's opening covered: [`EntryBody::details`] of an `Open` entry of a section.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SectionScope {
    /// Items visible from before this ledger index on.
    #[prost(uint64, tag = "1")]
    pub as_of: u64,
    /// Only what this practice deposited (16 bytes); empty: whatever practice deposited it.
    #[prost(bytes = "vec", tag = "2")]
    pub practice: Vec<u8>,
    /// Sensitivity tags that were left out: sets of tags, each with bit n − 1 for tag n.
    #[prost(uint32, repeated, tag = "3")]
    pub hidden_tags: Vec<u32>,
    /// The patient's own rules had a part in it: `items` names them one by one, and nothing else counts.
    #[prost(bool, tag = "4")]
    pub is_by_rules: bool,
    /// The items (16 bytes each), in order.
    #[prost(bytes = "vec", repeated, tag = "5")]
    pub items: Vec<Vec<u8>>,
}

/// Asks facts about patients by id, for routing notices.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RoomFacts {
    /// Patients (16 bytes each), at most 1,000.
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub patients: Vec<Vec<u8>>,
}

/// The facts, in order.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RoomFactsAnswer {
    /// One for each patient asked.
    #[prost(message, repeated, tag = "1")]
    pub patients: Vec<PatientFacts>,
}

/// What the keeper knows in clear about a patient.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one column of the keeper, told as it stands"
)]
#[derive(Clone, PartialEq, prost::Message)]
pub struct PatientFacts {
    /// The patient (16 bytes); empty when unknown.
    #[prost(bytes = "vec", tag = "1")]
    pub patient: Vec<u8>,
    /// The patient has died.
    #[prost(bool, tag = "2")]
    pub is_deceased: bool,
    /// Nothing may be sent to the address or mailbox.
    #[prost(bool, tag = "3")]
    pub is_unsafe_to_write: bool,
    /// Birth year.
    #[prost(int32, tag = "4")]
    pub birth_year: i32,
    /// Region.
    #[prost(string, tag = "5")]
    pub region: String,
    /// Country as ISO 3166-1 alpha-2.
    #[prost(string, tag = "6")]
    pub country: String,
    /// Practices (16 bytes each) the patient is enrolled at now.
    #[prost(bytes = "vec", repeated, tag = "7")]
    pub practices: Vec<Vec<u8>>,
    /// The patient has an account.
    #[prost(bool, tag = "8")]
    pub has_account: bool,
    /// People (16 bytes each) who are proxies now.
    #[prost(bytes = "vec", repeated, tag = "9")]
    pub proxies: Vec<Vec<u8>>,
    /// The patient is a canary of the keeper.
    #[prost(bool, tag = "10")]
    pub is_canary: bool,
}

/// Asks which items a section entry covered.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SectionAt {
    /// The entry's index.
    #[prost(uint64, tag = "1")]
    pub index: u64,
    /// Whose section it was (16 bytes): only who could read the entry's body can ask.
    #[prost(bytes = "vec", tag = "2")]
    pub patient: Vec<u8>,
}

/// The items; their digest equals the entry's.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SectionItems {
    /// Item ids (16 bytes each), sorted.
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub items: Vec<Vec<u8>>,
}
