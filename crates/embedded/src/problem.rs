//! What a newcomer can meet, each as sentences that end with the next step.

use std::io;
use std::path::PathBuf;

/// A reason why the embedded parts cannot be set up or started; its text is meant to be shown.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// No PostgreSQL of a version that can be used was found.
    #[error(
        "PostgreSQL {oldest} or newer is needed and was not found in /usr/lib/postgresql/*/bin nor on the PATH. \
         On Debian or Ubuntu install it with: apt-get install postgresql"
    )]
    PostgresMissing {
        /// The oldest major version that works.
        oldest: u32,
    },
    /// PostgreSQL is installed, but only in versions that are too old.
    #[error(
        "PostgreSQL {oldest} or newer is needed; the newest one found is {found} in {folder}. \
         Install a newer one and start again."
    )]
    PostgresTooOld {
        /// The oldest major version that works.
        oldest: u32,
        /// The newest major version that was found.
        found: u32,
        /// Where that version was found.
        folder: PathBuf,
    },
    /// The cluster was made by a major version that is not installed.
    #[error(
        "the database in {folder} was made by PostgreSQL {made_by}, which is not installed (found: {found}). \
         Install PostgreSQL {made_by}, or start with a new data directory."
    )]
    PostgresOtherVersion {
        /// The folder of the cluster.
        folder: PathBuf,
        /// The major version that made it.
        made_by: u32,
        /// The major versions that were found.
        found: String,
    },
    /// The folder belongs to another user of the operating system.
    #[error(
        "{folder} belongs to another user (number {owner}); this is user number {user}. \
         Start as its owner, or name another directory with --data."
    )]
    OtherOwner {
        /// The folder in question.
        folder: PathBuf,
        /// The user number that owns it.
        owner: u32,
        /// The user number of this process.
        user: u32,
    },
    /// There is not enough room to set up or to run.
    #[error(
        "the disk that holds {folder} is full or nearly so ({free_mib} MiB free; {needed_mib} MiB are needed). \
         Free some space, or name a directory on another disk with --data."
    )]
    DiskFull {
        /// The folder that should have been written to.
        folder: PathBuf,
        /// What is free, in MiB.
        free_mib: u64,
        /// What is needed, in MiB.
        needed_mib: u64,
    },
    /// A program of PostgreSQL or of the system failed.
    #[error("{program} failed: {said}")]
    Program {
        /// The program.
        program: String,
        /// The last lines it wrote.
        said: String,
    },
    /// PostgreSQL ended, or did not answer in time.
    #[error("PostgreSQL did not start: {said}. Its log is {log}.")]
    NotStarted {
        /// What it said last, or that it did not answer.
        said: String,
        /// Its log file.
        log: PathBuf,
    },
    /// Something of this machine is in the way.
    #[error("{0}")]
    Machine(String),
    /// A file or folder could not be used.
    #[error("{doing} {path}")]
    File {
        /// What was attempted, such as "could not create".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// PostgreSQL refused a statement while roles or databases were made.
    #[error("PostgreSQL refused to set up roles and databases")]
    Statement(#[from] tokio_postgres::Error),
}

impl Problem {
    /// For `map_err`: keeps what was attempted on which path beside what the system said.
    pub fn file<'a>(
        doing: &'static str,
        path: impl AsRef<std::path::Path> + 'a,
    ) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::File {
            doing,
            path: path.as_ref().to_path_buf(),
            source,
        }
    }
}
