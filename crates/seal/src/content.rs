//! Cobblestone-256: C2SP chunked encryption with AES-256-GCM and HKDF-SHA512 (c2sp.org/chunked-encryption).
//!
//! A sealed content is `salt (24) ‖ commitment (32) ‖ chunks`; every chunk holds 16 KiB of plaintext
//! and a 16-byte tag, except the last, which is always shorter (an exact multiple ends in an empty
//! chunk). Key, nonce and commitment come from the item key, the salt and the context, so nothing
//! opens under another key or in another place. Byte for byte: `docs/formats/sealed.md`.

mod open;
mod seal;
mod seek;

pub(crate) use open::open_with;
pub use open::{Opener, open, open_item};
pub(crate) use seal::seal_with;
pub use seal::{Sealer, seal, seal_item};
pub use seek::SeekOpener;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};
use aws_lc_rs::hkdf::HKDF_SHA512;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::broken;
use crate::key::{KEY_LENGTH, expand};

/// Length of what stands before the first chunk: salt and commitment.
pub const HEADER_LENGTH: usize = SALT_LENGTH + COMMITMENT_LENGTH;
/// Plaintext bytes in every chunk but the last.
pub const CHUNK_LENGTH: usize = 16 * 1024;
/// Length of the tag at the end of every chunk.
pub const TAG_LENGTH: usize = 16;

const SALT_LENGTH: usize = 24;
const COMMITMENT_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 12;
const SEALED_CHUNK: usize = CHUNK_LENGTH + TAG_LENGTH;
const MOST_CHUNKS: u64 = 1 << 38;
const LABEL: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";

/// Why a sealed content does not open; nothing of it has been given out beyond what was authentic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// No sealed content has this length, or the bytes given are not the bytes asked for.
    #[error("the sealed content has an impossible length")]
    Length,
    /// It ends before its last chunk.
    #[error("the sealed content is cut short")]
    Truncated,
    /// It was sealed with another key or for another place.
    #[error("the sealed content belongs to another key or another place")]
    Key,
    /// Some of its bytes were changed.
    #[error("the sealed content was changed")]
    Changed,
    /// The range asked for ends after the content.
    #[error("the range lies outside the content")]
    Range,
}

/// Length of the sealed form of `plain` bytes; saturates above the largest content (4 PiB).
pub const fn sealed_length(plain: u64) -> u64 {
    let chunks = plain / CHUNK_LENGTH as u64 + 1;
    plain
        .saturating_add(chunks * TAG_LENGTH as u64)
        .saturating_add(HEADER_LENGTH as u64)
}

/// Length of the content in a sealed form of `sealed` bytes.
///
/// # Errors
/// [`OpenError::Truncated`] when it ends on a chunk's border, [`OpenError::Length`] when no sealed
/// content has that length.
pub const fn plain_length(sealed: u64) -> Result<u64, OpenError> {
    if sealed < HEADER_LENGTH as u64 {
        return Err(OpenError::Length);
    }
    let chunks = sealed - HEADER_LENGTH as u64;
    let full = chunks / SEALED_CHUNK as u64;
    let last = chunks % SEALED_CHUNK as u64;
    if last == 0 {
        return Err(OpenError::Truncated);
    }
    if last < TAG_LENGTH as u64 || full >= MOST_CHUNKS {
        return Err(OpenError::Length);
    }
    Ok(full * CHUNK_LENGTH as u64 + last - TAG_LENGTH as u64)
}

/// The cipher of one content: its key schedule, its base nonce and its header.
struct Cipher {
    key: LessSafeKey,
    nonce: [u8; NONCE_LENGTH],
}

type Header = [u8; HEADER_LENGTH];
type Salt = [u8; SALT_LENGTH];

impl Cipher {
    /// The cipher for a salt, and the header that belongs to it.
    fn new(key: &[u8; KEY_LENGTH], context: &[u8], salt: &Salt) -> (Self, Header) {
        const NONCE_END: usize = KEY_LENGTH + NONCE_LENGTH;
        let mut derived = Zeroizing::new([0; NONCE_END + COMMITMENT_LENGTH]);
        let info = [LABEL, salt, context];
        expand(HKDF_SHA512, key, &info, derived.as_mut_slice());
        let mut nonce = [0; NONCE_LENGTH];
        nonce.copy_from_slice(&derived[KEY_LENGTH..NONCE_END]);
        let mut header = [0; HEADER_LENGTH];
        header[..SALT_LENGTH].copy_from_slice(salt);
        header[SALT_LENGTH..].copy_from_slice(&derived[NONCE_END..]);
        let Ok(key) = UnboundKey::new(&AES_256_GCM, &derived[..KEY_LENGTH]) else {
            broken("AES-256-GCM key")
        };
        let key = LessSafeKey::new(key);
        (Self { key, nonce }, header)
    }

    /// The cipher that a header belongs to; the commitment is checked before anything is opened.
    fn for_header(
        key: &[u8; KEY_LENGTH],
        context: &[u8],
        header: &Header,
    ) -> Result<Self, OpenError> {
        let mut salt = [0; SALT_LENGTH];
        salt.copy_from_slice(&header[..SALT_LENGTH]);
        let (cipher, expected) = Self::new(key, context, &salt);
        if bool::from(expected.ct_eq(header)) {
            Ok(cipher)
        } else {
            Err(OpenError::Key)
        }
    }

    /// The base nonce with the chunk's number, big-endian, added into its end by exclusive or.
    fn nonce(&self, chunk: u64) -> Nonce {
        let mut nonce = self.nonce;
        for (byte, number) in nonce.iter_mut().rev().zip(chunk.to_le_bytes()) {
            *byte ^= number;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    /// Appends the sealed form of one chunk.
    fn seal_chunk(&self, chunk: u64, plaintext: &[u8], out: &mut Vec<u8>) {
        if chunk >= MOST_CHUNKS {
            broken("content over 4 PiB");
        }
        let start = out.len();
        out.extend_from_slice(plaintext);
        let sealed: Result<Tag, _> =
            self.key
                .seal_in_place_separate_tag(self.nonce(chunk), Aad::empty(), &mut out[start..]);
        match sealed {
            Ok(tag) => out.extend_from_slice(tag.as_ref()),
            Err(_) => broken("AES-256-GCM"),
        }
    }

    /// Appends the content of one sealed chunk; on failure `out` is as it was.
    fn open_chunk(&self, chunk: u64, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        if chunk >= MOST_CHUNKS {
            return Err(OpenError::Length);
        }
        let (content, tag) = sealed
            .split_last_chunk::<TAG_LENGTH>()
            .ok_or(OpenError::Length)?;
        let start = out.len();
        out.resize(start + content.len(), 0);
        let opened = self.key.open_separate_gather(
            self.nonce(chunk),
            Aad::empty(),
            content,
            tag,
            &mut out[start..],
        );
        if opened.is_err() {
            // INVARIANT: nothing unauthenticated leaves, whatever the library left behind.
            out[start..].zeroize();
            out.truncate(start);
            return Err(OpenError::Changed);
        }
        Ok(())
    }
}
