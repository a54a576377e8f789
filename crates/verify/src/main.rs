//! Checks an exported ledger against its signed checkpoints, with nothing but the log's public key.

use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use candour_ledger::LogVerifier;
use candour_verify::{Checkpoints, Report, verify};
use clap::Parser;

/// Checks a whole ledger: its signatures, its tree, its order and every entry.
///
/// Prints a sentence for everything that is wrong. Exit code 0: nothing is; 1: something is;
/// 2: the check could not be made.
#[derive(Parser)]
#[command(name = "candour-verify", version)]
struct Arguments {
    /// The log's verifier key (name+id+key), or the path of a file that holds it.
    #[arg(long)]
    key: String,
    /// The directory of signed checkpoints, one in each file.
    #[arg(long)]
    checkpoints: PathBuf,
    /// The exported ledger.
    #[arg(long)]
    ledger: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(report) => match print(&report) {
            Ok(()) if report.is_clean() => ExitCode::SUCCESS,
            _ => ExitCode::from(1),
        },
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<Report, String> {
    let key = match LogVerifier::parse(&arguments.key) {
        Ok(key) => key,
        Err(error) => fs::read_to_string(&arguments.key)
            .map_err(|_| {
                format!("The key is neither a verifier key ({error}) nor a readable file.")
            })
            .and_then(|text| {
                LogVerifier::parse(&text).map_err(|error| format!("The key file: {error}."))
            })?,
    };
    let mut checkpoints = Checkpoints::new(key);
    for path in files(&arguments.checkpoints)? {
        let note = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        checkpoints.add(&name, &note);
    }
    let ledger =
        File::open(&arguments.ledger).map_err(|error| unreadable(&arguments.ledger, &error))?;
    Ok(verify(
        BufReader::with_capacity(1 << 20, ledger),
        checkpoints,
    ))
}

/// The files of a directory in the order of their names; hidden ones (half-written) are left out.
fn files(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error: io::Error| unreadable(directory, &error);
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.is_file() && !hidden {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be read: {error}.", path.display())
}

fn print(report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for finding in &report.findings {
        writeln!(out, "{finding}")?;
    }
    if report.unlisted > 0 {
        writeln!(out, "{} further findings are not listed.", report.unlisted)?;
    }
    writeln!(
        out,
        "{} entries: {} recomputed from row and body, {} without salt (leaf only).",
        report.entries, report.recomputed, report.unsalted
    )?;
    if report.lost > 0 {
        writeln!(
            out,
            "{} entries stand in the place of lost ones; two operators accepted that they are lost.",
            report.lost
        )?;
    }
    writeln!(
        out,
        "{} signed checkpoints compared; they cover the first {} entries.",
        report.checkpoints, report.covered
    )?;
    if report.is_clean() {
        writeln!(out, "The ledger is as it was signed.")?;
    }
    out.flush()
}
