//! Keys of logs and witnesses: a name, an Ed25519 key pair, and the text that verifiers are given.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::tree::Hash;

/// The signature type of plain Ed25519 in a signed note: what a log signs with.
const LOG: u8 = 1;
/// The signature type of timestamped Ed25519 cosignatures (C2SP tlog-cosignature, v1).
const WITNESS: u8 = 4;

/// Why a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A key name is not empty and has no spaces, plus signs or control characters.
    #[error("the key's name is empty or has spaces, plus signs or control characters")]
    Name,
    /// The text is not `name+id+key` with an Ed25519 key of this type whose id fits.
    #[error(
        "the verifier key is not of the form name+id+key, is of another type, or its id does not fit"
    )]
    Verifier,
    /// The seed makes no key.
    #[error("the seed makes no Ed25519 key")]
    Seed,
}

/// Signs a log's checkpoints.
pub type LogSigner = Signer<LOG>;
/// Checks a log's checkpoints; as text the C2SP verifier key `name+id+key`.
pub type LogVerifier = Verifier<LOG>;
/// Cosigns checkpoints of logs that only grew.
pub type WitnessSigner = Signer<WITNESS>;
/// Checks a witness's cosignatures; as text the C2SP verifier key `name+id+key`.
pub type WitnessVerifier = Verifier<WITNESS>;

/// Signs with a key of one signature type; no content in `Debug`; the key lives in the library's own memory,
/// which it wipes on drop.
pub struct Signer<const TYPE: u8> {
    name: String,
    pair: Ed25519KeyPair,
    public: [u8; 32],
}

impl<const TYPE: u8> Signer<TYPE> {
    /// The signer of this name with the Ed25519 key of this seed; the caller wipes the seed.
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

    /// The key's name: a log's or a witness's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The verifier that belongs to it.
    pub fn verifier(&self) -> Verifier<TYPE> {
        Verifier {
            name: self.name.clone(),
            public: self.public,
        }
    }

    /// The signature line with this over `message`; `before` stands before the signature.
    pub(super) fn line(&self, message: &[u8], before: &[u8]) -> String {
        let id = key_id(TYPE, &self.name, &self.public);
        let signature = self.pair.sign(message);
        let signature = STANDARD.encode([&id, before, signature.as_ref()].concat());
        format!("— {} {signature}\n", self.name)
    }
}

impl<const TYPE: u8> fmt::Debug for Signer<TYPE> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Signer({})", self.name)
    }
}

/// Checks signatures of one type; as text the C2SP verifier key `name+id+key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier<const TYPE: u8> {
    name: String,
    public: [u8; 32],
}

impl<const TYPE: u8> Verifier<TYPE> {
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
        let Some((_, public)) = key.split_first().filter(|(of, _)| **of == TYPE) else {
            return Err(KeyError::Verifier);
        };
        let public = public.try_into().map_err(|_| KeyError::Verifier)?;
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

    /// The key's name: a log's or a witness's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same key, under whatever name: cosignatures do not say the name of who signed.
    pub fn is_key_of(&self, other: &Self) -> bool {
        self.public == other.public
    }

    pub(super) fn id(&self) -> [u8; 4] {
        key_id(TYPE, &self.name, &self.public)
    }

    pub(super) fn accepts(&self, text: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, self.public);
        key.verify(text, signature).is_ok()
    }

    fn id_text(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.id()))
    }
}

impl<const TYPE: u8> fmt::Display for Verifier<TYPE> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([[TYPE].as_slice(), &self.public].concat());
        write!(out, "{}+{}+{key}", self.name, self.id_text())
    }
}

/// The first 4 bytes of SHA-256 of `name ‖ newline ‖ type ‖ key`.
fn key_id(of: u8, name: &str, public: &[u8; 32]) -> [u8; 4] {
    let hash = Hash::of(&[name.as_bytes(), &[b'\n', of], public]);
    let [a, b, c, d, ..] = *hash.as_bytes();
    [a, b, c, d]
}

pub(super) fn is_name(name: &str) -> bool {
    let bad = |char: char| char.is_whitespace() || char.is_control() || char == '+';
    !name.is_empty() && !name.contains(bad)
}
