//! The score: the room's answer held against the thief's own book.

mod page;

pub use page::{names_nobody, page};

use crate::attacker::Loot;
use crate::clock::seconds_between;
use crate::drill::{Case, Mails, Met, Settled};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;

/// One thing that somebody saw.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lost {
    /// A document, by id.
    Document(String),
    /// A person of whom a record or document was opened.
    Opened(String),
    /// A person of whom a name line or list of titles was shown.
    Listed(String),
}

/// What was lost, by the thief's own book.
pub fn taken(loot: &Loot, settled: &Settled) -> BTreeSet<Lost> {
    let mut lost = BTreeSet::new();
    for id in loot.documents.keys() {
        lost.insert(Lost::Document(id.clone()));
        if let Some(owner) = settled.owners.get(id) {
            lost.insert(Lost::Opened(owner.clone()));
        }
    }
    lost.extend(loot.records.keys().cloned().map(Lost::Opened));
    lost.extend(
        loot.shelves
            .keys()
            .chain(loot.names.keys())
            .cloned()
            .map(Lost::Listed),
    );
    lost
}

/// What was lost, by the room's register: everything granted, or only what is confirmed.
pub fn registered(case: &Case, only_confirmed: bool) -> BTreeSet<Lost> {
    /// Number of "no section": the item is a document.
    const DOCUMENT: i16 = 11;
    let mut lost = BTreeSet::new();
    for affected in &case.people {
        let patient = affected.member.patient.to_string();
        let is_counted = |is_confirmed: bool| is_confirmed || !only_confirmed;
        let mut add = |is_listing: bool| {
            lost.insert(if is_listing {
                Lost::Listed(patient.clone())
            } else {
                Lost::Opened(patient.clone())
            })
        };
        let mut documents = Vec::new();
        for item in &affected.items {
            if is_counted(item.is_confirmed) {
                add(item.is_listing);
                if item.section == DOCUMENT {
                    documents.push(Lost::Document(item.item.to_string()));
                }
            }
        }
        for part in &affected.sections {
            if is_counted(part.is_confirmed) {
                add(part.is_listing);
            }
        }
        lost.extend(documents);
    }
    lost
}

/// The part of `these` that is among `those`; `None` when there is nothing to find: that would be no score.
fn share(these: &BTreeSet<Lost>, those: &BTreeSet<Lost>) -> Option<f64> {
    if these.is_empty() {
        return None;
    }
    let found = these.intersection(those).count();
    let ratio = |number: usize| u32::try_from(number).map_or(f64::MAX, f64::from);
    Some(ratio(found) / ratio(these.len()))
}

/// The figures, under the names that programs read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// The scenario.
    pub scenario: String,
    /// People in the installation, canaries left out.
    pub patients: usize,
    /// Their documents.
    pub documents: usize,
    /// Documents of which the thief got a byte.
    pub documents_lost: usize,
    /// People of whom a record or document was opened.
    pub people_lost: usize,
    /// People of whom a name line was shown.
    pub people_listed: usize,
    /// From the first reach beyond the stolen account to the alarm.
    pub seconds_to_detect: Option<f64>,
    /// To the freeze.
    pub seconds_to_freeze: Option<f64>,
    /// To the scope: the exact list of what was lost.
    pub seconds_to_list: Option<f64>,
    /// The part of what the thief got that the room counts as granted.
    pub recall: Option<f64>,
    /// The part of what the room calls confirmed that the thief got.
    pub precision: Option<f64>,
    /// Practices told.
    pub practices_told: usize,
    /// People told.
    pub people_told: usize,
    /// To the last message.
    pub seconds_to_last_mail: Option<f64>,
    /// The control run, with a keeper that grants everything.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub control: bool,
}

/// Everything a scorecard shows.
pub struct Run<'a> {
    /// The scenario's name.
    pub scenario: &'static str,
    /// The population.
    pub settled: &'a Settled,
    /// The thief's book.
    pub loot: &'a Loot,
    /// The room's answer; `None` in a control run.
    pub case: Option<&'a Case>,
    /// The mailbox.
    pub mails: &'a Mails,
    /// Ordinary traffic.
    pub met: &'a Met,
    /// The officers' time in seconds.
    pub approval_seconds: f64,
}

impl Run<'_> {
    /// When the thief first reached for what was not the account's own.
    pub fn zero(&self) -> Timestamp {
        self.loot.reached_out_at.unwrap_or(self.loot.began_at)
    }

    /// Seconds from then to the first event of a kind.
    pub fn seconds_to(&self, word: &str) -> Option<f64> {
        let at = self.case?.first(word)?;
        Some(seconds_between(self.zero(), at))
    }

    /// The figures.
    pub fn score(&self) -> Score {
        let taken = taken(self.loot, self.settled);
        let count = |wanted: fn(&Lost) -> bool| taken.iter().filter(|lost| wanted(lost)).count();
        let (granted, confirmed) = match self.case {
            Some(case) => (Some(registered(case, false)), Some(registered(case, true))),
            None => (None, None),
        };
        Score {
            scenario: self.scenario.to_owned(),
            patients: self
                .settled
                .patients
                .iter()
                .filter(|patient| !patient.is_canary)
                .count(),
            documents: self
                .settled
                .patients
                .iter()
                .filter(|patient| !patient.is_canary)
                .map(|patient| patient.documents.len())
                .sum(),
            documents_lost: count(|lost| matches!(lost, Lost::Document(_))),
            people_lost: count(|lost| matches!(lost, Lost::Opened(_))),
            people_listed: count(|lost| matches!(lost, Lost::Listed(_))),
            seconds_to_detect: self.seconds_to("alarm"),
            seconds_to_freeze: self.seconds_to("freeze"),
            seconds_to_list: self.seconds_to("scope"),
            recall: granted.and_then(|granted| share(&taken, &granted)),
            precision: confirmed.and_then(|confirmed| share(&confirmed, &taken)),
            practices_told: self.mails.practices.len(),
            people_told: self.mails.people.len(),
            seconds_to_last_mail: self
                .mails
                .last_at
                .map(|at| seconds_between(self.zero(), at)),
            control: self.case.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: &[&str]) -> BTreeSet<Lost> {
        ids.iter()
            .map(|id| Lost::Document((*id).to_owned()))
            .collect()
    }

    #[test]
    fn a_loss_that_the_room_misses_costs_recall_and_a_false_one_costs_precision() {
        let (taken, room) = (set(&["a", "b", "c", "d"]), set(&["a", "b", "c", "x", "y"]));
        let (recall, precision) = (share(&taken, &room), share(&room, &taken));
        assert!((recall.unwrap() - 0.75).abs() < 1e-9);
        assert!((precision.unwrap() - 0.6).abs() < 1e-9);
    }

    #[test]
    fn a_thief_who_got_nothing_and_a_room_that_confirms_nobody_give_no_score() {
        let room = set(&["a"]);
        assert_eq!(share(&set(&[]), &room), None);
        assert_eq!(share(&BTreeSet::new(), &set(&["a"])), None);
    }
}
