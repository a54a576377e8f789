//! The root key's file: as it is (demonstration), or sealed by a passphrase that a person types at each start.
//!
//! A sealed file is one line: `candour-root-1 m=M,t=T,p=P SALT SEALED`, with 16 random bytes of salt and the sealed key
//! in hexadecimal digits. argon2id over passphrase and salt (M KiB, T rounds, P lanes) gives the key that seals it;
//! everything before the last part is its context, so no part can be changed alone.

use crate::making::{MakeError, parse_root};
use argon2::{Algorithm, Argon2, Params, Version};
use candour_seal::{CryptoRng, ItemKey, RootKey, Zeroizing, open, seal};
use std::fs;
use std::path::Path;
use unicode_normalization::UnicodeNormalization;

/// How a sealed file begins.
const FORM: &str = "candour-root-1";
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
    /// Sealed.
    Sealed(SealedRoot),
}

/// A sealed root key.
#[derive(Debug, Clone)]
pub struct SealedRoot {
    cost: Cost,
    salt: [u8; 16],
    sealed: Vec<u8>,
}

/// Reads a root key's file.
///
/// # Errors
/// When it cannot be read, or holds neither.
pub fn read(path: &Path) -> Result<RootFile, MakeError> {
    let text = Zeroizing::new(fs::read_to_string(path)?);
    match text.trim().strip_prefix(FORM) {
        Some(rest) => SealedRoot::parse(rest)
            .map(RootFile::Sealed)
            .ok_or(MakeError::RootText),
        None => parse_root(&text).map(RootFile::Open),
    }
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
        let opened = open(&key, header.as_bytes(), &self.sealed).ok()?;
        let bytes: &[u8; 32] = opened.as_slice().try_into().ok()?;
        Some(RootKey::from_bytes(bytes))
    }

    /// The file's one line.
    pub fn to_text(&self) -> String {
        let sealed = base16ct::lower::encode_string(&self.sealed);
        format!("{} {sealed}\n", header(self.cost, &self.salt))
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
        let bytes = |text: &str| base16ct::lower::decode_vec(text).ok();
        let whole = Self {
            cost,
            salt: bytes(salt)?.try_into().ok()?,
            sealed: bytes(sealed)?,
        };
        parts.next().is_none().then_some(whole)
    }
}

fn header(cost: Cost, salt: &[u8; 16]) -> String {
    let Cost(kib, rounds, lanes) = cost;
    let salt = base16ct::lower::encode_string(salt);
    format!("{FORM} m={kib},t={rounds},p={lanes} {salt}")
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
    Zeroizing::new(groups.map(base16ct::lower::encode_string).collect())
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
    fn a_file_in_clear_reads_as_before_and_two_seals_of_one_key_differ() {
        let (root, sealed) = sealed();
        let digits = sheet(&root).concat();
        assert!(matches!(written(&digits), Ok(RootFile::Open(read)) if read == root));
        assert_eq!(sheet(&root).len(), 16);
        let again = SealedRoot::seal(&root, "nine blue kōwhai trees", CHEAP, &mut SystemRandom);
        assert_ne!(again.unwrap().to_text(), sealed.to_text());
    }
}
