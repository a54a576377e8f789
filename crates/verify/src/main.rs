//! What an outsider checks with, and nothing but the log's public key: a whole exported ledger, or receipts.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use candour_ledger::{LogVerifier, WitnessVerifier};
use candour_verify::cosigned::check as check_cosigned;
use candour_verify::receipt;
use candour_verify::{Checkpoints, Report, verify};
use clap::Parser;

/// Checks a whole ledger: its signatures, its tree, its order and every entry. With `receipt`, single entries.
/// With `checkpoint`, who signed and cosigned one.
///
/// Prints a sentence for everything that is wrong. Exit code 0: nothing is; 1: something is;
/// 2: the check could not be made.
#[derive(Parser)]
#[command(
    name = "candour-verify",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The log's verifier key (name+id+key), or the path of a file that holds it.
    #[arg(long, required = true)]
    key: Option<String>,
    /// The directory of signed checkpoints, one in each file.
    #[arg(long, required = true)]
    checkpoints: Option<PathBuf>,
    /// The exported ledger.
    #[arg(long, required = true)]
    ledger: Option<PathBuf>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Check receipts: what each entry says, that it is in the log, and which of a patient's entries have none here.
    Receipt {
        /// Files with a receipt or several.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The log's verifier key (name+id+key), or the path of a file that holds it.
        #[arg(long)]
        key: String,
        /// A directory of checkpoints that somebody else kept: none of the same size may say otherwise.
        #[arg(long)]
        checkpoints: Option<PathBuf>,
        #[command(flatten)]
        witnesses: Asked,
    },
    /// Check one checkpoint: the log signed it, and so many witnesses cosigned it.
    Checkpoint {
        /// The file, as the status site serves it at /checkpoint.
        file: PathBuf,
        /// The log's verifier key (name+id+key), or the path of a file that holds it.
        #[arg(long)]
        key: String,
        #[command(flatten)]
        witnesses: Asked,
    },
}

/// Whose cosignatures are asked for.
#[derive(clap::Args)]
struct Asked {
    /// The verifier key of a witness; repeat it for each.
    #[arg(long)]
    witness: Vec<String>,
    /// How many of them must have cosigned a checkpoint (default: all that are named).
    #[arg(long)]
    quorum: Option<usize>,
}

impl Asked {
    /// The keys, and how many of them are needed.
    fn read(&self) -> Result<(Vec<WitnessVerifier>, usize), String> {
        let witness = |key: &String| {
            WitnessVerifier::parse(key).map_err(|error| format!("--witness {key}: {error}."))
        };
        let keys: Vec<_> = self.witness.iter().map(witness).collect::<Result<_, _>>()?;
        let quorum = self.quorum.unwrap_or(keys.len());
        Ok((keys, quorum))
    }
}

fn main() -> ExitCode {
    let is_well = match Arguments::parse() {
        Arguments {
            command:
                Some(Command::Receipt {
                    files,
                    key,
                    checkpoints,
                    witnesses,
                }),
            ..
        } => receipts(&files, &key, checkpoints.as_deref(), &witnesses),
        Arguments {
            command:
                Some(Command::Checkpoint {
                    file,
                    key,
                    witnesses,
                }),
            ..
        } => cosigned(&file, &key, &witnesses),
        Arguments {
            command: None,
            key: Some(key),
            checkpoints: Some(checkpoints),
            ledger: Some(ledger),
        } => whole(&key, &checkpoints, &ledger),
        // The parser lets neither pass.
        Arguments { .. } => Err("Say what to check.".to_owned()),
    };
    match is_well {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::from(2)
        }
    }
}

fn whole(key: &str, checkpoints: &Path, ledger: &Path) -> Result<bool, String> {
    let checkpoints = kept(&read_key(key)?, checkpoints)?;
    let file = File::open(ledger).map_err(|error| unreadable(ledger, &error))?;
    let report = verify(BufReader::with_capacity(1 << 20, file), checkpoints);
    print(&report).map_err(|error| unwritable(&error))?;
    Ok(report.is_clean())
}

fn receipts(
    files: &[PathBuf],
    key: &str,
    checkpoints: Option<&Path>,
    witnesses: &Asked,
) -> Result<bool, String> {
    let key = read_key(key)?;
    let (witnesses, quorum) = witnesses.read()?;
    let mut notes = BTreeSet::new();
    let (mut said, mut proved, mut is_well) = (Vec::new(), Vec::new(), true);
    let mut unread = Vec::new();
    for file in files {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                unread.push(unreadable(file, &error));
                continue;
            }
        };
        let all = receipt::split(&text);
        for (at, text) in (1..).zip(&all) {
            match receipt::verify(text, &key) {
                Ok(one) => {
                    let words = receipt::said(&one);
                    said.push(format!("{words}  It is in the log as it was signed."));
                    notes.extend(receipt::checkpoint(text));
                    proved.push(one);
                }
                Err(refused) => {
                    is_well = false;
                    let place = format!("{} (receipt {at} of {})", file.display(), all.len());
                    said.push(format!("{place}\n  {refused} It proves nothing."));
                }
            }
        }
    }
    for finding in receipt::check_chain(&proved) {
        is_well &= !finding.is_fault();
        said.push(finding.to_string());
    }
    for note in notes.iter().filter(|_| quorum > 0 || !witnesses.is_empty()) {
        match check_cosigned(note, &key, &witnesses, quorum) {
            Ok(found) => {
                is_well &= found.is_well;
                said.extend(found.said);
            }
            Err(sentence) => {
                unread.push(sentence);
                break;
            }
        }
    }
    match checkpoints.map(|directory| (directory, kept(&key, directory))) {
        None => {}
        Some((_, Err(sentence))) => unread.push(sentence),
        Some((directory, Ok(kept))) => {
            let receipts = proved.iter().map(|proved| &proved.checkpoint);
            let compared = kept.compare(receipts);
            is_well &= compared.findings.is_empty();
            said.extend(compared.findings.iter().map(ToString::to_string));
            said.push(format!(
                "{} of the receipts' {} checkpoints are among those in {}.",
                compared.agreeing,
                compared.all,
                directory.display()
            ));
        }
    }
    if !said.is_empty() {
        writeln!(io::stdout().lock(), "{}", said.join("\n")).map_err(|error| unwritable(&error))?;
    }
    if unread.is_empty() {
        Ok(is_well)
    } else {
        Err(unread.join("\n"))
    }
}

fn cosigned(file: &Path, key: &str, witnesses: &Asked) -> Result<bool, String> {
    let (witnesses, quorum) = witnesses.read()?;
    let text = fs::read_to_string(file).map_err(|error| unreadable(file, &error))?;
    let found = check_cosigned(&text, &read_key(key)?, &witnesses, quorum)?;
    writeln!(io::stdout().lock(), "{}", found.said.join("\n"))
        .map_err(|error| unwritable(&error))?;
    Ok(found.is_well)
}

fn read_key(key: &str) -> Result<LogVerifier, String> {
    match LogVerifier::parse(key) {
        Ok(key) => Ok(key),
        Err(error) => fs::read_to_string(key)
            .map_err(|_| {
                format!("The key is neither a verifier key ({error}) nor a readable file.")
            })
            .and_then(|text| {
                LogVerifier::parse(&text).map_err(|error| format!("The key file: {error}."))
            }),
    }
}

/// The checkpoints of a directory.
fn kept(key: &LogVerifier, directory: &Path) -> Result<Checkpoints, String> {
    let mut checkpoints = Checkpoints::new(key.clone());
    for path in files(directory)? {
        let note = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        checkpoints.add(&name, &note);
    }
    Ok(checkpoints)
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

fn unwritable(error: &io::Error) -> String {
    format!("What was found cannot be written: {error}.")
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
