//! Synthetic people, real attacks: what an operator runs on a machine of their own.

use candour_drill::drill::{self, Scenario};
use candour_drill::{Problem, settle};
use clap::{Args, Parser, Subcommand};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Real attacks on installations with synthetic people.
#[derive(Parser)]
#[command(name = "candour-drill", version)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A patient's password and second factor are stolen, and a listing of every document has leaked.
    StolenLogin(Drill),
    /// A live session of a doctor is used as fast as it goes.
    StolenStaff(Drill),
    /// Fill a running demonstration with synthetic people, their records and letters.
    Synth(Synth),
    /// The part of `synth` that runs as the portal's user; started by it.
    #[command(hide = true)]
    Desk,
}

#[derive(Args)]
struct Drill {
    /// How many patients.
    #[arg(long, default_value_t = 300)]
    patients: u32,
    /// The seed of the population.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Put a keeper that grants everything behind the portal: the proof that the drill can fail.
    #[arg(long)]
    control: bool,
    /// How long the thief may go on, in seconds.
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// Write the figures here.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Write the scorecard here (default: scorecard-SCENARIO.html in this folder).
    #[arg(long)]
    scorecard: Option<PathBuf>,
    /// Leave the installation's folder.
    #[arg(long)]
    keep: bool,
}

#[derive(Args)]
struct Synth {
    /// The data directory of a running demonstration.
    #[arg(long)]
    data: PathBuf,
    /// How many patients.
    #[arg(long)]
    patients: u32,
    /// The seed: the same seed gives the same people.
    #[arg(long)]
    seed: u64,
    /// How many patients get a passkey, for ordinary traffic.
    #[arg(long, default_value_t = 0)]
    visitors: usize,
    /// Write one JSON line for each patient here: id, practice, documents.
    #[arg(long)]
    list: Option<PathBuf>,
}

fn main() -> ExitCode {
    let line = Line::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("info"))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("the drill cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = run(line.command) => outcome,
            _ = tokio::signal::ctrl_c() => Err(Problem::Unexpected("interrupted".to_owned())),
        }
    });
    match outcome {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("{}", problem.sentence());
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<ExitCode, Problem> {
    match command {
        Command::StolenLogin(wishes) => play(Scenario::StolenLogin, wishes).await,
        Command::StolenStaff(wishes) => play(Scenario::StolenStaff, wishes).await,
        Command::Desk => settle::run_desk().await.map(|()| ExitCode::SUCCESS),
        Command::Synth(wishes) => {
            let done = settle::settle(&settle::Wishes {
                data: std::path::absolute(&wishes.data)
                    .map_err(Problem::file("could not find", &wishes.data))?,
                patients: wishes.patients,
                seed: wishes.seed,
                visitors: wishes.visitors,
                list: wishes.list,
                programs: None,
                is_quiet: false,
            })
            .await?;
            say(&format!(
                "{} patients with {} documents are in; {}.",
                done.people,
                done.documents,
                match done.left_out {
                    0 => "nothing was refused".to_owned(),
                    refused => format!("{refused} things were refused: the lines above name them"),
                }
            ))?;
            Ok(if done.left_out == 0 {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
    }
}

async fn play(scenario: Scenario, drill: Drill) -> Result<ExitCode, Problem> {
    let kind = if drill.control { "-control" } else { "" };
    let scorecard = drill
        .scorecard
        .unwrap_or_else(|| PathBuf::from(format!("scorecard-{}{kind}.html", scenario.name())));
    let outcome = drill::run(&drill::Wishes {
        scenario,
        patients: drill.patients,
        seed: drill.seed,
        control: drill.control,
        seconds: drill.seconds,
        json: drill.json,
        scorecard: Some(scorecard.clone()),
        keep: drill.keep,
    })
    .await?;
    let text = serde_json::to_string_pretty(&outcome.score)
        .map_err(Problem::json(Path::new("the score")))?;
    say(&text)?;
    say(&format!("scorecard: {}", scorecard.display()))?;
    for fault in &outcome.faults {
        eprintln!("fault: {fault}");
    }
    Ok(if outcome.faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn say(line: &str) -> Result<(), Problem> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")
        .and_then(|()| output.flush())
        .map_err(Problem::file(
            "could not write to",
            Path::new("the terminal"),
        ))
}
