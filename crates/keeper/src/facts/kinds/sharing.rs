//! Facts about who reads a record beside its patient.

/// Something is kept from a practice, or from one person.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Restriction {
    /// The practice (16 bytes); empty where it is one person.
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// The person's token; empty where it is a practice.
    #[prost(bytes = "vec", tag = "2")]
    pub person: Vec<u8>,
    /// What.
    #[prost(message, optional, tag = "3")]
    pub what: Option<RecordPart>,
    /// Whom and what in words, sealed.
    #[prost(bytes = "vec", tag = "4")]
    pub sealed_words: Vec<u8>,
    /// Whoever made it for a child: the person's token; empty where the patient did.
    #[prost(bytes = "vec", tag = "5")]
    pub by: Vec<u8>,
}

/// Something is shared with a practice that did not put it in.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Share {
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// What.
    #[prost(message, optional, tag = "2")]
    pub what: Option<RecordPart>,
    /// What is marked sensitive too.
    #[prost(bool, tag = "3")]
    pub with_sensitive: bool,
    /// When it ends; 0 without end.
    #[prost(int64, tag = "4")]
    pub until: i64,
    /// Whom and what in words, sealed.
    #[prost(bytes = "vec", tag = "5")]
    pub sealed_words: Vec<u8>,
}

/// One document, one segment, one section, or the whole of a record.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RecordPart {
    /// The section, also of one segment; 0 where it is one document, or everything.
    #[prost(int32, tag = "1")]
    pub section: i32,
    /// The segment's token, or the document's with what names it; else empty.
    #[prost(bytes = "vec", tag = "2")]
    pub item: Vec<u8>,
}

/// Whether a patient's address is seen by nobody but them and the practice that put it in.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AddressProtection {
    /// It is.
    #[prost(bool, tag = "1")]
    pub is_protected: bool,
    /// The account said so, and no practice.
    #[prost(bool, tag = "2")]
    pub by_account: bool,
}

/// A practice invited somebody to act for the patient, and nobody has accepted yet.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ProxyInvited {
    /// The invitation's token.
    #[prost(bytes = "vec", tag = "1")]
    pub invitation: Vec<u8>,
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub practice: Vec<u8>,
    /// When it can no longer be accepted.
    #[prost(int64, tag = "3")]
    pub until: i64,
}
