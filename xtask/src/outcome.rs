//! Stages, how long each took, and how many tests passed.

use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

use crate::Stop;

/// How many tests of a stage passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Times that a test said it checks nothing on this machine.
    pub skipped: u64,
}

impl Count {
    /// One check that passed or failed as a whole.
    pub fn one(is_good: bool) -> Self {
        Self {
            passed: u64::from(is_good),
            failed: u64::from(!is_good),
            skipped: 0,
        }
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl Display for Count {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)?;
        match self.skipped {
            0 => Ok(()),
            skipped => write!(formatter, ", {skipped} skipped"),
        }
    }
}

/// What became of the stages so far.
#[derive(Debug, Default)]
pub struct Report {
    stages: Vec<(String, Duration, Count)>,
}

impl Report {
    /// Runs one stage; a stage that breaks off counts as one failure. True when nothing failed.
    pub fn stage(
        &mut self,
        name: &str,
        work: impl FnOnce() -> Result<Count, Stop>,
    ) -> Result<bool, Stop> {
        crate::say(&format!("── {name}"))?;
        let begun = Instant::now();
        let count = match work() {
            Ok(count) => count,
            Err(stop) => {
                eprintln!("{stop}");
                Count::one(false)
            }
        };
        let took = begun.elapsed();
        crate::say(&format!("── {}", line(name, took, count)))?;
        self.stages.push((name.to_owned(), took, count));
        Ok(count.failed == 0)
    }

    /// Prints every stage with its seconds, and last the sum of all tests. True when nothing failed.
    pub fn finish(&self) -> Result<bool, Stop> {
        crate::say("")?;
        for (name, took, count) in &self.stages {
            crate::say(&line(name, *took, *count))?;
        }
        let took: Duration = self.stages.iter().map(|(_, took, _)| *took).sum();
        crate::say(&format!("{:<14}{:>7.1} s", "total", took.as_secs_f64()))?;
        let all = self.total();
        crate::say(&all.to_string())?;
        Ok(all.failed == 0)
    }

    fn total(&self) -> Count {
        self.stages
            .iter()
            .fold(Count::default(), |sum, (_, _, count)| sum.plus(*count))
    }
}

fn line(name: &str, took: Duration, count: Count) -> String {
    format!("{name:<14}{:>7.1} s   {count}", took.as_secs_f64())
}

/// Reads one line of a test runner: cargo's "test result: ok. 3 passed; 0 failed; …", or Playwright's
/// "  3 passed (2.1s)", "  1 failed", "  1 flaky", "  1 did not run"; or our own tests' "skipped: TEST: REASON".
pub fn read_line(line: &str) -> Count {
    if let Some(result) = line.strip_prefix("test result: ") {
        let (_, counts) = result.split_once(". ").unwrap_or_default();
        return counts
            .split("; ")
            .map(number_and_word)
            .fold(Count::default(), Count::plus);
    }
    if line.starts_with("  ") && !line.starts_with("   ") {
        return number_and_word(line.trim());
    }
    if line.starts_with("skipped: ") {
        return Count {
            skipped: 1,
            ..Count::default()
        };
    }
    Count::default()
}

fn number_and_word(text: &str) -> Count {
    let (number, word) = text.split_once(' ').unwrap_or_default();
    let number = number.parse().unwrap_or(0);
    match word.split(" (").next().unwrap_or_default() {
        "passed" => Count {
            passed: number,
            ..Count::default()
        },
        // A journey that passes only when repeated is a defect of the page or of the test.
        "failed" | "flaky" | "did not run" | "interrupted" => Count {
            failed: number,
            ..Count::default()
        },
        "skipped" | "ignored" => Count {
            skipped: number,
            ..Count::default()
        },
        _ => Count::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_results_are_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        assert_eq!(
            read_line(line),
            Count {
                passed: 12,
                failed: 3,
                skipped: 1
            }
        );
    }

    #[test]
    fn playwrights_results_are_counted_and_a_flaky_journey_failed() {
        assert_eq!(
            read_line("  27 passed (1.2m)"),
            Count {
                passed: 27,
                ..Count::default()
            }
        );
        assert_eq!(
            read_line("  2 flaky"),
            Count {
                failed: 2,
                ..Count::default()
            }
        );
        assert_eq!(
            read_line("  4 did not run"),
            Count {
                failed: 4,
                ..Count::default()
            }
        );
    }

    #[test]
    fn what_checks_nothing_here_is_counted_as_skipped() {
        let line = "skipped: vectors::proofs_hold: ../shared/data/merkle-vectors is not there";
        assert_eq!(read_line(line).skipped, 1);
        assert_eq!(read_line("  3 skipped").skipped, 3);
        assert_eq!(
            Count::one(true).plus(read_line(line)).to_string(),
            "1 passed, 0 failed, 1 skipped"
        );
    }

    #[test]
    fn what_a_test_prints_is_not_counted() {
        for line in [
            "test a ... ok",
            "12 passed",
            "    3 failed",
            "running 3 tests",
            "  2 letters passed on",
        ] {
            assert_eq!(read_line(line), Count::default(), "{line}");
        }
    }

    #[test]
    fn a_stage_that_breaks_off_counts_as_a_failure() {
        let mut report = Report::default();
        report
            .stage("broken", || Err("it broke".to_owned()))
            .unwrap();
        report
            .stage("fine", || {
                Ok(Count {
                    passed: 2,
                    ..Count::default()
                })
            })
            .unwrap();
        assert_eq!(
            report.total(),
            Count {
                passed: 2,
                failed: 1,
                skipped: 0
            }
        );
    }
}
