//! What is frozen now, for a look before and after the ledger; the facts of `OwnSubject::Freezes` are the memory.

use candour_keeper_api::words::Level;
use candour_rules::freeze::{FreezeSet, Frozen, Guards};
use candour_rules::keys::{Client, Instance, Practice, Principal, Purpose, Session};
use std::sync::{PoisonError, RwLock};

/// What is frozen, shared by all calls.
#[derive(Default)]
pub struct Freezes(RwLock<FreezeSet>);

impl Freezes {
    /// Starts from what the facts say.
    pub fn new(set: FreezeSet) -> Self {
        Self(RwLock::new(set))
    }

    /// Whether something stops a request with these guards.
    pub fn is_stopped(&self, guards: &Guards) -> bool {
        let set = self.0.read().unwrap_or_else(PoisonError::into_inner);
        set.blocks(guards).is_some()
    }

    /// Whether exactly this is frozen.
    pub fn is_frozen(&self, what: Frozen) -> bool {
        let set = self.0.read().unwrap_or_else(PoisonError::into_inner);
        set.is_frozen(what)
    }

    /// Changes the set; the sequencer has its own and is told separately.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut FreezeSet) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A rung from its two numbers, as in a [`crate::facts::Frozen`] fact and on the wire.
pub fn rung(level: Level, surrogate: i64) -> Frozen {
    match level {
        Level::Session => Frozen::Session(Session(surrogate)),
        Level::Principal => Frozen::Principal(Principal(surrogate)),
        Level::Client => Frozen::Client(Client(surrogate)),
        Level::Purpose => Frozen::Purpose(Purpose(surrogate)),
        Level::Practice => Frozen::Practice(Practice(surrogate)),
        Level::Instance => Frozen::Instance(Instance(surrogate)),
        Level::Installation => Frozen::Installation,
    }
}

/// The two numbers of a rung.
pub fn numbers(what: Frozen) -> (Level, i64) {
    match what {
        Frozen::Session(Session(surrogate)) => (Level::Session, surrogate),
        Frozen::Principal(Principal(surrogate)) => (Level::Principal, surrogate),
        Frozen::Client(Client(surrogate)) => (Level::Client, surrogate),
        Frozen::Purpose(Purpose(surrogate)) => (Level::Purpose, surrogate),
        Frozen::Practice(Practice(surrogate)) => (Level::Practice, surrogate),
        Frozen::Instance(Instance(surrogate)) => (Level::Instance, surrogate),
        Frozen::Installation => (Level::Installation, 0),
    }
}
