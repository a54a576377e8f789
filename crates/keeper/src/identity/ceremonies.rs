//! Ceremonies under way: what was asked and is not answered yet. Bounded in number and in time.

use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Most ceremonies under way; the oldest gives way to the newest.
const MOST: usize = 20_000;
/// How long an answer is awaited.
const LASTS: SignedDuration = SignedDuration::from_mins(5);

/// Ceremonies of one kind, each answered at most once.
pub struct Ceremonies<T> {
    held: Mutex<Held<T>>,
}

struct Held<T> {
    by_id: HashMap<[u8; 16], (Timestamp, T)>,
    in_order: VecDeque<([u8; 16], Timestamp)>,
}

impl<T> Default for Ceremonies<T> {
    fn default() -> Self {
        Self {
            held: Mutex::new(Held {
                by_id: HashMap::new(),
                in_order: VecDeque::new(),
            }),
        }
    }
}

impl<T> Ceremonies<T> {
    /// Remembers what was asked under a random id.
    pub fn begin(&self, id: [u8; 16], asked: T, now: Timestamp) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((oldest, since)) = held.in_order.front().copied() {
            if held.in_order.len() < MOST && now.duration_since(since) <= LASTS {
                break;
            }
            held.in_order.pop_front();
            held.by_id.remove(&oldest);
        }
        held.in_order.push_back((id, now));
        held.by_id.insert(id, (now, asked));
    }

    /// Takes out what was asked; an answer, right or wrong, ends its ceremony.
    pub fn end(&self, id: &[u8], now: Timestamp) -> Option<T> {
        let id: [u8; 16] = id.try_into().ok()?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, asked) = held.by_id.remove(&id)?;
        (now.duration_since(since) <= LASTS).then_some(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_ceremony_is_answered_once_and_within_five_minutes() {
        let ceremonies = Ceremonies::default();
        ceremonies.begin([1; 16], "one", at(0));
        ceremonies.begin([2; 16], "two", at(0));
        assert_eq!(ceremonies.end(&[1; 16], at(300)), Some("one"));
        assert_eq!(ceremonies.end(&[1; 16], at(300)), None);
        assert_eq!(ceremonies.end(&[2; 16], at(301)), None);
    }

    #[test]
    fn a_flood_of_ceremonies_takes_bounded_room() {
        let ceremonies = Ceremonies::default();
        for number in 0..(MOST as u128 + 10) {
            ceremonies.begin(number.to_be_bytes(), number, at(0));
        }
        let held = ceremonies.held.lock().unwrap();
        assert_eq!((held.by_id.len(), held.in_order.len()), (MOST, MOST));
    }
}
