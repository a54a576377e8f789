//! A backup against an independent reader, written from `docs/formats/backup.md` with pyca/cryptography.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::backup_refused::Made;
use candour_testkit::skipped::skipped;

/// What the reader prints and complains of; `None` where it was not installed.
fn read_elsewhere(made: &Made) -> Option<(bool, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // `cargo xtask test` says where it is; then it must be there. A developer's machine may do without.
    let said = std::env::var_os("CANDOUR_TEST_PYTHON").map(PathBuf::from);
    let is_said = said.is_some();
    let python = said.unwrap_or_else(|| root.join("target/oracle/bin/python"));
    if !python.exists() {
        assert!(!is_said, "there is no Python where it was said to be");
        skipped("crates/seal/tests/oracle/setup.sh has not been run");
        return None;
    }
    let output = Command::new(python)
        .arg(root.join("docs/formats/read_backup.py"))
        .args([made.path("backup"), made.path("key")])
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Some((output.status.success(), said))
}

#[test]
fn a_reader_that_knows_only_the_format_page_opens_a_backup() {
    let made = Made::new();
    if let Some((is_read, said)) = read_elsewhere(&made) {
        assert!(is_read, "{said}");
        let names: Vec<&str> = said
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert_eq!(
            names,
            [
                "manifest",
                "file/candour.json",
                "database/room",
                "database/keeper",
                "database/portal",
                "contents"
            ]
        );
    }
}

#[test]
fn that_reader_refuses_an_altered_backup_and_another_key() {
    let (made, other) = (Made::new(), Made::new());
    let whole = fs::read(made.path("backup")).unwrap();
    let mut altered = whole.clone();
    altered[whole.len() - 20] ^= 1;
    fs::write(made.path("backup"), altered).unwrap();
    if let Some((is_read, said)) = read_elsewhere(&made) {
        assert!(!is_read && said.contains("altered or cut short"), "{said}");
    }
    fs::write(made.path("backup"), whole).unwrap();
    fs::copy(other.path("key"), made.path("key")).unwrap();
    if let Some((is_read, said)) = read_elsewhere(&made) {
        assert!(!is_read && said.contains("another key"), "{said}");
    }
}
