//! `docs/asvs.md` says how each requirement of a security standard stands, and names the tests that prove it. They exist.

#[path = "../../crates/server/src/pages/trust/asvs.rs"]
mod page;
mod proofs;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::{Stop, say, workspace};

use page::{Row, Score, State, rows};

/// The chapters that the page is about.
const CHAPTERS: [&str; 3] = ["V6", "V7", "V8"];
/// So many words in a row of the standard's own are its sentence, and not ours.
const SENTENCE: usize = 7;
/// The standard itself, where it is at hand. It is never copied: its licence asks for the same of whatever holds it.
const STANDARD: &str = "../shared/data/asvs/OWASP_ASVS_5.0.0_en.flat.json";

/// The requirements by id, with the level at which each begins.
type Ids = BTreeMap<String, String>;

/// Checks the page. True when every requirement of levels 1 and 2 stands there once, and every proof exists.
pub fn run() -> Result<bool, Stop> {
    let root = workspace::root();
    let page = read(&root.join("docs/asvs.md"))?;
    let ids = ids(&read(&root.join("xtask/snapshots/asvs.txt"))?)?;
    let mut faults = faults(&page, &ids, &proofs::all(&root)?);
    let standard = root.join(STANDARD);
    if standard.is_file() {
        let standard = serde_json::from_str(&read(&standard)?)
            .map_err(|error| format!("{STANDARD} was not understood: {error}"))?;
        faults.extend(differing(&standard, &ids));
        faults.extend(copied(&standard, &page));
    } else {
        say(
            "asvs: the standard is not in ../shared/data, so the list of ids is not compared with it",
        )?;
    }
    for fault in &faults {
        say(&format!("docs/asvs.md: {fault}"))?;
    }
    let score = Score::of(&page);
    say(&format!(
        "asvs: {} of {} requirements of level 2 met, {} not applicable, {} not met",
        score.met,
        score.all(),
        score.not_applicable,
        score.not_met
    ))?;
    Ok(faults.is_empty())
}

fn read(file: &Path) -> Result<String, Stop> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// The list of ids: one for each line with its level, sorted as a person counts.
fn ids(text: &str) -> Result<Ids, Stop> {
    let mut ids = Ids::new();
    let mut last = Vec::new();
    for line in text.lines() {
        let (id, level) = line
            .split_once(' ')
            .ok_or_else(|| format!("{line} is no id with its level"))?;
        let place = in_order(id);
        if place <= last {
            return Err(format!("{id} is not in its place in the list of ids"));
        }
        last = place;
        ids.insert(id.to_owned(), level.to_owned());
    }
    Ok(ids)
}

/// `V6.2.10` after `V6.2.9`.
fn in_order(id: &str) -> Vec<u32> {
    id.trim_start_matches('V')
        .split('.')
        .filter_map(|part| part.parse().ok())
        .collect()
}

fn faults(page: &str, ids: &Ids, proofs: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (line, row) in rows(page) {
        let Some(row) = row else {
            faults.push(format!("this row cannot be read: {line}"));
            continue;
        };
        if !seen.insert(row.id) {
            faults.push(format!("{} stands there twice", row.id));
        }
        if row.id.starts_with('V') {
            match ids.get(row.id) {
                None => faults.push(format!("the standard has no {}", row.id)),
                Some(level) if level != row.place => {
                    faults.push(format!("{} begins at level {level}", row.id));
                }
                Some(_) => {}
            }
        }
        faults.extend(unproved(&row, proofs));
    }
    let missing = ids
        .iter()
        .filter(|(id, level)| *level != "3" && !seen.contains(id.as_str()));
    faults.extend(missing.map(|(id, _)| format!("{id} is missing")));
    faults
}

/// What a row names must exist, and what is met needs a test or a reason why there is none.
fn unproved(row: &Row<'_>, proofs: &BTreeSet<String>) -> Vec<String> {
    let quoted: Vec<&str> = row.proof.split('`').skip(1).step_by(2).collect();
    let mut faults: Vec<String> = quoted
        .iter()
        .filter(|name| !proofs.contains(**name))
        .map(|name| format!("{} names the test {name}, which does not exist", row.id))
        .collect();
    let has_reason = row
        .proof
        .strip_prefix("no test: ")
        .is_some_and(|reason| !reason.trim().is_empty());
    if row.state == State::Met && quoted.is_empty() && !has_reason {
        faults.push(format!(
            "{} is met, and neither a test nor \"no test: \" with a reason says so",
            row.id
        ));
    }
    faults
}

/// The standard's requirements in our chapters: id, level and text.
fn requirements(standard: &Value) -> impl Iterator<Item = (&str, &str, &str)> {
    let all = standard["requirements"].as_array();
    let all = all.map_or(&[][..], Vec::as_slice).iter();
    all.filter_map(|one| {
        let word = |name: &str| one[name].as_str();
        CHAPTERS.contains(&word("chapter_id")?).then_some((
            word("req_id")?,
            word("L")?,
            word("req_description")?,
        ))
    })
}

/// The list of ids must be the standard's.
fn differing(standard: &Value, ids: &Ids) -> Vec<String> {
    let theirs: Ids = requirements(standard)
        .map(|(id, level, _)| (id.to_owned(), level.to_owned()))
        .collect();
    let differs = |id: &&String| theirs.get(*id) != ids.get(*id);
    let all: BTreeSet<&String> = theirs.keys().chain(ids.keys()).collect();
    all.into_iter()
        .filter(differs)
        .map(|id| format!("the list of ids differs from the standard at {id}"))
        .collect()
}

/// Rows say what is asked in our own words: the standard's sentences are under a licence of their own.
fn copied(standard: &Value, page: &str) -> Vec<String> {
    let words = |text: &str| -> Vec<String> {
        text.to_lowercase()
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let mut theirs = BTreeSet::new();
    for (_, _, text) in requirements(standard) {
        theirs.extend(words(text).windows(SENTENCE).map(<[String]>::to_vec));
    }
    let rows = rows(page).filter_map(|(_, row)| row);
    rows.filter(|row| {
        let ours = words(&format!("{} {}", row.asks, row.answer));
        ours.windows(SENTENCE).any(|run| theirs.contains(run))
    })
    .map(|row| format!("{} repeats a sentence of the standard", row.id))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(page: &str) -> Vec<String> {
        let ids = ids("V6.1.1 1\nV6.1.2 2\nV6.1.10 3\n").unwrap();
        let proofs = ["candour_keeper::tests::one".to_owned()];
        faults(page, &ids, &BTreeSet::from(proofs))
    }

    const WHOLE: &str = "\
        | V6.1.1 | 1 | asks | answers | met | `candour_keeper::tests::one` |\n\
        | V6.1.2 | 2 | asks | answers | not met | |\n";

    #[test]
    fn a_whole_page_has_no_fault() {
        assert_eq!(found(WHOLE), Vec::<String>::new());
        let reason = WHOLE.replace("`candour_keeper::tests::one`", "no test: nothing to see");
        assert_eq!(found(&reason), Vec::<String>::new());
    }

    #[test]
    fn whatever_is_planted_is_found() {
        for (from, to, fault) in [
            ("| V6.1.2 |", "| V6.1.1 |", "V6.1.1 stands there twice"),
            ("| V6.1.2 |", "| V6.1.3 |", "the standard has no V6.1.3"),
            ("V6.1.2 | 2 | asks", "X | 2 | asks", "V6.1.2 is missing"),
            ("V6.1.2 | 2", "V6.1.2 | 1", "V6.1.2 begins at level 2"),
            ("not met", "nearly met", "this row cannot be read"),
            (
                "asks | answers | not met",
                "asks |  | not met",
                "this row cannot be read",
            ),
            (
                "tests::one",
                "tests::two",
                "V6.1.1 names the test candour_keeper::tests::two",
            ),
            (
                "`candour_keeper::tests::one`",
                "",
                "V6.1.1 is met, and neither",
            ),
            (
                "`candour_keeper::tests::one`",
                "no test: ",
                "V6.1.1 is met, and neither",
            ),
        ] {
            let page = WHOLE.replacen(from, to, 1);
            assert_ne!(page, WHOLE);
            let faults = found(&page);
            assert!(
                faults.iter().any(|said| said.contains(fault)),
                "{fault}: {faults:?}"
            );
        }
    }

    #[test]
    fn the_list_of_ids_is_sorted_as_a_person_counts_and_has_each_once() {
        assert!(ids("V6.1.9 1\nV6.1.10 1\n").is_ok());
        assert!(ids("V6.1.10 1\nV6.1.9 1\n").is_err());
        assert!(ids("V6.1.1 1\nV6.1.1 1\n").is_err());
        assert!(ids("V6.1.1\n").is_err());
    }

    #[test]
    fn a_list_that_is_not_the_standard_s_and_a_sentence_of_it_are_found() {
        let text = "Verify that the one thing is done in the one way.";
        let standard = json!({"requirements": [
            {"chapter_id": "V6", "req_id": "V6.1.1", "L": "1", "req_description": text},
            {"chapter_id": "V9", "req_id": "V9.1.1", "L": "1", "req_description": text},
        ]});
        assert!(differing(&standard, &ids("V6.1.1 1\n").unwrap()).is_empty());
        for other in ["V6.1.1 2\n", "V6.1.1 1\nV6.1.2 1\n", ""] {
            assert_eq!(
                differing(&standard, &ids(other).unwrap()).len(),
                1,
                "{other}"
            );
        }
        let row = |asks: &str| format!("| V6.1.1 | 1 | {asks} | yes | met | no test: a |\n");
        assert!(copied(&standard, &row("one thing, done in one way")).is_empty());
        let theirs = row("that the one thing is done in the one way");
        assert_eq!(copied(&standard, &theirs).len(), 1);
    }
}
