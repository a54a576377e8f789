//! The people who read, in rotation: each within the budgets and rules of an ordinary patient.

use candour_seal::ItemId;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// An ordinary patient may open 60 documents in ten minutes; nobody here comes near the last ones.
const MOST_OPENED: u32 = 58;
/// Openings of one session that follow each other within 400 ms are a machine's to the rules; so nobody opens again
/// sooner than this after the last answer.
const PAUSE: Duration = Duration::from_millis(410);

/// A patient who is signed in, with their one document.
#[derive(Clone)]
pub struct Person {
    /// The session's token.
    pub token: [u8; 32],
    /// Their document.
    pub document: ItemId,
    /// Where they come from.
    pub network: String,
}

/// Everybody, and when each may read again.
pub struct Crowd {
    people: Vec<Person>,
    opened: Vec<u32>,
    free: VecDeque<(Instant, usize)>,
    held: u64,
    turn: usize,
}

/// Whom to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// This one may read now.
    Person(usize),
    /// Nobody may read before this time.
    NotBefore(Instant),
    /// Everybody has read as much as a patient may.
    Spent,
}

impl Crowd {
    /// Everybody may read.
    pub fn new(people: Vec<Person>) -> Self {
        let now = Instant::now();
        Self {
            opened: vec![0; people.len()],
            free: (0..people.len()).map(|number| (now, number)).collect(),
            people,
            held: 0,
            turn: 0,
        }
    }

    /// Who they are, by number.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// The next person; give them back with [`Crowd::done`].
    pub fn next(&mut self, now: Instant) -> Next {
        while let Some((from, number)) = self.free.pop_front() {
            if self.opened[number] >= MOST_OPENED {
                continue;
            }
            if from > now {
                self.free.push_front((from, number));
                self.held += 1;
                return Next::NotBefore(from);
            }
            self.opened[number] += 1;
            return Next::Person(number);
        }
        Next::Spent
    }

    /// The next person, where nobody asks how fast or how much they read: at the reference.
    pub fn anybody(&mut self) -> usize {
        self.turn = (self.turn + 1) % self.people.len().max(1);
        self.turn
    }

    /// Their answer came.
    pub fn done(&mut self, number: usize, now: Instant) {
        self.free.push_back((now + PAUSE, number));
    }

    /// How often somebody had to be waited for since this was last asked.
    pub fn take_held(&mut self) -> u64 {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_reads_faster_or_more_than_a_patient_may() {
        let person = Person {
            token: [0; 32],
            document: ItemId::from_bytes([0; 16]),
            network: String::new(),
        };
        let mut crowd = Crowd::new(vec![person]);
        let mut now = Instant::now();
        for _ in 1..MOST_OPENED {
            assert_eq!(crowd.next(now), Next::Person(0));
            crowd.done(0, now);
            assert_eq!(crowd.next(now), Next::NotBefore(now + PAUSE));
            now += PAUSE;
        }
        assert_eq!(crowd.next(now), Next::Person(0));
        crowd.done(0, now);
        assert_eq!(crowd.next(now + PAUSE), Next::Spent);
        assert_eq!(crowd.take_held(), u64::from(MOST_OPENED - 1));
    }
}
