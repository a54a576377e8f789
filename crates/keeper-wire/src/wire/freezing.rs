//! What is frozen, for the officers in the room.

use super::WaitingChange;

/// What is frozen, what waits for a second officer, and what else can be frozen by name.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Freezes {
    /// Everything frozen, and every instance in proof mode, oldest first.
    #[prost(message, repeated, tag = "1")]
    pub frozen: Vec<FrozenRung>,
    /// Every process that may call and every practice, frozen or not.
    #[prost(message, repeated, tag = "2")]
    pub known: Vec<NamedRung>,
    /// What is to be let go and waits for a second officer.
    #[prost(message, repeated, tag = "3")]
    pub waiting: Vec<WaitingChange>,
}

/// One rung, and what to call it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NamedRung {
    /// A [`crate::words::Level`].
    #[prost(int32, tag = "1")]
    pub level: i32,
    /// As in [`super::FreezeChange`].
    #[prost(sfixed64, tag = "2")]
    pub surrogate: i64,
    /// The name of the practice or process; empty where it has none.
    #[prost(string, tag = "3")]
    pub name: String,
}

/// Something frozen.
#[derive(Clone, PartialEq, prost::Message)]
pub struct FrozenRung {
    /// What.
    #[prost(message, optional, tag = "1")]
    pub what: Option<NamedRung>,
    /// Since when.
    #[prost(int64, tag = "2")]
    pub since: i64,
    /// Why, as whoever froze it wrote it; empty where a rule did.
    #[prost(string, tag = "3")]
    pub reason: String,
    /// The rule of detection, as in an alarm's row; 0 where a person did.
    #[prost(uint32, tag = "4")]
    pub rule: u32,
    /// It was done in a session, and not at the keeper's machine.
    #[prost(bool, tag = "5")]
    pub is_by_session: bool,
    /// Whose session it was, where the operator named them.
    #[prost(string, tag = "6")]
    pub by_name: String,
}
