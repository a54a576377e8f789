//! Who may depend on whom (design, section 10), checked over `cargo metadata`.

mod graph;
mod lines;
mod rules;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::{Stop, say, workspace};

use graph::Graph;

/// All our code that is linked into the keeper stays readable in one sitting of an auditor.
///
/// The design's limit is [`AIM`]. It is overrun, so this number is to go down: it keeps the keeper from growing while
/// it is cut. It rises only for a hole that is closed, and the commit says by how much and for what.
const MOST_KEEPER_LINES: usize = 34_642;
/// What the design demands.
const AIM: usize = 12_000;

const KEEPER: &str = "candour-keeper";

/// Checks the layers; with `--accept`, rewrites the reviewed list of what the keeper links.
pub fn run(arguments: &[String]) -> Result<bool, Stop> {
    let graph = Graph::read(&workspace::metadata()?)?;
    let mut faults = rules::broken(&graph);
    let linked = graph.linked_of_others(KEEPER);
    if arguments.iter().any(|argument| argument == "--accept") {
        accept(&linked)?;
    } else {
        faults.extend(unreviewed(&linked, &reviewed()?));
    }
    let lines = keeper_lines(&graph)?;
    if lines > MOST_KEEPER_LINES {
        faults.push(format!(
            "{lines} lines of code of ours are linked into the keeper; {MOST_KEEPER_LINES} are the limit"
        ));
    }
    for fault in &faults {
        say(fault)?;
    }
    say(&format!(
        "keeper: {lines} lines of code of ours (without blank lines, comments and what is compiled for tests only; \
         never more than {MOST_KEEPER_LINES}, to become {AIM}), {} crates of others",
        linked.len()
    ))?;
    Ok(faults.is_empty())
}

fn snapshot() -> PathBuf {
    workspace::root().join("xtask/snapshots/keeper-dependencies.txt")
}

fn reviewed() -> Result<BTreeSet<String>, Stop> {
    let file = snapshot();
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn accept(linked: &BTreeSet<String>) -> Result<(), Stop> {
    let lines: Vec<&str> = linked.iter().map(String::as_str).collect();
    let file = snapshot();
    fs::write(&file, format!("{}\n", lines.join("\n")))
        .map_err(|error| format!("{}: {error}", file.display()))
}

fn unreviewed(linked: &BTreeSet<String>, reviewed: &BTreeSet<String>) -> Vec<String> {
    let new = linked.difference(reviewed).map(|name| {
        format!("the keeper now links {name}; review it, then: cargo xtask layers --accept")
    });
    let gone = reviewed.difference(linked).map(|name| {
        format!("the keeper no longer links {name}; take it off: cargo xtask layers --accept")
    });
    new.chain(gone).collect()
}

/// Lines of code of the crates of ours that are linked into the keeper, program and libraries.
fn keeper_lines(graph: &Graph) -> Result<usize, Stop> {
    let folders = graph.linked_folders_of_ours(KEEPER);
    folders.iter().map(|folder| lines::of_crate(folder)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_new_crate_in_the_keeper_asks_for_a_review() {
        let faults = unreviewed(&names(&["prost", "reqwest"]), &names(&["prost"]));
        assert!(
            faults.len() == 1 && faults[0].contains("now links reqwest"),
            "{faults:?}"
        );
    }

    #[test]
    fn a_crate_that_left_the_keeper_is_taken_off_the_list() {
        let faults = unreviewed(&names(&[]), &names(&["prost"]));
        assert!(
            faults.len() == 1 && faults[0].contains("no longer links prost"),
            "{faults:?}"
        );
    }
}
