//! A practice's clients: its programs, which put in and enrol, and read what two of its people let them.

/// A client of a practice: deposit and enrol, and no read before it is let.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AddClient {
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// Its name in lists.
    #[prost(string, tag = "2")]
    pub name: String,
}

/// What a client may read of what its practice put in about patients who are enrolled there; never what is sensitive.
#[derive(Clone, PartialEq, prost::Message)]
pub struct LetClientRead {
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// The client (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub client: Vec<u8>,
    /// Its name in lists, as it stands in the sentence; refused where it has another.
    #[prost(string, tag = "3")]
    pub name: String,
    /// Sections, at least one; documents belong to the shelf.
    #[prost(int32, repeated, tag = "4")]
    pub sections: Vec<i32>,
    /// The end, in microseconds; at most a year away.
    #[prost(int64, tag = "5")]
    pub until: i64,
    /// What for; 1 to 300 characters.
    #[prost(string, tag = "6")]
    pub reason: String,
    /// Since when it is there, in microseconds; refused where that is another time.
    #[prost(int64, tag = "7")]
    pub since: i64,
    /// How many facts there were of it when it was looked at ([`ClientView::version`]); refused where there are more.
    #[prost(int64, tag = "8")]
    pub version: i64,
}

/// Ends a client, or what it may read.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EndClient {
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// The client (16 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub client: Vec<u8>,
    /// Its name in lists, as in [`LetClientRead`].
    #[prost(string, tag = "3")]
    pub name: String,
    /// It goes on putting in; only its reading ends.
    #[prost(bool, tag = "4")]
    pub only_reading: bool,
    /// Since when it is there, as in [`LetClientRead`].
    #[prost(int64, tag = "5")]
    pub since: i64,
}

/// The clients of the asker's practice.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Clients {
    /// Each that has not ended, in the order in which they were made.
    #[prost(message, repeated, tag = "1")]
    pub clients: Vec<ClientView>,
}

/// One of them.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ClientView {
    /// Which (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub client: Vec<u8>,
    /// Its name in lists.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Since when it is there, in microseconds.
    #[prost(int64, tag = "3")]
    pub since: i64,
    /// What it may read now.
    #[prost(int32, repeated, tag = "4")]
    pub sections: Vec<i32>,
    /// Until when, in microseconds.
    #[prost(int64, tag = "5")]
    pub until: i64,
    /// What for.
    #[prost(string, tag = "6")]
    pub reason: String,
    /// How many facts there are of it.
    #[prost(int64, tag = "7")]
    pub version: i64,
}
