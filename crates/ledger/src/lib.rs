//! The ledger's mathematics and formats: RFC 6962 tree, signed checkpoints, entries, export.
//!
//! Pure and usable alone: readers and writers are arguments, there is no clock, socket or database.
//! Formats byte for byte: `docs/formats/entries.md`, `tiles.md` and `receipt.md`.

pub mod checkpoint;
pub mod entry;
pub mod export;
pub mod proof;
pub mod receipt;
pub mod tile;
pub mod tree;

pub use checkpoint::{
    Checkpoint, CheckpointError, KeyError, LogSigner, LogVerifier, Note, WitnessSigner,
    WitnessVerifier,
};
pub use entry::{ENTRY_LENGTH, Entry, EntryError, body_digest};
pub use export::{ExportReader, ExportWriter, Record};
pub use proof::{
    Levels, ProofError, Subtrees, continued, prove_consistency, prove_inclusion, root_of,
    verify_consistency, verify_inclusion,
};
pub use receipt::{Opening, Receipt};
pub use tile::{FromTiles, Of, Tile, Tiler};
pub use tree::{Frontier, FrontierError, Hash, empty_root, leaf_hash, node_hash, tree_head};
