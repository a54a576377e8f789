//! Telling people of a change on the channels they had before it.

/// Asks of what people are to be told.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NotificationsQuestion {}

/// What people are to be told of: entries of the last day that nobody was told of, oldest first.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OwedNotifications {
    /// The token that opens the addresses, and nothing else.
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    /// Each of them.
    #[prost(message, repeated, tag = "2")]
    pub owed: Vec<OwedNotification>,
}

/// Somebody is to be told of one entry. Who it is stands nowhere in it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OwedNotification {
    /// The entry's index.
    #[prost(uint64, tag = "1")]
    pub index: u64,
    /// When it was written.
    #[prost(int64, tag = "2")]
    pub at: i64,
    /// A [`crate::words::Notification`].
    #[prost(int32, tag = "3")]
    pub what: i32,
    /// The contact blocks with the addresses, and the account's own addresses (16 bytes each); none where nothing is to be
    /// written.
    #[prost(bytes = "vec", repeated, tag = "4")]
    pub items: Vec<Vec<u8>>,
}

/// What became of it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NotificationDone {
    /// The entry's index.
    #[prost(uint64, tag = "1")]
    pub index: u64,
    /// A [`crate::words::Telling`].
    #[prost(int32, tag = "2")]
    pub outcome: i32,
}
