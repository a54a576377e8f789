//! The asking side of the keeper's socket: the client, and the only maker of [`Permit`] and [`Opened`].
//!
//! A store function takes ids only *out of* a [`Permit`]; a page shows only what is [`Opened`]. The keeper links
//! `candour-keeper-wire` alone: what holds a key has no part in what is done with it.

mod client;
mod notifications;
mod permit;

pub use candour_keeper_wire::{Token, bodies, frame, service, wire, words};
pub use client::{CallError, Denied, DepositOutcome, Keeper, KeeperAddress, Viewer};
pub use notifications::{Owed, OwedNotification};
pub use permit::{
    DepositPermit, Erased, Item, ItemPermit, Notification, Opened, OwnAddress, Permit, RunMember,
    Section, Target, UnsealError, Worklist,
};
