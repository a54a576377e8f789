//! A draft ready for the sequencer: its body key is made and wrapped.

use crate::draft::{Effect, NarrowRow};
use candour_keeper_wire::wire::EntryBody;
use candour_rules::budget::{Charge, Context};
use candour_rules::detect::Observation;
use candour_seal::{ItemKey, Wrapped};

/// A draft with its body key.
pub(super) struct Prepared {
    pub row: NarrowRow,
    pub body: EntryBody,
    pub effects: Vec<Effect>,
    pub charge: Option<(Charge, Context)>,
    pub observation: Option<Box<Observation>>,
    pub body_key: ItemKey,
    pub audit_wrap: Wrapped,
    pub room_wrap: Wrapped,
    pub hour: i32,
    pub assigned: Option<Assigned>,
}

/// What the sequencer's hook adds.
pub(super) struct Assigned {
    pub at: i64,
    pub sequence: i64,
    pub leaf: [u8; 32],
    pub sealed: Vec<u8>,
}
