//! The ledger as its users see it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod checkpoints;
mod cosignatures;
mod entries;
mod log;
#[path = "../../../testkit/src/shared_data.rs"]
mod shared_data;
#[path = "../../../testkit/src/skipped.rs"]
mod skipped;
mod tiles;
mod tree;
mod vectors;

use candour_ledger::{Hash, leaf_hash};
use log::{entry, salt, signer};

/// Distinct leaf hashes.
fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|at| leaf_hash(&at.to_be_bytes())).collect()
}
