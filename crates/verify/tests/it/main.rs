//! The verifier as its users see it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod binary;
mod cosigned;
#[path = "../../../ledger/tests/it/log.rs"]
mod log;
mod receipts;
mod verification;

use log::{entry, salt, signer};
