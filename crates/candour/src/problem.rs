//! Why a command stops, as sentences that end with the next step.

use std::net::SocketAddr;
use std::path::PathBuf;

/// A reason to stop; its text is meant for the person at the keyboard.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The embedded PostgreSQL, an account or a file.
    #[error(transparent)]
    Embedded(#[from] candour_embedded::Problem),
    /// A backup that is not made or not restored.
    #[error(transparent)]
    Backup(#[from] crate::backup::problem::BackupProblem),
    /// Another program listens there.
    #[error(
        "port {port} for {what} is taken by another program. End that program, or name a free port \
         with --port (five ports in a row are used, from the one you name).",
        port = address.port()
    )]
    PortTaken {
        /// What would have listened there.
        what: &'static str,
        /// Where.
        address: SocketAddr,
    },
    /// Another supervisor holds the data directory.
    #[error(
        "Candour already runs on {folder} (process {pid}). End it first, or name another directory with --data."
    )]
    AlreadyRunning {
        /// The data directory.
        folder: PathBuf,
        /// The other supervisor's process number, or "unknown".
        pid: String,
    },
    /// A newer Candour made the data directory.
    #[error(
        "{folder} was made by a newer version of Candour (data version {found}; this one knows {known}). \
         Start that newer version, or name another directory with --data."
    )]
    NewerVersion {
        /// The data directory.
        folder: PathBuf,
        /// The version written in it.
        found: u32,
        /// The newest version this program knows.
        known: u32,
    },
    /// The folder holds something else.
    #[error(
        "{0} is not empty and is not a data directory of Candour (it has no CANDOUR_VERSION). \
         Name another directory with --data."
    )]
    NotOurs(PathBuf),
    /// It is a file.
    #[error("{0} is a file and no directory. Name another place with --data.")]
    NotAFolder(PathBuf),
    /// There is no data directory yet.
    #[error("there is no data directory at {0}. Make one with: candour demo --data DIRECTORY")]
    NoDataFolder(PathBuf),
    /// A restore into it did not come to its end.
    #[error(
        "a restore into {0} did not come to its end, so what is there is not whole. \
         Remove the directory and restore again."
    )]
    HalfRestored(PathBuf),
    /// Other accounts cannot get to the data directory.
    #[error(
        "{folder} cannot be used as data directory: Candour runs each part under its own account, and those \
         may not enter {closed}. Name a directory that everybody may enter with --data, such as /var/lib/candour/demo."
    )]
    NotTraversable {
        /// The data directory.
        folder: PathBuf,
        /// The first folder on the way that others may not enter.
        closed: PathBuf,
    },
    /// The configuration is not what it should be.
    #[error(
        "{file} is not a valid configuration: {source}. Correct it and start again; docs/operate/running.md lists every \
         setting."
    )]
    Configuration {
        /// The file.
        file: PathBuf,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// A program that belongs beside this one is not there.
    #[error(
        "the program {name} is missing beside {beside}. Build everything with: cargo xtask demo"
    )]
    ProgramMissing {
        /// Its name.
        name: &'static str,
        /// Where it was looked for.
        beside: PathBuf,
    },
    /// A part ended before it was ready.
    #[error("{name} did not start: {said}. Its log is {log}.")]
    PartNotStarted {
        /// The part.
        name: &'static str,
        /// Its last line, or that it did not answer.
        said: String,
        /// Its log file.
        log: PathBuf,
    },
    /// Something of this machine is in the way.
    #[error("{0}")]
    Machine(String),
}

impl Problem {
    /// For `map_err`: keeps what was attempted on which path beside what the system said.
    pub fn file<'a>(
        doing: &'static str,
        path: impl AsRef<std::path::Path> + 'a,
    ) -> impl FnOnce(std::io::Error) -> Self + 'a {
        move |error| Self::Embedded(candour_embedded::Problem::file(doing, path)(error))
    }
}

/// The text of an error and of what caused it, in one sentence.
pub fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = inner.source();
    }
    text
}
