//! A draft ready for the sequencer: the keys of its body are at hand.

use crate::draft::{Effect, NarrowRow};
use crate::subject_keys::SubjectKeyPair;
use candour_keeper_api::bodies::SealedBody;
use candour_keeper_api::wire::EntryBody;
use candour_rules::budget::{Charge, Context};
use candour_rules::detect::Observation;
use candour_seal::AuditKey;
use std::sync::Arc;

/// A draft with the keys its body is sealed under.
pub(super) struct Prepared {
    pub row: NarrowRow,
    pub body: EntryBody,
    pub effects: Vec<Effect>,
    pub charge: Option<(Charge, Context)>,
    pub observation: Option<Box<Observation>>,
    pub audit: Arc<SubjectKeyPair>,
    pub hour_key: Arc<AuditKey>,
    pub hour: i32,
    pub assigned: Option<Assigned>,
}

/// What the sequencer's hook adds.
pub(super) struct Assigned {
    pub at: i64,
    pub sequence: i64,
    pub leaf: [u8; 32],
    pub sealed: SealedBody,
}
