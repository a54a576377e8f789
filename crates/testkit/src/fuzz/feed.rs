//! Numbers and pieces out of the bytes that a fuzzer gives. Where they run out, everything is nought.

use rand_core::{TryCryptoRng, TryRng};
use std::convert::Infallible;

/// What is left of the bytes.
pub struct Feed<'a>(pub &'a [u8]);

impl<'a> Feed<'a> {
    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    /// The next eight, big-endian.
    pub fn number(&mut self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    /// A number below `end`, out of two bytes; nought where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(u16::from_be_bytes(self.array()))
            .checked_rem(end)
            .unwrap_or(0)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut taken = [0; N];
        let piece = self.take(N);
        taken[..piece.len()].copy_from_slice(piece);
        taken
    }

    /// At most so many bytes.
    pub fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// The rest, where it is text.
    pub fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.0).ok()
    }
}

/// What is random elsewhere, so that a seed is the same each time it is made.
pub struct Counting(pub u8);

impl TryRng for Counting {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for byte in out {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
        Ok(())
    }
}

impl TryCryptoRng for Counting {}
