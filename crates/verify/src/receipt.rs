//! Checks receipts: what an entry says, that it is in the signed log, and that none of its patient's is missing between
//! those at hand. Nothing but the file and the log's key is needed.

mod chain;
mod words;

pub use chain::{Finding, check as check_chain};
pub use words::{decision, item_kind, kind, purpose, role, said};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use candour_ledger::receipt::{EXTRA_LENGTH, FIRST_LINE};
use candour_ledger::{
    Checkpoint, CheckpointError, Entry, Hash, LogVerifier, Opening, ProofError, Receipt,
    verify_inclusion,
};

/// Why a receipt is refused; each is a whole sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not the lines of a receipt.
    #[error("This is not a receipt, or its lines were changed.")]
    Lines,
    /// What the entry's line holds is no entry.
    #[error("The line “extra” does not hold an entry that this program knows.")]
    Extra,
    /// The line names another entry.
    #[error("The line “index” names another entry than the one that the receipt holds.")]
    Index,
    /// Entry or secret do not give the leaf.
    #[error("The entry or its secret was changed: they do not give the leaf that was written.")]
    Leaf,
    /// Too many or too few hashes.
    #[error("The proof was changed: it has more or fewer hashes than the log's size asks for.")]
    ProofLength,
    /// They lead elsewhere.
    #[error(
        "The proof does not lead from this entry to the signed log: one of its hashes, or the leaf, was changed."
    )]
    Proof,
    /// The checkpoint is older than the entry.
    #[error(
        "The checkpoint was signed before this entry was written, so it proves nothing about it."
    )]
    Early,
    /// Another key.
    #[error("The checkpoint is not signed with this key. Is it the key of this log?")]
    Key,
    /// The signature is wrong.
    #[error("The checkpoint, or its signature, was changed.")]
    Signature,
    /// Another log.
    #[error("The checkpoint is one of another log.")]
    Log,
    /// No checkpoint at all.
    #[error("What should be a signed checkpoint is none.")]
    Checkpoint,
}

impl From<CheckpointError> for Refused {
    fn from(error: CheckpointError) -> Self {
        match error {
            CheckpointError::Unsigned => Self::Key,
            CheckpointError::Forged => Self::Signature,
            CheckpointError::Origin => Self::Log,
            CheckpointError::Note | CheckpointError::Text => Self::Checkpoint,
        }
    }
}

/// An entry that stands in the log, as a receipt proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// The entry.
    pub entry: Entry,
    /// Its number among its patient's entries, where the receipt shows one.
    pub number: Option<u64>,
    /// Its leaf in the log.
    pub leaf: Hash,
    /// The checkpoint that proved it.
    pub checkpoint: Checkpoint,
}

/// The receipts of a file, one after the other. What comes before the first is one of its own, so that it is refused.
pub fn split(file: &str) -> Vec<&str> {
    let begins = |at: &usize| *at == 0 || file[..*at].ends_with('\n');
    let first = format!("{FIRST_LINE}\n");
    let mut starts: Vec<usize> = file
        .match_indices(&first)
        .map(|(at, _)| at)
        .filter(begins)
        .collect();
    if starts.first() != Some(&0) {
        starts.insert(0, 0);
    }
    let ends = starts.iter().skip(1).copied().chain([file.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| &file[*start..end])
        .collect()
}

/// The signed checkpoint of a receipt, word for word; `None` where the text has none.
pub fn checkpoint(text: &str) -> Option<String> {
    let (_, note) = text.split_once("\n\n")?;
    Some(note.to_owned())
}

/// Reads one receipt and checks it against the log's key.
///
/// # Errors
/// [`Refused`] when it proves nothing.
pub fn verify(text: &str, key: &LogVerifier) -> Result<Proved, Refused> {
    let (receipt, index, leaf) = parse(text)?;
    let Receipt {
        entry,
        opening,
        proof,
        checkpoint,
    } = receipt;
    if entry.index != index {
        return Err(Refused::Index);
    }
    if entry.leaf(&opening.salt()) != leaf {
        return Err(Refused::Leaf);
    }
    let checkpoint = key.open(&checkpoint)?;
    verify_inclusion(&leaf, index, checkpoint.size, &proof, &checkpoint.root).map_err(|error| {
        match error {
            ProofError::Size => Refused::Early,
            ProofError::Length => Refused::ProofLength,
            ProofError::Root => Refused::Proof,
        }
    })?;
    let number = match opening {
        Opening::Salt(_) => None,
        Opening::Numbered { number, .. } => Some(number),
    };
    Ok(Proved {
        entry,
        number,
        leaf,
        checkpoint,
    })
}

/// The receipt, and what its lines say of index and leaf.
fn parse(text: &str) -> Result<(Receipt, u64, Hash), Refused> {
    let (head, checkpoint) = text.split_once("\n\n").ok_or(Refused::Lines)?;
    let mut lines = head.split('\n');
    if lines.next() != Some(FIRST_LINE) {
        return Err(Refused::Lines);
    }
    let extra = lines.next().and_then(|line| line.strip_prefix("extra "));
    let extra = extra
        .and_then(|line| STANDARD.decode(line).ok())
        .ok_or(Refused::Lines)?;
    let line = lines
        .next()
        .and_then(|line| line.strip_prefix("index "))
        .ok_or(Refused::Lines)?;
    let index: u64 = line.parse().map_err(|_| Refused::Lines)?;
    if index.to_string() != line {
        return Err(Refused::Lines);
    }
    let hash = |line: &str| Hash::try_from(STANDARD.decode(line).ok()?.as_slice()).ok();
    let proof = lines
        .map(hash)
        .collect::<Option<_>>()
        .ok_or(Refused::Lines)?;
    let (opening, entry, leaf) = read_extra(&extra).ok_or(Refused::Extra)?;
    let checkpoint = checkpoint.to_owned();
    Ok((
        Receipt {
            entry,
            opening,
            proof,
            checkpoint,
        },
        index,
        leaf,
    ))
}

fn read_extra(bytes: &[u8]) -> Option<(Opening, Entry, Hash)> {
    if bytes.len() != EXTRA_LENGTH {
        return None;
    }
    let (form, rest) = bytes.split_first()?;
    let (secret, rest) = rest.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (entry, leaf) = rest.split_last_chunk::<32>()?;
    let opening = match (form, u64::from_be_bytes(*number)) {
        (0, 0) => Opening::Salt(*secret),
        (1, number) => Opening::Numbered {
            secret: *secret,
            number,
        },
        _ => return None,
    };
    Some((
        opening,
        Entry::from_bytes(entry).ok()?,
        Hash::from_bytes(*leaf),
    ))
}
