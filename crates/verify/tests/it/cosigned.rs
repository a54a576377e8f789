//! A checkpoint with cosignatures, as the program judges it.

use std::fs;
use std::process::{Command, Output};

use candour_ledger::{Note, Receipt, WitnessSigner, leaf_hash};

use crate::{receipts, signer};

const AT: u64 = 1_767_225_600;

pub fn witness(name: &str, seed: u8) -> WitnessSigner {
    WitnessSigner::from_seed(name, &[seed; 32]).unwrap()
}

fn note(cosigned_by: &[&WitnessSigner]) -> String {
    let mut note = signer().sign(12, leaf_hash(b"root"));
    let text = Note::parse(&note).unwrap().text.to_owned();
    for witness in cosigned_by {
        note += &witness.cosign(&text, AT);
    }
    note
}

/// The receipt, with a witness's line under its checkpoint.
pub fn seen_by(receipt: Receipt, by: &WitnessSigner) -> String {
    let text = Note::parse(&receipt.checkpoint).unwrap().text.to_owned();
    let checkpoint = format!("{}{}", receipt.checkpoint, by.cosign(&text, AT));
    Receipt {
        checkpoint,
        ..receipt
    }
    .to_string()
}

fn run(note: &str, witnesses: &[&WitnessSigner], quorum: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("checkpoint"), note).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_candour-verify"));
    command.current_dir(folder.path());
    command.args(["checkpoint", "checkpoint", "--key"]);
    command.arg(signer().verifier().to_string());
    for witness in witnesses {
        command.arg("--witness").arg(witness.verifier().to_string());
    }
    let Output {
        status,
        stdout,
        stderr,
    } = command.args(quorum).output().unwrap();
    let said = [stdout, stderr].concat();
    (status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn who_cosigned_a_checkpoint_is_said_with_the_time_and_too_few_are_a_fault() {
    let (one, two) = (witness("one.example/w", 1), witness("two.example/w", 2));
    let note = note(&[&one]);
    let (code, said) = run(&note, &[&one, &two], &["--quorum", "1"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("12 entries") && said.contains("The log signed it."));
    assert!(said.contains("one.example/w cosigned it at 2026-01-01T00:00:00Z."));
    assert!(said.contains("two.example/w has not cosigned it."));
    let (code, said) = run(&note, &[&one, &two], &[]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("1 have cosigned it; 2 are asked for."),
        "{said}"
    );
}

#[test]
fn a_forged_cosignature_is_a_fault_even_where_enough_others_are_good() {
    let (one, two) = (witness("one.example/w", 1), witness("two.example/w", 2));
    let impostor = witness("two.example/w", 3);
    let good = note(&[&one]);
    let text = Note::parse(&good).unwrap().text.to_owned();
    // Another key of the same name has another id: it is nobody's.
    let (code, _) = run(
        &format!("{good}{}", impostor.cosign(&text, AT)),
        &[&one, &two],
        &["--quorum", "1"],
    );
    assert_eq!(code, Some(0));
    let forged = two.cosign(&text.replace("12", "13"), AT);
    let (code, said) = run(
        &format!("{good}{forged}"),
        &[&one, &two],
        &["--quorum", "1"],
    );
    assert_eq!(code, Some(1));
    assert!(said.contains("A cosignature of two.example/w is forged or damaged."));
}

#[test]
fn one_witness_under_two_names_and_a_quorum_that_cannot_be_are_refused_with_a_sentence() {
    let (one, alias) = (witness("one.example/w", 1), witness("alias.example/w", 1));
    let note = note(&[&one, &alias]);
    let (code, said) = run(&note, &[&one, &alias], &[]);
    assert_eq!(code, Some(2));
    assert!(said.contains("would count twice"), "{said}");
    let (code, said) = run(&note, &[&one], &["--quorum", "2"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("Name more with --witness."), "{said}");
    let (code, said) = run("rubbish\n", &[], &[]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("This is no checkpoint of candour.example/ledger"),
        "{said}"
    );
}

#[test]
fn the_program_says_of_a_receipt_which_witnesses_had_seen_its_log() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    let log = receipts::log();
    let (one, two) = (witness("one.example/w", 1), witness("two.example/w", 2));
    let seen = seen_by(log.receipt(15), &one);
    receipts::written(place, "seen", &seen);
    receipts::written(place, "both", &format!("{seen}{}", log.receipt(16)));
    let key = signer().verifier().to_string();
    let keys = [&one, &two].map(|witness| witness.verifier().to_string());
    let asked = |file: &str, more: &[&str]| {
        let mut arguments = vec![file, "--key", &key, "--witness", &keys[0]];
        arguments.extend(more);
        let output = receipts::run(place, &arguments);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), said)
    };
    let (code, said) = asked("seen", &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("one.example/w cosigned it at 2026-01-01T00:00:00Z."));
    // Nor is one that they had not seen made good by the other.
    let (code, said) = asked("both", &[]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("one.example/w has not cosigned it."),
        "{said}"
    );
    let (code, said) = asked("seen", &["--witness", &keys[1]]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("1 have cosigned it; 2 are asked for."),
        "{said}"
    );
    // What can never be is said, and what the receipt says all the same.
    let (code, said) = asked("both", &["--quorum", "2"]);
    assert_eq!(code, Some(2));
    assert_eq!(said.matches("--quorum asks for 2 witnesses").count(), 1);
    assert!(
        said.contains("It is in the log as it was signed."),
        "{said}"
    );
}
