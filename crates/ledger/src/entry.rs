//! An entry: the narrow row that is queried, the digest of its sealed body, and the leaf over both.
//!
//! The leaf hides the entry from whoever lacks its salt and binds it for ever; it is made from the
//! *sealed* body, so an auditor checks every row and body without opening any. Byte for byte:
//! `docs/formats/entries.md`.

use aws_lc_rs::hmac;

use crate::tree::{Hash, leaf_hash};

/// Version of the encoding, its first byte.
pub const ENTRY_VERSION: u8 = 1;
/// The kind of an entry in the place of one that was lost, as two operators accepted.
pub const LOSS_ACCEPTED: u8 = 19;
/// Length of an encoded entry in bytes.
pub const ENTRY_LENGTH: usize = 1 + 8 + 8 + 4 + 1 + 16 + 1 + 4 * 8 + 32;

/// What is known of an entry without any key, plus the digest of its sealed body.
///
/// Kinds, decisions, purposes and roles are the keeper's closed lists, as numbers. Surrogates are
/// the row numbers of keyed tokens; 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the ledger, from 0 and without gap.
    pub index: u64,
    /// When, in microseconds since 1970-01-01T00:00:00Z; never before the previous entry's.
    pub at: i64,
    /// What happened.
    pub kind: u8,
    /// How it was decided.
    pub decision: u8,
    /// What for.
    pub purpose: u8,
    /// In which role.
    pub role: u8,
    /// For which practice, if for one.
    pub practice: Option<[u8; 16]>,
    /// What kind of item.
    pub item_kind: u8,
    /// Surrogate of the session.
    pub session: i64,
    /// Surrogate of the principal.
    pub principal: i64,
    /// Surrogate of the patient.
    pub patient: i64,
    /// Surrogate of the item.
    pub item: i64,
    /// SHA-256 of the sealed body as it is stored; of nothing where there is no body.
    pub body: [u8; 32],
}

/// Why bytes are no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Not [`ENTRY_LENGTH`] bytes.
    #[error("an entry has 103 bytes")]
    Length,
    /// Another version of the encoding.
    #[error("the entry's version is not known")]
    Version,
    /// A practice that is neither absent nor present.
    #[error("the entry's practice is neither absent nor present")]
    Practice,
}

impl Entry {
    /// The canonical encoding: one for each entry, all integers big-endian.
    pub fn to_bytes(&self) -> [u8; ENTRY_LENGTH] {
        let mut out = [0; ENTRY_LENGTH];
        let practice = self.practice.unwrap_or_default();
        let parts: [&[u8]; 12] = [
            &[ENTRY_VERSION],
            &self.index.to_be_bytes(),
            &self.at.to_be_bytes(),
            &[self.kind, self.decision, self.purpose, self.role],
            &[u8::from(self.practice.is_some())],
            &practice,
            &[self.item_kind],
            &self.session.to_be_bytes(),
            &self.principal.to_be_bytes(),
            &self.patient.to_be_bytes(),
            &self.item.to_be_bytes(),
            &self.body,
        ];
        let mut rest = out.as_mut_slice();
        for part in parts {
            let (head, tail) = rest.split_at_mut(part.len());
            head.copy_from_slice(part);
            rest = tail;
        }
        out
    }

    /// Reads what [`Entry::to_bytes`] wrote, and nothing else.
    ///
    /// # Errors
    /// [`EntryError`] for any other bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() != ENTRY_LENGTH {
            return Err(EntryError::Length);
        }
        let mut rest = bytes;
        let [version] = take(&mut rest)?;
        if version != ENTRY_VERSION {
            return Err(EntryError::Version);
        }
        let index = u64::from_be_bytes(take(&mut rest)?);
        let at = i64::from_be_bytes(take(&mut rest)?);
        let [kind, decision, purpose, role] = take(&mut rest)?;
        let [present] = take(&mut rest)?;
        let practice = match (present, take::<16>(&mut rest)?) {
            (0, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) => None,
            (1, practice) => Some(practice),
            _ => return Err(EntryError::Practice),
        };
        let [item_kind] = take(&mut rest)?;
        Ok(Self {
            index,
            at,
            kind,
            decision,
            purpose,
            role,
            practice,
            item_kind,
            session: i64::from_be_bytes(take(&mut rest)?),
            principal: i64::from_be_bytes(take(&mut rest)?),
            patient: i64::from_be_bytes(take(&mut rest)?),
            item: i64::from_be_bytes(take(&mut rest)?),
            body: take(&mut rest)?,
        })
    }

    /// HMAC-SHA256 of the encoding under the entry's salt: binds the entry, shows nothing of it.
    pub fn commitment(&self, salt: &[u8; 32]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, salt);
        let tag = hmac::sign(&key, &self.to_bytes());
        *Hash::from_slice(tag.as_ref()).as_bytes()
    }

    /// The entry's leaf in the tree: SHA-256 of `0x00 ‖ commitment`.
    ///
    /// `salt` is 32 secret bytes that no other entry uses, derived by the caller.
    pub fn leaf(&self, salt: &[u8; 32]) -> Hash {
        leaf_hash(&self.commitment(salt))
    }
}

/// The digest of a sealed body as [`Entry::body`] holds it.
pub fn body_digest(sealed: &[u8]) -> [u8; 32] {
    *Hash::of(&[sealed]).as_bytes()
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], EntryError> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(EntryError::Length)?;
    *rest = tail;
    Ok(*head)
}
