//! A practice's programs.

use candour_keeper_wire::words::Section;

/// A client.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Client {
    /// The practice (16 bytes).
    #[prost(bytes = "vec", tag = "1")]
    pub practice: Vec<u8>,
    /// Keyed hash of its secret (32 bytes).
    #[prost(bytes = "vec", tag = "2")]
    pub secret_hash: Vec<u8>,
    /// Its name in lists.
    #[prost(string, tag = "3")]
    pub name: String,
}

/// What a client may read of what its practice put in.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ClientRight {
    /// Sections; the shelf stands for documents.
    #[prost(int32, repeated, tag = "1")]
    pub sections: Vec<i32>,
    /// The end, in microseconds.
    #[prost(int64, tag = "2")]
    pub until: i64,
    /// What for; sealed.
    #[prost(bytes = "vec", tag = "3")]
    pub sealed_reason: Vec<u8>,
    /// Whose (16 bytes): the entry has this fact, and no subject.
    #[prost(bytes = "vec", tag = "4")]
    pub client: Vec<u8>,
}

impl ClientRight {
    /// Whether the sections reach this one. Documents belong to the shelf.
    pub fn covers(&self, section: Section) -> bool {
        let asked = match section {
            Section::None => Section::Shelf,
            other => other,
        };
        self.sections.contains(&i32::from(asked))
    }
}
