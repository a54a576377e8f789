//! The operator's terminal.

use std::io::{self, Write};
use std::path::Path;

use crate::Problem;

/// Writes one line for whoever reads along.
///
/// # Errors
/// When the terminal is gone.
pub fn say(line: &str) -> Result<(), Problem> {
    write(&mut io::stdout().lock(), line)
}

/// Writes one line about something that is wrong.
///
/// # Errors
/// When the terminal is gone.
pub fn complain(line: &str) -> Result<(), Problem> {
    write(&mut io::stderr().lock(), line)
}

fn write(output: &mut dyn Write, line: &str) -> Result<(), Problem> {
    writeln!(output, "{line}")
        .and_then(|()| output.flush())
        .map_err(Problem::file(
            "could not write to",
            Path::new("the terminal"),
        ))
}
