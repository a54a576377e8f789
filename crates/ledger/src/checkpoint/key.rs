//! The log's key: its name, its Ed25519 key pair, and the text that verifiers are given.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::tree::Hash;

/// The signature type of plain Ed25519 in a signed note.
const TYPE: u8 = 1;

/// Why a log key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A key name is not empty and has no spaces, plus signs or control characters.
    #[error("the log's name is empty or has spaces, plus signs or control characters")]
    Name,
    /// The text is not `name+id+key` with an Ed25519 key whose id fits.
    #[error("the verifier key is not of the form name+id+key, or its id does not fit")]
    Verifier,
    /// The seed makes no key.
    #[error("the seed makes no Ed25519 key")]
    Seed,
}

/// Signs a log's checkpoints; no content in `Debug`; the key lives in the library's own memory,
/// which it wipes on drop.
pub struct LogSigner {
    name: String,
    pair: Ed25519KeyPair,
    public: [u8; 32],
}

impl LogSigner {
    /// The signer of the log `name` with the Ed25519 key of this seed; the caller wipes the seed.
    ///
    /// # Errors
    /// [`KeyError::Name`] or [`KeyError::Seed`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name);
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Seed)?;
        let public = pair.public_key().as_ref();
        let public = public.try_into().map_err(|_| KeyError::Seed)?;
        Ok(Self {
            name: name.to_owned(),
            pair,
            public,
        })
    }

    /// The log's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The verifier that belongs to it.
    pub fn verifier(&self) -> LogVerifier {
        LogVerifier {
            name: self.name.clone(),
            public: self.public,
        }
    }

    pub(super) fn id(&self) -> [u8; 4] {
        key_id(&self.name, &self.public)
    }

    pub(super) fn signature(&self, text: &[u8]) -> Vec<u8> {
        self.pair.sign(text).as_ref().to_vec()
    }
}

impl fmt::Debug for LogSigner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "LogSigner({})", self.name)
    }
}

/// Checks a log's checkpoints; as text the C2SP verifier key `name+id+key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogVerifier {
    name: String,
    public: [u8; 32],
}

impl LogVerifier {
    /// Reads a verifier key: `name+id+key`, id in 8 hexadecimal digits, key in base64 after a type byte.
    ///
    /// # Errors
    /// [`KeyError::Name`] or [`KeyError::Verifier`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Verifier);
        };
        if !is_name(name) {
            return Err(KeyError::Name);
        }
        let key = STANDARD.decode(key).map_err(|_| KeyError::Verifier)?;
        let Some((&TYPE, key)) = key.split_first() else {
            return Err(KeyError::Verifier);
        };
        let public = key.try_into().map_err(|_| KeyError::Verifier)?;
        let verifier = Self {
            name: name.to_owned(),
            public,
        };
        if id == verifier.id_text() {
            Ok(verifier)
        } else {
            Err(KeyError::Verifier)
        }
    }

    /// The log's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn id(&self) -> [u8; 4] {
        key_id(&self.name, &self.public)
    }

    pub(super) fn accepts(&self, text: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, self.public);
        key.verify(text, signature).is_ok()
    }

    fn id_text(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.id()))
    }
}

impl fmt::Display for LogVerifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([[TYPE].as_slice(), &self.public].concat());
        write!(out, "{}+{}+{key}", self.name, self.id_text())
    }
}

/// The first 4 bytes of SHA-256 of `name ‖ newline ‖ type ‖ key`.
fn key_id(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let hash = Hash::of(&[name.as_bytes(), &[b'\n', TYPE], public]);
    let [a, b, c, d, ..] = *hash.as_bytes();
    [a, b, c, d]
}

pub(super) fn is_name(name: &str) -> bool {
    let bad = |char: char| char.is_whitespace() || char.is_control() || char == '+';
    !name.is_empty() && !name.contains(bad)
}
