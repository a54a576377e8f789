//! Synthetic people, real attacks: what an operator runs on a machine of their own.

use candour_drill::canaries::{self, Verdict};
use candour_drill::drill::{self, Scenario};
use candour_drill::{Problem, bench, clock, crash, memory, settle, year};
use clap::{Args, Parser, Subcommand};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
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
    /// Kill keeper, portal or database at random under load, and see that nothing is lost or unlogged.
    Crash(Crash),
    /// Search memory, database and files for what was shown and typed a minute ago.
    Memory(Memory),
    /// Ask a classifier whether the portal's database tells the canaries of a running demonstration from everybody else.
    Canaries {
        /// The data directory; 20,000 patients have a hundred canaries, fewer say little.
        #[arg(long)]
        data: PathBuf,
    },
    /// Play ordinary life through budgets and detection in simulated time, and count who is stopped wrongly.
    Year(Year),
    /// The part of `memory` that runs as the portal's user; started by it.
    #[command(hide = true)]
    MemoryDesk,
    /// Fill a running demonstration with synthetic people, their records and letters.
    Synth(Synth),
    /// The part of `synth` that runs as the portal's user; started by it.
    #[command(hide = true)]
    Desk,
    /// Measure an installation of its own, as its supervisor runs it, every commit synced.
    Bench(Bench),
    /// The part of `bench` that reads; started by it as the portal's user.
    #[command(hide = true)]
    BenchHand,
    /// The server that `bench` compares with; started by it as the portal's user.
    #[command(hide = true)]
    BenchReference {
        /// The data directory.
        #[arg(long)]
        data: PathBuf,
        /// Where to listen.
        #[arg(long)]
        listen: SocketAddr,
    },
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
    /// The data directory of the running installation that is drilled for: its trust page then says so.
    #[arg(long)]
    note: Option<PathBuf>,
    /// Leave the installation's folder.
    #[arg(long)]
    keep: bool,
}

#[derive(Args)]
struct Crash {
    /// How many blows.
    #[arg(long, default_value_t = 20)]
    cycles: u32,
    /// The seed of everything that is left to chance (default: a new one each time).
    #[arg(long)]
    seed: Option<u64>,
    /// Write the figures here.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Leave the installation's folder.
    #[arg(long)]
    keep: bool,
}

#[derive(Args)]
struct Memory {
    /// How long nothing happens before the search, in seconds.
    #[arg(long, default_value_t = 60)]
    idle: u64,
    /// The seed of population and marks.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Write the figures here.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Leave the installation's folder.
    #[arg(long)]
    keep: bool,
}

#[derive(Args)]
struct Year {
    /// The seed of everything that is left to chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many patients are enrolled.
    #[arg(long, default_value_t = 40_000)]
    patients: usize,
    /// How many days.
    #[arg(long, default_value_t = 365)]
    days: usize,
    /// Documents a second in the busiest ordinary hour, as the configuration sets it (default: as designed).
    #[arg(long)]
    base_per_second: Option<f64>,
    /// Write the figures here.
    #[arg(long)]
    json: Option<PathBuf>,
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

#[derive(Args)]
struct Bench {
    /// Write the figures here.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only see whether every row can be measured: few people, half a second, once.
    #[arg(long)]
    quick: bool,
    /// How many patients read.
    #[arg(long)]
    people: Option<usize>,
    /// How often each row is measured.
    #[arg(long)]
    repeats: Option<usize>,
    /// For how long each time, in milliseconds.
    #[arg(long)]
    milliseconds: Option<u64>,
    /// Measure grants in an installation with so many more patients, who never read, and in one with 10,000, in turn.
    #[arg(long, requires = "entries")]
    others: Option<u32>,
    /// How many entries they made.
    #[arg(long, requires = "others")]
    entries: Option<u64>,
    /// Measure only these rows, by name, with commas between.
    #[arg(long, value_delimiter = ',')]
    rows: Vec<String>,
    /// The folder below which the installation is made (default: the system's temporary one). Its disk is measured.
    #[arg(long)]
    below: Option<PathBuf>,
    /// The first of six ports in a row.
    #[arg(long, default_value_t = 9300)]
    port: u16,
    /// Leave the installation's folder.
    #[arg(long)]
    keep: bool,
}

impl From<Bench> for bench::Wishes {
    fn from(line: Bench) -> Self {
        let (people, repeats, milliseconds) = if line.quick {
            (256, 1, 500)
        } else {
            (8192, 5, 2500)
        };
        let milliseconds = line.milliseconds.unwrap_or(milliseconds);
        Self {
            people: line.people.unwrap_or(people),
            repeats: line.repeats.unwrap_or(repeats),
            length: Duration::from_millis(milliseconds),
            rows: line.rows,
            below: line.below.unwrap_or_else(std::env::temp_dir),
            port: line.port,
            keep: line.keep,
        }
    }
}

fn main() -> ExitCode {
    let line = Line::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("info"))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .init();
    if let Command::BenchHand = line.command {
        return match bench::hand::run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
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
        Command::Crash(wishes) => crash(wishes).await,
        // Run before there was a runtime.
        Command::BenchHand => Ok(ExitCode::FAILURE),
        Command::BenchReference { data, listen } => bench::reference::serve(&data, listen)
            .await
            .map(|()| ExitCode::SUCCESS),
        Command::Bench(mut line) => {
            let json = line.json.take();
            let others = line.others.zip(line.entries);
            let (figures, text) = match others {
                Some((patients, entries)) => {
                    let others = bench::Others { patients, entries };
                    let sizes = bench::run_sizes(&line.into(), others).await?;
                    (serde_json::to_value(&sizes), sizes.text())
                }
                None => {
                    let report = bench::run(&line.into()).await?;
                    (serde_json::to_value(&report), report.text())
                }
            };
            if let Some(path) = json {
                let figures = figures.map_err(Problem::json(&path))?;
                std::fs::write(&path, format!("{figures:#}\n"))
                    .map_err(Problem::file("could not write", &path))?;
            }
            say(&text).map(|()| ExitCode::SUCCESS)
        }
        Command::Memory(wishes) => memory(wishes).await,
        Command::Year(line) => ordinary_life(&line),
        Command::Canaries { data } => told_apart(&data).await,
        Command::MemoryDesk => memory::run_desk().await.map(|()| ExitCode::SUCCESS),
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

async fn crash(line: Crash) -> Result<ExitCode, Problem> {
    let seed = match line.seed {
        Some(seed) => seed,
        None => u64::try_from(clock::now().as_millisecond()).unwrap_or(0) % 1_000_000,
    };
    let outcome = crash::run(&crash::Wishes {
        cycles: line.cycles,
        seed,
        json: line.json,
        keep: line.keep,
    })
    .await?;
    finish(&outcome, &outcome.findings)
}

async fn memory(line: Memory) -> Result<ExitCode, Problem> {
    let outcome = memory::run(&memory::Wishes {
        idle_seconds: line.idle,
        seed: line.seed,
        json: line.json,
        keep: line.keep,
    })
    .await?;
    finish(&outcome, &outcome.faults)
}

async fn told_apart(data: &Path) -> Result<ExitCode, Problem> {
    let file = data.join("secrets/migrator.database");
    let line = std::fs::read_to_string(&file).map_err(Problem::file("could not read", &file))?;
    let unread = || Problem::Unexpected(format!("{} is no connection", file.display()));
    let config = line.trim().parse().map_err(|_| unread())?;
    let portal = candour_embedded::cluster::connect(&config).await;
    let portal = portal.map_err(|_| unread())?;
    let marked = settle::marked_canaries(data)?.into_iter().collect();
    let verdict = Verdict::of(&canaries::look(&portal, &marked).await?);
    say(&verdict.in_words())?;
    Ok(if verdict.is_chance() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn ordinary_life(line: &Year) -> Result<ExitCode, Problem> {
    let mut wishes = year::Wishes::usual(line.seed, line.patients, line.days);
    if let Some(base) = line.base_per_second {
        wishes.detection.global_rate.base_per_second = base;
    }
    let report =
        year::run(&wishes).map_err(Problem::json(Path::new("the parameters of a year")))?;
    if let Some(path) = &line.json {
        let text = serde_json::to_string_pretty(&report).map_err(Problem::json(path))?;
        std::fs::write(path, text + "\n").map_err(Problem::file("could not write", path))?;
    }
    finish(&report, &report.faults())
}

/// Prints figures, and what is not as it must be.
fn finish(outcome: &impl serde::Serialize, faults: &[String]) -> Result<ExitCode, Problem> {
    let text =
        serde_json::to_string_pretty(outcome).map_err(Problem::json(Path::new("the figures")))?;
    say(&text)?;
    for fault in faults {
        eprintln!("fault: {fault}");
    }
    Ok(if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
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
        note: drill.note,
        keep: drill.keep,
    })
    .await?;
    let code = finish(&outcome.score, &outcome.faults)?;
    say(&format!("scorecard: {}", scorecard.display()))?;
    Ok(code)
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
