//! The trust core: verifies who somebody is, decides, counts, writes the ledger, then releases keys.

pub mod acts;
pub mod cache;
pub mod calls;
pub mod changes;
pub mod checkpoint;
pub mod clock;
pub mod command;
pub mod core;
pub mod decision;
pub mod decision_words;
pub mod draft;
pub mod export;
pub mod facts;
pub mod foreign;
pub mod freeze;
#[cfg(test)]
mod harness;
pub mod identity;
pub mod instances;
pub mod items;
pub mod keys;
pub mod ledger;
pub mod limits;
pub mod lookups;
mod loss;
pub mod making;
pub mod names;
mod network;
pub mod policy;
pub mod practice;
pub mod reader;
pub mod runs;
pub mod serve;
pub mod session;
pub mod sql;
pub mod subject_keys;
pub mod volume;
