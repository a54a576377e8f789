//! Facts about the recovery of an account at the counter of a practice.

/// An account is being recovered. There is one at a time.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Recovery {
    /// At whose counter (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// The patient whose account it is: the token.
    #[prost(bytes = "vec", tag = "2")]
    pub patient: Vec<u8>,
    /// Names it: the token of its code.
    #[prost(bytes = "vec", tag = "3")]
    pub code: Vec<u8>,
    /// When the code can no longer be used.
    #[prost(int64, tag = "4")]
    pub until: i64,
    /// When what was made with the code is new no more, and the older ways end; 0 while it was not used.
    #[prost(int64, tag = "5")]
    pub opens_from: i64,
    /// Who began it: the person's token.
    #[prost(bytes = "vec", tag = "6")]
    pub begun_by: Vec<u8>,
    /// When the code was given out.
    #[prost(int64, tag = "7")]
    pub allowed_at: i64,
}

/// A recovery is over, or was stopped.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RecoveryEnded {
    /// At whose counter it was (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// The token of its code.
    #[prost(bytes = "vec", tag = "2")]
    pub code: Vec<u8>,
    /// What it made ended, and not the older ways.
    #[prost(bool, tag = "3")]
    pub is_stopped: bool,
}
