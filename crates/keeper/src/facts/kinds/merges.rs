//! Facts about two records of one person.

/// The patient is one person with another record: a link, on both sides. It ends by `End`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Merged {
    /// The other patient's token.
    #[prost(bytes = "vec", tag = "1")]
    pub other: Vec<u8>,
    /// This record's number stays (FHIR `replaces`); else it is the other's (`replaced-by`).
    #[prost(bool, tag = "2")]
    pub stays: bool,
    /// The practice (16 bytes) that noted it.
    #[prost(bytes = "vec", tag = "3")]
    pub practice: Vec<u8>,
    /// When what other practices put in opens by way of it; 0 at once.
    #[prost(int64, tag = "4")]
    pub opens_from: i64,
    /// What was opened by way of it has this ledger index or a later one.
    #[prost(uint64, tag = "5")]
    pub from: u64,
    /// Why, sealed.
    #[prost(bytes = "vec", tag = "6")]
    pub sealed_reason: Vec<u8>,
}

/// It was, and is no longer. The numbers are those of the moment at which it was ended.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MergeEnded {
    /// What ended.
    #[prost(message, optional, tag = "1")]
    pub merged: Option<Merged>,
    /// When that began.
    #[prost(int64, tag = "2")]
    pub since: i64,
    /// They are two people.
    #[prost(bool, tag = "3")]
    pub are_two_people: bool,
    /// The patient ended it, and no practice.
    #[prost(bool, tag = "4")]
    pub by_patient: bool,
    /// How many items of either record were opened by way of it.
    #[prost(uint32, tag = "5")]
    pub items: u32,
    /// By how many people.
    #[prost(uint32, tag = "6")]
    pub people: u32,
    /// How many times they looked at who had opened the record.
    #[prost(uint32, tag = "7")]
    pub histories: u32,
    /// Why, sealed; of nothing where nothing was said.
    #[prost(bytes = "vec", tag = "8")]
    pub sealed_reason: Vec<u8>,
}
