//! What is frozen now, for a look before and after the ledger; the facts of `OwnSubject::Freezes` are the memory.

use candour_keeper_wire::words::{Level, Role};
use candour_rules::freeze::{FreezeSet, Frozen, Guards};
use candour_rules::keys::{Client, Instance, Practice, Principal, Purpose, Session};
use candour_rules::time::Micros;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Most sessions and networks that are remembered as asked for a fresh factor.
const MOST_ASKED: usize = 100_000;

/// What is frozen, and who is asked for a fresh factor; shared by all calls.
#[derive(Default)]
pub struct Freezes {
    set: RwLock<FreezeSet>,
    asked: RwLock<Asked>,
}

/// Who was asked when (microseconds), by surrogate.
#[derive(Default)]
struct Asked {
    sessions: HashMap<i64, i64>,
    networks: HashMap<i64, i64>,
}

impl Freezes {
    /// Starts from what the facts say.
    pub fn new(set: FreezeSet) -> Self {
        Self {
            set: RwLock::new(set),
            asked: RwLock::default(),
        }
    }

    /// Whether something stops a request with these guards.
    pub fn is_stopped(&self, guards: &Guards) -> bool {
        self.read(|set| set.blocks(guards).is_some())
    }

    /// Whether exactly this is frozen.
    pub fn is_frozen(&self, what: Frozen) -> bool {
        self.read(|set| set.is_frozen(what))
    }

    /// Whether an instance is in proof mode.
    pub fn needs_proof(&self, instance: i64) -> bool {
        self.read(|set| set.needs_proof(Instance(instance)))
    }

    /// Whether a fresh passkey or code is needed before the next opening. A program has neither.
    pub fn must_prove(&self, session: &crate::session::Session, network: i64, now: i64) -> bool {
        let proved_at = session.proved_at.as_microsecond();
        let is_proven = self.read(|set| {
            set.is_proven(
                Instance(session.instance_surrogate),
                (session.role != Role::PracticeClient).then_some(Micros(proved_at)),
                Micros(now),
            )
        });
        let asked = self.asked.read().unwrap_or_else(PoisonError::into_inner);
        let since = |at: Option<&i64>| at.is_some_and(|at| *at > proved_at);
        !is_proven
            || since(asked.sessions.get(&session.surrogate))
            || (session.practice.is_none() && since(asked.networks.get(&network)))
    }

    /// Asks a session for a fresh factor.
    pub(crate) fn ask_session(&self, session: i64, at: i64) {
        let mut asked = self.asked.write().unwrap_or_else(PoisonError::into_inner);
        remember(&mut asked.sessions, session, at);
    }

    /// Asks patients' sessions from a network for a fresh factor.
    pub(crate) fn ask_network(&self, network: i64, at: i64) {
        let mut asked = self.asked.write().unwrap_or_else(PoisonError::into_inner);
        remember(&mut asked.networks, network, at);
    }

    fn read<T>(&self, read: impl FnOnce(&FreezeSet) -> T) -> T {
        read(&self.set.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the set; the sequencer has its own and is told separately.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut FreezeSet) -> T) -> T {
        change(&mut self.set.write().unwrap_or_else(PoisonError::into_inner))
    }
}

fn remember(asked: &mut HashMap<i64, i64>, who: i64, at: i64) {
    if asked.len() >= MOST_ASKED {
        asked.clear();
    }
    asked.insert(who, at);
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
        Level::Proof => Frozen::Proof(Instance(surrogate)),
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
        Frozen::Proof(Instance(surrogate)) => (Level::Proof, surrogate),
    }
}
