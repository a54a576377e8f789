//! Facts about which policies are in force.

/// One file of policies.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PolicyFile {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its text.
    #[prost(string, tag = "2")]
    pub text: String,
}

/// A policy set that two operators put in force.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Policies {
    /// Its files, by name; none: the set that is part of the keeper's program, whichever version runs.
    #[prost(message, repeated, tag = "1")]
    pub files: Vec<PolicyFile>,
    /// SHA-256 of the set (32 bytes), as in every grant.
    #[prost(bytes = "vec", tag = "2")]
    pub hash: Vec<u8>,
    /// SHA-256 of the schema that it was validated against (32 bytes).
    #[prost(bytes = "vec", tag = "3")]
    pub schema: Vec<u8>,
    /// What both operators agreed to: digest of both sets and of what opens and closes (32 bytes).
    #[prost(bytes = "vec", tag = "4")]
    pub difference: Vec<u8>,
}

/// A policy set that one operator proposes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PoliciesProposed {
    /// The set.
    #[prost(message, optional, tag = "1")]
    pub policies: Option<Policies>,
    /// Which operator, by their code's place on the list of both.
    #[prost(uint32, tag = "2")]
    pub operator: u32,
    /// When it can no longer be confirmed.
    #[prost(int64, tag = "3")]
    pub until: i64,
}
