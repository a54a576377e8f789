//! The parts of an installation besides PostgreSQL, in the order in which they start.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use candour_embedded::Account;

use crate::installation::{Installation, KEEPER};

/// How the supervisor knows that a part serves.
#[derive(Debug, Clone)]
pub enum Ready {
    /// It accepts on this Unix socket.
    Socket(PathBuf),
    /// It accepts at this address.
    Listening(SocketAddr),
    /// It serves nobody; being there is enough.
    Running,
}

/// One program to keep running.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its name, as in its log file.
    pub name: &'static str,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The account it runs under.
    pub account: Account,
    /// How to know that it serves.
    pub ready: Ready,
    /// What it finds in its environment besides the paths of programs and the language.
    pub environment: BTreeMap<String, String>,
}

impl Part {
    /// The command that runs it: an environment of its own, nothing to read, no terminal.
    pub fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .envs(&self.environment)
            .current_dir(folder)
            .stdin(Stdio::null());
        self.account.run(&mut command);
        command
    }
}

/// The parts that nobody sees: enough for people and records to be brought in.
pub fn behind(installation: &Installation) -> Vec<Part> {
    let accounts = &installation.accounts;
    let mailbox = installation.configuration.mailbox_page.map(|page| {
        ours(
            installation,
            "mailbox",
            &accounts.mailbox,
            Ready::Listening(page),
        )
    });
    let token = installation.configuration.root_token.as_ref();
    let keeper = Part {
        name: "keeper",
        program: installation.programs.path(KEEPER),
        arguments: arguments(installation, &["run", "--lane", "records"]),
        account: accounts.keeper.clone(),
        ready: Ready::Socket(installation.data.join("run/keeper.sock")),
        environment: token.map_or_else(BTreeMap::new, |token| token.environment.clone()),
    };
    let worker = ours(installation, "worker", &accounts.worker, Ready::Running);
    let is_witnessed = !installation.configuration.witnesses.is_empty();
    let witness = is_witnessed.then(|| {
        ours(
            installation,
            "witness-client",
            &accounts.witness,
            Ready::Running,
        )
    });
    let mailbox = mailbox.into_iter();
    mailbox.chain([keeper, worker]).chain(witness).collect()
}

/// The parts that people see.
pub fn in_front(installation: &Installation) -> Vec<Part> {
    let (accounts, configuration) = (&installation.accounts, &installation.configuration);
    [
        ("room", &accounts.room, configuration.room),
        ("status", &accounts.status, configuration.status),
        // Last: whoever sees the portal finds everything else running.
        ("portal", &accounts.portal, configuration.portal),
    ]
    .into_iter()
    .map(|(name, account, address)| ours(installation, name, account, Ready::Listening(address)))
    .collect()
}

/// A part that is a subcommand of this program.
fn ours(installation: &Installation, name: &'static str, account: &Account, ready: Ready) -> Part {
    Part {
        name,
        program: installation.programs.path("candour"),
        arguments: arguments(installation, &[name]),
        account: account.clone(),
        ready,
        environment: BTreeMap::new(),
    }
}

fn arguments(installation: &Installation, words: &[&str]) -> Vec<String> {
    let data = installation.data.name().display().to_string();
    let words = words.iter().map(|word| (*word).to_owned());
    words.chain(["--data".to_owned(), data]).collect()
}
