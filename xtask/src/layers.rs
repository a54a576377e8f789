//! Who may depend on whom (design, section 10), checked over `cargo metadata`.

mod graph;
mod rules;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::{Stop, say, workspace};

use graph::Graph;

/// All our code that is linked into the keeper stays readable in one sitting of an auditor.
///
/// The design's limit is 12,000. It is overrun (see the issue on the keeper at full strength), so this number only
/// ever goes down: it keeps the keeper from growing while it is cut.
const MOST_KEEPER_LINES: usize = 26_200;

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
            "{lines} lines of ours are linked into the keeper; {MOST_KEEPER_LINES} are the limit"
        ));
    }
    for fault in &faults {
        say(fault)?;
    }
    say(&format!(
        "keeper: {lines} of {MOST_KEEPER_LINES} lines of ours, {} crates of others",
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

/// Lines of the crates of ours that are linked into the keeper, without their inline tests.
fn keeper_lines(graph: &Graph) -> Result<usize, Stop> {
    let mut lines = 0;
    for folder in graph.linked_folders_of_ours(KEEPER) {
        for file in workspace::files(&folder.join("src"), ".rs") {
            let text = fs::read_to_string(&file)
                .map_err(|error| format!("{}: {error}", file.display()))?;
            lines += lines_without_tests(&text);
        }
    }
    Ok(lines)
}

/// An inline test module starts with `#[cfg(test)]` and ends with a brace in the first column.
fn lines_without_tests(text: &str) -> usize {
    let mut lines = 0;
    let mut rest = text.lines().peekable();
    while let Some(line) = rest.next() {
        let opens_tests = line == "#[cfg(test)]"
            && rest
                .peek()
                .is_some_and(|next| next.starts_with("mod ") && next.ends_with('{'));
        if opens_tests {
            for inside in rest.by_ref() {
                if inside == "}" {
                    break;
                }
            }
        } else {
            lines += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn inline_tests_do_not_count_and_code_after_them_does() {
        let text = "fn a() {\n}\n#[cfg(test)]\nmod tests {\n    fn t() {}\n}\nfn b() {}\n#[cfg(test)]\nfn c() {}\n";
        assert_eq!(lines_without_tests(text), 5);
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
