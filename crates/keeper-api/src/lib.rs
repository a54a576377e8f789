//! What crosses the keeper's socket: messages, framing, the client, and the only maker of [`Permit`] and [`Opened`].
//!
//! A store function takes ids only *out of* a [`Permit`]; a page shows only what is [`Opened`].

pub mod bodies;
mod client;
pub mod frame;
mod permit;
pub mod service;
mod token;
pub mod wire;
pub mod words;

pub use client::{CallError, Denied, DepositOutcome, Keeper, KeeperAddress, Viewer};
pub use permit::{
    DepositPermit, Item, ItemPermit, Opened, Permit, RunMember, Section, Target, UnsealError,
    Worklist,
};
pub use token::Token;
