//! Backups that are not restored: each refusal is a sentence with the next step, and nothing is written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use candour::Configuration;
use candour::backup::archive::Writer;
use candour::backup::key::BackupSeal;

use crate::running::{candour, run};

/// A small backup without content, its key, and a root key.
pub struct Made {
    place: tempfile::TempDir,
}

impl Made {
    pub fn new() -> Self {
        Self::with_data_version(1)
    }

    fn with_data_version(version: u32) -> Self {
        let place = tempfile::tempdir().unwrap();
        let made = Self { place };
        fs::create_dir_all(made.path("data/secrets")).unwrap();
        fs::write(made.path("data/CANDOUR_VERSION"), "1\n").unwrap();
        let command = &mut candour(&["backup-key", "--data"]);
        let output = command
            .arg(made.path("data"))
            .arg("--to")
            .arg(made.path("key"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let configuration = Configuration::demonstration(9490).unwrap();
        let configuration = serde_json::to_vec(&configuration).unwrap();
        let manifest = format!(
            "{{\"data_version\":{version},\"made_by\":\"0.1.0\",\"begun_at\":\"2026-03-14T02:00:00Z\",\
             \"postgres\":15,\"demonstration\":true}}"
        );
        let contents = br#"{"objects":0,"object_bytes":0,"missing":[]}"#;
        let seal = BackupSeal::read(&made.path("data")).unwrap();
        let mut writer = Writer::begin(Vec::new(), &seal).unwrap();
        for (name, content) in [
            ("manifest", manifest.as_bytes()),
            ("file/candour.json", configuration.as_slice()),
            ("database/room", b"x"),
            ("database/keeper", b"x"),
            ("database/portal", b"x"),
            ("contents", contents.as_slice()),
        ] {
            writer.entry(name, 0o644).unwrap();
            writer.push(content).unwrap();
            writer.close().unwrap();
        }
        fs::write(made.path("backup"), writer.finish().unwrap()).unwrap();
        fs::write(made.path("root"), "0f".repeat(32)).unwrap();
        made
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn check(&self) -> String {
        refusal(
            candour(&["restore", "--check", "--from"])
                .arg(self.path("backup"))
                .arg("--key")
                .arg(self.path("key")),
        )
    }

    fn restore(&self, target: &Path, more: &[&str]) -> String {
        refusal(
            candour(&["restore", "--from"])
                .arg(self.path("backup"))
                .arg("--key")
                .arg(self.path("key"))
                .arg("--data")
                .arg(target)
                .args(more),
        )
    }
}

/// What was said; empty when it was not refused.
fn refusal(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    said
}

#[test]
fn a_whole_backup_passes_the_check() {
    assert_eq!(Made::new().check(), "");
}

#[test]
fn a_wrong_key_says_which_key_is_needed() {
    let (made, other) = (Made::new(), Made::new());
    fs::copy(other.path("key"), made.path("key")).unwrap();
    let said = made.check();
    assert!(
        said.contains("does not open")
            && said.contains("Use the key that was made on the installation"),
        "{said}"
    );
}

#[test]
fn a_backup_cut_short_or_altered_is_named_before_anything_is_written() {
    let made = Made::new();
    let whole = fs::read(made.path("backup")).unwrap();
    let target = made.path("target");
    fs::write(made.path("backup"), &whole[..whole.len() - 9]).unwrap();
    let said = made.restore(&target, &["--nothing-survived"]);
    assert!(
        said.contains("is damaged") && said.contains("older backup"),
        "{said}"
    );
    let mut altered = whole.clone();
    let middle = whole.len() / 2;
    altered[middle] ^= 4;
    fs::write(made.path("backup"), altered).unwrap();
    let said = made.restore(&target, &["--nothing-survived"]);
    assert!(said.contains("is damaged"), "{said}");
    assert!(!target.exists());
}

#[test]
fn a_backup_of_a_newer_version_names_both_versions() {
    let made = Made::new();
    let whole = fs::read(made.path("backup")).unwrap();
    let newer = [b"candour-backup 2\n".as_slice(), &whole[17..]].concat();
    fs::write(made.path("backup"), newer).unwrap();
    let said = made.check();
    assert!(
        said.contains("backup version 2") && said.contains("reads up to 1"),
        "{said}"
    );
    let said = Made::with_data_version(2).check();
    assert!(
        said.contains("made by a newer version of Candour"),
        "{said}"
    );
}

#[test]
fn a_file_that_is_no_backup_is_named() {
    let made = Made::new();
    fs::write(made.path("backup"), "thesis").unwrap();
    let said = made.check();
    assert!(said.contains("is not a backup of Candour"), "{said}");
}

#[test]
fn a_restore_asks_for_root_key_and_what_survived_and_never_overwrites() {
    let made = Made::new();
    let target = made.path("target");
    let said = made.restore(&target, &["--nothing-survived"]);
    assert!(
        said.contains("holds no root key") && said.contains("--root-key"),
        "{said}"
    );
    let root = made.path("root");
    let root = root.to_str().unwrap();
    let said = made.restore(&target, &["--root-key", root]);
    assert!(
        said.contains("--survived") && said.contains("--nothing-survived"),
        "{said}"
    );
    let key = made.path("key");
    let said = made.restore(
        &target,
        &["--nothing-survived", "--root-key", key.to_str().unwrap()],
    );
    assert!(said.contains("holds no root key in clear (64"), "{said}");
    assert!(!target.exists());
    fs::create_dir(&target).unwrap();
    fs::write(target.join("thesis.txt"), "mine").unwrap();
    let said = made.restore(&target, &["--nothing-survived", "--root-key", root]);
    assert!(said.contains("is not empty"), "{said}");
    assert_eq!(fs::read_dir(&target).unwrap().count(), 1);
}

#[test]
fn a_restore_that_broke_off_leaves_nothing_that_starts() {
    let made = Made::new();
    let place = crate::running::place();
    let target = place.1;
    let root = made.path("root");
    let said = made.restore(
        &target,
        &["--nothing-survived", "--root-key", root.to_str().unwrap()],
    );
    assert!(
        said.contains("the room database could not be filled"),
        "{said}"
    );
    let output = run(&["serve", "--data"], &target);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("Remove the directory and restore again"),
        "{said}"
    );
}

#[test]
fn without_a_key_no_backup_is_made_and_the_next_step_is_named() {
    let made = Made::new();
    fs::remove_file(made.path("data/secrets/backup.seal")).unwrap();
    Configuration::demonstration(9490)
        .unwrap()
        .write(&made.path("data"))
        .unwrap();
    fs::create_dir_all(made.path("data/objects/kept")).unwrap();
    let said = refusal(
        candour(&["backup", "--data"])
            .arg(made.path("data"))
            .arg("--to")
            .arg(made.path("new")),
    );
    assert!(said.contains("candour backup-key --data"), "{said}");
    assert!(!made.path("new").exists());
}
