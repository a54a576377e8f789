//! What is typed at the keeper's machine: `candour-keeper add-practice` and its like, `freeze`, `unfreeze`
//! and `rotate`.
//!
//! In a demonstration both codes stand in `DIR/keeper/operators.json`, which only the keeper's user may read;
//! elsewhere the two people type them, each their own.

use super::{Answer, Command, CommandError, Order, Ordered, Rotation, ask};
use crate::freezing::Rung;
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

/// What is typed.
#[derive(Debug)]
pub enum Typed {
    /// What two operators order.
    ByTwo(Command),
    /// One person stops something, or asks what is stopped.
    Freeze(Rung),
    /// Two operators let it go.
    Unfreeze(Rung),
    /// One person has keys replaced.
    Rotate(Rotation),
}

/// Carries it out on the running keeper of a data directory and writes what came of it.
pub async fn run(
    typed: Typed,
    data: &Path,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> Result<(), CommandError> {
    let mut codes = || codes(data, input, output).map_err(CommandError::Codes);
    let order = match typed {
        Typed::ByTwo(command) => Order::ByTwo(Ordered {
            codes: codes()?,
            command,
        }),
        Typed::Freeze(rung) => Order::Freeze(rung),
        Typed::Unfreeze(rung) => Order::Unfreeze(codes()?, rung),
        Typed::Rotate(rotation) => Order::Rotate(rotation),
    };
    let lines = match ask(&command_socket(data), &order).await? {
        Answer::Said(lines) => lines,
        Answer::Refused(refusal) => return Err(CommandError::Refused(refusal)),
        Answer::Made(made) => [
            ("practice", made.practice),
            ("invitation", made.invitation),
            ("client", made.client),
            ("client secret", made.client_secret),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}: {value}"))
        .collect(),
    };
    for line in lines {
        writeln!(output, "{line}").map_err(CommandError::Socket)?;
    }
    Ok(())
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
