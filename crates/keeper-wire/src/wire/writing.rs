//! Enrolling, depositing, sealing.

/// Asks for keys of new items; at most 512. Writing never releases a reading key.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Deposit {
    /// The session's token.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// The new items.
    #[prost(message, repeated, tag = "2")]
    pub items: Vec<NewItem>,
}

/// One new item.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NewItem {
    /// The depositor's own key (16 bytes): the same key gives the same item again until it is sealed.
    #[prost(bytes = "vec", tag = "1")]
    pub deposit_key: Vec<u8>,
    /// Of whom (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub patient: Vec<u8>,
    /// A [`crate::words::ItemKind`].
    #[prost(int32, tag = "3")]
    pub kind: i32,
    /// A [`crate::words::Section`].
    #[prost(int32, tag = "4")]
    pub section: i32,
    /// [`crate::words::Tag`]s.
    #[prost(int32, repeated, tag = "5")]
    pub tags: Vec<i32>,
    /// Month of the content as year × 12 + (month − 1); 0 when unknown.
    #[prost(uint32, tag = "6")]
    pub month: u32,
    /// The document a shelf segment names (16 bytes), else empty; both become visible and vanish together.
    #[prost(bytes = "vec", tag = "7")]
    pub of_document: Vec<u8>,
}

/// The keys, in the order of the items.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Deposited {
    /// One for each item.
    #[prost(message, repeated, tag = "1")]
    pub items: Vec<DepositGrant>,
}

/// The key of one new item.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DepositGrant {
    /// The item (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub item: Vec<u8>,
    /// Its key (32 secret bytes); empty when the item is already sealed, and nothing more is to be done.
    #[prost(bytes = "vec", tag = "2")]
    pub key: Vec<u8>,
    /// The subject of its context (16 bytes).
    #[prost(bytes = "vec", tag = "3")]
    pub subject: Vec<u8>,
    /// Its version.
    #[prost(uint32, tag = "4")]
    pub version: u32,
    /// For identity and contact blocks: the key sealed to the room's public key, to be stored beside the ciphertext.
    #[prost(bytes = "vec", tag = "5")]
    pub room_wrap: Vec<u8>,
    /// Refused: a [`crate::words::Reason`]; 0 when granted.
    #[prost(int32, tag = "6")]
    pub refused: i32,
}

/// These deposits are stored durably; make them visible. Safe to repeat.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Sealed {
    /// The session's token.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// What was stored.
    #[prost(message, repeated, tag = "2")]
    pub items: Vec<SealedItem>,
}

/// One stored deposit; digests are the depositor's word.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SealedItem {
    /// The item (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub item: Vec<u8>,
    /// Length of the ciphertext in bytes.
    #[prost(uint64, tag = "2")]
    pub sealed_size: u64,
    /// SHA-256 of the ciphertext (32 bytes).
    #[prost(bytes = "vec", tag = "3")]
    pub ciphertext_digest: Vec<u8>,
    /// SHA-256 of the plaintext (32 bytes); the keeper keeps only a keyed hash of it.
    #[prost(bytes = "vec", tag = "4")]
    pub plaintext_digest: Vec<u8>,
}

/// Enrols people at the session's practice; at most 512. Opens nothing of another practice.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Enrol {
    /// The session's token.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// The people.
    #[prost(message, repeated, tag = "2")]
    pub people: Vec<NewEnrolment>,
}

/// One person to enrol. Matched by live or dormant NHI with agreeing birth date, never by name.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NewEnrolment {
    /// The caller's own key (16 bytes): the same key gives the same patient again.
    #[prost(bytes = "vec", tag = "1")]
    pub enrolment_key: Vec<u8>,
    /// Live NHI, or empty.
    #[prost(string, tag = "2")]
    pub nhi: String,
    /// Dormant NHIs.
    #[prost(string, repeated, tag = "3")]
    pub dormant_nhis: Vec<String>,
    /// `YYYY-MM-DD`.
    #[prost(string, tag = "4")]
    pub birth_date: String,
    /// For this practice's name index; not stored.
    #[prost(string, tag = "5")]
    pub surname: String,
    /// For this practice's name index; not stored.
    #[prost(string, tag = "6")]
    pub given: String,
    /// For this practice's name index; not stored.
    #[prost(string, repeated, tag = "7")]
    pub phones: Vec<String>,
    /// The patient has died.
    #[prost(bool, tag = "8")]
    pub is_deceased: bool,
    /// Nothing may be sent to the address or mailbox.
    #[prost(bool, tag = "9")]
    pub is_unsafe_to_write: bool,
    /// Region, from the closed list of the practice directory.
    #[prost(string, tag = "10")]
    pub region: String,
    /// Country as ISO 3166-1 alpha-2.
    #[prost(string, tag = "11")]
    pub country: String,
    /// The patient left this practice on that day (`YYYY-MM-DD`), or empty.
    #[prost(string, tag = "12")]
    pub left_on: String,
}

/// The answers, in order.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Enrolled {
    /// One for each person.
    #[prost(message, repeated, tag = "1")]
    pub people: Vec<EnrolledPerson>,
}

/// One enrolled person; never says whether they were known elsewhere.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EnrolledPerson {
    /// The patient (16 bytes); empty when refused.
    #[prost(bytes = "vec", tag = "1")]
    pub patient: Vec<u8>,
    /// Refused: a [`crate::words::Reason`]; 0 when enrolled.
    #[prost(int32, tag = "2")]
    pub refused: i32,
}

/// The worker asks what was erased, so that the ciphertext goes too.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ErasedQuestion {
    /// Only by entries with a greater index; 0 for all.
    #[prost(uint64, tag = "1")]
    pub after: u64,
}

/// What was erased, in the order of the ledger.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ErasedItems {
    /// The items (16 bytes each).
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub items: Vec<Vec<u8>>,
    /// Everything up to and with this entry is in the answers so far: ask on from here.
    #[prost(uint64, tag = "2")]
    pub up_to: u64,
}
