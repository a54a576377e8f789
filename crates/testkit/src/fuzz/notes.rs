//! Signed notes: checkpoints, cosignatures of witnesses, and the texts of their keys.
//!
//! Input: a text. What is read as a checkpoint or a key is written as it was read; a signature that is accepted is the
//! very line that the key gives for that text.

use super::feed::Feed;
use candour_ledger::checkpoint::Verifier;
use candour_ledger::{
    Checkpoint, Hash, LogSigner, LogVerifier, Note, WitnessSigner, WitnessVerifier,
};
use std::sync::LazyLock;

/// The log that seeds are of.
pub const LOG: &str = "candour.example/ledger";

static LOG_KEY: LazyLock<Option<LogSigner>> =
    LazyLock::new(|| LogSigner::from_seed(LOG, &[7; 32]).ok());
static WITNESS_KEY: LazyLock<Option<WitnessSigner>> =
    LazyLock::new(|| WitnessSigner::from_seed("witness.example/one", &[8; 32]).ok());

pub fn feed(bytes: &[u8]) {
    let (Some(text), Some(log), Some(witness)) = (Feed(bytes).text(), &*LOG_KEY, &*WITNESS_KEY)
    else {
        return;
    };
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.to_string(), text);
    }
    keys(LogVerifier::parse(text).ok(), text);
    keys(WitnessVerifier::parse(text).ok(), text);
    if let Ok(checkpoint) = log.verifier().open(text) {
        let signed = log.sign(checkpoint.size, checkpoint.root);
        assert!(text.starts_with(&checkpoint.to_string()));
        assert!(has_line(text, &signed), "nobody signed this");
    }
    if let Ok(note) = Note::parse(text) {
        assert!(note.signatures() > 0);
        if let Ok(Some(at)) = witness.verifier().cosigned(&note) {
            assert!(
                has_line(text, &witness.cosign(note.text, at)),
                "nobody cosigned this"
            );
        }
    }
    let checked = candour_verify::cosigned::check(text, &log.verifier(), &[witness.verifier()], 1);
    let is_well = checked.is_ok_and(|checked| checked.is_well);
    assert!(!is_well || text.starts_with(LOG));
}

fn keys<const TYPE: u8>(key: Option<Verifier<TYPE>>, text: &str) {
    if let Some(key) = key {
        assert_eq!(key.to_string(), text.trim());
    }
}

/// Whether the last line of `signed` stands in the text.
fn has_line(text: &str, signed: &str) -> bool {
    let line = signed.lines().next_back();
    line.is_some_and(|line| text.lines().any(|other| other == line))
}

pub fn seeds() -> Vec<Vec<u8>> {
    let (Some(log), Some(witness)) = (&*LOG_KEY, &*WITNESS_KEY) else {
        return Vec::new();
    };
    let signed = log.sign(10, Hash::from_bytes([5; 32]));
    let text = signed.split_once("\n\n").map_or("", |(text, _)| text);
    let text = format!("{text}\n");
    let cosigned = format!("{signed}{}", witness.cosign(&text, 1_772_409_600));
    let forged = cosigned.replace("\n10\n", "\n11\n");
    let texts = [
        log.verifier().to_string(),
        witness.verifier().to_string(),
        text,
        signed,
        cosigned,
        forged,
    ];
    texts.map(String::into_bytes).to_vec()
}
