//! The two commands of a fresh machine (`demo`, `test`), and what only developers run.
//!
//! Uses the standard library and `serde_json` alone, so that it is built within seconds.

mod asvs;
mod check;
mod children;
mod debian;
mod fuzz;
mod layers;
mod migrations;
mod outcome;
mod prepare;
mod release;
#[cfg(test)]
mod repository;
mod workspace;

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask <command>

  demo [--data DIR] [--port N]   installs what is missing, builds, and starts the demonstration
  test                           runs everything that checks the project
  drill SCENARIO …               builds, then runs a real attack on a cloned installation
  bench [--json FILE]            builds, then measures
  fuzz [TARGET …] [--minutes N]  feeds what reads bytes of others; every target, 10 minutes each
  prepare                        installs what demo and test need, and nothing else
  layers [--accept]              checks who may depend on whom; --accept rewrites the keeper's reviewed list
  migrations [--accept]          checks that no migration was edited; --accept adds new ones to the list
  asvs                           checks that docs/asvs.md is whole and that the tests it names exist";

/// A reason to stop, as a sentence to show.
type Stop = String;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let done = match command.as_str() {
        "demo" => release::demo(&rest),
        "test" => check::run(),
        "drill" => release::drill(&rest),
        "bench" => release::bench(&rest),
        "fuzz" => fuzz::run(&rest),
        "prepare" => prepare::everything().map(|()| true),
        "layers" => layers::run(&rest),
        "migrations" => migrations::run(&rest),
        "asvs" => asvs::run(),
        "" | "help" | "--help" | "-h" => say(USAGE).map(|()| true),
        other => Err(format!("there is no command {other}\n\n{USAGE}")),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(stop) => {
            eprintln!("{stop}");
            ExitCode::FAILURE
        }
    }
}

/// Writes one line to the terminal.
fn say(line: &str) -> Result<(), Stop> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")
        .and_then(|()| output.flush())
        .map_err(|error| format!("the terminal is gone: {error}"))
}
