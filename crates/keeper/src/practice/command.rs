//! `candour-keeper add-practice` and `candour-keeper add-operator`.
//!
//! In a demonstration both codes stand in `DIR/keeper/operators.json`, which only the keeper's user may read;
//! elsewhere the two people type them, each their own.

use super::{Command, CommandError, Made, Ordered, ask};
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

/// What two operators may order.
#[derive(Debug, clap::Subcommand)]
pub enum PracticeCommand {
    /// Make a practice; prints its id, its first manager's invitation code, and its program's id and secret.
    AddPractice {
        /// The data directory.
        #[arg(long)]
        data: PathBuf,
        /// The practice's name.
        #[arg(long)]
        name: String,
        /// The practice's region.
        #[arg(long)]
        region: String,
        /// The first manager's name.
        #[arg(long, default_value = "Practice manager")]
        manager: String,
    },
    /// Invite an officer of the operator; prints the invitation code.
    AddOperator {
        /// The data directory.
        #[arg(long)]
        data: PathBuf,
        /// `privacy_officer`, `security_officer` or `communications_officer`.
        #[arg(long)]
        role: String,
        /// The officer's name.
        #[arg(long)]
        name: String,
    },
    /// Mark patients that nobody has a reason to open.
    MarkCanaries {
        /// The data directory.
        #[arg(long)]
        data: PathBuf,
        /// The id of one of them, 32 hexadecimal digits; may be repeated.
        #[arg(long = "patient", required = true)]
        patients: Vec<String>,
    },
    /// Accept that entries of the ledger are lost. The keeper's log names them when it opens nothing for want of
    /// them; name exactly those. It starts again, writes that they are lost, and opens an incident.
    AcceptLoss {
        /// The data directory.
        #[arg(long)]
        data: PathBuf,
        /// The first missing index.
        #[arg(long)]
        from: u64,
        /// The first index after the missing ones.
        #[arg(long)]
        to: u64,
    },
}

impl PracticeCommand {
    fn parts(self) -> (PathBuf, Command) {
        match self {
            Self::AddPractice {
                data,
                name,
                region,
                manager,
            } => (
                data,
                Command::AddPractice {
                    name,
                    region,
                    manager,
                },
            ),
            Self::AddOperator { data, role, name } => (data, Command::AddOperator { role, name }),
            Self::MarkCanaries { data, patients } => (data, Command::MarkCanaries { patients }),
            Self::AcceptLoss { data, from, to } => (data, Command::AcceptLoss { from, to }),
        }
    }
}

/// Where the codes of a demonstration's two operators are.
pub fn operators_file(data: &Path) -> PathBuf {
    data.join("keeper").join("operators.json")
}

/// Where a running keeper takes commands.
pub fn command_socket(data: &Path) -> PathBuf {
    data.join("keeper").join("command.sock")
}

/// Carries a command out on the running keeper of a data directory and writes what was made, one line each.
pub async fn run(
    command: PracticeCommand,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> Result<Made, CommandError> {
    let (data, command) = command.parts();
    let codes = codes(&data, input, output).map_err(CommandError::Codes)?;
    let made = ask(&command_socket(&data), &Ordered { codes, command }).await?;
    for (name, value) in [
        ("practice", &made.practice),
        ("invitation", &made.invitation),
        ("client", &made.client),
        ("client secret", &made.client_secret),
    ] {
        if !value.is_empty() {
            writeln!(output, "{name}: {value}").map_err(CommandError::Socket)?;
        }
    }
    Ok(made)
}

fn codes(
    data: &Path,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> std::io::Result<[String; 2]> {
    match std::fs::read(operators_file(data)) {
        Ok(bytes) => return Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Err(_) => {}
    }
    let mut codes = [String::new(), String::new()];
    for (number, code) in (1..).zip(&mut codes) {
        write!(output, "Recovery code of operator {number}: ")?;
        output.flush()?;
        input.read_line(code)?;
    }
    Ok(codes.map(|code| code.trim().to_owned()))
}
