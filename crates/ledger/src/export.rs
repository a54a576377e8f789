//! The ledger as one file, for verification without a database and without any key.
//!
//! One record for each entry, each with the hash of the record before it, and an end record with
//! the count. Byte for byte: `docs/formats/entries.md`.

use std::io::{self, Read, Write};

use crate::entry::{ENTRY_LENGTH, Entry, EntryError};
use crate::tree::Hash;

/// The first bytes of every export.
pub const MAGIC: &[u8; 24] = b"candour ledger export 1\n";

const ENTRY_TAG: u8 = 1;
const END_TAG: u8 = 2;
const RECORD_LENGTH: usize = 1 + ENTRY_LENGTH + 1 + 32 + 32 + 32;
const END_LENGTH: usize = 1 + 8 + 32;

/// One entry as the export carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The narrow row with its body's digest.
    pub entry: Entry,
    /// The salt of its commitment; absent where it was destroyed (erasure) or is withheld.
    pub salt: Option<[u8; 32]>,
    /// The leaf that stands in the tree.
    pub leaf: Hash,
}

impl Record {
    /// The record of an entry whose salt is given away with it, so that its leaf can be recomputed.
    pub fn open(entry: Entry, salt: [u8; 32]) -> Self {
        Self {
            entry,
            salt: Some(salt),
            leaf: entry.leaf(&salt),
        }
    }

    fn to_bytes(self, previous: &Hash) -> [u8; RECORD_LENGTH] {
        let mut out = [0; RECORD_LENGTH];
        let salt = self.salt.unwrap_or_default();
        let parts: [&[u8]; 6] = [
            &[ENTRY_TAG],
            &self.entry.to_bytes(),
            &[u8::from(self.salt.is_some())],
            &salt,
            self.leaf.as_bytes(),
            previous.as_bytes(),
        ];
        let mut rest = out.as_mut_slice();
        for part in parts {
            let (head, tail) = rest.split_at_mut(part.len());
            head.copy_from_slice(part);
            rest = tail;
        }
        out
    }
}

/// Writes an export, record by record.
pub struct ExportWriter<W: Write> {
    out: W,
    previous: Hash,
    count: u64,
}

impl<W: Write> ExportWriter<W> {
    /// Starts an export; buffer the writer.
    ///
    /// # Errors
    /// The writer's.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        Ok(Self {
            out,
            previous: Hash::of(&[MAGIC]),
            count: 0,
        })
    }

    /// Writes the next record; entries go in the order of their indexes.
    ///
    /// # Errors
    /// The writer's.
    pub fn push(&mut self, record: &Record) -> io::Result<()> {
        let bytes = record.to_bytes(&self.previous);
        self.out.write_all(&bytes)?;
        self.previous = Hash::of(&[&bytes]);
        self.count += 1;
        Ok(())
    }

    /// Writes the end record, without which the file counts as cut off, and gives the writer back.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[END_TAG])?;
        self.out.write_all(&self.count.to_be_bytes())?;
        self.out.write_all(self.previous.as_bytes())?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Why an export cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It does not begin as an export does.
    #[error("the file is not a ledger export")]
    Magic,
    /// It ends without an end record.
    #[error("the file is cut off")]
    CutOff,
    /// A record that is none: an unknown tag, or an entry that no writer makes.
    #[error("the record is damaged")]
    Record,
    /// Bytes follow the end record.
    #[error("something follows the end of the export")]
    AfterEnd,
    /// The file could not be read.
    #[error("the file could not be read")]
    Read(#[source] io::Error),
}

/// What the reader found next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A record, and whether it carries the hash of the one before it.
    Record {
        /// The record.
        record: Record,
        /// Whether the chain holds up to here.
        is_chained: bool,
    },
    /// The end record.
    End {
        /// How many records the writer wrote.
        count: u64,
        /// Whether the chain holds to the end.
        is_chained: bool,
    },
}

/// Reads an export, record by record, in constant memory.
pub struct ExportReader<R: Read> {
    from: R,
    previous: Hash,
}

impl<R: Read> ExportReader<R> {
    /// Starts reading; buffer the reader.
    ///
    /// # Errors
    /// [`ExportError::Magic`], [`ExportError::CutOff`] or [`ExportError::Read`].
    pub fn new(mut from: R) -> Result<Self, ExportError> {
        let mut magic = [0; MAGIC.len()];
        fill(&mut from, &mut magic)?;
        if &magic != MAGIC {
            return Err(ExportError::Magic);
        }
        Ok(Self {
            from,
            previous: Hash::of(&[MAGIC]),
        })
    }

    /// The next record, or the end.
    ///
    /// # Errors
    /// [`ExportError`]; nothing can be read after one.
    pub fn read(&mut self) -> Result<Next, ExportError> {
        let mut bytes = [0; RECORD_LENGTH];
        fill(&mut self.from, &mut bytes[..1])?;
        match bytes[0] {
            ENTRY_TAG => {
                fill(&mut self.from, &mut bytes[1..])?;
                self.record(&bytes)
            }
            END_TAG => {
                let mut end = [0; END_LENGTH - 1];
                fill(&mut self.from, &mut end)?;
                self.end(&end)
            }
            _ => Err(ExportError::Record),
        }
    }

    fn record(&mut self, bytes: &[u8; RECORD_LENGTH]) -> Result<Next, ExportError> {
        let (entry, rest) = bytes[1..].split_at(ENTRY_LENGTH);
        let entry = Entry::from_bytes(entry).map_err(|_: EntryError| ExportError::Record)?;
        let (flag, hashes) = rest.split_at(1);
        let (salt, hashes) = hashes.split_at(32);
        let (leaf, previous) = hashes.split_at(32);
        let salt = match (flag, Hash::from_slice(salt)) {
            ([0], none) if none.as_bytes() == &[0; 32] => None,
            ([1], salt) => Some(*salt.as_bytes()),
            _ => return Err(ExportError::Record),
        };
        let record = Record {
            entry,
            salt,
            leaf: Hash::from_slice(leaf),
        };
        let is_chained = Hash::from_slice(previous) == self.previous;
        self.previous = Hash::of(&[bytes]);
        Ok(Next::Record { record, is_chained })
    }

    fn end(&mut self, bytes: &[u8; END_LENGTH - 1]) -> Result<Next, ExportError> {
        let (count, previous) = bytes.split_at(8);
        let count = count
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let is_chained = Hash::from_slice(previous) == self.previous;
        match self.from.read(&mut [0]) {
            Ok(0) => Ok(Next::End { count, is_chained }),
            Ok(_) => Err(ExportError::AfterEnd),
            Err(error) => Err(ExportError::Read(error)),
        }
    }
}

fn fill(from: &mut impl Read, bytes: &mut [u8]) -> Result<(), ExportError> {
    from.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => ExportError::CutOff,
        _ => ExportError::Read(error),
    })
}
