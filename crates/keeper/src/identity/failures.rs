//! Failed tries: growing delays that an outsider cannot turn into a lock, and one ledger entry a minute.
//!
//! A delay belongs to an account *from one network*, or to a network; never to an account alone. Passkey
//! answers are counted but never delayed: they cannot be guessed.
//!
//! Whoever has ever new addresses meets a third one, which belongs to nobody: with many failures from everywhere, whoever
//! signs in by password from where that account was not signed in to lately waits once, up to a minute, and is let in to try.
//! Nobody is kept out by it, and from where one signs in every day nothing is felt.

use crate::session::Session;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// Most networks, and accounts from a network, remembered.
const MOST: usize = 50_000;
/// Most places from where accounts were signed in to remembered.
const MOST_KNOWN: usize = 200_000;
/// How long after its last failure one is forgotten.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(1);
/// Failures of an account from one network before a delay.
const FREE_FOR_ACCOUNT: u32 = 4;
/// Failures of a network before a delay; a practice or a household shares one.
const FREE_FOR_NETWORK: u32 = 30;
/// The longest delay.
const LONGEST_SECONDS: i64 = 900;
/// Failures in a minute, from everywhere together, before strangers wait.
const FREE_FOR_ALL: u32 = 300;
/// The longest that a stranger waits.
const LONGEST_FOR_STRANGERS: i64 = 60;
/// How long a network stays known to an account that was signed in to from there.
const KNOWN: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Begins the name of what is no network but a session's own tries: nobody else delays those.
const OF_SESSION: &str = "session ";
/// The same for somebody of a practice who lets people in.
pub const OF_PERSON: &str = "person ";
/// The name of the keeper's own machine, where operators type.
pub const COMMAND_LINE: &str = "command line";

/// What failed: the network, as the portal saw it, and the keyed hash of the login name or code that was tried.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tried {
    /// The network of the portal's word, or what the keeper itself calls the place.
    pub network: String,
    /// Keyed hash (16 bytes) of what was typed.
    pub what: [u8; 16],
}

impl Tried {
    /// Typed in a session by whose it is. It is the session's own: nobody delays another.
    pub fn in_session(session: &Session) -> Self {
        Self {
            network: format!("{OF_SESSION}{}", session.surrogate),
            what: session.subject.0,
        }
    }
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
    /// Where accounts were signed in to, and when last.
    known: HashMap<Tried, Timestamp>,
    /// Failures of strangers by second, of the last minute.
    strangers: BTreeMap<i64, u32>,
    /// Strangers who were told to wait, and since when.
    waiting: HashMap<Tried, Timestamp>,
}

impl Held {
    fn is_stranger(&self, tried: &Tried, now: Timestamp) -> bool {
        let known = self.known.get(tried);
        !is_own_name(&tried.network) && known.is_none_or(|at| now.duration_since(*at) >= KNOWN)
    }

    /// How long a stranger still waits, who waits once.
    fn stranger_waits(&mut self, tried: &Tried, now: Timestamp) -> i64 {
        let second = now.as_second();
        self.strangers = self.strangers.split_off(&(second - 59));
        let failures: u32 = self.strangers.values().sum();
        if failures < FREE_FOR_ALL || !self.is_stranger(tried, now) {
            return 0;
        }
        let delay = (1_i64 << (failures / FREE_FOR_ALL).min(6)).min(LONGEST_FOR_STRANGERS);
        let since = match self.waiting.get(tried) {
            Some(since) => *since,
            None => {
                let forgotten = SignedDuration::from_secs(2 * LONGEST_FOR_STRANGERS);
                if self.waiting.len() >= MOST {
                    self.waiting
                        .retain(|_, since| now.duration_since(*since) < forgotten);
                }
                if self.waiting.len() >= MOST {
                    // Too many wait to remember each: everybody has their second, and comes to it.
                    let own: i64 = tried.what.iter().map(|byte| i64::from(*byte)).sum();
                    return (second + own % delay).rem_euclid(delay);
                }
                self.waiting.insert(tried.clone(), now);
                now
            }
        };
        let left = (delay - now.duration_since(since).as_secs()).max(0);
        if left == 0 {
            self.waiting.remove(tried);
        }
        left
    }

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
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let account = held.accounts.get(tried);
        let network = held.networks.get(&tried.network);
        let longest = remaining(account, FREE_FOR_ACCOUNT, now).max(remaining(
            network,
            FREE_FOR_NETWORK,
            now,
        ));
        let longest = match longest {
            0 => held.stranger_waits(tried, now),
            longest => longest,
        };
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
        // One network alone has its own delay and makes nobody else wait.
        let of_network = held.networks.get(&tried.network);
        let is_flood = of_network.is_some_and(|count| count.failures > FREE_FOR_NETWORK);
        if !is_flood && held.is_stranger(&tried, now) {
            *held.strangers.entry(now.as_second()).or_insert(0) += 1;
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

    /// Forgets the failures of an account from this network, which it knows from now on: the right answer came.
    pub fn succeeded(&self, tried: &Tried, now: Timestamp) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.accounts.remove(tried);
        if is_own_name(&tried.network) {
            return;
        }
        if held.known.len() >= MOST_KNOWN {
            held.known.retain(|_, at| now.duration_since(*at) < KNOWN);
        }
        if held.known.len() < MOST_KNOWN || held.known.contains_key(tried) {
            held.known.insert(tried.clone(), now);
        }
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

/// Where what was tried has no network: nobody from elsewhere makes it wait.
fn is_own_name(network: &str) -> bool {
    network == COMMAND_LINE || network.starts_with(OF_SESSION) || network.starts_with(OF_PERSON)
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
        failures.succeeded(&own, at(8));
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
    fn whoever_has_ever_new_addresses_waits_each_time_and_an_owner_at_home_never() {
        let failures = Failures::default();
        let home = tried("192.0.2.1", 1);
        failures.succeeded(&home, at(-3600));
        let attack = |who: u32, second: i64| {
            let place = tried(&format!("198.51.100.{who}"), 1);
            let wait = failures.wait(&place, at(second));
            if wait == 0 {
                failures.failed(place, at(second));
            }
            wait
        };
        for who in 0..300 {
            assert_eq!(attack(who, 0), 0);
        }
        // From now on each new address waits, and its owner with it, once.
        assert_eq!(attack(300, 1), 2);
        let away = tried("203.0.113.9", 1);
        assert_eq!(failures.wait(&away, at(1)), 2);
        assert_eq!(failures.wait(&away, at(2)), 1);
        assert_eq!(failures.wait(&away, at(3)), 0);
        failures.succeeded(&away, at(3));
        assert_eq!(failures.wait(&away, at(4)), 0);
        assert_eq!(failures.wait(&home, at(4)), 0);
        // The more of them fail, the longer the next wait: up to a minute.
        for who in 301..10_000 {
            failures.failed(tried(&format!("{who}"), 1), at(5));
        }
        assert_eq!(failures.wait(&tried("203.0.113.10", 1), at(5)), 60);
        assert_eq!(failures.wait(&home, at(5)), 0);
        // Nobody waits when it is over, nor for a session's own code, a colleague at the counter, or an operator meanwhile.
        for own in ["session 7", "person 7", "command line"] {
            assert_eq!(failures.wait(&tried(own, 1), at(5)), 0);
        }
        assert_eq!(failures.wait(&tried("203.0.113.11", 1), at(66)), 0);
    }

    #[test]
    fn whoever_fills_the_list_of_those_who_wait_keeps_nobody_out() {
        let failures = Failures::default();
        for who in 0..300 {
            failures.failed(tried(&format!("{who}"), 1), at(0));
        }
        for who in 0..60_000 {
            failures.wait(&tried(&format!("a{who}"), 1), at(1));
        }
        let own = tried("192.0.2.1", 9);
        let waits: Vec<u32> = (1..5)
            .map(|second| failures.wait(&own, at(second)))
            .collect();
        assert!(waits.contains(&0), "{waits:?}");
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
