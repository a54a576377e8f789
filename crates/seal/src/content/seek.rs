//! Opening a part: which sealed bytes are needed, and what they hold.

use std::ops::Range;

use zeroize::Zeroizing;

use super::{
    CHUNK_LENGTH, Cipher, HEADER_LENGTH, OpenError, SEALED_CHUNK, plain_length, sealed_length,
};
use crate::key::ItemKey;
use crate::padding::{FOOTER_LENGTH, true_length};

/// Opens any part of a sealed content without reading the rest.
///
/// It names the sealed bytes it needs ([`SeekOpener::sealed_range`]); the caller fetches exactly
/// those and hands them over. The content's length is only as true as `sealed_length` until the
/// end has been opened once ([`SeekOpener::check_end`] or [`SeekOpener::true_length`]).
pub struct SeekOpener {
    cipher: Cipher,
    plain: u64,
}

impl SeekOpener {
    /// An opener from the first [`HEADER_LENGTH`] bytes of a content and its whole sealed length.
    ///
    /// # Errors
    /// [`OpenError::Key`] for another key or place; [`OpenError::Length`] or
    /// [`OpenError::Truncated`] for a length that no content has.
    pub fn new(
        key: &ItemKey,
        context: &[u8],
        header: &[u8],
        sealed_length: u64,
    ) -> Result<Self, OpenError> {
        let plain = plain_length(sealed_length)?;
        let header = header.try_into().map_err(|_| OpenError::Length)?;
        let cipher = Cipher::for_header(key.expose(), context, header)?;
        Ok(Self { cipher, plain })
    }

    /// Length of the content (padding included).
    pub fn plain_length(&self) -> u64 {
        self.plain
    }

    /// The sealed bytes that hold the content's bytes `plain`; whole chunks, empty for an empty range.
    ///
    /// # Errors
    /// [`OpenError::Range`] when the range ends after the content or before it starts.
    pub fn sealed_range(&self, plain: &Range<u64>) -> Result<Range<u64>, OpenError> {
        if plain.start > plain.end || plain.end > self.plain {
            return Err(OpenError::Range);
        }
        let first = plain.start / CHUNK_LENGTH as u64;
        if plain.is_empty() {
            return Ok(offset(first)..offset(first));
        }
        let last = (plain.end - 1) / CHUNK_LENGTH as u64;
        Ok(offset(first)..offset(last + 1).min(sealed_length(self.plain)))
    }

    /// Opens the content's bytes `plain` from the sealed bytes that [`SeekOpener::sealed_range`] named.
    ///
    /// # Errors
    /// [`OpenError::Range`] as there, [`OpenError::Length`] when other bytes were given,
    /// [`OpenError::Changed`] when they were changed or stand elsewhere in the content.
    pub fn open_range(
        &self,
        plain: &Range<u64>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let needed = self.sealed_range(plain)?;
        if needed.end - needed.start != sealed.len() as u64 {
            return Err(OpenError::Length);
        }
        let mut out = self.open_chunks(plain.start / CHUNK_LENGTH as u64, sealed)?;
        let wanted = plain.end - plain.start;
        let wanted = usize::try_from(wanted).map_err(|_| OpenError::Range)?;
        let skip =
            usize::try_from(plain.start % CHUNK_LENGTH as u64).map_err(|_| OpenError::Range)?;
        // An empty range inside a chunk needs no bytes: there is nothing to move then.
        if skip > 0 && wanted > 0 {
            out.copy_within(skip..skip + wanted, 0);
        }
        // What is cut off here stays in the capacity, all of which `Zeroizing` wipes on drop.
        out.truncate(wanted);
        Ok(out)
    }

    /// The sealed bytes from the chunk with the padding's footer to the end.
    pub fn end_range(&self) -> Range<u64> {
        let footer = self.plain.saturating_sub(FOOTER_LENGTH as u64);
        offset(footer / CHUNK_LENGTH as u64)..sealed_length(self.plain)
    }

    /// Checks from the bytes of [`SeekOpener::end_range`] that the content really ends there.
    ///
    /// # Errors
    /// [`OpenError::Length`] or [`OpenError::Changed`] when it does not.
    pub fn check_end(&self, sealed: &[u8]) -> Result<(), OpenError> {
        self.open_end(sealed).map(|_| ())
    }

    /// The true length of a padded content, from the bytes of [`SeekOpener::end_range`]; authentic.
    ///
    /// # Errors
    /// As [`SeekOpener::check_end`], and [`OpenError::Length`] when the content is not padded.
    pub fn true_length(&self, sealed: &[u8]) -> Result<u64, OpenError> {
        let end = self.open_end(sealed)?;
        let footer = end.last_chunk::<FOOTER_LENGTH>().ok_or(OpenError::Length)?;
        true_length(*footer, self.plain).map_err(|_| OpenError::Length)
    }

    fn open_end(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let range = self.end_range();
        if range.end - range.start != sealed.len() as u64 {
            return Err(OpenError::Length);
        }
        let first = (range.start - HEADER_LENGTH as u64) / SEALED_CHUNK as u64;
        self.open_chunks(first, sealed)
    }

    fn open_chunks(&self, first: u64, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let mut out = Zeroizing::new(Vec::with_capacity(sealed.len()));
        for (chunk, piece) in (first..).zip(sealed.chunks(SEALED_CHUNK)) {
            self.cipher.open_chunk(chunk, piece, &mut out)?;
        }
        Ok(out)
    }
}

/// Where a chunk starts.
const fn offset(chunk: u64) -> u64 {
    HEADER_LENGTH as u64 + chunk * SEALED_CHUNK as u64
}
