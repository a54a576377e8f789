//! What runs the release build: the demonstration, drills and measurements.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use crate::{Stop, children, prepare, workspace};

/// Installs what is missing, builds, and becomes `candour demo`.
pub fn demo(arguments: &[String]) -> Result<bool, Stop> {
    prepare::for_demo()?;
    become_candour("demo", arguments)
}

/// Builds and becomes `candour drill`.
pub fn drill(arguments: &[String]) -> Result<bool, Stop> {
    prepare::for_demo()?;
    become_candour("drill", arguments)
}

/// Builds and becomes the drill crate's bench, which measures the same processes that a demonstration runs.
pub fn bench(arguments: &[String]) -> Result<bool, Stop> {
    prepare::for_demo()?;
    let folder = build()?;
    replace(
        Command::new(folder.join("candour-drill"))
            .arg("bench")
            .args(arguments),
    )
}

fn become_candour(command: &str, arguments: &[String]) -> Result<bool, Stop> {
    let folder = build()?;
    replace(
        Command::new(folder.join("candour"))
            .arg(command)
            .args(arguments),
    )
}

fn build() -> Result<PathBuf, Stop> {
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--release", "--bins"]);
    for package in [
        "candour",
        "candour-keeper",
        "candour-verify",
        "candour-drill",
    ] {
        cargo.args(["--package", package]);
    }
    children::run(&mut cargo)?;
    Ok(workspace::target()?.join("release"))
}

/// Gives our process, terminal and signals to the program.
fn replace(command: &mut Command) -> Result<bool, Stop> {
    let program = command.get_program().to_string_lossy().into_owned();
    let error = command.exec();
    Err(format!("{program} did not start: {error}"))
}
