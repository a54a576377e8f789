//! The trust core: verifies who somebody is, decides, counts, writes the ledger, then releases keys.

pub mod cache;
pub mod clock;
pub mod core;
pub mod decision;
pub mod draft;
pub mod facts;
pub mod freeze;
pub mod identity;
pub mod items;
pub mod keys;
pub mod ledger;
pub mod policy;
pub mod runs;
pub mod session;
mod sql;
pub mod subject_keys;
