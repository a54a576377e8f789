//! The trust core: verifies who somebody is, decides, counts, writes the ledger, then releases keys.

pub mod identity;
