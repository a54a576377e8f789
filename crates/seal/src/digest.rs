//! SHA-256 of a ciphertext, taken as it streams by.

use std::array::TryFromSliceError;
use std::fmt;

use aws_lc_rs::digest;

/// A SHA-256 value, 32 bytes; as text, 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest of bytes that are all there.
    pub fn of(bytes: &[u8]) -> Self {
        let mut digester = Digester::new();
        digester.push(bytes);
        digester.finish()
    }
}

impl TryFrom<&[u8]> for Digest {
    type Error = TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, TryFromSliceError> {
        bytes.try_into().map(Self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// The digest of a ciphertext whose bytes are all there.
pub fn ciphertext_digest(sealed: &[u8]) -> Digest {
    Digest::of(sealed)
}

/// Takes the digest of a stream in constant memory.
#[derive(Clone)]
pub struct Digester(digest::Context);

impl Digester {
    /// A digester that has seen nothing.
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// The next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of everything pushed.
    pub fn finish(self) -> Digest {
        let mut out = [0; 32];
        for (byte, from) in out.iter_mut().zip(self.0.finish().as_ref()) {
            *byte = *from;
        }
        Digest(out)
    }
}

impl Default for Digester {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Digester")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_in_pieces_has_the_digest_of_the_whole() {
        let mut digester = Digester::new();
        digester.push(b"a");
        digester.push(b"bc");
        let whole = Digest::of(b"abc");
        assert_eq!(digester.finish(), whole);
        // FIPS 180-4, appendix B.1
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(whole.to_string(), known);
    }
}
