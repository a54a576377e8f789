//! `candour-verify` as an auditor runs it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::signer;
use crate::verification::{export, notes, records};

fn installed(directory: &Path, ledger: &[u8]) {
    fs::create_dir(directory.join("checkpoints")).unwrap();
    for (name, note) in notes() {
        fs::write(directory.join("checkpoints").join(name), note).unwrap();
    }
    fs::write(directory.join("ledger"), ledger).unwrap();
    fs::write(directory.join("key"), format!("{}\n", signer().verifier())).unwrap();
}

fn run(directory: &Path, key: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_candour-verify"))
        .current_dir(directory)
        .args([
            "--key",
            key,
            "--checkpoints",
            "checkpoints",
            "--ledger",
            "ledger",
        ])
        .output()
        .unwrap()
}

#[test]
fn a_whole_ledger_is_said_to_be_whole() {
    let directory = tempfile::tempdir().unwrap();
    installed(directory.path(), &export(&records()));
    for key in ["key", &signer().verifier().to_string()] {
        let output = run(directory.path(), key);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            text,
            "20 entries: 20 recomputed from row and body, 0 without salt (leaf only).\n\
            4 signed checkpoints compared; they cover the first 20 entries.\n\
            The ledger is as it was signed.\n"
        );
        assert!(output.status.success());
    }
}

#[test]
fn a_damaged_ledger_is_named_and_fails() {
    let directory = tempfile::tempdir().unwrap();
    let mut all = records();
    all[3].entry.item = 1;
    installed(directory.path(), &export(&all));
    let output = run(directory.path(), "key");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with("Entry 3 was changed: its row and body do not give its leaf.\n20 entries"),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_cannot_be_read_is_said_in_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    installed(directory.path(), b"");
    fs::remove_file(directory.path().join("ledger")).unwrap();
    let output = run(directory.path(), "key");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("ledger cannot be read: "), "{text}");
    assert_eq!(output.status.code(), Some(2));
    let output = run(directory.path(), "no-key");
    assert_eq!(output.status.code(), Some(2));
}
