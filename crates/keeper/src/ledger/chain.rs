//! Each patient's counter and previous entry, kept in memory for whoever is about to get an entry.

use super::entry_of_row;
use crate::reader::{self, Unreadable};
use crate::sql::ledger as sql;
use candour_seal::Digest;
use deadpool_postgres::Pool;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most patients remembered beyond those that are needed right now.
const REMEMBERED: usize = 200_000;

/// A patient's last entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Link {
    /// Its counter; 0 when there is none.
    pub sequence: u64,
    /// SHA-256 of its canonical encoding.
    pub previous: Option<[u8; 32]>,
}

#[derive(Default)]
struct Place {
    link: Option<Link>,
    pins: u32,
}

/// The last entries of patients, by surrogate.
///
/// INVARIANT: from [`Chain::pin`] to [`Chain::unpin`] a patient's place stays, so that what was read from the
/// database before another batch committed never replaces what that batch wrote.
#[derive(Default)]
pub(super) struct Chain(Mutex<HashMap<i64, Place>>);

impl Chain {
    fn lock(&self) -> MutexGuard<'_, HashMap<i64, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the places of these patients and makes sure that they are known.
    pub async fn pin(&self, pool: &Pool, patients: &[i64]) -> Result<(), Unreadable> {
        let missing: Vec<i64> = {
            let mut places = self.lock();
            if places.len() > REMEMBERED {
                places.retain(|_, place| place.pins > 0);
            }
            patients
                .iter()
                .filter(|patient| {
                    let place = places.entry(**patient).or_default();
                    place.pins += 1;
                    place.link.is_none()
                })
                .copied()
                .collect()
        };
        if missing.is_empty() {
            return Ok(());
        }
        let rows = reader::rows(pool, sql::LAST_OF_PATIENTS, &[&missing])
            .await
            .inspect_err(|_| self.unpin(patients))?;
        let mut last: HashMap<i64, Link> = HashMap::new();
        for row in &rows {
            let (patient, sequence): (i64, i64) = (row.get(0), row.get(1));
            let entry = entry_of_row(row, patient);
            let link = Link {
                sequence: u64::try_from(sequence).unwrap_or_default(),
                previous: Some(*Digest::of(&entry.to_bytes()).as_bytes()),
            };
            last.insert(patient, link);
        }
        let mut places = self.lock();
        for patient in missing {
            if let Some(place) = places.get_mut(&patient) {
                place
                    .link
                    .get_or_insert(last.get(&patient).copied().unwrap_or_default());
            }
        }
        Ok(())
    }

    /// Lets the places go.
    pub fn unpin(&self, patients: &[i64]) {
        let mut places = self.lock();
        for patient in patients {
            if let Some(place) = places.get_mut(patient) {
                place.pins = place.pins.saturating_sub(1);
            }
        }
    }

    /// The last entry of a pinned patient.
    pub fn get(&self, patient: i64) -> Link {
        self.lock()
            .get(&patient)
            .and_then(|place| place.link)
            .unwrap_or_default()
    }

    /// Notes a new last entry (or takes it back).
    pub fn set(&self, patient: i64, link: Link) {
        self.lock().entry(patient).or_default().link = Some(link);
    }
}
