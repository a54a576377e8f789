//! Cosignatures of witnesses: C2SP tlog-cosignature, version 1 with Ed25519.

use super::key::{WitnessSigner, WitnessVerifier};
use super::{CheckpointError, Note};

impl WitnessSigner {
    /// The signature line that says: at this time (Unix seconds) this text was the largest checkpoint of its log that
    /// this witness had seen, and it continues every earlier one. To be said only once that is durable.
    pub fn cosign(&self, text: &str, at_seconds: u64) -> String {
        self.line(&message(text, at_seconds), &at_seconds.to_be_bytes())
    }
}

impl WitnessVerifier {
    /// When this witness cosigned the note (Unix seconds, the newest time it names); `None` where it did not.
    ///
    /// # Errors
    /// [`CheckpointError::Note`], and [`CheckpointError::Forged`] where a cosignature that names this key is wrong.
    pub fn cosigned(&self, note: &Note<'_>) -> Result<Option<u64>, CheckpointError> {
        let times = self.own(note).map(|signature| {
            let (time, signature) = signature
                .split_first_chunk()
                .ok_or(CheckpointError::Forged)?;
            let at = u64::from_be_bytes(*time);
            let is_true =
                i64::try_from(at).is_ok() && self.accepts(&message(note.text, at), signature);
            is_true.then_some(at).ok_or(CheckpointError::Forged)
        });
        times
            .collect::<Result<Vec<u64>, _>>()
            .map(|times| times.into_iter().max())
    }
}

fn message(text: &str, at_seconds: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {at_seconds}\n{text}").into_bytes()
}
