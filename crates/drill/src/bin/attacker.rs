//! The thief of a drill: `attacker ATTACK.json LOOT.json`.

use candour_drill::Problem;
use candour_drill::attacker::{Attack, attack};
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{}", problem.sentence());
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Problem> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(order), Some(book)) = (arguments.next(), arguments.next()) else {
        return Err(Problem::Unexpected(
            "usage: attacker ATTACK.json LOOT.json".to_owned(),
        ));
    };
    let bytes = std::fs::read(&order).map_err(Problem::file("could not read", &order))?;
    let order: Attack = serde_json::from_slice(&bytes).map_err(Problem::json(&order))?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Problem::Unexpected(format!("the thief cannot start: {error}")))?;
    let loot = runtime.block_on(attack(&order))?;
    let bytes = serde_json::to_vec_pretty(&loot).map_err(Problem::json(&book))?;
    std::fs::write(&book, bytes).map_err(Problem::file("could not write", &book))
}
