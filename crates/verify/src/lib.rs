//! What an outsider checks the ledger with; `candour-verify` is this crate's program.
//!
//! It is no part of the keeper, and knows the formats of `candour-ledger` and nothing else of ours. Formats byte for
//! byte: `docs/formats/entries.md`.

pub mod whole;

pub use whole::{Checkpoints, Finding, Report, verify};
