//! The trust core: verifies who somebody is, decides, counts, writes the ledger, then releases keys.

pub mod acts;
pub mod cache;
pub mod changes;
pub mod checkpoint;
pub mod clock;
pub mod core;
pub mod decision;
pub mod decision_words;
pub mod draft;
pub mod facts;
pub mod freeze;
#[cfg(test)]
mod harness;
pub mod identity;
pub mod items;
pub mod keys;
pub mod ledger;
pub mod lookups;
pub mod policy;
pub mod practice;
pub mod runs;
pub mod session;
mod sql;
pub mod subject_keys;
