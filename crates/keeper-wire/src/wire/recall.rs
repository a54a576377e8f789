//! Taking back what somebody of a practice put in, as one batch, and putting it back.

/// Asks what was put in at the session's own practice within a time, and by whom.
#[derive(Clone, PartialEq, prost::Message)]
pub struct BatchesQuestion {
    /// The session's token.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// What became visible then or later.
    #[prost(int64, tag = "2")]
    pub from: i64,
    /// And before.
    #[prost(int64, tag = "3")]
    pub until: i64,
    /// The browser's network; the portal's word.
    #[prost(string, tag = "4")]
    pub network: String,
}

/// What was put in, in one batch for each who did.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Batches {
    /// Entries before this ledger index were looked at.
    #[prost(uint64, tag = "1")]
    pub as_of: u64,
    /// The largest first; none for whom nothing could be taken back.
    #[prost(message, repeated, tag = "2")]
    pub batches: Vec<Batch>,
}

/// What one person or program put in within a time, as far as it can be taken back and was not yet. Names and addresses
/// are not among it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Batch {
    /// Who (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub depositor: Vec<u8>,
    /// It is one of the practice's programs.
    #[prost(bool, tag = "2")]
    pub is_program: bool,
    /// The name in the practice's lists; may be empty.
    #[prost(string, tag = "3")]
    pub name: String,
    /// How many documents, messages and parts of records; a document and its line on the shelf are one.
    #[prost(uint32, tag = "4")]
    pub items: u32,
    /// Of how many patients.
    #[prost(uint32, tag = "5")]
    pub patients: u32,
    /// How many of them somebody opened.
    #[prost(uint32, tag = "6")]
    pub opened: u32,
    /// Of how many others somebody saw the title in a list.
    #[prost(uint32, tag = "7")]
    pub listed: u32,
    /// SHA-256 over the ids of all items, sorted (32 bytes).
    #[prost(bytes = "vec", tag = "8")]
    pub digest: Vec<u8>,
}

/// Takes a batch back.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Recall {
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// The batch as it was shown. Depositor and digest say which; the keeper fills in the rest, whatever was sent.
    #[prost(message, optional, tag = "2")]
    pub batch: Option<Batch>,
    /// As in [`BatchesQuestion`].
    #[prost(int64, tag = "3")]
    pub from: i64,
    /// As in [`BatchesQuestion`].
    #[prost(int64, tag = "4")]
    pub until: i64,
    /// As in [`Batches`]: nothing later is taken back.
    #[prost(uint64, tag = "5")]
    pub as_of: u64,
    /// Why; part of what is signed, kept in the sealed body. 1 to 300 characters.
    #[prost(string, tag = "6")]
    pub reason: String,
}

/// Puts a batch back.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EndRecall {
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// The ledger index of the entry that took it back.
    #[prost(uint64, tag = "2")]
    pub recall: u64,
    /// Why; part of what is signed, kept in the sealed body. 1 to 300 characters.
    #[prost(string, tag = "3")]
    pub reason: String,
    /// The sentence by which it was taken back, filled in by the keeper, whatever was sent.
    #[prost(string, tag = "4")]
    pub text: String,
}

/// What of one patient was taken back or put back: the details of the entry that says so to them.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RecalledParts {
    /// Each item.
    #[prost(message, repeated, tag = "1")]
    pub parts: Vec<RecalledPart>,
    /// As in [`Batch`], of this patient.
    #[prost(uint32, tag = "2")]
    pub opened: u32,
    /// As in [`Batch`], of this patient.
    #[prost(uint32, tag = "3")]
    pub listed: u32,
}

/// One item that was taken back or put back.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RecalledPart {
    /// The item (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub item: Vec<u8>,
    /// A [`crate::words::Section`].
    #[prost(int32, tag = "2")]
    pub section: i32,
}
