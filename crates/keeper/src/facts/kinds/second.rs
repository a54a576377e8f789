//! Facts about what two people of a practice do.

/// What a practice deposited was erased. It opens nothing from then on, whatever the item's own row says.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Erased {
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// The document's token, with what names it; empty: everything the practice deposited.
    #[prost(bytes = "vec", tag = "2")]
    pub item: Vec<u8>,
    /// What became visible at this ledger index or later stays.
    #[prost(uint64, tag = "3")]
    pub before: u64,
    /// Who began it: the person's token.
    #[prost(bytes = "vec", tag = "4")]
    pub begun_by: Vec<u8>,
}

/// A practice must keep what it deposited: nothing of it is erased while this stands.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Hold {
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// Why, sealed.
    #[prost(bytes = "vec", tag = "2")]
    pub sealed_reason: Vec<u8>,
}

/// A change waits for a second person of a practice.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Waits {
    /// The pending change's token.
    #[prost(bytes = "vec", tag = "1")]
    pub pending: Vec<u8>,
    /// When it can no longer be approved.
    #[prost(int64, tag = "2")]
    pub until: i64,
}
