//! What can be wrong with a ledger, each as one sentence.

use std::fmt;

use candour_ledger::CheckpointError;
use candour_ledger::export::ExportError;

/// One thing that is not as it should be; `Display` is a plain sentence.
#[derive(Debug)]
pub enum Finding {
    /// Entries that are not in the file.
    Missing {
        /// First missing index.
        from: u64,
        /// Last missing index.
        to: u64,
    },
    /// An entry whose index was seen before.
    Repeated {
        /// Its index.
        index: u64,
    },
    /// An entry that stands later than it should.
    OutOfOrder {
        /// Its index.
        index: u64,
        /// The index that belongs in its place.
        expected: u64,
    },
    /// An entry that was not made when its place says.
    Backwards {
        /// Its index.
        index: u64,
        /// The entry before it, which is later.
        before: u64,
    },
    /// An entry whose row or body digest does not give its leaf.
    Changed {
        /// Its index.
        index: u64,
    },
    /// A record that does not carry the hash of the one before it.
    Unchained {
        /// The entry's index.
        index: u64,
    },
    /// An end record that does not carry the hash of the last entry's.
    UnchainedEnd,
    /// An end record that counts otherwise.
    OtherCount {
        /// What it says.
        stated: u64,
        /// What was read.
        read: u64,
    },
    /// The file could not be read to its end.
    Unreadable {
        /// How many entries were read before.
        after: u64,
        /// Why.
        error: ExportError,
    },
    /// A checkpoint that is none of this log.
    BadCheckpoint {
        /// The checkpoint's file.
        name: String,
        /// Why.
        error: CheckpointError,
    },
    /// Two signed checkpoints of one size with different roots: the log was forked.
    Contradiction {
        /// The size.
        size: u64,
        /// One file.
        one: String,
        /// The other.
        other: String,
    },
    /// A signed root that the entries do not give.
    OtherRoot {
        /// The checkpoint's size.
        size: u64,
        /// Its file.
        name: String,
        /// The largest smaller size at which ledger and checkpoint agree.
        agreed: u64,
    },
    /// A checkpoint over more entries than there are.
    Short {
        /// Entries read.
        size: u64,
        /// Entries signed.
        signed: u64,
        /// The checkpoint's file.
        name: String,
    },
    /// There is nothing to compare with.
    NoCheckpoint,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { from, to } if from == to => write!(out, "Entry {from} is missing."),
            Self::Missing { from, to } => write!(out, "Entries {from} to {to} are missing."),
            Self::Repeated { index } => write!(out, "Entry {index} appears more than once."),
            Self::OutOfOrder { index, expected } => {
                write!(out, "Entry {index} stands where entry {expected} belongs.")
            }
            Self::Backwards { index, before } => {
                write!(
                    out,
                    "Entry {index} is earlier than entry {before} before it."
                )
            }
            Self::Changed { index } => write!(
                out,
                "Entry {index} was changed: its row and body do not give its leaf."
            ),
            Self::Unchained { index } => write!(
                out,
                "The record of entry {index} does not follow the record before it: the chain is broken there."
            ),
            Self::UnchainedEnd => out.write_str(
                "The end record does not follow the last entry: the chain is broken there.",
            ),
            Self::OtherCount { stated, read } => write!(
                out,
                "The file says that it holds {stated} entries and holds {read}."
            ),
            Self::Unreadable { after, error } => {
                write!(
                    out,
                    "After {after} entries the ledger cannot be read on: {error}"
                )?;
                match error {
                    ExportError::Read(cause) => write!(out, " ({cause})."),
                    _ => out.write_str("."),
                }
            }
            Self::BadCheckpoint { name, error } => {
                write!(out, "The checkpoint in {name} is not accepted: {error}.")
            }
            Self::Contradiction { size, one, other } => write!(
                out,
                "The checkpoints in {one} and {other} sign different ledgers of {size} entries."
            ),
            Self::OtherRoot { size, name, agreed } => write!(
                out,
                "The first {size} entries are not those that the checkpoint in {name} signed; \
                 ledger and checkpoints agree up to {agreed} entries."
            ),
            Self::Short { size, signed, name } => write!(
                out,
                "The ledger ends after {size} entries, but the checkpoint in {name} signed {signed}: \
                 entries {size} to {} are missing.",
                signed - 1
            ),
            Self::NoCheckpoint => {
                out.write_str("There is no signed checkpoint to compare the ledger with.")
            }
        }
    }
}
