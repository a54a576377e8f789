//! Synthetic population, attackers, careless portal, open keeper and scorecard.
//!
//! Everything here plays a part that is no part of the product: people who were made up, a thief, a portal that
//! checks nothing, a keeper that refuses nothing. Nothing of the product depends on this crate.

pub mod accounts;
pub mod approvers;
pub mod attacker;
pub mod bench;
pub mod browser;
pub mod canaries;
pub mod careless_portal;
pub mod clock;
pub mod crash;
pub mod drill;
pub mod installation;
pub mod memory;
pub mod open_keeper;
pub mod population;
pub mod problem;
pub mod scorecard;
pub mod settle;
pub mod small_keeper;
pub mod template;
pub mod totp;
pub mod traffic;
pub mod year;

// The test kit never reaches a release binary, so its software passkey is compiled in here by its file.
#[path = "../../testkit/src/passkey.rs"]
pub mod passkey;

pub use problem::Problem;
