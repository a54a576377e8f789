//! Signing in, registering and changing, over the real ledger.

mod budgets;
mod changing;
mod emergency;
mod freezing;
mod inviting;
mod merging;
mod people;
mod policies;
mod recovery;
mod sessions;
mod sheets;
mod signing;
mod typed;
mod ways;

pub(super) use people::*;
