//! Items as the keeper's database holds them: clear columns under a MAC, and the wrapped key.

use crate::keys::KeyedToken;
use candour_keeper_api::words::{ItemKind, Section};
use candour_seal::{PracticeId, Wrapped};
use jiff::Timestamp;

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
}

/// What makes an item visible.
#[derive(Clone)]
pub struct SealedRow {
    /// The item as it was deposited.
    pub item: ItemRow,
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
}

/// What an item has since it is sealed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SealedPart {
    /// The index of the entry that made it visible.
    pub index: u64,
    /// Length of the ciphertext in bytes.
    pub size: i64,
    /// SHA-256 of the ciphertext.
    pub digest: [u8; 32],
}
