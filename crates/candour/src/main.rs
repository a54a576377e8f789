//! The command line of Candour.

use std::alloc::System;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use candour::demo::Wishes;
use candour::installation::{DRILL, KEEPER};
use candour::problem::sentence;
use candour::{
    Configuration, Problem, backup, demo, doctor, import, mailbox_page, portal, programs, restore,
    room, serve, witness, witness_client, worker,
};
use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getrlimit, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use rustix::thread::set_no_new_privs;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use zeroizing_alloc::ZeroAlloc;

/// What was shown to one person must not lie in the memory that the next one's request is given.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

/// Bytes of stack that are overwritten below a thread at rest, which takes some 10 µs. `candour drill memory` would
/// find what lies deeper.
const WIPED: usize = 128 * 1024;

/// Zeroes what the last polls left on this thread's stack, where the allocator does not reach: keys and plaintext pass
/// through it by value. Runs whenever a thread has nothing to do.
#[inline(never)]
#[expect(
    clippy::large_stack_arrays,
    reason = "a large array on the stack is the very thing that overwrites the stack"
)]
fn wipe_stack() {
    std::hint::black_box(&mut [0_u8; WIPED]);
}

/// A patient portal that can account for every document it ever showed.
#[derive(Parser)]
#[command(name = "candour", version)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a demonstration when there is none, and run it.
    Demo {
        /// Its data directory (default: .candour/demo, or /var/lib/candour/demo for root).
        #[arg(long)]
        data: Option<PathBuf>,
        /// The first of five ports in a row (default: 8080).
        #[arg(long)]
        port: Option<u16>,
    },
    /// Run an existing installation: PostgreSQL, keeper, portal, worker, room and status site.
    Serve(Data),
    /// Say in sentences what is wrong with an installation.
    Doctor(Data),
    /// Stop something at once, by one person, with the portal and the room down; or list what is stopped.
    #[command(disable_help_flag = true)]
    Freeze {
        /// Handed to candour-keeper as they are.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Let it go again, by two operators.
    #[command(disable_help_flag = true)]
    Unfreeze {
        /// Handed to candour-keeper as they are.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Say which policies are in force; by one operator propose others, by the other confirm them.
    #[command(disable_help_flag = true)]
    Policies {
        /// Handed to candour-keeper as they are.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Make a new epoch key, or give one patient a new reading key; nothing is released by it.
    #[command(disable_help_flag = true)]
    Rotate {
        /// Handed to candour-keeper as they are.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Make the key that opens backups; keep its file away from this machine.
    BackupKey(backup::Wishes),
    /// Save everything in one sealed file, while the installation runs.
    Backup(backup::Wishes),
    /// Restore a backup into an empty directory, or check that one is whole.
    Restore(restore::Wishes),
    /// Take in what a practice sends: FHIR R4 Bundles and NDJSON, or documents.
    Import(import::Wishes),
    /// Fill a running demonstration with synthetic people, their records and letters.
    #[command(disable_help_flag = true)]
    Synth {
        /// Handed to candour-drill as they are.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The process that faces the internet; started by serve.
    #[command(hide = true)]
    Portal(Data),
    /// The process that takes files over; started by serve.
    #[command(hide = true)]
    Worker(Data),
    /// The incident room; started by serve.
    #[command(hide = true)]
    Room(Data),
    /// The status site; started by serve.
    #[command(hide = true)]
    Status(Data),
    /// The demonstration's mail server and its page; started by serve.
    #[command(hide = true)]
    Mailbox(Data),
    /// Watch somebody else's ledger: cosign its checkpoints while it only grows.
    Witness(witness::Wishes),
    /// The process that shows checkpoints to witnesses; started by serve.
    #[command(hide = true)]
    WitnessClient(Data),
    /// Run a real attack on a cloned installation with synthetic people.
    #[command(disable_help_flag = true)]
    Drill {
        /// Handed to candour-drill as they are.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

#[derive(Args)]
struct Data {
    /// The data directory.
    #[arg(long)]
    data: PathBuf,
}

fn main() -> ExitCode {
    let started = Instant::now();
    let line = Line::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("info"))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .init();
    match hardened().and_then(|()| run(line.command, started)) {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("{}", sentence(&problem));
            ExitCode::FAILURE
        }
    }
}

/// What was shown to somebody must not be written to disk when a part dies, and no part gains rights by starting a program
/// that has more; everything that is started inherits both.
fn hardened() -> Result<(), Problem> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)
        .map_err(|error| Problem::Machine(format!("core files cannot be switched off: {error}")))?;
    set_no_new_privs(true).map_err(|error| {
        Problem::Machine(format!("new privileges cannot be switched off: {error}"))
    })
}

/// The room holds the key of names once officers have unlocked it: no debugger of its own user, and no swap where that is
/// allowed, as the keeper does for its own.
fn guard_memory() -> Result<(), Problem> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| Problem::Machine(format!("debuggers cannot be kept away: {error}")))?;
    if getrlimit(Resource::Memlock).current.is_none() {
        let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
        if let Err(error) = mlockall(all) {
            tracing::warn!(%error, "the room's memory may be swapped out: locking it failed");
        }
    }
    Ok(())
}

fn run(command: Command, started: Instant) -> Result<ExitCode, Problem> {
    match command {
        Command::Demo { data, port } => demo::demo(&Wishes { data, port }, started)?,
        Command::Serve(Data { data }) => serve::serve(&data)?,
        Command::Doctor(Data { data }) => return doctor::doctor(&data),
        Command::BackupKey(wishes) => backup::make_key(&wishes)?,
        Command::Backup(wishes) => return backup::backup(&wishes, clock),
        Command::Restore(wishes) => return restore::restore(&wishes, clock),
        Command::Import(wishes) => return import_all(&wishes),
        Command::Portal(Data { data }) => portal(&data)?,
        Command::Worker(Data { data }) => {
            part(async |stop| {
                let configuration = Configuration::read(&data)?;
                worker::run(&data, &configuration, clock, stop).await
            })?;
        }
        Command::Room(Data { data }) => room(&data)?,
        Command::Status(Data { data }) => status(&data)?,
        Command::Mailbox(Data { data }) => mailbox(&data)?,
        Command::Witness(wishes) => watch(&wishes)?,
        Command::WitnessClient(Data { data }) => ask_witnesses(&data)?,
        // The drill is a program of its own: the product's binary holds no attacker.
        Command::Drill { arguments } => return Err(become_other(DRILL, &[], &arguments)),
        Command::Synth { arguments } => return Err(become_other(DRILL, &["synth"], &arguments)),
        // As whoever typed it: the keeper writes down which user that is.
        Command::Freeze { arguments } => return Err(become_other(KEEPER, &["freeze"], &arguments)),
        Command::Unfreeze { arguments } => {
            return Err(become_other(KEEPER, &["unfreeze"], &arguments));
        }
        Command::Policies { arguments } => {
            return Err(become_other(KEEPER, &["policies"], &arguments));
        }
        Command::Rotate { arguments } => return Err(become_other(KEEPER, &["rotate"], &arguments)),
    }
    Ok(ExitCode::SUCCESS)
}

fn import_all(wishes: &import::Wishes) -> Result<ExitCode, Problem> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Problem::Machine(format!("the import cannot start: {error}")))?;
    runtime.block_on(import::import(wishes, clock))
}

fn become_other(name: &'static str, words: &[&str], arguments: &[String]) -> Problem {
    use std::os::unix::process::CommandExt;
    let beside = match programs::folder_of_this_program() {
        Ok(folder) => folder,
        Err(problem) => return problem,
    };
    let program = beside.join(name);
    if !program.is_file() {
        return Problem::ProgramMissing { name, beside };
    }
    let error = std::process::Command::new(&program)
        .args(words)
        .args(arguments)
        .exec();
    Problem::file("could not start", &program)(error)
}

fn portal(data: &std::path::Path) -> Result<(), Problem> {
    let configuration = Configuration::read(data)?;
    part(async |stop| portal::run(data, &configuration, clock, stop).await)
}

fn room(data: &std::path::Path) -> Result<(), Problem> {
    guard_memory()?;
    let configuration = Configuration::read(data)?;
    part(async |stop| room::run(data, &configuration, stop).await)
}

fn status(data: &std::path::Path) -> Result<(), Problem> {
    let configuration = Configuration::read(data)?;
    part(async |stop| room::run_status(data, &configuration, stop).await)
}

fn mailbox(data: &std::path::Path) -> Result<(), Problem> {
    let configuration = Configuration::read(data)?;
    part(async |stop| mailbox_page::run(data, &configuration, clock, stop).await)
}

fn ask_witnesses(data: &std::path::Path) -> Result<(), Problem> {
    let configuration = Configuration::read(data)?;
    part(async |stop| witness_client::run(data, &configuration, stop).await)
}

fn watch(wishes: &witness::Wishes) -> Result<(), Problem> {
    serve::until_ended(async |stop| {
        let announce = |key: &str, address| {
            let out = &mut std::io::stdout().lock();
            let _ = writeln!(out, "{key}").and_then(|()| out.flush());
            tracing::info!(%address, "the witness listens; the line above is its verifier key");
        };
        witness::run(wishes, clock, stop, announce).await
    })
}

/// Runs a part that the supervisor started: it ends when asked, and when the supervisor is gone.
fn part(serve: impl AsyncFnOnce(CancellationToken) -> Result<(), Problem>) -> Result<(), Problem> {
    set_parent_process_death_signal(Some(Signal::TERM))
        .map_err(|error| Problem::Machine(format!("the supervisor cannot be watched: {error}")))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_park(wipe_stack)
        .build()
        .map_err(|error| Problem::Machine(format!("the part cannot start: {error}")))?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let mut terminate = tokio::signal::unix::signal(
            tokio::signal::unix::SignalKind::terminate(),
        )
        .map_err(|error| Problem::Machine(format!("signals cannot be listened for: {error}")))?;
        let serving = serve(stop.clone());
        tokio::pin!(serving);
        tokio::select! {
            ended = &mut serving => return ended,
            _ = terminate.recv() => stop.cancel(),
        }
        serving.await
    })
}

fn clock() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge: this is where a process reads its clock"
    )]
    Timestamp::now()
}
