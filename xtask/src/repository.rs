//! What every file of the repository keeps to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{children, workspace};

const LONGEST_FILE_LINES: usize = 600;

/// Every file that is, or would be, under version control.
fn tracked() -> Vec<PathBuf> {
    let root = workspace::root();
    let listed = children::output(
        Command::new("git")
            .args([
                "ls-files",
                "--cached",
                "--others",
                "--exclude-standard",
                "-z",
            ])
            .current_dir(&root),
    );
    match listed {
        Ok(names) => names
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(|name| root.join(name))
            .filter(|path| path.is_file())
            .collect(),
        // An unpacked archive has no git folder.
        Err(_) => workspace::files(&root, ""),
    }
}

fn shown(path: &Path) -> String {
    path.strip_prefix(workspace::root())
        .unwrap_or(path)
        .display()
        .to_string()
}

#[test]
fn no_source_file_is_longer_than_600_lines() {
    let too_long: Vec<String> = tracked()
        .iter()
        .filter(|path| {
            path.extension()
                .is_some_and(|ending| ending == "rs" || ending == "ts")
        })
        .filter_map(|path| {
            let lines = fs::read_to_string(path).unwrap().lines().count();
            (lines > LONGEST_FILE_LINES).then(|| format!("{} has {lines} lines", shown(path)))
        })
        .collect();
    assert_eq!(too_long, Vec::<String>::new());
}

#[test]
fn no_file_names_a_folder_of_a_developers_machine() {
    // Put together here so that this file does not name them itself.
    let folders = ["work", "farm", "root"].map(|name| format!("/{name}/"));
    let mut found = Vec::new();
    for path in tracked() {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            if folders.iter().any(|folder| names_folder(line, folder)) {
                found.push(format!("{}:{}", shown(&path), number + 1));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

/// True where the folder starts a path; inside an address or a longer path it is another thing.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        before.is_none_or(|one| !(one.is_alphanumeric() || "_-./}*)".contains(one)))
    })
}

#[test]
fn packages_come_from_the_public_registries_only() {
    let mut found = Vec::new();
    for path in tracked() {
        let expected = match path.file_name().and_then(|name| name.to_str()) {
            Some("Cargo.lock") => (
                "source = \"",
                "registry+https://github.com/rust-lang/crates.io-index\"",
            ),
            Some("package-lock.json") => ("\"resolved\": \"", "https://registry.npmjs.org/"),
            _ => continue,
        };
        let text = fs::read_to_string(&path).unwrap();
        for line in text.lines() {
            if let Some((_, address)) = line.split_once(expected.0)
                && !address.starts_with(expected.1)
            {
                found.push(format!("{}: {}", shown(&path), line.trim()));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_module_lives_in_a_file_of_its_own_name() {
    let wrong = [
        "mod.rs",
        "util.rs",
        "utils.rs",
        "common.rs",
        "helpers.rs",
        "manager.rs",
    ];
    let found: Vec<String> = tracked()
        .iter()
        .filter(|path| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| wrong.contains(&name))
        })
        .map(|path| shown(path))
        .collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_path_of_a_developers_machine_is_recognised() {
    let folder = format!("/{}/", "work");
    assert!(names_folder(&format!("see {folder}notes"), &folder));
    assert!(names_folder(&format!("\"{folder}notes\""), &folder));
    assert!(!names_folder("https://example.nz/frame/work/1", &folder));
    assert!(!names_folder("crates/work/src", &folder));
}
