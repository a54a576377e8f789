//! Session tokens.

use candour_seal::Digest;
use std::fmt;
use zeroize::Zeroizing;

/// A session's token: 32 secret bytes that only the portal and the keeper see whole, and behind them what the portal says
/// which browser came with them.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Zeroizing<Vec<u8>>);

impl Token {
    /// How many bytes of it are its secret.
    pub const SECRET: usize = 32;

    /// The token with these bytes; `None` unless there are 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == Self::SECRET).then(|| Self(Zeroizing::new(bytes.to_vec())))
    }

    /// The same as it came from a browser that describes itself so: 32 bytes more, the SHA-256 of the description.
    #[must_use]
    pub fn with_client(&self, description: &str) -> Self {
        let client = Digest::of(description.as_bytes());
        Self(Zeroizing::new([self.secret(), client.as_bytes()].concat()))
    }

    /// Another token of the same browser's.
    #[must_use]
    pub fn beside(&self, other: &Self) -> Self {
        let client = self.0.get(Token::SECRET..).unwrap_or_default();
        Self(Zeroizing::new([other.secret(), client].concat()))
    }

    /// The bytes for the wire.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The secret bytes, for the cookie.
    pub fn secret(&self) -> &[u8] {
        self.0.get(..Token::SECRET).unwrap_or_default()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Token")
    }
}
