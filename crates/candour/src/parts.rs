//! The parts of an installation besides PostgreSQL, in the order in which they start.

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
}

impl Part {
    /// The command that runs it: an empty environment, nothing to read, no terminal.
    pub fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .current_dir(folder)
            .stdin(Stdio::null());
        self.account.run(&mut command);
        command
    }
}

/// The parts that this installation runs.
pub fn of(installation: &Installation) -> Vec<Part> {
    let mut parts = Vec::new();
    let mailbox_page = installation.configuration.mailbox_page;
    parts.extend(mailbox_page.map(|page| {
        ours(
            installation,
            "mailbox",
            &installation.accounts.mailbox,
            page,
        )
    }));
    let keeper = installation.programs.path(KEEPER);
    if keeper.is_file() {
        parts.push(Part {
            name: "keeper",
            program: keeper,
            arguments: arguments(installation, &["run", "--lane", "records"]),
            account: installation.accounts.keeper.clone(),
            ready: Ready::Socket(installation.data.join("run/keeper.sock")),
        });
    } else {
        tracing::warn!("candour-keeper was not built: no record can be opened");
    }
    parts
}

/// A part that is a subcommand of this program and listens at `address`.
fn ours(
    installation: &Installation,
    name: &'static str,
    account: &Account,
    address: SocketAddr,
) -> Part {
    Part {
        name,
        program: installation.programs.path("candour"),
        arguments: arguments(installation, &[name]),
        account: account.clone(),
        ready: Ready::Listening(address),
    }
}

fn arguments(installation: &Installation, words: &[&str]) -> Vec<String> {
    let data = installation.data.name().display().to_string();
    let words = words.iter().map(|word| (*word).to_owned());
    words.chain(["--data".to_owned(), data]).collect()
}
