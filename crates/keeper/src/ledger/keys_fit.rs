//! Whether keys that are about to be written hang on what stands there now. Each is looked at while its place is held:
//! whoever would change it waits.

use super::{LedgerError, Shared};
use crate::items::{NewItemRow, unwrap_item_key};
use crate::keys::KeyedToken;
use crate::reading_keys::NewReadingKey;
use crate::subject_keys::{RewrappedSubject, SubjectKeyError, SubjectKeyPair};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// New items hang on their patient's reading key; a new reading key takes all that hung on the one before; what is moved
/// to another epoch key is what was read.
pub(super) async fn all(
    shared: &Shared,
    new: &[&NewItemRow],
    renewed: &[&NewReadingKey],
    moved: &[&RewrappedSubject],
) -> Result<(), LedgerError> {
    let patients = new.iter().map(|item| item.patient);
    let patients = patients.chain(renewed.iter().map(|new| new.keys.subject));
    let keys = of(shared, patients.collect()).await?;
    let key = |subject| keys.get(subject).map(|pair| &pair.reading);
    let hang = new.iter().all(|item| {
        key(&item.patient)
            .is_some_and(|reading| unwrap_item_key(reading, item.item, &item.wrapped).is_ok())
    });
    let replace = renewed
        .iter()
        .all(|new| key(&new.keys.subject) == Some(&new.was));
    if !hang || !replace {
        return Err(LedgerError::Conflict);
    }
    for new in renewed {
        let standing = shared.items.of_patient(new.keys.subject).await;
        let standing = standing.map_err(|_| LedgerError::Unavailable)?;
        let standing: BTreeSet<KeyedToken> = standing.iter().map(|row| row.new.item).collect();
        let taken = new.items.iter().map(|(row, _)| row.new.item);
        if standing != taken.chain(new.besides.iter().copied()).collect() {
            return Err(LedgerError::Conflict);
        }
    }
    if moved.is_empty() {
        return Ok(());
    }
    let subjects: Vec<KeyedToken> = moved.iter().map(|one| one.new.subject).collect();
    let standing = shared.subject_keys.standing(&subjects).await;
    let standing = standing.map_err(|_| LedgerError::Unavailable)?;
    let is_as_read = |one: &&RewrappedSubject| standing.get(&one.new.subject) == Some(&one.was);
    if moved.iter().all(is_as_read) {
        Ok(())
    } else {
        Err(LedgerError::Conflict)
    }
}

/// The keys of subjects, each once.
pub(super) async fn of(
    shared: &Shared,
    mut subjects: Vec<KeyedToken>,
) -> Result<HashMap<KeyedToken, Arc<SubjectKeyPair>>, LedgerError> {
    subjects.sort_unstable();
    subjects.dedup();
    let keys = shared.subject_keys.load_all(&subjects).await;
    keys.map_err(|error| match error {
        SubjectKeyError::Unavailable(_) | SubjectKeyError::Sealed => LedgerError::Unavailable,
        SubjectKeyError::Absent | SubjectKeyError::Foreign => LedgerError::Closed,
    })
}
