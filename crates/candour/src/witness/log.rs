//! One log as a witness sees it: the newest checkpoint that it cosigned, and what it takes to cosign the next.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use candour_ledger::{
    Checkpoint, CheckpointError, Hash, LogVerifier, Note, WitnessSigner, empty_root, leaf_hash,
    verify_consistency,
};

use super::key::keep;
use crate::Problem;

/// Most hashes of a proof, as C2SP tlog-witness says.
const MOST_HASHES: usize = 63;

/// What is answered to a checkpoint.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// The cosignature's line.
    Cosigned(String),
    /// 400: no such request, or the old size is larger than the checkpoint's.
    Malformed(&'static str),
    /// 404: nobody watches a log of this name.
    UnknownLog,
    /// 403: not signed by the log's key.
    Unsigned,
    /// 409: the newest checkpoint that was cosigned has this size.
    Stale(u64),
    /// 409: the same size with another root.
    OtherRoot,
    /// 422: the proof does not show that the log only grew.
    Unproved,
    /// 500: it could not be kept, so nothing is cosigned.
    NotKept,
}

/// A request to cosign: C2SP tlog-witness, `add-checkpoint`.
pub struct Request<'a> {
    old: u64,
    proof: Vec<Hash>,
    note: &'a str,
    /// The name of the log.
    pub origin: &'a str,
}

impl<'a> Request<'a> {
    /// Reads a body: `old N`, hashes in base64, a blank line, the checkpoint.
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let (head, note) = std::str::from_utf8(body).ok()?.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let old = lines.next()?.strip_prefix("old ")?;
        let size: u64 = old.parse().ok()?;
        let proof: Vec<Hash> = lines.map(hash).collect::<Option<_>>()?;
        let text = Note::parse(note).ok()?.text;
        (size.to_string() == old && proof.len() <= MOST_HASHES).then_some(Self {
            old: size,
            proof,
            note,
            origin: text.split('\n').next()?,
        })
    }
}

fn hash(line: &str) -> Option<Hash> {
    Hash::try_from(STANDARD.decode(line).ok()?.as_slice()).ok()
}

/// A watched log.
pub struct Log {
    verifier: LogVerifier,
    file: PathBuf,
    /// INVARIANT: changed only once the file holds the same, and locked from the check to the signature.
    last: Mutex<Option<Checkpoint>>,
}

impl Log {
    /// The log with this key, as this folder remembers it.
    ///
    /// # Errors
    /// When its file cannot be read or holds something else: a witness that forgot must not cosign.
    pub fn open(folder: &Path, verifier: LogVerifier) -> Result<Self, Problem> {
        let name = leaf_hash(verifier.name().as_bytes());
        let file = folder.join(format!("{name}.checkpoint"));
        let last = match fs::read_to_string(&file) {
            Ok(note) => Some(verifier.open(&note).map_err(|error| {
                Problem::Machine(format!(
                    "{} is no checkpoint of {}: {error}. Look whether --key is the log's; nothing is cosigned from a \
                     memory that is damaged",
                    file.display(),
                    verifier.name()
                ))
            })?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(Problem::file("could not read", &file)(error)),
        };
        Ok(Self {
            verifier,
            file,
            last: Mutex::new(last),
        })
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        self.verifier.name()
    }

    /// Entries of the newest checkpoint that was cosigned.
    pub fn size(&self) -> u64 {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().map_or(0, |last| last.size)
    }

    /// Cosigns a checkpoint that continues the last one, at this time (Unix seconds). Waits for the disk.
    pub fn add(&self, request: &Request<'_>, signer: &WitnessSigner, at_seconds: u64) -> Answer {
        let (checkpoint, text) = match self.signed(request.note) {
            Ok(signed) => signed,
            Err(answer) => return answer,
        };
        if request.old > checkpoint.size {
            return Answer::Malformed("The old size is larger than the checkpoint's.");
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let known = last.as_ref().map_or(0, |last| last.size);
        if request.old != known {
            return Answer::Stale(known);
        }
        if let Some(refused) = refusal(last.as_ref(), &checkpoint, &request.proof) {
            tracing::error!(
                origin = checkpoint.origin,
                known,
                size = checkpoint.size,
                note = request.note,
                "a log signed a checkpoint that does not continue its last one"
            );
            return refused;
        }
        if last.as_ref() != Some(&checkpoint) {
            if let Err(error) = keep(&self.file, request.note.as_bytes(), 0o644) {
                tracing::error!(%error, file = %self.file.display(), "a checkpoint could not be kept, so it is not cosigned");
                return Answer::NotKept;
            }
            *last = Some(checkpoint);
        }
        Answer::Cosigned(signer.cosign(text, at_seconds))
    }

    fn signed<'n>(&self, note: &'n str) -> Result<(Checkpoint, &'n str), Answer> {
        let checkpoint = self.verifier.open(note).map_err(|error| match error {
            CheckpointError::Unsigned | CheckpointError::Forged => Answer::Unsigned,
            CheckpointError::Note | CheckpointError::Text | CheckpointError::Origin => {
                Answer::Malformed("The text is no checkpoint.")
            }
        })?;
        match Note::parse(note) {
            Ok(note) => Ok((checkpoint, note.text)),
            Err(_) => Err(Answer::Malformed("The text is no checkpoint.")),
        }
    }
}

/// Why a checkpoint does not continue the last one.
fn refusal(last: Option<&Checkpoint>, new: &Checkpoint, proof: &[Hash]) -> Option<Answer> {
    let last = last.filter(|last| last.size > 0);
    let is_shown = match last {
        None => proof.is_empty() && (new.size > 0 || new.root == empty_root()),
        Some(last) if last.size == new.size && last.root != new.root => {
            return Some(Answer::OtherRoot);
        }
        Some(last) => verify_consistency(last.size, &last.root, new.size, &new.root, proof).is_ok(),
    };
    (!is_shown).then_some(Answer::Unproved)
}
