//! What is typed at the keeper's machine: `candour-keeper add-practice` and its like, `freeze`, `unfreeze`
//! and `rotate`.
//!
//! In a demonstration both codes stand in `DIR/keeper/operators.json`, which only the keeper's user may read;
//! elsewhere the two people type them, each their own.

use super::{Answer, Command, CommandError, Order, Ordered, Rotation, ask};
use crate::freezing::Rung;
use crate::policy;
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
    /// One operator proposes policies, or the other confirms them.
    Policies(policy::Typed),
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
    let order = match typed {
        Typed::ByTwo(command) => Order::ByTwo(Ordered {
            codes: codes(data, input, output).map_err(CommandError::Codes)?,
            command,
        }),
        Typed::Freeze(rung) => Order::Freeze(rung),
        Typed::Unfreeze(rung) => {
            let codes = codes(data, input, output).map_err(CommandError::Codes)?;
            Order::Unfreeze(codes, rung)
        }
        Typed::Policies(typed) => {
            let order = typed.order(|operator| one_code(data, operator, input, output));
            Order::Policies(order.map_err(CommandError::Policies)?)
        }
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
    if let Some(codes) = kept(data)? {
        return Ok(codes);
    }
    let mut codes = [String::new(), String::new()];
    for (number, code) in (1..).zip(&mut codes) {
        *code = typed(
            &format!("Recovery code of operator {number}: "),
            input,
            output,
        )?;
    }
    Ok(codes)
}

/// One operator's code: in a demonstration, that of the operator at this place.
fn one_code(
    data: &Path,
    operator: usize,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> std::io::Result<String> {
    match kept(data)? {
        Some([one, two]) => Ok(if operator == 0 { one } else { two }),
        None => typed("Your recovery code: ", input, output),
    }
}

fn kept(data: &Path) -> std::io::Result<Option<[String; 2]>> {
    match std::fs::read(operators_file(data)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn typed(
    question: &str,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> std::io::Result<String> {
    let mut code = String::new();
    write!(output, "{question}")?;
    output.flush()?;
    input.read_line(&mut code)?;
    Ok(code.trim().to_owned())
}
