//! Failed tries: growing delays that an outsider cannot turn into a lock, and one ledger entry a minute.
//!
//! A delay belongs to an account *from one network*, or to a network; never to an account alone. Passkey
//! answers are counted but never delayed: they cannot be guessed.

use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// Most networks, and accounts from a network, remembered.
const MOST: usize = 50_000;
/// How long after its last failure one is forgotten.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(1);
/// Failures of an account from one network before a delay.
const FREE_FOR_ACCOUNT: u32 = 4;
/// Failures of a network before a delay; a practice or a household shares one.
const FREE_FOR_NETWORK: u32 = 30;
/// The longest delay.
const LONGEST_SECONDS: i64 = 900;

/// What failed: the network, as the portal saw it, and the keyed hash of the login name or code that was tried.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tried {
    /// The network of the portal's word, or what the keeper itself calls the place.
    pub network: String,
    /// Keyed hash (16 bytes) of what was typed.
    pub what: [u8; 16],
}

/// Failures of one network, account and minute, for one ledger entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minute {
    /// Who and where.
    pub tried: Tried,
    /// The minute since the epoch.
    pub minute: i64,
    /// How many.
    pub count: u32,
}

#[derive(Clone, Copy)]
struct Count {
    failures: u32,
    last: Timestamp,
}

#[derive(Default)]
struct Held {
    accounts: HashMap<Tried, Count>,
    networks: HashMap<String, Count>,
    minutes: BTreeMap<i64, HashMap<Tried, u32>>,
}

impl Held {
    /// A flood of names from everywhere ends in one row of its minute, not in a row for each.
    fn count(&mut self, tried: Tried, minute: i64, count: u32, most_in_a_minute: usize) {
        let all: usize = self.minutes.values().map(HashMap::len).sum();
        let rows = self.minutes.entry(minute).or_default();
        let has_room = all < MOST && rows.len() < most_in_a_minute;
        let place = if has_room || rows.contains_key(&tried) {
            tried
        } else {
            Tried::default()
        };
        let counted = rows.entry(place).or_insert(0);
        *counted = counted.saturating_add(count);
    }
}

/// The failures of the last hour.
pub struct Failures {
    held: Mutex<Held>,
    most_in_a_minute: usize,
}

impl Default for Failures {
    fn default() -> Self {
        Self::with_rows(MOST)
    }
}

impl Failures {
    /// Those whose minutes have at most so many rows, and one for all the rest.
    pub fn with_rows(most_in_a_minute: usize) -> Self {
        Self {
            held: Mutex::default(),
            most_in_a_minute,
        }
    }

    /// Seconds to wait before the next try; 0 when it may be made.
    pub fn wait(&self, tried: &Tried, now: Timestamp) -> u32 {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let account = held.accounts.get(tried);
        let network = held.networks.get(&tried.network);
        let longest = remaining(account, FREE_FOR_ACCOUNT, now).max(remaining(
            network,
            FREE_FOR_NETWORK,
            now,
        ));
        u32::try_from(longest).unwrap_or(0)
    }

    /// Notes a failure.
    pub fn failed(&self, tried: Tried, now: Timestamp) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.accounts.len() >= MOST || held.networks.len() >= MOST {
            held.accounts.retain(|_, count| is_remembered(count, now));
            held.networks.retain(|_, count| is_remembered(count, now));
        }
        if held.networks.len() < MOST || held.networks.contains_key(&tried.network) {
            note(
                held.networks.entry(tried.network.clone()).or_insert(Count {
                    failures: 0,
                    last: now,
                }),
                now,
            );
        }
        if held.accounts.len() < MOST || held.accounts.contains_key(&tried) {
            note(
                held.accounts.entry(tried.clone()).or_insert(Count {
                    failures: 0,
                    last: now,
                }),
                now,
            );
        }
        let minute = now.as_second().div_euclid(60);
        held.count(tried, minute, 1, self.most_in_a_minute);
    }

    /// Counts minutes in again that were taken and could not be written.
    pub fn put_back(&self, minutes: impl IntoIterator<Item = Minute>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for Minute {
            tried,
            minute,
            count,
        } in minutes
        {
            held.count(tried, minute, count, self.most_in_a_minute);
        }
    }

    /// Forgets the failures of an account from this network: the right answer came.
    pub fn succeeded(&self, tried: &Tried) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.accounts.remove(tried);
    }

    /// The minutes that are over, to become ledger entries; with `all` the running one too (the keeper stops).
    pub fn take_minutes(&self, now: Timestamp, all: bool) -> Vec<Minute> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let running = now.as_second().div_euclid(60);
        let later = if all {
            BTreeMap::new()
        } else {
            held.minutes.split_off(&running)
        };
        let taken = std::mem::replace(&mut held.minutes, later);
        let mut over: Vec<Minute> = taken
            .into_iter()
            .flat_map(|(minute, rows)| {
                rows.into_iter().map(move |(tried, count)| Minute {
                    tried,
                    minute,
                    count,
                })
            })
            .collect();
        over.sort_by(|a, b| (a.minute, &a.tried).cmp(&(b.minute, &b.tried)));
        over
    }
}

fn is_remembered(count: &Count, now: Timestamp) -> bool {
    now.duration_since(count.last) < FORGOTTEN
}

fn note(count: &mut Count, now: Timestamp) {
    if !is_remembered(count, now) {
        count.failures = 0;
    }
    count.failures = count.failures.saturating_add(1);
    count.last = now;
}

fn remaining(count: Option<&Count>, free: u32, now: Timestamp) -> i64 {
    let Some(count) = count.filter(|count| is_remembered(count, now)) else {
        return 0;
    };
    let Some(beyond) = count.failures.checked_sub(free + 1) else {
        return 0;
    };
    let delay = (1_i64 << beyond.min(10)).min(LONGEST_SECONDS);
    (delay - now.duration_since(count.last).as_secs()).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn tried(network: &str, who: u8) -> Tried {
        Tried {
            network: network.to_owned(),
            what: [who; 16],
        }
    }

    #[test]
    fn delays_grow_and_end_with_the_right_answer() {
        let failures = Failures::default();
        let own = tried("192.0.2.1", 1);
        let waits: Vec<u32> = (0..8)
            .map(|_| {
                failures.failed(own.clone(), at(0));
                failures.wait(&own, at(0))
            })
            .collect();
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8]);
        assert_eq!(failures.wait(&own, at(8)), 0);
        failures.succeeded(&own);
        assert_eq!(failures.wait(&own, at(0)), 0);
    }

    #[test]
    fn an_outsider_does_not_lock_the_owner_out() {
        let failures = Failures::default();
        for _ in 0..1000 {
            failures.failed(tried("198.51.100.7", 1), at(0));
        }
        assert_eq!(failures.wait(&tried("198.51.100.7", 1), at(0)), 900);
        assert_eq!(failures.wait(&tried("192.0.2.1", 1), at(0)), 0);
    }

    #[test]
    fn one_network_that_tries_many_accounts_has_to_wait() {
        let failures = Failures::default();
        for who in 0..40 {
            failures.failed(tried("198.51.100.7", who), at(0));
        }
        assert!(failures.wait(&tried("198.51.100.7", 200), at(0)) > 60);
    }

    #[test]
    fn failures_of_a_minute_are_one_row() {
        let failures = Failures::default();
        for second in [0, 10, 59, 60] {
            failures.failed(tried("192.0.2.1", 1), at(second));
        }
        let over = failures.take_minutes(at(61), false);
        assert_eq!(
            over.iter().map(|minute| minute.count).collect::<Vec<_>>(),
            [3]
        );
        assert_eq!(failures.take_minutes(at(61), true).len(), 1);
        assert!(failures.take_minutes(at(500), true).is_empty());
    }

    #[test]
    fn a_minute_has_so_many_rows_and_one_for_the_rest() {
        let failures = Failures::with_rows(3);
        for who in 0..10 {
            failures.failed(tried("192.0.2.1", who), at(0));
        }
        // One that has its row keeps it, and the next minute has its own.
        failures.failed(tried("192.0.2.1", 2), at(1));
        failures.failed(tried("192.0.2.1", 9), at(60));
        let over = failures.take_minutes(at(120), false);
        let counts: Vec<_> = over.iter().map(|row| (row.minute, row.count)).collect();
        assert_eq!(counts, [(0, 7), (0, 1), (0, 1), (0, 2), (1, 1)]);
        assert_eq!(over[0].tried, Tried::default());
    }

    #[test]
    fn a_minute_that_is_put_back_is_taken_with_the_next() {
        let failures = Failures::default();
        failures.failed(tried("192.0.2.1", 1), at(0));
        let over = failures.take_minutes(at(60), false);
        failures.put_back(over.clone());
        failures.put_back(over);
        failures.failed(tried("192.0.2.1", 1), at(60));
        let over = failures.take_minutes(at(120), false);
        let counts: Vec<_> = over.iter().map(|row| (row.minute, row.count)).collect();
        assert_eq!(counts, [(0, 2), (1, 1)]);
    }
}
