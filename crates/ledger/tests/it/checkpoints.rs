use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use candour_ledger::{
    Checkpoint, CheckpointError, KeyError, LogSigner, LogVerifier, leaf_hash, tree_head,
};

use crate::{leaves, signer};

#[test]
fn a_checkpoint_reads_back_from_its_note_with_the_printed_key() {
    let signer = signer();
    let verifier = LogVerifier::parse(&signer.verifier().to_string()).unwrap();
    let root = tree_head(&leaves(5));
    let note = signer.sign(5, root);
    let lines: Vec<&str> = note.lines().collect();
    assert_eq!(lines[..2], ["candour.example/ledger", "5"]);
    assert_eq!(lines[2], STANDARD.encode(root.as_bytes()));
    assert_eq!(lines[3], "");
    assert!(lines[4].starts_with("— candour.example/ledger "));
    let origin = "candour.example/ledger".to_owned();
    assert_eq!(
        verifier.open(&note),
        Ok(Checkpoint {
            origin,
            size: 5,
            root
        })
    );
}

#[test]
fn keys_and_signatures_of_the_go_implementation_are_understood() {
    // golang.org/x/mod/sumdb/note, package example; its text is no checkpoint, and only that is wrong.
    let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let verifier = LogVerifier::parse(key).unwrap();
    assert_eq!(verifier.to_string(), key);
    let note = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    assert_eq!(verifier.open(note), Err(CheckpointError::Text));
    let changed = note.replacen("your", "our", 1);
    assert_eq!(verifier.open(&changed), Err(CheckpointError::Forged));
}

#[test]
fn every_changed_character_of_a_checkpoint_is_refused() {
    let signer = signer();
    let verifier = signer.verifier();
    let note = signer.sign(1234, leaf_hash(b"root"));
    for (at, before) in note.char_indices() {
        for after in ['0', 'Z', '\n', ' '] {
            if after == before {
                continue;
            }
            let rest = &note[at + before.len_utf8()..];
            let changed = format!("{}{after}{rest}", &note[..at]);
            assert!(verifier.open(&changed).is_err(), "{changed}");
        }
        assert!(verifier.open(&note[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn a_witness_signature_beside_the_logs_own_is_passed_over() {
    let signer = signer();
    let note = signer.sign(3, leaf_hash(b"root"));
    let witness = format!("{note}— witness.example/w {}\n", STANDARD.encode([9; 76]));
    assert_eq!(signer.verifier().open(&witness).unwrap().size, 3);
    let text = note.split("\n\n").next().unwrap();
    let only = format!(
        "{text}\n\n— witness.example/w {}\n",
        STANDARD.encode([9; 76])
    );
    assert_eq!(
        signer.verifier().open(&only),
        Err(CheckpointError::Unsigned)
    );
}

#[test]
fn another_key_of_the_same_name_is_not_the_log() {
    let other = LogSigner::from_seed("candour.example/ledger", &[8; 32]).unwrap();
    let note = other.sign(3, leaf_hash(b"root"));
    assert_eq!(
        signer().verifier().open(&note),
        Err(CheckpointError::Unsigned)
    );
}

#[test]
fn names_and_keys_that_could_be_misread_are_refused() {
    for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b"] {
        assert_eq!(
            LogSigner::from_seed(name, &[1; 32]).err(),
            Some(KeyError::Name),
            "{name:?}"
        );
    }
    let good = signer().verifier().to_string();
    assert!(LogVerifier::parse(&format!("{good}\n")).is_ok());
    let id_changed = good.replacen('+', "+0", 1);
    for bad in [
        &id_changed,
        "",
        "a",
        "a+b",
        "a+00000000+AAAA",
        &good[..good.len() - 4],
    ] {
        assert!(LogVerifier::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_signer_shows_nothing_of_its_key() {
    assert_eq!(format!("{:?}", signer()), "Signer(candour.example/ledger)");
}
