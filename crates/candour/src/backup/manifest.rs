//! What a backup says about itself: first how it was made, last what is in it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The first entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the data directory's layout.
    pub data_version: u32,
    /// The version of Candour that made it.
    pub made_by: String,
    /// When it was begun: what was acknowledged before is in it.
    pub begun_at: Timestamp,
    /// Major version of the PostgreSQL that the databases were copied with.
    pub postgres: u32,
    /// Of a demonstration.
    pub demonstration: bool,
    /// The name of the file beside it that the keeper's epoch keys are in; older backups hold them themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch_keys: Option<String>,
}

/// The last entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// How many files of large items it holds.
    pub objects: u64,
    /// Their length together, in bytes.
    pub object_bytes: u64,
    /// Items whose row named a file that was not there, or was of another length.
    pub missing: Vec<String>,
}

/// Names of entries.
pub mod names {
    /// How it was made.
    pub const MANIFEST: &str = "manifest";
    /// What is in it.
    pub const CONTENTS: &str = "contents";
    /// A database, by its part's name.
    pub const DATABASE: &str = "database/";
    /// A file of a large item, by the item's id.
    pub const OBJECT: &str = "object/";
    /// A file of the data directory, by its path there.
    pub const FILE: &str = "file/";
}
