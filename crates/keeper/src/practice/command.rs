//! `candour-keeper add-practice` and `candour-keeper add-operator`.
//!
//! In a demonstration both codes stand in `DIR/keeper/operators.json`, which only the keeper's user may read;
//! elsewhere the two people type them, each their own.

use super::{Command, CommandError, Made, Ordered, ask};
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

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
    command: Command,
    data: &Path,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> Result<Made, CommandError> {
    let codes = codes(data, input, output).map_err(CommandError::Codes)?;
    let made = ask(&command_socket(data), &Ordered { codes, command }).await?;
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
