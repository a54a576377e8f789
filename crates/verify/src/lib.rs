//! What an outsider checks the ledger with; `candour-verify` is this crate's program.
//!
//! It is no part of the keeper, and knows the formats of `candour-ledger` and nothing else of ours. Formats byte for
//! byte: `docs/formats/entries.md` and `receipt.md`.

pub mod cosigned;
pub mod receipt;
pub mod whole;

pub use whole::{Checkpoints, Compared, Finding, Report, verify};
