//! What an import did, told to the person who ran it.

use crate::import::LeftOut;
use candour_app::Refusal;
use candour_app::intake::{Taken, What};
use candour_core::document::Caution;
use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Everything that is told at the end.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// The practice's name.
    pub(super) practice: String,
    pub(super) taken: Taken,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) without_nhi: Vec<String>,
    pub(super) with_test_nhi: usize,
    pub(super) about_nobody: usize,
    /// Files that are in, and of which a reader should know something.
    pub(super) noted: Vec<(PathBuf, Vec<Caution>)>,
}

impl Summary {
    /// Whether everything that could be taken in was.
    pub(super) fn is_clean(&self) -> bool {
        self.faults() == 0
    }

    fn faults(&self) -> usize {
        let files = self.left_out.iter().filter(|one| one.is_fault()).count();
        self.taken.left_out.len() + files
    }

    /// Writes it to standard output.
    pub(super) fn tell(&self) -> ExitCode {
        // Who closed standard output does not want to read it; the exit code still says how it went.
        let _ = write!(std::io::stdout().lock(), "{self}");
        if self.is_clean() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn what_is_in(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Taken {
            people,
            resources,
            documents,
            ..
        } = &self.taken;
        let is_in = |number: usize| if number == 1 { "is in" } else { "are in" };
        let are_in = is_in(if *people == 0 { *documents } else { *people });
        let documents = count(*documents, "document", "documents");
        if *people == 0 && self.taken.resources == 0 {
            return writeln!(out, "From {}: {documents} {are_in}.", self.practice);
        }
        writeln!(
            out,
            "From {}: {} {are_in}, with {} of their records and {documents}.",
            self.practice,
            count(*people, "patient", "patients"),
            count(*resources, "entry", "entries"),
        )?;
        if self.about_nobody > 0 {
            writeln!(
                out,
                "{} about organisations, people who work there and places were read for their names.",
                count(self.about_nobody, "entry", "entries")
            )?;
        }
        Ok(())
    }

    fn what_to_know(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.with_test_nhi > 0 {
            writeln!(
                out,
                "{} came without an NHI number and got one for testing: this is a demonstration.",
                count(self.with_test_nhi, "patient", "patients")
            )?;
        }
        if !self.without_nhi.is_empty() {
            writeln!(
                out,
                "\n{} came without an NHI number. They are in; what another practice sends about them is not joined to \
                 this:",
                count(self.without_nhi.len(), "patient", "patients")
            )?;
            for patient in &self.without_nhi {
                writeln!(out, "  no NHI: {patient}")?;
            }
        }
        if !self.noted.is_empty() {
            writeln!(out, "\nIn, and worth knowing before opening them:")?;
            for (file, cautions) in &self.noted {
                let words: Vec<_> = cautions.iter().map(|caution| caution.words()).collect();
                writeln!(out, "  {}: {}", file.display(), words.join("; "))?;
            }
        }
        let mut others = self
            .left_out
            .iter()
            .filter(|one| !one.is_fault())
            .peekable();
        if others.peek().is_some() {
            writeln!(
                out,
                "\nPassed over, because by their names they are no FHIR files:"
            )?;
            for one in others {
                writeln!(out, "  {}", one.file.display())?;
            }
        }
        Ok(())
    }
}

/// A number with its noun, thousands apart.
fn count(number: usize, one: &str, many: &str) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    format!("{shown} {}", if number == 1 { one } else { many })
}

/// Why the keeper did not take a person, and what to do.
fn person_refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Invalid => {
            "the NHI number is known with another birth date, or two numbers belong to two people. Check them with the \
             patient, correct them at the practice, and import again"
        }
        other => refusal_words(other),
    }
}

/// Why the keeper did not take something, and what to do.
pub(in crate::import) fn refusal_words(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::SubjectClosed => {
            "this patient's data are closed until the operator's security officer has looked. Ring the operator"
        }
        Refusal::NotFound => "the practice has no such patient",
        Refusal::NotAllowed => "the practice's program may not deposit this",
        _ => {
            "the keeper refused it. Run the same import again; if it is refused again, ring the operator"
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.what_is_in(out)?;
        self.what_to_know(out)?;
        let faults = self.faults();
        if faults == 0 {
            return writeln!(out, "\nNothing was left out.");
        }
        writeln!(out, "\nLeft out:")?;
        for one in &self.taken.left_out {
            let (what, why) = match one.what {
                What::Person => ("the patient".to_owned(), person_refusal(one.refusal)),
                What::Resources(number) => {
                    let entries = count(number, "entry", "entries");
                    (entries, refusal_words(one.refusal))
                }
                What::Document(place) => {
                    let document = format!("document {}", place + 1);
                    (document, refusal_words(one.refusal))
                }
            };
            writeln!(out, "  {what} of {}: {why}", one.person)?;
        }
        for one in self.left_out.iter().filter(|one| one.is_fault()) {
            writeln!(out, "  {one}")?;
        }
        let things = count(faults, "thing was", "things were");
        writeln!(
            out,
            "{things} left out; everything else is in. Mend what is named and run the same import again: what is in \
             already is not taken twice."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::Why;
    use candour_app::intake;

    fn left_out(why: Why) -> LeftOut {
        LeftOut {
            file: "a/b.json".into(),
            line: Some(7),
            why,
        }
    }

    #[test]
    fn a_file_of_another_kind_is_named_and_is_no_fault() {
        let summary = Summary {
            left_out: vec![left_out(Why::NotFhir)],
            ..Summary::default()
        };
        assert!(summary.is_clean());
        let text = summary.to_string();
        assert!(
            text.contains("a/b.json") && text.contains("Nothing was left out"),
            "{text}"
        );
    }

    #[test]
    fn what_was_left_out_is_named_with_line_and_reason() {
        let mut summary = Summary {
            left_out: vec![left_out(Why::NoPatient("Observation".into()))],
            ..Summary::default()
        };
        summary.taken.left_out.push(intake::LeftOut {
            person: "Patient/7 in c.json".into(),
            what: What::Document(0),
            refusal: Refusal::Invalid,
        });
        assert!(!summary.is_clean());
        let text = summary.to_string();
        assert!(text.contains("a/b.json, line 7"), "{text}");
        assert!(text.contains("document 1 of Patient/7 in c.json"), "{text}");
        assert!(text.contains("2 things were left out"), "{text}");
    }

    #[test]
    fn the_whole_is_told_in_plain_sentences() {
        let mut summary = Summary {
            practice: "Kauri Health".into(),
            without_nhi: vec!["Patient/7 in c.json".into()],
            with_test_nhi: 1,
            about_nobody: 1_234,
            noted: vec![("old.doc".into(), vec![Caution::Macros])],
            left_out: vec![left_out(Why::NotFhir)],
            ..Summary::default()
        };
        summary.taken.people = 242;
        summary.taken.resources = 157_003;
        summary.taken.documents = 1;
        assert_eq!(summary.to_string(), include_str!("summary.txt"));
    }
}
