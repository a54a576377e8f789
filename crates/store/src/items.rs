//! Sealed things: kept once, read by permit.

use crate::objects::ObjectFile;
use crate::{Store, StoreError, sql};
use candour_keeper_api::words::ItemKind;
use candour_keeper_api::{DepositPermit, ItemPermit};
use candour_seal::{ItemId, PatientId};
use jiff::civil::Date;
use std::collections::HashMap;
use std::sync::Arc;

/// The longest ciphertext that lives in its row, in bytes; a longer one is a file.
pub const ROW_LIMIT: usize = 16 * 1024;

/// The longest file that is read at once, in bytes; a longer one is streamed.
const WHOLE_LIMIT: u64 = 1024 * 1024;

/// A sealed thing to be kept; its id and its patient come out of the keeper's leave to deposit it.
pub struct NewItem {
    item: ItemId,
    patient: PatientId,
    kind: ItemKind,
    sealed: Arc<Vec<u8>>,
    room_wrap: Vec<u8>,
}

impl NewItem {
    /// What `permit` allows to be kept.
    pub fn of(permit: &DepositPermit, kind: ItemKind, sealed: Vec<u8>) -> Self {
        Self {
            item: permit.item(),
            patient: PatientId::from_bytes(permit.subject()),
            kind,
            sealed: Arc::new(sealed),
            room_wrap: permit.room_wrap().to_vec(),
        }
    }

    /// The ciphertext.
    pub fn sealed(&self) -> &[u8] {
        &self.sealed
    }

    fn is_file(&self) -> bool {
        self.sealed.len() > ROW_LIMIT
    }
}

/// What became of one [`NewItem`].
#[derive(Debug)]
pub enum Kept {
    /// It is durable.
    New,
    /// An earlier attempt is durable already; this is its ciphertext, and the new one was dropped.
    Already(Vec<u8>),
}

/// A stored ciphertext.
#[derive(Debug)]
pub enum Ciphertext {
    /// All of it.
    Whole(Vec<u8>),
    /// A file over 1 MiB, to be streamed.
    File(ObjectFile),
}

impl Store {
    /// Makes sealed things durable, files first, then all rows in one statement; in order.
    ///
    /// Nothing of it is visible until the keeper is told `Sealed`. Safe to repeat: what is kept stays as it is,
    /// and comes back so that the caller can compare it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when an id is taken by another patient's item or one of another kind.
    pub async fn keep(&self, items: &[NewItem], day: Date) -> Result<Vec<Kept>, StoreError> {
        let files = items
            .iter()
            .filter(|item| item.is_file())
            .map(|item| (item.item, Arc::clone(&item.sealed)))
            .collect();
        let made = self.objects.write(files).await?;
        let new_rows = self.insert(items, day).await?;
        let old_rows = self.stored(items, &new_rows).await?;
        let mut made = made.into_iter();
        items
            .iter()
            .map(|item| {
                if let Some(row) = old_rows.get(&item.item) {
                    row.is_same_thing(item)?;
                }
                if item.is_file() {
                    return match made.next() {
                        Some(true) => Ok(Kept::New),
                        _ => Ok(Kept::Already(self.read_file(item.item)?)),
                    };
                }
                match old_rows.get(&item.item) {
                    None => Ok(Kept::New),
                    Some(row) => row
                        .sealed
                        .clone()
                        .map(Kept::Already)
                        .ok_or(StoreError::Conflict),
                }
            })
            .collect()
    }

    /// Inserts the rows that are not there; gives the ids of those.
    async fn insert(&self, items: &[NewItem], day: Date) -> Result<Vec<ItemId>, StoreError> {
        let ids: Vec<&[u8]> = items
            .iter()
            .map(|item| item.item.as_bytes().as_slice())
            .collect();
        let patients: Vec<&[u8]> = items
            .iter()
            .map(|item| item.patient.as_bytes().as_slice())
            .collect();
        let kinds: Vec<i16> = items
            .iter()
            .map(|item| i16::from(item.kind.number()))
            .collect();
        let sizes: Vec<i64> = items
            .iter()
            .map(|item| i64::try_from(item.sealed.len()).unwrap_or(i64::MAX))
            .collect();
        let stored: Vec<&str> = items
            .iter()
            .map(|item| if item.is_file() { "file" } else { "row" })
            .collect();
        let sealed: Vec<Option<&[u8]>> = items
            .iter()
            .map(|item| (!item.is_file()).then_some(item.sealed.as_slice()))
            .collect();
        let wraps: Vec<Option<&[u8]>> = items
            .iter()
            .map(|item| (!item.room_wrap.is_empty()).then_some(item.room_wrap.as_slice()))
            .collect();
        let connection = self.connection().await?;
        let put = connection.prepare_cached(sql::PUT_ITEMS).await?;
        let rows = connection
            .query(
                &put,
                &[
                    &ids, &patients, &day, &kinds, &sizes, &stored, &sealed, &wraps,
                ],
            )
            .await?;
        rows.iter().map(|row| item_id(row, 0)).collect()
    }

    /// The rows of those items that were there before.
    async fn stored(
        &self,
        items: &[NewItem],
        new: &[ItemId],
    ) -> Result<HashMap<ItemId, StoredRow>, StoreError> {
        if new.len() == items.len() {
            return Ok(HashMap::new());
        }
        let new: std::collections::HashSet<ItemId> = new.iter().copied().collect();
        let old: Vec<&[u8]> = items
            .iter()
            .filter(|item| !new.contains(&item.item))
            .map(|item| item.item.as_bytes().as_slice())
            .collect();
        let connection = self.connection().await?;
        let statement = connection.prepare_cached(sql::ITEMS_STORED).await?;
        let rows = connection.query(&statement, &[&old]).await?;
        rows.iter()
            .map(|row| {
                let patient: &[u8] = row.try_get(1)?;
                let stored = StoredRow {
                    patient: PatientId::try_from(patient)
                        .map_err(|_| StoreError::Row("item.patient"))?,
                    kind: row.try_get(2)?,
                    sealed: row.try_get(4)?,
                };
                Ok((item_id(row, 0)?, stored))
            })
            .collect()
    }

    /// The ciphertext that a permit names. A file needs no row to be found: its size, which the keeper said,
    /// tells where it is, and its id is its name.
    pub async fn sealed(&self, permit: &ItemPermit) -> Result<Ciphertext, StoreError> {
        if permit.sealed_size() > ROW_LIMIT as u64 {
            // Small files are in the page cache: read here, and not through the pool of blocking threads.
            let file = self.open_file(permit.item())?;
            return if file.length > WHOLE_LIMIT {
                Ok(Ciphertext::File(file))
            } else {
                Ok(Ciphertext::Whole(file.read_whole()?))
            };
        }
        let connection = self.connection().await?;
        let statement = connection.prepare_cached(sql::SEALED).await?;
        let row = connection
            .query_opt(&statement, &[&permit.item().as_bytes().as_slice()])
            .await?
            .ok_or(StoreError::Missing)?;
        Ok(Ciphertext::Whole(row.try_get(0)?))
    }

    /// The ciphertexts that permits name, rows in one query; what is not here is not in the answer.
    pub async fn sealed_many(
        &self,
        permits: impl IntoIterator<Item = &ItemPermit>,
    ) -> Result<HashMap<ItemId, Vec<u8>>, StoreError> {
        let (files, rows): (Vec<_>, Vec<_>) = permits
            .into_iter()
            .map(|permit| (permit.item(), permit.sealed_size()))
            .partition(|(_, size)| *size > ROW_LIMIT as u64);
        let mut found = HashMap::with_capacity(files.len() + rows.len());
        if !rows.is_empty() {
            let ids: Vec<&[u8]> = rows
                .iter()
                .map(|(item, _)| item.as_bytes().as_slice())
                .collect();
            let connection = self.connection().await?;
            let statement = connection.prepare_cached(sql::SEALED_MANY).await?;
            for row in connection.query(&statement, &[&ids]).await? {
                found.insert(item_id(&row, 0)?, row.try_get(1)?);
            }
        }
        for (item, _) in files {
            match self.read_file(item) {
                Ok(bytes) => {
                    found.insert(item, bytes);
                }
                Err(StoreError::Missing) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    fn open_file(&self, item: ItemId) -> Result<ObjectFile, StoreError> {
        self.objects.read(item).map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                StoreError::Missing
            } else {
                StoreError::File(error)
            }
        })
    }

    fn read_file(&self, item: ItemId) -> Result<Vec<u8>, StoreError> {
        Ok(self.open_file(item)?.read_whole()?)
    }
}

struct StoredRow {
    patient: PatientId,
    kind: i16,
    sealed: Option<Vec<u8>>,
}

impl StoredRow {
    fn is_same_thing(&self, item: &NewItem) -> Result<(), StoreError> {
        if self.patient == item.patient && self.kind == i16::from(item.kind.number()) {
            Ok(())
        } else {
            Err(StoreError::Conflict)
        }
    }
}

fn item_id(row: &tokio_postgres::Row, column: usize) -> Result<ItemId, StoreError> {
    let bytes: &[u8] = row.try_get(column)?;
    ItemId::try_from(bytes).map_err(|_| StoreError::Row("item.id"))
}
