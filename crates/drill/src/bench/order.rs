//! What the bench and its hand tell each other, one JSON line each way.

use super::others::Others;
use crate::settle::Desk;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What the hand is to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Make the people: patients with one document, an account and a session each.
    Prepare(Preparation),
    /// Open every document once at the keeper, so that nothing is measured cold.
    Warm,
    /// Get ready for a load, say so, and begin it at [`Ask::Go`].
    Load(Load),
    /// Begin.
    Go,
    /// How many entries the ledger has.
    Size,
    /// The keeper was ended: wait until it is back and can write.
    WaitForKeeper,
}

/// Who is to be made, and where.
#[derive(Clone, Serialize, Deserialize)]
pub struct Preparation {
    /// The installation's data directory.
    pub data: PathBuf,
    /// The portal's address in a browser: passkeys are bound to it.
    pub origin: String,
    /// Where the portal listens.
    pub portal: SocketAddr,
    /// Where the server of the reference reads listens.
    pub reference: SocketAddr,
    /// The practices.
    pub desks: Vec<Desk>,
    /// How many patients.
    pub people: usize,
    /// Who is to be enrolled beside them, and never reads.
    pub others: Option<Others>,
}

impl std::fmt::Debug for Preparation {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Preparation({} people)", self.people)
    }
}

/// A load.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Load {
    /// Of what.
    pub work: Work,
    /// Connections, or calls in flight on one.
    pub connections: usize,
    /// For how long.
    pub milliseconds: u64,
    /// How many are asked for in each second; `None` for as many as are answered.
    pub per_second: Option<u32>,
}

/// What is asked for again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// `GET /documents/{id}` at the portal with a signed-in token.
    Open,
    /// The keeper's `Open` of one document.
    Grant,
    /// The keeper's `Delivered`, one grant in each call: an entry that takes no decision.
    Append,
    /// The same files from a server that asks nobody.
    ReferenceRead,
}

/// What the hand says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// Everybody is there; the ledger's verifier key, by the keeper's word.
    Prepared(String),
    /// Everything was opened once.
    Warm,
    /// The load may begin.
    Ready,
    /// The load is over.
    Done(Tally),
    /// The ledger's entries.
    Size(u64),
    /// The keeper answers, and can write.
    Back,
    /// It cannot go on.
    Failed(String),
}

/// What a load came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Requests that were answered as they must be; there are no others.
    pub count: u64,
    /// From the first request to the last answer.
    pub seconds: f64,
    /// Median of the answers' times.
    pub p50_ms: f64,
    /// 99 of 100 answers came within this.
    pub p99_ms: f64,
    /// How often a request waited because nobody was free whom the rules would let read again so soon.
    pub held: u64,
}

impl Tally {
    /// Sums up a load from the time of each answer in microseconds.
    pub fn of(mut micros: Vec<u32>, seconds: f64, held: u64) -> Self {
        micros.sort_unstable();
        let at = |hundredths: usize| {
            let place = (micros.len() * hundredths / 100).min(micros.len().saturating_sub(1));
            f64::from(micros.get(place).copied().unwrap_or_default()) / 1000.0
        };
        Self {
            count: u64::try_from(micros.len()).unwrap_or(u64::MAX),
            seconds,
            p50_ms: at(50),
            p99_ms: at(99),
            held,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_times() {
        let tally = Tally::of((1..=1000).rev().map(|ms| ms * 1000).collect(), 2.0, 3);
        assert_eq!((tally.count, tally.held), (1000, 3));
        assert!((tally.p50_ms - 501.0).abs() < f64::EPSILON, "{tally:?}");
        assert!((tally.p99_ms - 991.0).abs() < f64::EPSILON, "{tally:?}");
        assert_eq!(Tally::of(Vec::new(), 1.0, 0).count, 0);
    }
}
