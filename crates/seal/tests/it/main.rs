//! Sealing as its users see it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod content;
mod oracle;
mod ranges;
#[path = "../../../testkit/src/shared_data.rs"]
mod shared_data;
#[path = "../../../testkit/src/skipped.rs"]
mod skipped;
mod wycheproof;

/// The bytes every content in these tests consists of; without a period that divides a chunk.
fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| u8::try_from((at * 7 + at / 251) % 256).unwrap())
        .collect()
}
