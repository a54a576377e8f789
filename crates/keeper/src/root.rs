//! The root key's file: as it is (demonstration), sealed by a passphrase that a person types at each start, or by a key
//! that never leaves a token.
//!
//! A sealed file is one line, in hexadecimal digits but for its numbers; everything before the last part is the context
//! of what is sealed, so no part can be changed alone. `candour-root-1 m=M,t=T,p=P SALT SEALED`: argon2id over
//! passphrase and salt (M KiB, T rounds, P lanes) gives the key that seals it. `candour-token-1 SERIAL KEY SALT SEALED`:
//! the HMAC-SHA-256 of the salt under the token's key does.

use crate::making::{MakeError, parse_root};
use argon2::{Algorithm, Argon2, Params, Version};
use candour_seal::{CryptoRng, Digest, ItemKey, RootKey, Zeroizing, open, seal};
use std::fs;
use std::path::Path;
use unicode_normalization::UnicodeNormalization;

/// How a file begins that a passphrase seals.
const FORM: &str = "candour-root-1";
/// How a file begins that a token seals.
const TOKEN_FORM: &str = "candour-token-1";
/// What the token is asked for a HMAC of, before the salt.
const QUESTION: &[u8] = b"candour/v1/token\0";
/// Shortest passphrase in characters: it must hold against whoever has the file and all the time there is.
pub const SHORTEST: usize = 16;

/// What argon2id costs: KiB, rounds, lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost(pub u32, pub u32, pub u32);

/// For installations: once at each start, so a second or two of one core and 256 MiB.
pub const COST: Cost = Cost(262_144, 4, 1);

/// A root key as its file holds it.
pub enum RootFile {
    /// In clear; whoever has the file has everything.
    Open(RootKey),
    /// Sealed by a passphrase.
    Sealed(SealedRoot),
    /// Sealed by a token.
    Token(TokenRoot),
}

/// A sealed root key.
#[derive(Debug, Clone)]
pub struct SealedRoot {
    cost: Cost,
    salt: [u8; 16],
    sealed: Vec<u8>,
}

/// A root key that a token seals. Without that token it says nothing.
#[derive(Debug, Clone)]
pub struct TokenRoot {
    /// The token's serial number.
    pub serial: String,
    /// The id of its key (`CKA_ID`).
    pub key: [u8; 16],
    salt: [u8; 16],
    sealed: Vec<u8>,
}

/// Reads a root key's file.
///
/// # Errors
/// When it cannot be read, or holds none of them.
pub fn read(path: &Path) -> Result<RootFile, MakeError> {
    let text = Zeroizing::new(fs::read_to_string(path)?);
    let line = text.trim();
    let sealed = if let Some(rest) = line.strip_prefix(FORM) {
        SealedRoot::parse(rest).map(RootFile::Sealed)
    } else if let Some(rest) = line.strip_prefix(TOKEN_FORM) {
        TokenRoot::parse(rest).map(RootFile::Token)
    } else {
        return parse_root(line).map(RootFile::Open);
    };
    sealed.ok_or(MakeError::RootText)
}

/// What tells a sealed file from another in the ledger: the first 8 digits of its SHA-256. `None` for one in clear, of which
/// nothing is told, and where there is none.
pub(crate) fn mark(path: &Path) -> Option<String> {
    let text = Zeroizing::new(fs::read_to_string(path).ok()?);
    let line = text.trim();
    let is_sealed = line.starts_with(FORM) || line.starts_with(TOKEN_FORM);
    let digest = Digest::of(line.as_bytes());
    is_sealed.then(|| digits(&digest.as_bytes()[..4]))
}

impl SealedRoot {
    /// Seals a root key.
    ///
    /// # Errors
    /// [`MakeError::RootText`] when the cost is none that argon2id takes.
    pub fn seal(
        root: &RootKey,
        passphrase: &str,
        cost: Cost,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, MakeError> {
        let mut salt = [0; 16];
        rng.fill_bytes(&mut salt);
        let key = key(passphrase, cost, &salt).ok_or(MakeError::RootText)?;
        let sealed = seal(&key, header(cost, &salt).as_bytes(), root.expose(), rng);
        Ok(Self { cost, salt, sealed })
    }

    /// The root key; `None` when the passphrase does not fit.
    pub fn open(&self, passphrase: &str) -> Option<RootKey> {
        let key = key(passphrase, self.cost, &self.salt)?;
        let header = header(self.cost, &self.salt);
        opened(&key, &header, &self.sealed)
    }

    /// The file's one line.
    pub fn to_text(&self) -> String {
        format!(
            "{} {}\n",
            header(self.cost, &self.salt),
            digits(&self.sealed)
        )
    }

    fn parse(rest: &str) -> Option<Self> {
        let mut parts = rest.split_ascii_whitespace();
        let (cost, salt, sealed) = (parts.next()?, parts.next()?, parts.next()?);
        let mut numbers = cost.split(',').zip(["m=", "t=", "p="]);
        let mut number = || {
            let (text, name) = numbers.next()?;
            text.strip_prefix(name)?.parse::<u32>().ok()
        };
        let cost = Cost(number()?, number()?, number()?);
        let whole = Self {
            cost,
            salt: bytes(salt)?.try_into().ok()?,
            sealed: bytes(sealed)?,
        };
        parts.next().is_none().then_some(whole)
    }
}

impl TokenRoot {
    /// Seals a root key by the key of a token, which answers what it is asked.
    ///
    /// # Errors
    /// When the token does not answer.
    pub fn seal<E>(
        root: &RootKey,
        (serial, key): (String, [u8; 16]),
        answer: impl FnOnce(&[u8]) -> Result<ItemKey, E>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, E> {
        let mut new = Self {
            serial,
            key,
            salt: [0; 16],
            sealed: Vec::new(),
        };
        rng.fill_bytes(&mut new.salt);
        let answer = answer(&new.question())?;
        new.sealed = seal(&answer, new.header().as_bytes(), root.expose(), rng);
        Ok(new)
    }

    /// What the token's key makes a HMAC of.
    pub fn question(&self) -> Vec<u8> {
        [QUESTION, &self.salt].concat()
    }

    /// The root key; `None` when the answer is another key's.
    pub fn open(&self, answer: &ItemKey) -> Option<RootKey> {
        opened(answer, &self.header(), &self.sealed)
    }

    /// The file's one line.
    pub fn to_text(&self) -> String {
        format!("{} {}\n", self.header(), digits(&self.sealed))
    }

    fn header(&self) -> String {
        let serial = digits(self.serial.as_bytes());
        let (key, salt) = (digits(&self.key), digits(&self.salt));
        format!("{TOKEN_FORM} {serial} {key} {salt}")
    }

    fn parse(rest: &str) -> Option<Self> {
        let mut parts = rest.split_ascii_whitespace().map(bytes);
        let mut part = || parts.next().flatten();
        let whole = Self {
            serial: String::from_utf8(part()?).ok()?,
            key: part()?.try_into().ok()?,
            salt: part()?.try_into().ok()?,
            sealed: part()?,
        };
        parts.next().is_none().then_some(whole)
    }
}

fn digits(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    base16ct::lower::decode_vec(digits).ok()
}

fn opened(key: &ItemKey, header: &str, sealed: &[u8]) -> Option<RootKey> {
    let opened = open(key, header.as_bytes(), sealed).ok()?;
    let bytes: &[u8; 32] = opened.as_slice().try_into().ok()?;
    Some(RootKey::from_bytes(bytes))
}

fn header(cost: Cost, salt: &[u8; 16]) -> String {
    let Cost(kib, rounds, lanes) = cost;
    format!("{FORM} m={kib},t={rounds},p={lanes} {}", digits(salt))
}

/// The same passphrase typed on another keyboard is the same: compatibility forms, and no space at either end.
fn key(passphrase: &str, cost: Cost, salt: &[u8; 16]) -> Option<ItemKey> {
    let normal: Zeroizing<String> = Zeroizing::new(passphrase.trim().nfkc().collect());
    let mut out = Zeroizing::new([0; 32]);
    let params = Params::new(cost.0, cost.1, cost.2, Some(32)).ok()?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(normal.as_bytes(), salt, out.as_mut_slice())
        .ok()?;
    Some(ItemKey::from_bytes(&out))
}

/// The recovery sheet: the key's 64 digits in 16 numbered groups of four, to be written down and locked away.
pub fn sheet(root: &RootKey) -> Zeroizing<Vec<String>> {
    let groups = root.expose().chunks(2);
    Zeroizing::new(groups.map(digits).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candour_seal::SystemRandom;

    const CHEAP: Cost = Cost(64, 1, 1);

    fn sealed() -> (RootKey, SealedRoot) {
        let root = RootKey::from_bytes(&[7; 32]);
        let sealed =
            SealedRoot::seal(&root, "nine blue kōwhai trees", CHEAP, &mut SystemRandom).unwrap();
        (root, sealed)
    }

    fn written(text: &str) -> Result<RootFile, MakeError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.key");
        fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn a_passphrase_opens_its_file_also_when_the_macron_is_typed_apart() {
        let (root, sealed) = sealed();
        let Ok(RootFile::Sealed(read)) = written(&sealed.to_text()) else {
            panic!("not a sealed file");
        };
        for typed in ["nine blue kōwhai trees", " nine blue ko\u{304}whai trees\n"] {
            assert_eq!(read.open(typed), Some(root.clone()), "{typed}");
        }
        assert_eq!(read.open("nine blue kowhai trees"), None);
        assert_eq!(read.open(""), None);
    }

    #[test]
    fn a_file_that_is_sealed_anew_has_another_mark_and_one_in_clear_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.key");
        let of = |text: &str| {
            fs::write(&path, text).unwrap();
            mark(&path)
        };
        let (root, once) = sealed();
        let (_, again) = sealed();
        let first = of(&once.to_text());
        assert_eq!(first.as_ref().map(String::len), Some(8));
        assert_eq!(of(&once.to_text()), first);
        assert_ne!(of(&again.to_text()), first);
        assert_eq!(of(&sheet(&root).concat()), None);
        assert_eq!(mark(&folder.path().join("none")), None);
    }

    #[test]
    fn no_part_of_a_sealed_file_can_be_changed_alone() {
        let (_, sealed) = sealed();
        let text = sealed.to_text();
        for (from, to) in [("m=64", "m=65"), ("t=1", "t=2")] {
            let Ok(RootFile::Sealed(other)) = written(&text.replace(from, to)) else {
                panic!("not a sealed file");
            };
            assert_eq!(other.open("nine blue kōwhai trees"), None, "{to}");
        }
        let mut salted = sealed.clone();
        salted.salt[0] ^= 1;
        assert_eq!(salted.open("nine blue kōwhai trees"), None);
        for broken in [
            format!("{text} 00"),
            text.replace(" m=", " k="),
            format!("{FORM} m=64,t=1,p=1 00 00"),
        ] {
            assert!(
                matches!(written(&broken), Err(MakeError::RootText)),
                "{broken}"
            );
        }
    }

    #[test]
    fn what_a_token_seals_opens_by_its_answer_and_no_part_of_it_can_be_changed_alone() {
        let root = RootKey::from_bytes(&[7; 32]);
        let key = ItemKey::from_bytes(&[3; 32]);
        let mut asked = Vec::new();
        let answer = |question: &[u8]| {
            asked = question.to_vec();
            Ok::<_, ()>(key.clone())
        };
        let place = ("3a5d 5aad".to_owned(), [0xab; 16]);
        let sealed = TokenRoot::seal(&root, place, answer, &mut SystemRandom).unwrap();
        let text = sealed.to_text();
        let Ok(RootFile::Token(read)) = written(&text) else {
            panic!("not a token's file");
        };
        assert_eq!(read.question(), asked);
        assert_eq!((read.serial.as_str(), read.key), ("3a5d 5aad", [0xab; 16]));
        assert_eq!(read.open(&key), Some(root));
        assert_eq!(read.open(&ItemKey::from_bytes(&[4; 32])), None);
        let mut salted = read.clone();
        salted.salt[0] ^= 1;
        for other in [
            text.replace(&"ab".repeat(16), &"ac".repeat(16)),
            text.replacen(" 33", " 34", 1),
            salted.to_text(),
        ] {
            let Ok(RootFile::Token(other)) = written(&other) else {
                panic!("not a token's file");
            };
            assert_eq!(other.open(&key), None);
        }
        for broken in [format!("{text} 00"), text.replacen(" 33", " 3", 1)] {
            assert!(
                matches!(written(&broken), Err(MakeError::RootText)),
                "{broken}"
            );
        }
    }

    #[test]
    fn a_file_in_clear_reads_as_before_and_two_seals_of_one_key_differ() {
        let (root, sealed) = sealed();
        let digits = sheet(&root).concat();
        assert!(matches!(written(&digits), Ok(RootFile::Open(read)) if read == root));
        assert_eq!(sheet(&root).len(), 16);
        let again = SealedRoot::seal(&root, "nine blue kōwhai trees", CHEAP, &mut SystemRandom);
        assert_ne!(again.unwrap().to_text(), sealed.to_text());
    }
}
