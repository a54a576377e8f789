//! A new reading key for a patient: what an older one opened, no key that is kept opens.
//!
//! An erased item's key is gone from its row. A copy of that row, in an old backup or on a stolen disk, still has it, under
//! the reading key of that day; so that key has to go too, or one later backup would open the copy. Every erasure
//! therefore gives its patient a new reading key. The one before lives on nowhere but under epoch keys of its time, and
//! ends with them (`epochs`).

use crate::core::Core;
use crate::draft::{Draft, Effect};
use crate::items::{ItemRow, unwrap_item_key, wrap_item_key};
use crate::keys::KeyedToken;
use crate::ledger::{LedgerError, Refusal};
use crate::subject_keys::NewSubjectKeys;
use candour_keeper_wire::words::{EntryKind, Reason};
use candour_seal::{ItemKey, PatientId, SubjectKey, Wrapped};
use std::sync::Arc;

/// How often it is tried while the patient's items change.
const TRIES: u32 = 5;

/// A new reading key, and what hangs on it.
pub struct NewReadingKey {
    /// The patient's keys as they are to be.
    pub keys: NewSubjectKeys,
    /// The reading key that it replaces.
    pub was: SubjectKey,
    /// The patient's items, each with its key under the new one.
    pub items: Vec<(Arc<ItemRow>, Wrapped)>,
    /// The items that have nothing under it: erased in the same transaction.
    pub besides: Vec<KeyedToken>,
}

/// Makes a patient's new reading key; what `doomed` names gets nothing under it.
pub(crate) async fn renew(
    core: &Core,
    patient: KeyedToken,
    is_doomed: impl Fn(KeyedToken) -> bool,
) -> Result<Box<NewReadingKey>, Refusal> {
    for _ in 0..TRIES {
        // The key first: where another takes its place before the items are read, they do not unwrap, or the key that was
        // read no longer stands there when this is written.
        let renewed = core.subject_keys.renewed(patient).await;
        let (old, reading, keys) = renewed.map_err(Reason::from)?;
        let (mut items, mut besides) = (Vec::new(), Vec::new());
        let mut is_whole = true;
        for row in core.items.of_patient(patient).await? {
            let item = row.new.item;
            if is_doomed(item) {
                besides.push(item);
                continue;
            }
            match row.key(&old.reading) {
                Ok(key) => items.push((row, wrap_item_key(&reading, item, &key))),
                Err(_) => is_whole = false,
            }
        }
        if is_whole {
            return Ok(Box::new(NewReadingKey {
                keys,
                was: old.reading.clone(),
                items,
                besides,
            }));
        }
        core.subject_keys.forget(patient);
    }
    // A key that does not unwrap is never left behind: nothing of the patient's would open it again.
    Err(Reason::SubjectClosed.into())
}

/// One patient's reading key is replaced; nothing else changes for anybody. Answers with the number of items under it and
/// the entry's index.
pub async fn replace(core: &Core, patient: PatientId, by: &str) -> Result<(usize, u64), Refusal> {
    let token = core.keys.patient(patient);
    for _ in 0..TRIES {
        let new = renew(core, token, |_| false).await?;
        let count = new.items.len();
        let mut draft = Draft::of_keeper(EntryKind::KeyUse);
        draft.body.text = format!("the patient got a new reading key, by {by}");
        draft.body.count = u32::try_from(count).unwrap_or(u32::MAX);
        draft.effects = vec![Effect::NewReadingKey(new)];
        match core.ledger.append_one(draft.about(patient, token)).await {
            Ok(appended) => return Ok((count, appended.index)),
            // Something of the patient's was put in or erased meanwhile.
            Err(LedgerError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Reason::TooMany.into())
}

impl Core {
    /// An item's key. Where the patient got a new reading key meanwhile, and row and key are from before and after it, by
    /// what stands in the database at one instant, remembered by nobody.
    pub(crate) async fn item_key(
        &self,
        row: &ItemRow,
        reading: &SubjectKey,
    ) -> Result<ItemKey, Reason> {
        if let Ok(key) = row.key(reading) {
            return Ok(key);
        }
        let item = row.new.item;
        let (pair, wrapped) = self.subject_keys.of_item(item).await?;
        unwrap_item_key(&pair.reading, item, &wrapped).map_err(|_| Reason::SubjectClosed)
    }
}
