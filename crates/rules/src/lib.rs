//! What the keeper decides by, as values in and values out: no clock, no chance, no socket, no SQL.
//!
//! - [`sequencer`]: one ordered log, and nothing released that is not in it.
//! - [`ages`]: from which ages a person decides for themself.
//! - [`freeze`]: the ladder of what can be stopped, and proof mode.
//! - [`budget`]: how many people and documents a principal may have listed and opened.
//! - [`detect`]: rules over the keeper's own stream of decisions.
//! - [`decision`]: the closed lists these share.
//!
//! `now` is an argument everywhere; people and things travel as the 8-byte surrogates of the ledger ([`keys`]).

pub mod ages;
pub mod budget;
pub mod decision;
pub mod detect;
pub mod freeze;
mod hashing;
pub mod keys;
pub mod sequencer;
pub mod time;
mod window;
