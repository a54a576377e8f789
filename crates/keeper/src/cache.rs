//! A bounded memory of verified rows that never serves what a commit has changed.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Two generations: what was not asked for while the young one filled is forgotten.
struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

/// A bounded memory; values are cheap to clone.
pub struct Cache<K, V> {
    half: usize,
    epoch: AtomicU64,
    generations: Mutex<Generations<K, V>>,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// A memory for at most `most` values.
    pub fn new(most: usize) -> Self {
        Self {
            half: (most / 2).max(1),
            epoch: AtomicU64::new(0),
            generations: Mutex::new(Generations {
                young: HashMap::new(),
                old: HashMap::new(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Generations<K, V>> {
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The remembered value.
    pub fn get(&self, key: &K) -> Option<V> {
        let mut generations = self.lock();
        if let Some(value) = generations.young.get(key) {
            return Some(value.clone());
        }
        let value = generations.old.remove(key)?;
        self.put(&mut generations, key.clone(), value.clone());
        Some(value)
    }

    /// To be read before the database is, and given to [`Cache::fill`].
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Remembers what was read, unless something was forgotten since `epoch`: it might be what was read.
    pub fn fill(&self, key: K, value: V, epoch: u64) {
        let mut generations = self.lock();
        if self.epoch.load(Ordering::Acquire) == epoch {
            self.put(&mut generations, key, value);
        }
    }

    /// Forgets what a commit changed.
    pub fn forget<'a>(&self, keys: impl IntoIterator<Item = &'a K>)
    where
        K: 'a,
    {
        let mut generations = self.lock();
        let mut changed = false;
        for key in keys {
            generations.young.remove(key);
            generations.old.remove(key);
            changed = true;
        }
        if changed {
            self.epoch.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let mut generations = self.lock();
        generations.young.clear();
        generations.old.clear();
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    fn put(&self, generations: &mut Generations<K, V>, key: K, value: V) {
        if generations.young.len() >= self.half {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_remembered_after_it() {
        let cache = Cache::new(8);
        let epoch = cache.epoch();
        cache.forget([&1]);
        cache.fill(1, "old", epoch);
        assert_eq!(cache.get(&1), None);
        cache.fill(1, "new", cache.epoch());
        assert_eq!(cache.get(&1), Some("new"));
    }

    #[test]
    fn it_stays_within_its_bound_and_keeps_what_is_asked_for() {
        let cache = Cache::new(8);
        for key in 0..100 {
            cache.fill(key, key, cache.epoch());
            assert_eq!(cache.get(&0), Some(0));
        }
        let generations = cache.lock();
        assert!(generations.young.len() + generations.old.len() <= 8);
    }
}
