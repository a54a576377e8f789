//! Runs programs and reads what test runners say.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::outcome::{Count, read_line};
use crate::{Stop, say};

/// Runs a command with our terminal.
pub fn run(command: &mut Command) -> Result<(), Stop> {
    let name = describe(command);
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("{name} did not run: {error}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{name} failed ({status})"))
}

/// True when the command runs and succeeds; what it writes is thrown away.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// What a command writes, as text.
pub fn output(command: &mut Command) -> Result<String, Stop> {
    let name = describe(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{name} did not run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!(
        "{name} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// Runs a test runner, shows what it writes and counts its results. A failure that no result explains
/// (it did not compile, it crashed) counts as one.
pub fn count(command: &mut Command) -> Result<Count, Stop> {
    let name = describe(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{name} did not run: {error}"))?;
    let mut count = Count::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.map_err(|error| format!("{name} was cut off: {error}"))?;
            let line = String::from_utf8_lossy(&line);
            say(&line)?;
            count = count.plus(read_line(&line));
        }
    }
    let status = child
        .wait()
        .map_err(|error| format!("{name} was lost: {error}"))?;
    if !status.success() && count.failed == 0 {
        eprintln!("{name} failed ({status})");
        count.failed = 1;
    }
    Ok(count)
}

/// A program that serves the tests until its input is closed.
pub struct Companion {
    child: Child,
    input: Option<ChildStdin>,
    /// The first line it wrote.
    pub said: String,
}

impl Companion {
    /// Starts it and waits for its first line.
    pub fn start(command: &mut Command) -> Result<Self, Stop> {
        let name = describe(command);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{name} did not run: {error}"))?;
        let input = child.stdin.take();
        let mut said = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout)
                .read_line(&mut said)
                .map_err(|error| format!("{name} said nothing: {error}"))?;
        }
        let companion = Self {
            child,
            input,
            said: said.trim_end().to_owned(),
        };
        if companion.said.is_empty() {
            return Err(format!("{name} ended before it was ready"));
        }
        Ok(companion)
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        if let Some(mut input) = self.input.take() {
            let _ = input.flush();
        }
        let _ = self.child.wait();
    }
}

fn describe(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let program = program.file_name().unwrap_or_default().to_string_lossy();
    let arguments = command
        .get_args()
        .map(|argument| argument.to_string_lossy());
    let mut words = vec![program];
    words.extend(arguments);
    words.join(" ")
}
