//! What an import did, told to the person who ran it.

use crate::import::LeftOut;
use candour_app::intake::{Taken, What};
use std::fmt;
use std::io::Write;
use std::process::ExitCode;

/// Everything that is told at the end.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) taken: Taken,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) without_nhi: Vec<String>,
    pub(super) about_nobody: usize,
}

impl Summary {
    /// Whether everything that could be taken in was.
    pub(super) fn is_clean(&self) -> bool {
        self.taken.left_out.is_empty() && !self.left_out.iter().any(LeftOut::is_fault)
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
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Taken {
            people,
            segments,
            resources,
            documents,
            left_out,
            ..
        } = &self.taken;
        writeln!(
            out,
            "{people} patients, {resources} resources in {segments} parts, {documents} documents are in."
        )?;
        if self.about_nobody > 0 {
            writeln!(
                out,
                "{} resources about organisations, people who work there and places gave their names to those.",
                self.about_nobody
            )?;
        }
        for patient in &self.without_nhi {
            writeln!(out, "no NHI: {patient}")?;
        }
        for one in left_out {
            let what = match one.what {
                What::Person => "the patient".to_owned(),
                What::Resources(count) => format!("{count} resources"),
                What::Document(place) => format!("document {}", place + 1),
            };
            writeln!(out, "left out: {what} of {}: {}", one.person, one.refusal)?;
        }
        for one in &self.left_out {
            writeln!(out, "left out: {one}")?;
        }
        let faults = left_out.len() + self.left_out.iter().filter(|one| one.is_fault()).count();
        match faults {
            0 => writeln!(out, "Nothing was left out."),
            count => writeln!(out, "{count} left out; everything else is in."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::Why;
    use candour_app::Refusal;
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
        assert!(summary.to_string().contains("a/b.json"));
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
        assert!(text.contains("2 left out"), "{text}");
    }
}
