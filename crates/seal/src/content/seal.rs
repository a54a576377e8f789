//! Sealing, whole or as a stream.

use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use super::{CHUNK_LENGTH, Cipher, HEADER_LENGTH, SALT_LENGTH, TAG_LENGTH};
use crate::Context;
use crate::key::{ItemKey, KEY_LENGTH};

/// Seals a content that is all there, for the place that `context` names.
pub fn seal(key: &ItemKey, context: &[u8], plaintext: &[u8], rng: &mut dyn CryptoRng) -> Vec<u8> {
    seal_with(key.expose(), context, plaintext, rng)
}

/// Seals a content for the place of an item.
pub fn seal_item(
    key: &ItemKey,
    context: &Context,
    plaintext: &[u8],
    rng: &mut dyn CryptoRng,
) -> Vec<u8> {
    seal(key, &context.to_bytes(), plaintext, rng)
}

pub(crate) fn seal_with(
    key: &[u8; KEY_LENGTH],
    context: &[u8],
    plaintext: &[u8],
    rng: &mut dyn CryptoRng,
) -> Vec<u8> {
    let chunks = plaintext.len() / CHUNK_LENGTH + 1;
    let mut out = Vec::with_capacity(HEADER_LENGTH + plaintext.len() + chunks * TAG_LENGTH);
    // Not through a `Sealer`: what it holds back would be a copy of the content to wipe.
    let (cipher, header) = fresh(key, context, rng);
    out.extend_from_slice(&header);
    let (full, rest) = plaintext.as_chunks::<CHUNK_LENGTH>();
    let pieces = full.iter().map(<[u8; CHUNK_LENGTH]>::as_slice);
    for (chunk, piece) in (0..).zip(pieces.chain([rest])) {
        cipher.seal_chunk(chunk, piece, &mut out);
    }
    out
}

/// The cipher and header for a salt that was never used.
fn fresh(
    key: &[u8; KEY_LENGTH],
    context: &[u8],
    rng: &mut dyn CryptoRng,
) -> (Cipher, [u8; HEADER_LENGTH]) {
    let mut salt = [0; SALT_LENGTH];
    rng.fill_bytes(&mut salt);
    Cipher::new(key, context, &salt)
}

/// Seals a stream in constant memory (one chunk is held back).
///
/// Every call appends what is ready to `out`; the header comes with the first.
pub struct Sealer {
    cipher: Cipher,
    header: Option<[u8; HEADER_LENGTH]>,
    held: Zeroizing<Vec<u8>>,
    chunk: u64,
    pushed: u64,
}

impl Sealer {
    /// Starts a content for the place that `context` names.
    pub fn new(key: &ItemKey, context: &[u8], rng: &mut dyn CryptoRng) -> Self {
        let (cipher, header) = fresh(key.expose(), context, rng);
        Self {
            cipher,
            header: Some(header),
            held: Zeroizing::new(Vec::new()),
            chunk: 0,
            pushed: 0,
        }
    }

    /// Takes the next bytes of the content and appends the chunks that are full.
    pub fn push(&mut self, mut plaintext: &[u8], out: &mut Vec<u8>) {
        self.begin(out);
        self.pushed = self.pushed.saturating_add(plaintext.len() as u64);
        if !self.held.is_empty() {
            let missing = CHUNK_LENGTH - self.held.len();
            let (head, rest) = plaintext.split_at(missing.min(plaintext.len()));
            self.held.extend_from_slice(head);
            plaintext = rest;
            if self.held.len() == CHUNK_LENGTH {
                self.cipher.seal_chunk(self.chunk, &self.held, out);
                self.chunk += 1;
                self.held.zeroize();
            }
        }
        let (full, rest) = plaintext.as_chunks::<CHUNK_LENGTH>();
        for piece in full {
            self.cipher.seal_chunk(self.chunk, piece, out);
            self.chunk += 1;
        }
        if !rest.is_empty() {
            // Reserved once and in full, so that no reallocation leaves plaintext behind.
            self.held.reserve_exact(CHUNK_LENGTH);
            self.held.extend_from_slice(rest);
        }
    }

    /// Content bytes taken so far.
    pub fn pushed(&self) -> u64 {
        self.pushed
    }

    /// Appends the last chunk, without which the content counts as cut short.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.begin(out);
        self.cipher.seal_chunk(self.chunk, &self.held, out);
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if let Some(header) = self.header.take() {
            out.extend_from_slice(&header);
        }
    }
}
