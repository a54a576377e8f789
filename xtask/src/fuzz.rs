//! `cargo xtask fuzz`: feeds everything that reads bytes of others, for as long as one likes.
//!
//! libFuzzer, in the very process, on the stable compiler: LLVM's coverage pass is asked for by flags that need no
//! nightly. There is no address sanitizer on it, and none is needed: our code has no `unsafe`. Overflows and debug
//! assertions do stop a run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Stop, children, say, workspace};

/// How long each target runs where nothing else is said.
const MINUTES: u64 = 10;
/// Longest input in bytes.
const LONGEST: u32 = 16 * 1024;
/// Tells where the code went, and what it compared with what.
const COVERAGE: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];
/// Named, so that programs of the build itself are built without it.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// Runs the named targets, or all, one after the other. True when none found anything.
pub fn run(arguments: &[String]) -> Result<bool, Stop> {
    let wishes = Wishes::read(arguments, &targets()?)?;
    let folder = workspace::target()?.join("fuzz");
    let program = build(&folder)?;
    let mut is_well = true;
    for target in &wishes.targets {
        is_well &= feed(&program, &folder, target, wishes.minutes)?;
    }
    Ok(is_well)
}

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
struct Wishes {
    targets: Vec<String>,
    minutes: u64,
}

impl Wishes {
    fn read(arguments: &[String], known: &[String]) -> Result<Self, Stop> {
        let mut wishes = Self {
            targets: Vec::new(),
            minutes: MINUTES,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            if argument == "--minutes" {
                let number = arguments.next().and_then(|number| number.parse().ok());
                wishes.minutes = number
                    .filter(|minutes| *minutes > 0)
                    .ok_or("--minutes takes a whole number from 1")?;
            } else if known.contains(argument) {
                wishes.targets.push(argument.clone());
            } else {
                return Err(format!(
                    "there is no target {argument}; there are {}",
                    known.join(", ")
                ));
            }
        }
        if wishes.targets.is_empty() {
            wishes.targets = known.to_vec();
        }
        Ok(wishes)
    }
}

fn seeds() -> PathBuf {
    workspace::root().join("fuzz/seeds")
}

/// A target is where its seeds are; a test of the test kit holds that true.
fn targets() -> Result<Vec<String>, Stop> {
    let folder = seeds();
    let entries =
        fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

fn build(folder: &Path) -> Result<PathBuf, Stop> {
    let mut cargo = workspace::cargo();
    cargo
        .args(["build", "--release", "--locked", "--target", PLATFORM])
        .arg("--manifest-path")
        .arg(workspace::root().join("fuzz/Cargo.toml"))
        .arg("--target-dir")
        .arg(folder)
        .env("CARGO_ENCODED_RUSTFLAGS", COVERAGE.join("\u{1f}"));
    children::run(&mut cargo)?;
    Ok(folder.join(PLATFORM).join("release/candour-fuzz"))
}

/// What a run came upon stays in the target folder, and the next one begins with it.
fn feed(program: &Path, folder: &Path, target: &str, minutes: u64) -> Result<bool, Stop> {
    let (corpus, found) = (
        folder.join("corpus").join(target),
        folder.join("found").join(target),
    );
    for folder in [&corpus, &found] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    say(&format!("{target}: {minutes} min"))?;
    let mut command = Command::new(program);
    command
        .arg(&corpus)
        .arg(seeds().join(target))
        .arg(format!("-max_total_time={}", minutes * 60))
        .arg(format!("-max_len={LONGEST}"))
        .arg(format!("-artifact_prefix={}/", found.display()))
        .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
        .args(["-reload=0", "-verbosity=1"])
        .env("CANDOUR_FUZZ_TARGET", target);
    let status = command
        .status()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    if !status.success() {
        say(&format!(
            "{target}: found something. The input is in {}; mend it, and put the input into fuzz/seeds/{target}",
            found.display()
        ))?;
    }
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn without_words_every_target_runs_for_ten_minutes() {
        let known = words(&["frames", "notes"]);
        let wishes = Wishes::read(&[], &known).unwrap();
        assert_eq!((wishes.targets, wishes.minutes), (known, 10));
    }

    #[test]
    fn a_target_and_a_time_are_taken_and_nothing_else_is() {
        let known = words(&["frames", "notes"]);
        let wishes = Wishes::read(&words(&["notes", "--minutes", "3"]), &known).unwrap();
        assert_eq!((wishes.targets, wishes.minutes), (words(&["notes"]), 3));
        for wrong in [&["tiles"][..], &["--minutes"], &["--minutes", "0"]] {
            assert!(Wishes::read(&words(wrong), &known).is_err(), "{wrong:?}");
        }
    }
}
