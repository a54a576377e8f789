//! Items as the keeper's database holds them: clear columns under a MAC, and the wrapped key.

use crate::cache::Cache;
use crate::foreign::ForeignRows;
use crate::keys::{KeyedToken, Keys};
use crate::reader::{self, Unreadable};
use crate::sql::calls as sql;
use candour_keeper_wire::words::{ItemKind, Section};
use candour_seal::{ItemKey, PracticeId, SubjectKey, Wrapped, unwrap, wrap};
use deadpool_postgres::Pool;
use jiff::Timestamp;
use std::sync::Arc;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// How many items are remembered.
const REMEMBERED_ITEMS: usize = 100_000;
/// How many sections are remembered.
const REMEMBERED_SECTIONS: usize = 50_000;

/// A new item, before it is stored.
#[derive(Clone)]
pub struct NewItemRow {
    /// Its keyed token.
    pub item: KeyedToken,
    /// Of whom.
    pub patient: KeyedToken,
    /// What it is.
    pub kind: ItemKind,
    /// In which section.
    pub section: Section,
    /// Sensitivity tags: bit n − 1 is tag n.
    pub tags: u8,
    /// Month of the content as year × 12 + (month − 1); 0 when unknown.
    pub month: i32,
    /// Who deposits it.
    pub practice: PracticeId,
    /// Keyed hash of practice and deposit key.
    pub deposit: [u8; 16],
    /// The document a shelf segment names.
    pub of_document: Option<KeyedToken>,
    /// Its key under the patient's reading key.
    pub wrapped: Wrapped,
    /// When.
    pub at: Timestamp,
    /// Nobody has a reason to open it.
    pub is_canary: bool,
}

/// What makes an item visible.
#[derive(Clone)]
pub struct SealedRow {
    /// The item as it was deposited.
    pub item: Arc<ItemRow>,
    /// Length of the ciphertext in bytes.
    pub size: i64,
    /// SHA-256 of the ciphertext.
    pub digest: [u8; 32],
}

/// A verified item row.
#[derive(Clone)]
pub struct ItemRow {
    /// What was stored with it at its deposit.
    pub new: NewItemRow,
    /// `None` until it is sealed.
    pub sealed: Option<SealedPart>,
    /// The index of the entry that destroyed its key.
    pub erased: Option<u64>,
}

/// What an item has since it is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedPart {
    /// The index of the entry that made it visible.
    pub index: u64,
    /// Length of the ciphertext in bytes.
    pub size: i64,
    /// SHA-256 of the ciphertext.
    pub digest: [u8; 32],
}

/// One visible item of a section.
#[derive(Clone)]
pub struct SectionItem {
    /// The item.
    pub row: Arc<ItemRow>,
    /// What is sealed with it.
    pub sealed: SealedPart,
    /// The ledger index from which on it is visible.
    pub visible_from: u64,
}

/// Why items cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ItemsError {
    /// A row was put in or changed past the keeper.
    #[error("an item's row does not verify")]
    Foreign(KeyedToken),
    /// The database does not answer.
    #[error("items cannot be read")]
    Unavailable,
}

impl From<Unreadable> for ItemsError {
    fn from(_: Unreadable) -> Self {
        Self::Unavailable
    }
}

/// The bytes an item row's MAC is over.
pub(crate) fn item_mac_data(
    new: &NewItemRow,
    sealed: Option<&SealedPart>,
    erased: Option<u64>,
) -> Vec<u8> {
    let mut data = Vec::with_capacity(192);
    data.extend_from_slice(&new.item.0);
    data.extend_from_slice(&new.patient.0);
    data.extend_from_slice(&[new.kind.number(), new.section.number(), new.tags]);
    data.extend_from_slice(&new.month.to_be_bytes());
    data.extend_from_slice(new.practice.as_bytes());
    data.extend_from_slice(&new.deposit);
    data.push(u8::from(new.of_document.is_some()));
    data.extend_from_slice(&new.of_document.map(|token| token.0).unwrap_or_default());
    data.extend_from_slice(&new.at.as_microsecond().to_be_bytes());
    data.push(u8::from(new.is_canary));
    data.push(u8::from(sealed.is_some()));
    if let Some(sealed) = sealed {
        data.extend_from_slice(&sealed.index.to_be_bytes());
        data.extend_from_slice(&sealed.size.to_be_bytes());
        data.extend_from_slice(&sealed.digest);
    }
    if let Some(index) = erased {
        data.extend_from_slice(&index.to_be_bytes());
    }
    data
}

/// The place an item's key is wrapped for.
fn key_context(item: KeyedToken) -> Vec<u8> {
    [b"item".as_slice(), &item.0].concat()
}

/// Wraps a new item's key under the patient's reading key.
pub(crate) fn wrap_item_key(reading: &SubjectKey, item: KeyedToken, key: &ItemKey) -> Wrapped {
    wrap(
        reading,
        &key_context(item),
        key,
        &mut candour_seal::SystemRandom,
    )
}

/// Unwraps an item's key by the patient's reading key.
pub(crate) fn unwrap_item_key(
    reading: &SubjectKey,
    item: KeyedToken,
    wrapped: &Wrapped,
) -> Result<ItemKey, ItemsError> {
    unwrap(reading, &key_context(item), wrapped).map_err(|_| ItemsError::Foreign(item))
}

impl ItemRow {
    /// The item's key.
    ///
    /// # Errors
    /// [`ItemsError::Foreign`] when it does not unwrap in this place.
    pub fn key(&self, reading: &SubjectKey) -> Result<ItemKey, ItemsError> {
        unwrap_item_key(reading, self.new.item, &self.new.wrapped)
    }

    fn verified(keys: &Keys, row: &Row) -> Result<Self, ItemsError> {
        let item = KeyedToken(bytes(row, 0)?);
        Self::read(row, item)
            .filter(|(read, mac)| {
                let data = item_mac_data(&read.new, read.sealed.as_ref(), read.erased);
                keys.mac_fits("item", &data, mac)
            })
            .map(|(read, _)| read)
            .ok_or(ItemsError::Foreign(item))
    }

    fn read(row: &Row, item: KeyedToken) -> Option<(Self, &[u8])> {
        let of_document: Option<&[u8]> = row.get(8);
        let of_document = match of_document {
            Some(token) => Some(KeyedToken::try_from(token).ok()?),
            None => None,
        };
        let (index, size): (Option<i64>, Option<i64>) = (row.get(12), row.get(13));
        let digest: Option<&[u8]> = row.get(14);
        let sealed = match (index, size, digest) {
            (Some(index), Some(size), Some(digest)) => Some(SealedPart {
                index: u64::try_from(index).ok()?,
                size,
                digest: digest.try_into().ok()?,
            }),
            _ => None,
        };
        let new = NewItemRow {
            item,
            patient: KeyedToken(bytes(row, 1).ok()?),
            kind: ItemKind::try_from(i32::from(row.get::<_, i16>(2))).ok()?,
            section: Section::try_from(i32::from(row.get::<_, i16>(3))).ok()?,
            tags: u8::try_from(row.get::<_, i16>(4)).ok()?,
            month: row.get(5),
            practice: PracticeId::from_bytes(bytes(row, 6).ok()?),
            deposit: bytes(row, 7).ok()?,
            of_document,
            wrapped: row.get::<_, &[u8]>(9).try_into().ok()?,
            at: Timestamp::from_microsecond(row.get(10)).ok()?,
            is_canary: row.get(11),
        };
        let erased = match row.get::<_, Option<i64>>(16) {
            Some(index) => Some(u64::try_from(index).ok()?),
            None => None,
        };
        let read = Self {
            new,
            sealed,
            erased,
        };
        Some((read, row.get(15)))
    }
}

fn bytes(row: &Row, column: usize) -> Result<[u8; 16], ItemsError> {
    row.get::<_, &[u8]>(column)
        .try_into()
        .map_err(|_| ItemsError::Unavailable)
}

/// Verified items by token, and visible items by section.
pub struct Items {
    pool: Pool,
    keys: Arc<Keys>,
    foreign: ForeignRows,
    rows: Cache<KeyedToken, Arc<ItemRow>>,
    sections: Cache<(KeyedToken, Section), Arc<Vec<SectionItem>>>,
}

impl Items {
    /// Over this database.
    pub fn new(pool: Pool, keys: Arc<Keys>, foreign: ForeignRows) -> Self {
        Self {
            pool,
            keys,
            foreign,
            rows: Cache::new(REMEMBERED_ITEMS),
            sections: Cache::new(REMEMBERED_SECTIONS),
        }
    }

    /// One item; `None` when there is none.
    pub async fn load(&self, item: KeyedToken) -> Result<Option<Arc<ItemRow>>, ItemsError> {
        if let Some(row) = self.rows.get(&item) {
            return Ok(Some(row));
        }
        let epoch = self.rows.epoch();
        let Some(row) = self.load_all(&[item]).await?.pop() else {
            return Ok(None);
        };
        self.rows.fill(item, Arc::clone(&row), epoch);
        Ok(Some(row))
    }

    /// Several items in one round trip, not remembered; those that do not exist are not in the answer.
    pub async fn load_all(&self, items: &[KeyedToken]) -> Result<Vec<Arc<ItemRow>>, ItemsError> {
        let tokens: Vec<&[u8]> = items.iter().map(|token| token.0.as_slice()).collect();
        self.query(sql::ITEMS, &[&tokens]).await
    }

    /// Items by the keyed hashes of their deposits.
    pub async fn of_deposits(
        &self,
        deposits: &[[u8; 16]],
    ) -> Result<Vec<Arc<ItemRow>>, ItemsError> {
        let tokens: Vec<&[u8]> = deposits.iter().map(<[u8; 16]>::as_slice).collect();
        self.query(sql::ITEMS_OF_DEPOSITS, &[&tokens]).await
    }

    /// What a practice deposited about a patient and did not erase: all of it, or one document with what names it.
    pub async fn kept(
        &self,
        patient: KeyedToken,
        practice: PracticeId,
        document: Option<KeyedToken>,
    ) -> Result<Vec<Arc<ItemRow>>, ItemsError> {
        let document = document.as_ref().map(|token| token.0.as_slice());
        let (patient, practice) = (
            patient.as_bytes().as_slice(),
            practice.as_bytes().as_slice(),
        );
        self.query(sql::KEPT_ITEMS, &[&patient, &practice, &document])
            .await
    }

    /// What was erased by entries after an index, in their order: so much of it, and up to which entry that is all. A row
    /// that does not verify is left out and told of: nobody but the keeper says that something is erased.
    pub async fn erased_after(
        &self,
        after: u64,
        ledger_size: u64,
    ) -> Result<(Vec<Arc<ItemRow>>, u64), ItemsError> {
        let number = |index: u64| i64::try_from(index).unwrap_or(i64::MAX);
        let asked: [&(dyn ToSql + Sync); 2] = [&number(after), &number(ledger_size)];
        let rows = reader::rows(&self.pool, sql::ERASED_AFTER, &asked).await?;
        let (mut erased, mut up_to) = (Vec::with_capacity(rows.len()), after);
        for row in &rows {
            up_to = u64::try_from(row.get::<_, i64>(16)).unwrap_or(up_to);
            erased.extend(self.verified(row).map(Arc::new));
        }
        Ok((erased, up_to))
    }

    /// What entries made visible, each with its entry's columns; `None` for a row that does not verify.
    pub(crate) async fn sealed(
        &self,
        text: &'static str,
        asked: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<(Option<Arc<ItemRow>>, Row)>, ItemsError> {
        let rows = reader::rows(&self.pool, text, asked).await?;
        let verified = rows.into_iter().map(|row| {
            let item = self.verified(&row).ok().map(Arc::new);
            (item, row)
        });
        Ok(verified.collect())
    }

    /// The lines on the shelves of these patients that name one of these documents.
    pub(crate) async fn lines(
        &self,
        patients: &[&[u8]],
        documents: &[&[u8]],
    ) -> Result<Vec<Arc<ItemRow>>, ItemsError> {
        self.query(sql::LINES_OF, &[&patients, &documents]).await
    }

    /// Everything of a patient whose key was not destroyed, sealed or not.
    pub async fn of_patient(&self, patient: KeyedToken) -> Result<Vec<Arc<ItemRow>>, ItemsError> {
        self.query(sql::ITEMS_OF_PATIENT, &[&patient.as_bytes().as_slice()])
            .await
    }

    /// Deposits from before `before` that were never sealed.
    pub async fn stale(
        &self,
        before: Timestamp,
        most: i64,
    ) -> Result<Vec<Arc<ItemRow>>, ItemsError> {
        self.query(sql::STALE_DEPOSITS, &[&before.as_microsecond(), &most])
            .await
    }

    /// The visible items of a patient's section, in the order in which they became visible.
    pub async fn section(
        &self,
        patient: KeyedToken,
        section: Section,
    ) -> Result<Arc<Vec<SectionItem>>, ItemsError> {
        if let Some(items) = self.sections.get(&(patient, section)) {
            return Ok(items);
        }
        let epoch = self.sections.epoch();
        let number = i16::from(section.number());
        let asked: [&(dyn ToSql + Sync); 2] = [&patient.as_bytes().as_slice(), &number];
        let rows = reader::rows(&self.pool, sql::SECTION, &asked).await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            let item = self.verified(row)?;
            let sealed = item.sealed.ok_or(ItemsError::Foreign(item.new.item))?;
            let visible_from: i64 = row.get(17);
            items.push(SectionItem {
                sealed,
                visible_from: u64::try_from(visible_from).unwrap_or(u64::MAX),
                row: Arc::new(item),
            });
        }
        let items = Arc::new(items);
        self.sections
            .fill((patient, section), Arc::clone(&items), epoch);
        Ok(items)
    }

    /// Forgets what a commit changed.
    pub fn forget(&self, changed: &[(KeyedToken, KeyedToken, Section)]) {
        self.rows.forget(changed.iter().map(|(item, _, _)| item));
        let mut sections: Vec<(KeyedToken, Section)> = Vec::new();
        for (_, patient, section) in changed {
            sections.push((*patient, *section));
            // A document's sealing may make the segment of the shelf visible that names it.
            sections.push((*patient, Section::Shelf));
        }
        self.sections.forget(sections.iter());
    }

    async fn query(
        &self,
        text: &'static str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Arc<ItemRow>>, ItemsError> {
        let rows = reader::rows(&self.pool, text, params).await?;
        rows.iter()
            .map(|row| self.verified(row).map(Arc::new))
            .collect()
    }

    fn verified(&self, row: &Row) -> Result<ItemRow, ItemsError> {
        ItemRow::verified(&self.keys, row).inspect_err(|error| {
            if let ItemsError::Foreign(item) = error {
                self.foreign.note("item", *item);
            }
        })
    }
}

impl From<ItemsError> for crate::ledger::Refusal {
    fn from(error: ItemsError) -> Self {
        match error {
            ItemsError::Foreign(_) => candour_keeper_wire::words::Reason::SubjectClosed.into(),
            ItemsError::Unavailable => candour_keeper_wire::words::Reason::LedgerUnavailable.into(),
        }
    }
}
