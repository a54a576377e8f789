//! What the thief got, by its own book: the score is computed against this and nothing else.

use crate::browser::Answer;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Something taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// When its first byte came.
    pub first_byte_at: Timestamp,
    /// How many bytes came in all.
    pub bytes: u64,
}

/// Everything that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loot {
    /// The scenario.
    pub scenario: String,
    /// When it began.
    pub began_at: Timestamp,
    /// When it gave up, was done, or its time was over.
    pub ended_at: Timestamp,
    /// The first request for something that was not the stolen account's own; `None` when there was none.
    pub reached_out_at: Option<Timestamp>,
    /// Documents by id.
    pub documents: BTreeMap<String, Taken>,
    /// Records by patient.
    pub records: BTreeMap<String, Taken>,
    /// Lists of documents (titles and dates) by patient.
    pub shelves: BTreeMap<String, Taken>,
    /// Name lines by patient.
    pub names: BTreeMap<String, Timestamp>,
    /// How many requests were made.
    pub requests: u64,
    /// How many answers had which status.
    pub answers: BTreeMap<u16, u64>,
    /// How many requests got no answer.
    pub unanswered: u64,
}

/// What the answer to one request was for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Document,
    Record,
    Shelf,
}

/// Where the thief's hands put things.
pub(super) struct Sack(Mutex<Loot>);

impl Sack {
    pub(super) fn new(scenario: &str, now: Timestamp) -> Self {
        Self(Mutex::new(Loot {
            scenario: scenario.to_owned(),
            began_at: now,
            ended_at: now,
            reached_out_at: None,
            documents: BTreeMap::new(),
            records: BTreeMap::new(),
            shelves: BTreeMap::new(),
            names: BTreeMap::new(),
            requests: 0,
            answers: BTreeMap::new(),
            unanswered: 0,
        }))
    }

    fn held(&self) -> MutexGuard<'_, Loot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn reaches_out(&self, now: Timestamp) {
        self.held().reached_out_at.get_or_insert(now);
    }

    /// Counts an answer.
    pub(super) fn answered(&self, answer: &Answer) {
        let mut loot = self.held();
        loot.requests += 1;
        *loot.answers.entry(answer.status).or_default() += 1;
    }

    pub(super) fn unanswered(&self) {
        let mut loot = self.held();
        loot.requests += 1;
        loot.unanswered += 1;
    }

    /// Puts what came into the sack; a first byte is enough. Redirects and refusals bring nothing.
    pub(super) fn take(&self, kind: Kind, id: &str, answer: &Answer) -> bool {
        let Some(first_byte_at) = answer
            .first_byte_at
            .filter(|_| (200..300).contains(&answer.status))
        else {
            return false;
        };
        let bytes = u64::try_from(answer.body.len()).unwrap_or(u64::MAX);
        let taken = Taken {
            first_byte_at,
            bytes,
        };
        let mut loot = self.held();
        let place = match kind {
            Kind::Document => &mut loot.documents,
            Kind::Record => &mut loot.records,
            Kind::Shelf => &mut loot.shelves,
        };
        place.entry(id.to_owned()).or_insert(taken);
        true
    }

    /// A name line was seen.
    pub(super) fn name(&self, patient: &str, at: Timestamp) {
        self.held().names.entry(patient.to_owned()).or_insert(at);
    }

    pub(super) fn close(&self, now: Timestamp) -> Loot {
        let mut loot = self.held().clone();
        loot.ended_at = now;
        loot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &[u8]) -> Answer {
        Answer {
            status,
            location: None,
            body: body.to_vec(),
            first_byte_at: (!body.is_empty()).then_some(Timestamp::UNIX_EPOCH),
            is_whole: false,
        }
    }

    #[test]
    fn one_byte_of_a_document_counts_and_a_refusal_with_a_page_does_not() {
        let sack = Sack::new("stolen-login", Timestamp::UNIX_EPOCH);
        assert!(sack.take(Kind::Document, "one", &answer(200, b"%")));
        assert!(!sack.take(Kind::Document, "two", &answer(404, b"no such page")));
        assert!(!sack.take(Kind::Document, "three", &answer(200, b"")));
        assert!(!sack.take(Kind::Document, "four", &answer(303, b"go on")));
        let loot = sack.close(Timestamp::UNIX_EPOCH);
        assert_eq!(loot.documents.keys().collect::<Vec<_>>(), ["one"]);
    }
}
