//! Sliding windows of bounded memory: a window is cut into 60 slots, and what falls into a slot stays until
//! a whole window after that slot's end. It may so count a sixtieth too long, never too short.

use std::collections::BTreeMap;
use std::hash::Hash;

use crate::hashing::Map;
use crate::time::{Micros, Span};

const SLOTS: i64 = 60;

/// Which sixtieth of a window an event fell into.
pub(crate) type Slot = i64;

/// How many events each slot of a window holds.
#[derive(Clone, Debug)]
pub(crate) struct Count {
    width: i64,
    slots: BTreeMap<Slot, u32>,
    total: u32,
}

impl Count {
    pub(crate) fn new(length: Span) -> Self {
        Self {
            width: (length.as_micros() / SLOTS).max(1),
            slots: BTreeMap::new(),
            total: 0,
        }
    }

    pub(crate) fn slot(&self, at: Micros) -> Slot {
        at.0.div_euclid(self.width)
    }

    /// The first slot still inside the window.
    pub(crate) fn first(&self, now: Micros) -> Slot {
        self.slot(now).saturating_sub(SLOTS)
    }

    pub(crate) fn add(&mut self, slot: Slot, events: u32) {
        let held = self.slots.entry(slot).or_default();
        *held = held.saturating_add(events);
        self.total = self.total.saturating_add(events);
    }

    pub(crate) fn remove(&mut self, slot: Slot, events: u32) {
        if let Some(held) = self.slots.get_mut(&slot) {
            let taken = events.min(*held);
            *held -= taken;
            self.total = self.total.saturating_sub(taken);
            if *held == 0 {
                self.slots.remove(&slot);
            }
        }
    }

    pub(crate) fn used(&self, now: Micros) -> u32 {
        // Only slots that ended since the last `expire` are walked: none, as a rule.
        let gone: u32 = self
            .slots
            .range(..self.first(now))
            .map(|(_, held)| *held)
            .sum();
        self.total.saturating_sub(gone)
    }

    /// Forgets what left the window; true if there was something.
    pub(crate) fn expire(&mut self, now: Micros) -> bool {
        let first = self.first(now);
        if self
            .slots
            .first_key_value()
            .is_none_or(|(slot, _)| *slot >= first)
        {
            return false;
        }
        self.slots = self.slots.split_off(&first);
        self.total = self.slots.values().sum();
        true
    }

    /// When at most `most` events will be left, if nothing is added.
    pub(crate) fn down_to(&self, most: u32, now: Micros) -> Micros {
        let mut left = self.used(now);
        let mut at = now;
        for (slot, held) in self.slots.range(self.first(now)..) {
            if left <= most {
                break;
            }
            left = left.saturating_sub(*held);
            at = Micros(slot.saturating_add(SLOTS + 1).saturating_mul(self.width));
        }
        at
    }
}

/// Which distinct keys were seen in a window; a key seen again stays a window longer.
#[derive(Clone, Debug)]
pub(crate) struct Distinct<K> {
    count: Count,
    last: Map<K, Slot>,
}

impl<K: Copy + Eq + Hash> Distinct<K> {
    pub(crate) fn new(length: Span) -> Self {
        Self {
            count: Count::new(length),
            last: Map::default(),
        }
    }

    pub(crate) const fn count(&self) -> &Count {
        &self.count
    }

    pub(crate) fn used(&self, now: Micros) -> u32 {
        self.count.used(now)
    }

    pub(crate) fn contains(&self, key: K, now: Micros) -> bool {
        self.last
            .get(&key)
            .is_some_and(|slot| *slot >= self.count.first(now))
    }

    /// Notes the key; answers the slot it was last seen in, for [`Self::restore`].
    pub(crate) fn touch(&mut self, key: K, at: Micros) -> Option<Slot> {
        if self.count.expire(at) {
            let first = self.count.first(at);
            self.last.retain(|_, slot| *slot >= first);
        }
        let slot = self.count.slot(at);
        let previous = self.last.get(&key).copied();
        if previous.is_none_or(|seen| seen < slot) {
            self.place(key, previous, Some(slot));
        }
        previous
    }

    /// Takes back the last [`Self::touch`] of this key.
    pub(crate) fn restore(&mut self, key: K, previous: Option<Slot>) {
        self.place(key, self.last.get(&key).copied(), previous);
    }

    pub(crate) fn clear(&mut self) {
        self.count.slots.clear();
        self.count.total = 0;
        self.last.clear();
    }

    fn place(&mut self, key: K, from: Option<Slot>, to: Option<Slot>) {
        if let Some(slot) = from {
            self.count.remove(slot, 1);
        }
        match to {
            Some(slot) => {
                self.count.add(slot, 1);
                self.last.insert(key, slot);
            }
            None => {
                self.last.remove(&key);
            }
        }
    }
}
