//! Who of the population is fit to be given an account: picked while everybody passes by.

use crate::population::{Plan, ProxyReason, SyntheticPatient};
use candour_rules::ages::AgeTable;
use candour_seal::PatientId;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// Practices whose people are noted; accounts live at the first ones.
const PRACTICES: usize = 3;
/// People noted for each practice.
const EACH: usize = 40;

/// Somebody who could have an account.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub number: u32,
    pub practice: usize,
    pub name: String,
    pub given: String,
    pub birth_date: Date,
    /// Number of the parent or guardian who could act for them.
    pub guardian: Option<u32>,
    /// Adult, reachable by mail, alive, and enrolled now.
    pub is_ordinary: bool,
}

impl Candidate {
    /// `None` for everybody nobody would make an account for.
    pub(super) fn of(patient: &SyntheticPatient) -> Option<Self> {
        let is_out = patient.is_canary
            || patient.practice >= PRACTICES
            || patient.identity.deceased.is_some()
            || patient.contact.unsafe_to_write
            // Whoever moved on is enrolled elsewhere, and this practice may no longer invite them.
            || patient
                .enrolments
                .iter()
                .all(|had| had.practice != patient.practice || had.until.is_some());
        if is_out {
            return None;
        }
        let birth_date = patient.identity.birth_date.date();
        // As everywhere in a demonstration, whose ages are the keeper's own.
        let is_of =
            |age: u16| Plan::DAY.year() - birth_date.year() > i16::try_from(age).unwrap_or(0);
        let ages = AgeTable::default();
        let guardian = patient
            .proxies
            .iter()
            .find(|proxy| proxy.reason == ProxyReason::Guardian && !is_of(ages.own_say - 1))
            .map(|proxy| proxy.person);
        let is_ordinary =
            is_of(ages.grown) && patient.contact.email.is_some() && patient.letters.len() >= 2;
        (is_ordinary || guardian.is_some()).then(|| Self {
            number: patient.number,
            practice: patient.practice,
            name: patient.identity.name.full(),
            given: patient.identity.name.given.clone(),
            birth_date,
            guardian,
            is_ordinary,
        })
    }
}

/// Candidates by number, lowest first: the same population gives the same accounts.
#[derive(Default)]
pub(super) struct Candidates {
    by_number: BTreeMap<u32, (Candidate, PatientId)>,
}

impl Candidates {
    pub(super) fn add(&mut self, candidate: Candidate, patient: PatientId) {
        let practice = candidate.practice;
        self.by_number
            .insert(candidate.number, (candidate, patient));
        let here = |is_ordinary| {
            self.by_number.values().filter(move |(known, _)| {
                known.practice == practice && known.is_ordinary == is_ordinary
            })
        };
        let last_child = here(false).map(|(known, _)| known.number).next_back();
        if here(false).count() > EACH
            && let Some(last) = last_child
        {
            self.by_number.remove(&last);
            return;
        }
        let same = || here(true);
        // Families are rare among few people, so a child is kept with its guardian whatever their numbers.
        let is_guardian = |number| {
            let mut known = self.by_number.values();
            known.any(|(known, _)| known.guardian == Some(number))
        };
        let spare = same()
            .map(|(known, _)| known.number)
            .rfind(|number| !is_guardian(*number));
        if same().count() > EACH
            && let Some(last) = spare
        {
            self.by_number.remove(&last);
        }
    }

    /// A child and a parent who both are enrolled at this practice.
    pub(super) fn family(&mut self, practice: usize) -> Option<[(Candidate, PatientId); 2]> {
        let (child, parent) = self.by_number.values().find_map(|(child, _)| {
            let parent = child.guardian?;
            let (known, _) = self.by_number.get(&parent)?;
            (known.is_ordinary && child.practice == practice && known.practice == practice)
                .then_some((child.number, parent))
        })?;
        Some([
            self.by_number.remove(&child)?,
            self.by_number.remove(&parent)?,
        ])
    }

    /// The next ordinary adult of this practice.
    pub(super) fn ordinary(&mut self, practice: usize) -> Option<(Candidate, PatientId)> {
        let number = self
            .by_number
            .values()
            .find(|(known, _)| known.practice == practice && known.is_ordinary)
            .map(|(known, _)| known.number)?;
        self.by_number.remove(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(number: u32, guardian: Option<u32>) -> Candidate {
        Candidate {
            number,
            practice: 0,
            name: format!("Person {number}"),
            given: "Person".to_owned(),
            birth_date: Date::constant(1980, 1, 1),
            guardian,
            is_ordinary: guardian.is_none(),
        }
    }

    #[test]
    fn a_guardian_is_kept_for_the_child_and_the_lowest_numbers_for_the_rest() {
        let mut candidates = Candidates::default();
        let patient = PatientId::from_bytes([1; 16]);
        candidates.add(candidate(900, Some(899)), patient);
        candidates.add(candidate(899, None), patient);
        for number in (0..200).rev() {
            candidates.add(candidate(number, None), patient);
        }
        let [child, parent] = candidates.family(0).unwrap();
        assert_eq!((child.0.number, parent.0.number), (900, 899));
        assert_eq!(candidates.ordinary(0).unwrap().0.number, 0);
        assert!(candidates.ordinary(1).is_none());
        assert!(candidates.by_number.len() <= EACH);
        for number in 1000..2000 {
            candidates.add(candidate(number, Some(1)), patient);
        }
        assert!(candidates.by_number.len() <= 2 * EACH);
    }
}
