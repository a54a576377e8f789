//! Why a drill or a settlement did not come to its end.

use std::path::{Path, PathBuf};

/// What went wrong, as a sentence for whoever started it.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A file or folder.
    #[error("{what} {path}: {source}", path = path.display())]
    File {
        /// What could not be done with it.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that does not hold what it should.
    #[error("{path} does not read: {source}", path = path.display())]
    Json {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A child process.
    #[error("{name}: {said}")]
    Child {
        /// Which program.
        name: String,
        /// What it said last.
        said: String,
    },
    /// Something did not happen in time.
    #[error("{what} did not happen within {seconds} s")]
    TooLong {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
    },
    /// The portal or the room answered with something else than was asked for.
    #[error("{what}: the page answered {status}")]
    Answer {
        /// What was asked for.
        what: String,
        /// The status of the answer.
        status: u16,
    },
    /// An answer without what it should hold.
    #[error("{0}")]
    Unexpected(String),
    /// The connection to a page failed.
    #[error("the page cannot be reached")]
    Http(#[from] reqwest::Error),
    /// The keeper refused.
    #[error("{what}: {source}")]
    Refused {
        /// What was asked for.
        what: &'static str,
        /// How.
        source: candour_app::Refusal,
    },
    /// Something was not deposited.
    #[error("the population could not be deposited")]
    Deposit(#[from] candour_app::DepositError),
    /// The portal's store.
    #[error("the portal's store cannot be used")]
    Store(#[from] candour_store::StoreError),
    /// The keeper does not answer.
    #[error("the keeper cannot be reached")]
    Keeper(#[from] candour_keeper_api::CallError),
    /// The population cannot be made.
    #[error(transparent)]
    Population(#[from] crate::population::PopulationError),
    /// A software passkey did not answer.
    #[error(transparent)]
    Passkey(#[from] crate::passkey::PasskeyError),
}

impl Problem {
    /// For `map_err` on an operation with a file.
    pub fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { what, path, source }
    }

    /// For `map_err` on reading or writing JSON.
    pub fn json(path: &Path) -> impl FnOnce(serde_json::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Json { path, source }
    }

    /// For `map_err` on a use case.
    pub fn refused(what: &'static str) -> impl FnOnce(candour_app::Refusal) -> Self {
        move |source| Self::Refused { what, source }
    }

    /// A sentence with its causes.
    pub fn sentence(&self) -> String {
        let mut sentence = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let text = error.to_string();
            if !sentence.contains(&text) {
                sentence.push_str(": ");
                sentence.push_str(&text);
            }
            cause = error.source();
        }
        sentence
    }
}
