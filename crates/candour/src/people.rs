//! The people of a demonstration: made once by candour-drill, and how each of them signs in.

use std::process::Stdio;

use serde::Deserialize;

use crate::Problem;
use crate::installation::{DRILL, Installation};
use crate::portal::ACCOUNTS;
use crate::room::OFFICERS;

/// How many patients a demonstration has.
const PATIENTS: &str = "200";
/// The same seed makes the same people.
const SEED: &str = "1";
/// Set when everybody is there; until then the next start goes on where this one stopped.
const MARK: &str = "people-are-settled";

/// Who is to be in an installation when it is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum People {
    /// Whoever is there.
    AsTheyAre,
    /// The demonstration's population.
    Demonstration,
}

/// Makes the population when it is not there. Keeper, worker and databases must run.
///
/// # Errors
/// When candour-drill was not built, or fails.
pub async fn settle(installation: &Installation) -> Result<(), Problem> {
    let mark = installation.data.join(MARK);
    if mark.exists() {
        return Ok(());
    }
    let program = installation.programs.path(DRILL);
    if !program.is_file() {
        let beside = program.parent().unwrap_or(&program).to_path_buf();
        return Err(Problem::ProgramMissing {
            name: DRILL,
            beside,
        });
    }
    let status = tokio::process::Command::new(&program)
        .args(["synth", "--patients", PATIENTS, "--seed", SEED, "--data"])
        .arg(installation.data.name())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .map_err(Problem::file("could not start", &program))?;
    if !status.success() {
        return Err(Problem::Machine(
            "the demonstration's people could not all be made; the next start goes on with them"
                .to_owned(),
        ));
    }
    std::fs::write(&mark, "").map_err(Problem::file("could not write", &mark))
}

/// What is needed of an account to tell somebody how to use it.
#[derive(Deserialize)]
struct Account {
    login: String,
    name: String,
    about: String,
}

#[derive(Deserialize)]
struct Accounts {
    accounts: Vec<Account>,
}

/// The accounts, a line each, and where one click signs in.
///
/// # Errors
/// When the file does not read.
pub fn lines(installation: &Installation) -> Result<Vec<String>, Problem> {
    let configuration = &installation.configuration;
    let mut lines = Vec::new();
    for (name, page) in [
        (ACCOUNTS, format!("{}/demonstration", configuration.origin)),
        (OFFICERS, format!("{}/sign-in", configuration.room_origin)),
    ] {
        let file = installation.data.join(name);
        if !file.exists() {
            continue;
        }
        let text =
            std::fs::read_to_string(&file).map_err(Problem::file("could not read", &file))?;
        let known: Accounts = serde_json::from_str(&text)
            .map_err(|source| Problem::Configuration { file, source })?;
        lines.extend([
            String::new(),
            format!("  Sign in with one click at {page} as"),
        ]);
        lines.extend(known.accounts.iter().map(|account| {
            format!(
                "    {:<10} {:<22} {}",
                account.login, account.name, account.about
            )
        }));
    }
    Ok(lines)
}
