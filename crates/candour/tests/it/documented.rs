//! Every command, option and setting is in `docs/operate/running.md`, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use candour::Configuration;
use candour::configuration::FILE;

type Taken = BTreeMap<String, BTreeSet<String>>;

fn page() -> String {
    let operate = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operate/running.md");
    fs::read_to_string(operate).unwrap()
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// The cells of a table's rows.
fn rows(page: &str) -> impl Iterator<Item = Vec<&str>> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|row| row.split(" | ").collect())
}

fn documented() -> Taken {
    rows(&page())
        .filter(|cells| cells.len() > 2)
        .map(|cells| {
            let name = cells[0].trim_end_matches('`').to_owned();
            (name, quoted(cells[1]).collect())
        })
        .filter(|(name, _): &(String, _)| name.starts_with("candour"))
        .collect()
}

fn help(program: &str, words: &[&str]) -> String {
    let path = Path::new(env!("CARGO_BIN_EXE_candour")).with_file_name(program);
    let output = Command::new(path)
        .args(words)
        .arg("--help")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The first words of the indented lines below a heading of a help text.
fn listed(help: &str, heading: &str) -> Vec<String> {
    let below = help.lines().skip_while(|line| *line != heading).skip(1);
    below
        .take_while(|line| line.is_empty() || line.starts_with(' '))
        .filter_map(|line| {
            let option = line.split_whitespace().find(|word| word.starts_with("--"));
            let is_option = line.trim_start().starts_with('-');
            let first = line.split_whitespace().next()?;
            let is_name = line.starts_with("  ") && !line.starts_with("    ");
            if is_option {
                return option.map(str::to_owned);
            }
            is_name.then(|| first.trim_matches(['<', '>', '[', ']', '.']).to_owned())
        })
        .collect()
}

fn taken(help: &str) -> BTreeSet<String> {
    let options = listed(help, "Options:");
    let own = options
        .into_iter()
        .filter(|name| name != "--help" && name != "--version");
    listed(help, "Arguments:").into_iter().chain(own).collect()
}

fn offered() -> Taken {
    let mut offered = Taken::new();
    for program in ["candour", "candour-keeper"] {
        for name in listed(&help(program, &[]), "Commands:") {
            if name != "help" {
                let taken = taken(&help(program, &[&name]));
                offered.insert(format!("{program} {name}"), taken);
            }
        }
    }
    offered.insert(
        "candour-verify".to_owned(),
        taken(&help("candour-verify", &[])),
    );
    for name in ["receipt", "checkpoint"] {
        let taken = taken(&help("candour-verify", &[name]));
        offered.insert(format!("candour-verify {name}"), taken);
    }
    offered
}

#[test]
fn every_command_and_option_is_on_the_page_and_nothing_else_is() {
    let (offered, documented) = (offered(), documented());
    assert!(offered.len() > 12, "{offered:?}");
    assert_eq!(offered, documented);
}

#[test]
fn every_setting_is_on_the_page_and_nothing_else_is() {
    // The parser names every setting when it meets one that it does not know.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(FILE), r#"{"no such setting": 1}"#).unwrap();
    let refusal = Configuration::read(folder.path()).unwrap_err();
    let refusal = candour::problem::sentence(&refusal);
    let known = refusal.split("expected one of").nth(1).unwrap();
    let known: BTreeSet<String> = quoted(known).collect();
    let page = page();
    let settings = page.split("## Settings").nth(1).unwrap();
    let described: BTreeSet<String> = rows(settings)
        .flat_map(|cells| {
            let names = format!("`{}", cells[0]);
            quoted(&names).collect::<Vec<_>>()
        })
        .collect();
    assert!(known.len() > 12, "{known:?}");
    assert_eq!(known, described);
}
