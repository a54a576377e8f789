//! Signing in, registering and changing, over the real ledger.

mod changing;
mod people;
mod signing;

pub(super) use people::*;
