//! Signed checkpoints: C2SP tlog-checkpoint in a C2SP signed note with Ed25519; cosignatures of witnesses beside it.

mod cosignature;
mod key;

pub use key::{KeyError, LogSigner, LogVerifier, Signer, Verifier, WitnessSigner, WitnessVerifier};

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::tree::Hash;

/// Largest note that is looked at, in bytes; signatures of many witnesses fit.
pub const LARGEST_NOTE: usize = 64 * 1024;

/// Why a text is not a checkpoint of this log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The text is not a signed note: too long, control characters, no blank line, a bad signature line.
    #[error("it is not a signed note")]
    Note,
    /// The note's text is not `origin`, `size` and `root`, a line each.
    #[error("its text is not a checkpoint")]
    Text,
    /// The note is about another log.
    #[error("it belongs to another log")]
    Origin,
    /// No signature of the log's key stands on it.
    #[error("it is not signed by the log's key")]
    Unsigned,
    /// A signature that names the log's key is wrong.
    #[error("its signature is forged or damaged")]
    Forged,
}

/// A tree head: the log's name, how many leaves, and the root over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name: its key name, without spaces or plus signs.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl fmt::Display for Checkpoint {
    /// The text that is signed: three lines, each ended.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = STANDARD.encode(self.root.as_bytes());
        writeln!(out, "{}\n{}\n{root}", self.origin, self.size)
    }
}

impl Checkpoint {
    /// Reads a note's text, whoever signed it; extension lines are refused, because nothing audits them.
    ///
    /// # Errors
    /// [`CheckpointError::Text`].
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let body = text.strip_suffix('\n').ok_or(CheckpointError::Text)?;
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Text);
        };
        let canonical = !origin.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit());
        if !canonical || (size.starts_with('0') && size != "0") {
            return Err(CheckpointError::Text);
        }
        let size = size.parse().map_err(|_| CheckpointError::Text)?;
        let root = STANDARD.decode(root).map_err(|_| CheckpointError::Text)?;
        let root = root.try_into().map_err(|_| CheckpointError::Text)?;
        Ok(Self {
            origin: origin.to_owned(),
            size,
            root: Hash::from_bytes(root),
        })
    }
}

impl LogSigner {
    /// The signed note of the tree head with this size and root, under this log's name.
    pub fn sign(&self, size: u64, root: Hash) -> String {
        let checkpoint = Checkpoint {
            origin: self.name().to_owned(),
            size,
            root,
        };
        let text = checkpoint.to_string();
        format!("{text}\n{}", self.line(text.as_bytes(), &[]))
    }
}

impl LogVerifier {
    /// Reads a signed checkpoint of this log; other keys' signatures (witnesses) are passed over.
    ///
    /// # Errors
    /// [`CheckpointError`] when it is not one.
    pub fn open(&self, note: &str) -> Result<Checkpoint, CheckpointError> {
        let note = Note::parse(note)?;
        let mut signatures = self.own(&note).peekable();
        if signatures.peek().is_none() {
            return Err(CheckpointError::Unsigned);
        }
        if !signatures.all(|signature| self.accepts(note.text.as_bytes(), signature)) {
            return Err(CheckpointError::Forged);
        }
        let checkpoint = Checkpoint::parse(note.text)?;
        if checkpoint.origin == self.name() {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::Origin)
        }
    }
}

impl<const TYPE: u8> Verifier<TYPE> {
    /// What a note has as signatures by this key, by name and id.
    fn own<'n>(&self, note: &'n Note<'_>) -> impl Iterator<Item = &'n [u8]> {
        let (name, id) = (self.name(), self.id());
        let all = note.signatures.iter();
        all.filter_map(move |(of, bytes)| bytes.strip_prefix(&id).filter(|_| *of == name))
    }
}

/// A signed note taken apart; nothing of it is checked yet.
pub struct Note<'a> {
    /// What was signed, with the newline at its end.
    pub text: &'a str,
    /// Name of the key, and its id with what it signed.
    signatures: Vec<(&'a str, Vec<u8>)>,
}

impl<'a> Note<'a> {
    /// Takes a note apart.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] when it is none.
    pub fn parse(note: &'a str) -> Result<Self, CheckpointError> {
        if note.len() > LARGEST_NOTE || note.chars().any(|char| char < ' ' && char != '\n') {
            return Err(CheckpointError::Note);
        }
        let end = note.rfind("\n\n").ok_or(CheckpointError::Note)?;
        let (text, signatures) = (&note[..=end], &note[end + 2..]);
        let signatures = signatures.strip_suffix('\n').ok_or(CheckpointError::Note)?;
        Ok(Self {
            text,
            signatures: signatures
                .split('\n')
                .map(signature_line)
                .collect::<Result<_, _>>()?,
        })
    }

    /// How many signature lines it has.
    pub fn signatures(&self) -> usize {
        self.signatures.len()
    }
}

/// The key's name, and its id with the signature.
fn signature_line(line: &str) -> Result<(&str, Vec<u8>), CheckpointError> {
    let line = line.strip_prefix("— ").ok_or(CheckpointError::Note)?;
    let (name, signature) = line.split_once(' ').ok_or(CheckpointError::Note)?;
    let signature = STANDARD.decode(signature).ok();
    match signature.filter(|bytes| bytes.len() >= 4 && key::is_name(name)) {
        Some(signature) => Ok((name, signature)),
        None => Err(CheckpointError::Note),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_text_that_is_no_canonical_checkpoint_is_refused() {
        let root = STANDARD.encode([1; 32]);
        let good = format!("log\n10\n{root}\n");
        assert_eq!(Checkpoint::parse(&good).map(|it| it.to_string()), Ok(good));
        for bad in [
            format!("log\n010\n{root}\n"),
            format!("log\n+1\n{root}\n"),
            format!("log\n\n{root}\n"),
            format!("log\n18446744073709551616\n{root}\n"),
            format!("\n10\n{root}\n"),
            format!("log\n10\n{root}"),
            format!("log\n10\n{root}\nextension\n"),
            format!("log\n10\n{}\n", STANDARD.encode([1; 31])),
            format!("log\n10\n{}\n", root.trim_end_matches('=')),
            "log\n10\n".to_owned(),
        ] {
            assert_eq!(Checkpoint::parse(&bad), Err(CheckpointError::Text), "{bad}");
        }
    }
}
