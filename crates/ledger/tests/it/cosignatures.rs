//! Cosignatures of witnesses, byte for byte: C2SP tlog-cosignature, version 1.
//!
//! The note below was made with Python's `cryptography` 48 and `hashlib`, not with this crate: the log's Ed25519 seed is
//! 32 times 7, the witness's is the bytes 0 to 31; a key id is the first four bytes of
//! SHA-256(`name ‖ newline ‖ type ‖ key`) with type 1 for the log and 4 for the witness; the log signs the three lines,
//! the witness `cosignature/v1`, `time` and seconds, and the three lines; a signature line is
//! base64(id ‖ seconds in eight bytes, big-endian ‖ signature), without the seconds for the log.

use candour_ledger::{
    CheckpointError, KeyError, LogVerifier, Note, WitnessSigner, WitnessVerifier, leaf_hash,
};

use crate::signer;

const NOTE: &str = "candour.example/ledger\n1234\nPAb5plclr2BSYfY2ZyyWINQJcx2JpFHXRV/pxK4WeCk=\n\n\
    — candour.example/ledger jqfYcDPTMNsaNI2wzNsmMZ2aPeZf/0fjXdEJJElf6anNBmJHW7ZbZW0pyLZkktsv4+tiBWrK6R5sVZsyt09FuJJLtQ4=\n";
const AT: u64 = 1_679_315_147;
const COSIGNED: &str = "— witness.example/w1 519lMgAAAABkGFDL6TxIXjs3lewrI9jhNsAgqNnzW6jYNziZPbRyo45MNeJ5krD7b9FCrSufhG9vOOR88/w8F8JPAkDkMIIv9M5HCQ==\n";
const COSIGNED_AT_0: &str = "— witness.example/w1 519lMgAAAAAAAAAA5R7AFlvvliKB4UbZ3rUpHLrt7CxiKunrjan2fYJ7S7T0xXFXlrPLNih3bQqGwZ4pXRo4IkjR5w/1GOyH7dUmAA==\n";
const KEY: &str = "witness.example/w1+e75f6532+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";

fn witness() -> WitnessSigner {
    let seed: Vec<u8> = (0..32).collect();
    WitnessSigner::from_seed("witness.example/w1", &seed.try_into().unwrap()).unwrap()
}

fn cosigned(note: &str) -> Result<Option<u64>, CheckpointError> {
    let note = Note::parse(note)?;
    WitnessVerifier::parse(KEY).unwrap().cosigned(&note)
}

#[test]
fn keys_checkpoints_and_cosignatures_are_those_that_were_computed_elsewhere() {
    assert_eq!(signer().sign(1234, leaf_hash(b"root")), NOTE);
    assert_eq!(witness().verifier().to_string(), KEY);
    let text = Note::parse(NOTE).unwrap().text;
    assert_eq!(witness().cosign(text, AT), COSIGNED);
    assert_eq!(witness().cosign(text, 0), COSIGNED_AT_0);
}

#[test]
fn a_cosigned_checkpoint_says_when_its_witness_saw_it_and_is_still_the_logs() {
    assert_eq!(cosigned(NOTE), Ok(None));
    assert_eq!(cosigned(&format!("{NOTE}{COSIGNED}")), Ok(Some(AT)));
    assert_eq!(cosigned(&format!("{NOTE}{COSIGNED_AT_0}")), Ok(Some(0)));
    let both = format!("{NOTE}{COSIGNED_AT_0}{COSIGNED}");
    assert_eq!(cosigned(&both), Ok(Some(AT)));
    assert_eq!(Note::parse(&both).unwrap().signatures(), 3);
    assert_eq!(signer().verifier().open(&both).unwrap().size, 1234);
}

#[test]
fn a_cosignature_of_another_time_text_or_key_is_forged_and_one_of_another_name_is_none() {
    let other_text = signer().sign(1235, leaf_hash(b"root"));
    assert_eq!(
        cosigned(&format!("{other_text}{COSIGNED}")),
        Err(CheckpointError::Forged)
    );
    let good = format!("{NOTE}{COSIGNED}");
    for at in (good.len() - COSIGNED.len())..good.len() {
        for to in ["A", "Z", "9", "\n", " "] {
            if !good.is_char_boundary(at) || !good.is_char_boundary(at + 1) {
                continue;
            }
            let mut changed = good.clone();
            changed.replace_range(at..=at, to);
            // A changed name or key id belongs to nobody we know.
            let is_refused = changed == good || !matches!(cosigned(&changed), Ok(Some(_)));
            assert!(is_refused, "{changed}");
        }
    }
    let short = format!("{NOTE}— witness.example/w1 519lMgAA\n");
    assert_eq!(cosigned(&short), Err(CheckpointError::Forged));
    let beyond = witness().cosign(Note::parse(NOTE).unwrap().text, 1 << 63);
    assert_eq!(
        cosigned(&format!("{NOTE}{beyond}")),
        Err(CheckpointError::Forged)
    );
    // One good line does not make up for a forged one of the same key.
    let forged = COSIGNED.replacen("DL", "DM", 1);
    assert_eq!(
        cosigned(&format!("{NOTE}{COSIGNED}{forged}")),
        Err(CheckpointError::Forged)
    );
}

#[test]
fn a_logs_key_is_no_witnesss_and_its_signature_no_cosignature() {
    let log = signer().verifier().to_string();
    assert_eq!(WitnessVerifier::parse(&log), Err(KeyError::Verifier));
    assert_eq!(LogVerifier::parse(KEY), Err(KeyError::Verifier));
    let seed: Vec<u8> = (0..32).collect();
    let as_log =
        candour_ledger::LogSigner::from_seed("witness.example/w1", &seed.try_into().unwrap())
            .unwrap();
    let signed = as_log.sign(1234, leaf_hash(b"root"));
    assert_eq!(cosigned(&signed), Ok(None));
}
