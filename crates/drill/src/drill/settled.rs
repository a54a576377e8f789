//! What the drill knows of its own population: whose a document is, and who may be written to.

use crate::Problem;
use crate::settle::SettledPatient;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead, BufReader};
use std::path::Path;

/// The settled population.
#[derive(Debug, Default)]
pub struct Settled {
    /// Everybody, canaries left out.
    pub patients: Vec<SettledPatient>,
    /// Whose a document is.
    pub owners: HashMap<String, String>,
    /// Mailboxes of practices.
    pub practice_mailboxes: BTreeSet<String>,
}

impl Settled {
    /// Reads what settling wrote.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(list: &Path) -> Result<Self, Problem> {
        let file = std::fs::File::open(list).map_err(Problem::file("could not read", list))?;
        let mut settled = Self::default();
        for line in BufReader::new(file).lines() {
            let line = line.map_err(Problem::file("could not read", list))?;
            let patient: SettledPatient =
                serde_json::from_str(&line).map_err(Problem::json(list))?;
            for document in &patient.documents {
                settled
                    .owners
                    .insert(document.clone(), patient.patient.clone());
            }
            settled.patients.push(patient);
        }
        // A thief's listing has no reason to be in order of people.
        settled
            .patients
            .sort_by(|one, other| one.patient.cmp(&other.patient));
        Ok(settled)
    }

    /// Every document's id, in no meaningful order: what leaked.
    pub fn documents(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.owners.keys().map(String::as_str).collect();
        ids.sort_unstable();
        ids
    }

    /// Surnames of a practice's people, the commonest first: what a telephone book says.
    pub fn surnames(&self, practice: usize) -> Vec<String> {
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        for patient in self
            .patients
            .iter()
            .filter(|patient| patient.practice == practice)
        {
            *count.entry(patient.surname.as_str()).or_default() += 1;
        }
        let mut names: Vec<_> = count.into_iter().collect();
        names.sort_by_key(|(_, many)| std::cmp::Reverse(*many));
        names.into_iter().map(|(name, _)| name.to_owned()).collect()
    }

    /// A patient by id.
    pub fn patient(&self, id: &str) -> Option<&SettledPatient> {
        self.patients
            .binary_search_by(|patient| patient.patient.as_str().cmp(id))
            .ok()
            .map(|place| &self.patients[place])
    }
}
