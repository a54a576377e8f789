//! Receipts: one entry, what opens its leaf, and the proof that it is in the log, as a
//! [C2SP tlog-proof](https://c2sp.org/tlog-proof). Byte for byte: `docs/formats/receipt.md`.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::entry::{ENTRY_LENGTH, Entry};
use crate::tree::Hash;

/// The first line of every receipt.
pub const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// How many bytes the line `extra` holds.
pub const EXTRA_LENGTH: usize = 1 + 32 + 8 + ENTRY_LENGTH + 32;
/// What the salt binds the entry's number among its patient's as.
const NUMBER: &[u8] = b"candour/v1/entry number";

/// What gives an entry's salt to whoever is handed it; secret until then.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// The salt itself: of entries written before they had a number.
    Salt([u8; 32]),
    /// A secret of this entry, and its number among the entries about its patient: from 1; 0 where it is about nobody.
    Numbered {
        /// 32 bytes that no other entry uses.
        secret: [u8; 32],
        /// The number, which the salt binds.
        number: u64,
    },
}

impl Opening {
    /// The salt of the entry's commitment.
    pub fn salt(&self) -> [u8; 32] {
        let (secret, number) = match self {
            Self::Salt(salt) => return *salt,
            Self::Numbered { secret, number } => (secret, number),
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = hmac::sign(&key, &[NUMBER, &number.to_be_bytes()].concat());
        *Hash::from_slice(tag.as_ref()).as_bytes()
    }
}

/// One entry with everything that shows it to be in the log.
pub struct Receipt {
    /// The entry.
    pub entry: Entry,
    /// What gives its salt.
    pub opening: Opening,
    /// The hashes from its leaf to the root of the checkpoint.
    pub proof: Vec<Hash>,
    /// A signed checkpoint over it.
    pub checkpoint: String,
}

/// The receipt as text, UTF-8, each line ended.
impl fmt::Display for Receipt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (form, secret, number) = match self.opening {
            Opening::Salt(salt) => (0, salt, 0),
            Opening::Numbered { secret, number } => (1, secret, number),
        };
        let leaf = self.entry.leaf(&self.opening.salt());
        let parts: [&[u8]; 5] = [
            &[form],
            &secret,
            &number.to_be_bytes(),
            &self.entry.to_bytes(),
            leaf.as_bytes(),
        ];
        let extra = STANDARD.encode(parts.concat());
        writeln!(
            out,
            "{FIRST_LINE}\nextra {extra}\nindex {}",
            self.entry.index
        )?;
        for hash in &self.proof {
            writeln!(out, "{}", STANDARD.encode(hash.as_bytes()))?;
        }
        write!(out, "\n{}", self.checkpoint)
    }
}
