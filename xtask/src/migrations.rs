//! A migration that has been listed is never edited: an installation somewhere has run it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::{Stop, children, say, workspace};

type List = BTreeMap<String, String>;

/// Compares every migration with the reviewed list; with `--accept`, adds those that are not in it yet.
pub fn run(arguments: &[String]) -> Result<bool, Stop> {
    let listed = read()?;
    let found = found()?;
    let mut faults = edited(&listed, &found);
    let fresh: Vec<&String> = found
        .keys()
        .filter(|path| !listed.contains_key(*path))
        .collect();
    if arguments.iter().any(|argument| argument == "--accept") {
        let added = fresh.len();
        let mut all = listed.clone();
        all.extend(
            fresh
                .into_iter()
                .filter_map(|path| Some((path.clone(), found.get(path)?.clone()))),
        );
        write(&all)?;
        say(&format!("{added} migrations added to the list"))?;
    } else {
        faults.extend(fresh.iter().map(|path| {
            format!("{path} is not in the list of migrations; add it with: cargo xtask migrations --accept")
        }));
    }
    for fault in &faults {
        say(fault)?;
    }
    Ok(faults.is_empty())
}

fn edited(listed: &List, found: &List) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, digest) in listed {
        match found.get(path) {
            None => faults.push(format!("{path} was removed; installations have run it")),
            Some(now) if now != digest => faults.push(format!(
                "{path} was edited after it was listed; write a new migration instead"
            )),
            Some(_) => {}
        }
    }
    faults
}

fn file() -> PathBuf {
    workspace::root().join("xtask/snapshots/migrations.txt")
}

fn read() -> Result<List, Stop> {
    let file = file();
    if !file.exists() {
        return Ok(List::new());
    }
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let rows = text.lines().filter_map(|line| line.split_once("  "));
    Ok(rows
        .map(|(digest, path)| (path.to_owned(), digest.to_owned()))
        .collect())
}

fn write(list: &List) -> Result<(), Stop> {
    let lines: Vec<String> = list
        .iter()
        .map(|(path, digest)| format!("{digest}  {path}\n"))
        .collect();
    let file = file();
    fs::write(&file, lines.concat()).map_err(|error| format!("{}: {error}", file.display()))
}

fn found() -> Result<List, Stop> {
    let root = workspace::root();
    let files = workspace::files(&root.join("crates"), ".sql");
    let mut list = List::new();
    for file in files.iter().filter(|file| {
        file.components()
            .any(|part| part.as_os_str() == "migrations")
    }) {
        let digest = children::output(
            Command::new("git")
                .args(["hash-object", "--no-filters"])
                .arg(file),
        )?;
        let path = file.strip_prefix(&root).unwrap_or(file);
        list.insert(path.display().to_string(), digest.trim().to_owned());
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(rows: &[(&str, &str)]) -> List {
        rows.iter()
            .map(|(path, digest)| ((*path).to_owned(), (*digest).to_owned()))
            .collect()
    }

    #[test]
    fn an_edited_or_removed_migration_is_a_fault_and_a_new_one_is_not() {
        let listed = list(&[("V1__a.sql", "aa"), ("V2__b.sql", "bb")]);
        let found = list(&[("V1__a.sql", "ee"), ("V3__c.sql", "cc")]);
        let faults = edited(&listed, &found);
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("V1__a.sql was edited"));
        assert!(faults[1].contains("V2__b.sql was removed"));
    }
}
