//! `candour doctor`: looks at an installation and says in sentences what is wrong.

use std::cmp::Ordering;
use std::io::{self, Write};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use candour_embedded::cluster::enough_room;
use candour_embedded::{Account, Binaries};
use candour_keeper_api::wire::{Call, Reply, Status, StatusQuestion};
use candour_keeper_api::words::Reason;
use candour_keeper_api::{CallError, Keeper};

use crate::configuration::FILE;
use crate::problem::sentence;
use crate::secrets::issued;
use crate::{Configuration, DataFolder, Problem};

/// What is free should be this much at the least, in MiB.
const COMFORTABLE_MIB: u64 = 2048;

/// Prints what was found; the exit code is 0 only when nothing is wrong.
///
/// # Errors
/// When the terminal is gone.
pub fn doctor(data: &Path) -> Result<ExitCode, Problem> {
    let findings = findings(data);
    let mut output = io::stdout().lock();
    let mut say = |line: &str| {
        writeln!(output, "{line}").map_err(Problem::file(
            "could not write to",
            Path::new("the terminal"),
        ))
    };
    for finding in &findings.wrong {
        say(&format!("wrong: {finding}"))?;
    }
    for finding in &findings.fine {
        say(&format!("fine:  {finding}"))?;
    }
    Ok(if findings.wrong.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// What is in order.
    pub fine: Vec<String>,
    /// What is not, each with the next step.
    pub wrong: Vec<String>,
}

impl Findings {
    fn note(&mut self, outcome: Result<String, Problem>) {
        match outcome {
            Ok(text) => self.fine.push(text),
            Err(problem) => self.wrong.push(sentence(&problem)),
        }
    }
}

/// Looks at the installation in `data`.
pub fn findings(data: &Path) -> Findings {
    let mut findings = Findings::default();
    let is_running = match DataFolder::open(data) {
        Ok(_) => {
            findings.fine.push(format!(
                "{} can be started; nothing runs on it now",
                data.display()
            ));
            false
        }
        Err(Problem::AlreadyRunning { pid, .. }) => {
            findings.fine.push(format!(
                "Candour runs on {} (process {pid})",
                data.display()
            ));
            true
        }
        Err(problem) => {
            findings.wrong.push(sentence(&problem));
            return findings;
        }
    };
    findings.note(postgres(data));
    findings.note(
        enough_room(data, COMFORTABLE_MIB)
            .map(|()| format!("the disk has more than {COMFORTABLE_MIB} MiB free"))
            .map_err(Problem::from),
    );
    for outcome in secrets(data) {
        findings.note(outcome);
    }
    match Configuration::read(data) {
        Ok(configuration) if is_running => {
            answering(&configuration, &mut findings);
            findings.note(keeper(data));
        }
        Ok(configuration) => {
            findings.note(
                configuration
                    .ports_are_free()
                    .map(|()| "all ports are free".to_owned()),
            );
        }
        Err(problem) => findings.wrong.push(sentence(&problem)),
    }
    if !Account::may_separate() {
        findings.fine.push(
            "every part runs under one account: for demonstration only, the keeper is not isolated"
                .to_owned(),
        );
    }
    findings
}

fn postgres(data: &Path) -> Result<String, Problem> {
    let folder = data.join("postgres");
    let made_by = std::fs::read_to_string(folder.join("data/PG_VERSION"));
    let made_by = made_by.ok().and_then(|text| text.trim().parse().ok());
    let binaries = Binaries::find(&folder, made_by)?;
    Ok(format!(
        "PostgreSQL {} is in {}",
        binaries.major,
        binaries.folder.display()
    ))
}

/// A secret that others can read is one that has to be replaced: the next start does so for most.
fn secrets(data: &Path) -> Vec<Result<String, Problem>> {
    let folder = data.join("secrets");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        return vec![Ok(format!("{} holds no secrets yet", folder.display()))];
    };
    let open: Vec<Result<String, Problem>> = entries
        .flatten()
        .filter(|entry| entry.metadata().is_ok_and(|found| found.mode() & 0o077 != 0))
        .map(|entry| {
            Err(Problem::Machine(format!(
                "{} can be read by others. Take it from them with chmod 600, and start again: passwords are new at each start",
                entry.path().display()
            )))
        })
        .collect();
    if open.is_empty() {
        return vec![Ok("nobody else can read the secrets".to_owned())];
    }
    open
}

/// Whether the keeper opens anything, by its own word.
fn keeper(data: &Path) -> Result<String, Problem> {
    let keeper = Keeper::new(issued::keeper(data, "import")?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::Machine(format!("the keeper cannot be asked: {error}")))?;
    match runtime.block_on(keeper.call(Call::Status(StatusQuestion {}))) {
        Ok(Reply::Status(status)) if unwitnessed(&status).is_some() => {
            Err(Problem::Machine(unwitnessed(&status).unwrap_or_default()))
        }
        Ok(Reply::Status(status)) if trouble(&status).is_some() => Err(Problem::Machine(format!(
            "the keeper opens nothing: {}",
            trouble(&status).unwrap_or_default()
        ))),
        Ok(Reply::Status(status)) if status.ledger_writable => Ok(format!(
            "the keeper answers; its ledger has {} entries and can be written; its root key: {}",
            status.ledger_size,
            key_store(&status)
        )),
        Err(CallError::Denied(denied)) if denied.reason == Reason::Sealed => {
            Err(Problem::Machine(format!(
                "the keeper is sealed and opens nothing. Its log {} says what it waits for; to type the passphrase or the \
                 token's PIN: candour-keeper unlock --data '{}'",
                data.join("log/keeper.log").display(),
                data.display()
            )))
        }
        Ok(Reply::Status(status)) if status.missing_to > 0 => Err(Problem::Machine(missing(
            status.missing_from,
            status.missing_to,
            data,
        ))),
        Ok(Reply::Status(status)) => Err(Problem::Machine(format!(
            "the keeper opens nothing: its ledger of {} entries cannot be written. Its log {} says why",
            status.ledger_size,
            data.join("log/keeper.log").display()
        ))),
        Ok(_) | Err(_) => Err(Problem::Machine(format!(
            "the keeper does not answer; see its log {}",
            data.join("log/keeper.log").display()
        ))),
    }
}

/// What is wrong with the token that opens the root key, if anything is.
fn trouble(status: &Status) -> Option<&str> {
    let token = status.token.as_ref()?;
    (!token.trouble.is_empty()).then_some(token.trouble.as_str())
}

/// How the root key is kept.
fn key_store(status: &Status) -> String {
    match &status.token {
        Some(token) => format!(
            "token {} (uses since the start: {}), which keeps no count of its own",
            token.model, token.uses
        ),
        None => status.root_kind.clone(),
    }
}

/// What is wrong with witnesses, if anything is.
fn unwitnessed(status: &Status) -> Option<String> {
    let seen = status.witnessing.as_ref()?;
    if let Some(witness) = seen.witnesses.iter().find(|witness| witness.conflict > 0) {
        return Some(format!(
            "the witness {} has seen {} entries of this ledger that are not these: it may have been rolled back. \
             docs/operate/witness.md says what to do",
            witness.name, witness.conflict
        ));
    }
    seen.stops.then(|| {
        format!(
            "the keeper opens nothing: its ledger has {} entries, and {} witnesses have seen only {}. log/witness-client.log \
             says why; then ring who runs them",
            status.ledger_size, seen.quorum, seen.cosigned
        )
    })
}

/// What is missing of the ledger, and the two ways on.
fn missing(from: u64, to: u64, data: &Path) -> String {
    let (found, way_back) = match to.cmp(&from) {
        Ordering::Greater => (
            format!(
                "entries {from} to {} of its ledger were signed and are missing",
                to - 1
            ),
            "Restore a backup that has them; or, if they are lost",
        ),
        Ordering::Equal => (
            format!(
                "it has a ledger of {from} entries, and no checkpoint is left that shows whether there were more"
            ),
            "Restore with --survived if anything of the old keeper's folder is found; or, if it is lost",
        ),
        Ordering::Less => (
            format!("its ledger is another one than was signed at {to} entries"),
            "Restore a backup of the one that was signed; or, if that is lost",
        ),
    };
    format!(
        "the keeper opens nothing: {found}. {way_back}, two operators accept that: \
         candour-keeper accept-loss --data '{}' --from {from} --to {to}",
        data.display()
    )
}

fn answering(configuration: &Configuration, findings: &mut Findings) {
    for (what, address) in configuration.listeners() {
        if TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok() {
            findings.fine.push(format!("{what} answers at {address}"));
        } else {
            findings.wrong.push(format!(
                "{what} does not answer at {address}. Its log is in the data directory under log; {FILE} says where it listens"
            ));
        }
    }
}
