//! Opening, whole or as a stream.

use zeroize::{Zeroize, Zeroizing};

use super::{Cipher, HEADER_LENGTH, OpenError, SEALED_CHUNK, TAG_LENGTH, plain_length};
use crate::Context;
use crate::key::{ItemKey, KEY_LENGTH};

/// Opens a content that is all there, sealed for the place that `context` names.
///
/// # Errors
/// [`OpenError`] for another key or place, changed bytes, a cut or an impossible length.
pub fn open(key: &ItemKey, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    open_with(key.expose(), context, sealed)
}

/// Opens the content of an item in its place.
///
/// # Errors
/// As [`open`].
pub fn open_item(
    key: &ItemKey,
    context: &Context,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    open(key, &context.to_bytes(), sealed)
}

pub(crate) fn open_with(
    key: &[u8; KEY_LENGTH],
    context: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let length = plain_length(sealed.len() as u64)?;
    let (header, mut rest) = sealed
        .split_first_chunk::<HEADER_LENGTH>()
        .ok_or(OpenError::Length)?;
    let cipher = Cipher::for_header(key, context, header)?;
    let length = usize::try_from(length).map_err(|_| OpenError::Length)?;
    let mut out = Zeroizing::new(Vec::with_capacity(length));
    let mut chunk = 0;
    while let Some((full, after)) = rest.split_first_chunk::<SEALED_CHUNK>() {
        cipher.open_chunk(chunk, full, &mut out)?;
        chunk += 1;
        rest = after;
    }
    cipher.open_chunk(chunk, rest, &mut out)?;
    Ok(out)
}

/// Opens a stream in constant memory (one sealed chunk is held back).
///
/// Give an `out` that is wiped, and large enough not to move (64 KiB pushed give at most 80 KiB).
/// What is appended to it is authentic and in its place; that it is also *complete* is known
/// only when [`Opener::finish`] succeeds. After an error every further call fails with it.
pub struct Opener {
    state: State,
    held: Vec<u8>,
    chunk: u64,
}

enum State {
    Header { key: ItemKey, context: Vec<u8> },
    Chunks(Cipher),
    Failed(OpenError),
}

impl Opener {
    /// Starts opening a content in the place that `context` names.
    pub fn new(key: &ItemKey, context: &[u8]) -> Self {
        let state = State::Header {
            key: key.clone(),
            context: context.to_vec(),
        };
        Self {
            state,
            held: Vec::with_capacity(SEALED_CHUNK),
            chunk: 0,
        }
    }

    /// Takes the next sealed bytes and appends the content of the chunks that are complete.
    ///
    /// # Errors
    /// [`OpenError::Key`] or [`OpenError::Changed`]; the chunks before the fault have been given out.
    pub fn push(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        let result = self.take(sealed, out);
        self.remember(result)
    }

    /// Opens the last chunk.
    ///
    /// # Errors
    /// [`OpenError::Truncated`] when the stream ended on a chunk's border or inside its header,
    /// [`OpenError::Changed`] when it ended inside a chunk.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), OpenError> {
        match &self.state {
            State::Failed(error) => Err(*error),
            State::Header { .. } => Err(OpenError::Truncated),
            State::Chunks(_) if self.held.len() < TAG_LENGTH => Err(OpenError::Truncated),
            State::Chunks(cipher) => {
                let opened = cipher.open_chunk(self.chunk, &self.held, out);
                self.held.zeroize();
                opened
            }
        }
    }

    fn take(&mut self, mut sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        if let State::Failed(error) = &self.state {
            return Err(*error);
        }
        if let State::Header { key, context } = &self.state {
            fill(&mut self.held, &mut sealed, HEADER_LENGTH);
            let Some(header) = self.held.first_chunk::<HEADER_LENGTH>() else {
                return Ok(());
            };
            let cipher = Cipher::for_header(key.expose(), context, header)?;
            self.held.clear();
            self.state = State::Chunks(cipher);
        }
        let State::Chunks(cipher) = &self.state else {
            return Ok(());
        };
        if !self.held.is_empty() {
            fill(&mut self.held, &mut sealed, SEALED_CHUNK);
            if self.held.len() == SEALED_CHUNK {
                cipher.open_chunk(self.chunk, &self.held, out)?;
                self.chunk += 1;
                self.held.clear();
            }
        }
        let (full, rest) = sealed.as_chunks::<SEALED_CHUNK>();
        for piece in full {
            cipher.open_chunk(self.chunk, piece, out)?;
            self.chunk += 1;
        }
        self.held.extend_from_slice(rest);
        Ok(())
    }

    fn remember(&mut self, result: Result<(), OpenError>) -> Result<(), OpenError> {
        if let Err(error) = result {
            self.state = State::Failed(error);
            self.held.clear();
        }
        result
    }
}

/// Moves bytes from the front of `from` until `held` has `length`.
fn fill(held: &mut Vec<u8>, from: &mut &[u8], length: usize) {
    let missing = length.saturating_sub(held.len()).min(from.len());
    let (taken, rest) = from.split_at(missing);
    held.extend_from_slice(taken);
    *from = rest;
}
