//! `candour serve`: starts PostgreSQL and every part under its own account, and ends all in order.

use std::process::Stdio;
use std::time::Duration;

use candour_embedded::cluster::enough_room;
use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::data_folder::NEEDED_MIB;
use crate::installation::{Installation, KEEPER};
use crate::parts::{self, Part};
use crate::people::{self, People};
use crate::problem::sentence;
use crate::secrets::issued;
use crate::supervisor::{Job, Supervisor};
use crate::{Configuration, DataFolder, Problem};

/// How long PostgreSQL may take to start: after a crash it first repeats what was not yet written.
const POSTGRES_PATIENCE: Duration = Duration::from_mins(2);
/// How long any other part may take to start.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a part may take to end.
pub const GRACE: Duration = Duration::from_secs(10);

/// What `candour serve` does: runs an existing installation until it is asked to end.
///
/// # Errors
/// When something is missing or does not start; everything that was started is ended first.
pub fn serve(data: &std::path::Path) -> Result<(), Problem> {
    let data = DataFolder::open(data)?;
    let configuration = Configuration::read(data.path())?;
    configuration.ports_come_free(GRACE)?;
    let installation = Installation::prepare(data, configuration)?;
    run(&installation, People::AsTheyAre, |_| Ok(()))
}

/// Starts everything, calls `announce` with the parts when all of them serve, and waits until asked to end (interrupt,
/// termination or a closed terminal).
///
/// # Errors
/// When a part does not start, or `announce` fails; everything that was started is ended first.
pub fn run(
    installation: &Installation,
    with: People,
    announce: impl FnOnce(&[Part]) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let_memory_be_locked();
    on_one_thread(async {
        let mut asked_to_end = Asked::listen()?;
        let mut supervisor = Supervisor::new(&installation.data.join("processes"))?;
        let started = tokio::select! {
            started = start(installation, &mut supervisor, with) => Some(started),
            () = asked_to_end.wait() => None,
        };
        let outcome = match started {
            Some(Ok(parts)) => match announce(&parts) {
                Ok(()) => {
                    asked_to_end.wait().await;
                    Ok(())
                }
                Err(problem) => Err(problem),
            },
            Some(Err(problem)) => Err(unless_full(installation, problem)),
            None => Ok(()),
        };
        tracing::info!("ending");
        supervisor.end().await;
        outcome
    })
}

/// The keeper inherits this and keeps its memory out of swap. Not everybody may raise it; the keeper then says that its
/// memory may be written to disk.
fn let_memory_be_locked() {
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    if let Err(error) = setrlimit(Resource::Memlock, unlimited) {
        tracing::info!(%error, "the keeper's memory may be written to swap: RLIMIT_MEMLOCK cannot be raised");
    }
}

/// Does work that is told by its token when it is asked to end.
///
/// # Errors
/// Those of the work.
pub fn until_ended<T>(
    work: impl AsyncFnOnce(CancellationToken) -> Result<T, Problem>,
) -> Result<T, Problem> {
    on_one_thread(async {
        let mut asked_to_end = Asked::listen()?;
        let stop = CancellationToken::new();
        let working = work(stop.clone());
        tokio::pin!(working);
        tokio::select! {
            done = &mut working => return done,
            () = asked_to_end.wait() => stop.cancel(),
        }
        working.await
    })
}

/// As [`until_ended`], with the databases of an installation that does not run: PostgreSQL alone is started, and ended.
///
/// # Errors
/// Those of the work; also when PostgreSQL does not start.
pub fn with_databases<T>(
    installation: &Installation,
    work: impl AsyncFnOnce(CancellationToken) -> Result<T, Problem>,
) -> Result<T, Problem> {
    until_ended(async |stop| {
        let mut supervisor = Supervisor::new(&installation.data.join("processes"))?;
        supervisor.end_left_over().await;
        let outcome = async {
            start_postgres(installation, &mut supervisor).await?;
            installation.provide_databases().await?;
            work(stop).await
        }
        .await;
        supervisor.end().await;
        outcome
    })
}

/// One thread: children are told to end when the thread that started them does.
fn on_one_thread<T>(work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::Machine(format!("the supervisor cannot start: {error}")))?;
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

/// Less than this left, in MiB, and whatever failed failed because the disk is full.
const FULL_MIB: u64 = 16;

/// A full disk shows itself in a hundred ways, most of which do not name it.
fn unless_full(installation: &Installation, problem: Problem) -> Problem {
    let data = installation.data.path();
    if enough_room(data, FULL_MIB).is_ok() {
        return problem;
    }
    enough_room(data, NEEDED_MIB).map_or_else(Problem::from, |()| problem)
}

async fn start(
    installation: &Installation,
    supervisor: &mut Supervisor,
    with: People,
) -> Result<Vec<Part>, Problem> {
    supervisor.end_left_over().await;
    start_postgres(installation, supervisor).await?;
    installation.provide_databases().await?;
    migrate_portal_database(installation).await?;
    initialise_keeper(installation).await?;
    let mut parts = parts::behind(installation);
    start_parts(installation, supervisor, &parts).await?;
    if with == People::Demonstration {
        people::settle(installation).await?;
    }
    let in_front = parts::in_front(installation);
    start_parts(installation, supervisor, &in_front).await?;
    parts.extend(in_front);
    Ok(parts)
}

async fn start_parts(
    installation: &Installation,
    supervisor: &mut Supervisor,
    parts: &[Part],
) -> Result<(), Problem> {
    for part in parts {
        supervisor.keep(job(installation, part.clone()))?;
        supervisor.wait_until_ready(&part.ready, PATIENCE).await?;
    }
    Ok(())
}

/// The owner of the portal's schema is a role that no running part has.
async fn migrate_portal_database(installation: &Installation) -> Result<(), Problem> {
    let config = issued::config(installation.data.name(), "migrator")?;
    let run = candour_store::migrate(&config)
        .await
        .map_err(|error| Problem::Machine(sentence(&error)))?;
    for migration in run {
        tracing::info!(%migration, "the portal's database was migrated");
    }
    Ok(())
}

async fn start_postgres(
    installation: &Installation,
    supervisor: &mut Supervisor,
) -> Result<(), Problem> {
    let cluster = &installation.cluster;
    cluster.end_left_over().await?;
    cluster.create(installation.password())?;
    let log = installation.log("postgres");
    let again = cluster.clone();
    supervisor.keep(Job {
        name: "postgres",
        command: Box::new(move || Ok(again.command()?)),
        log: log.clone(),
        // "Fast": refuses newcomers, ends sessions, writes everything down.
        end: Signal::INT,
        grace: Duration::from_mins(1),
        notes_itself: true,
    })?;
    let has_died = supervisor.last_has_died();
    cluster
        .wait_until_ready(installation.password(), POSTGRES_PATIENCE, &log, has_died)
        .await?;
    Ok(())
}

/// The keeper makes its keys and its schema once; the mark is set only after it said so.
async fn initialise_keeper(installation: &Installation) -> Result<(), Problem> {
    let program = installation.programs.path(KEEPER);
    let mark = installation.data.join("keeper-is-initialised");
    if mark.exists() {
        return Ok(());
    }
    let data = installation.data.name();
    let mut command = std::process::Command::new(&program);
    command.args(["init", "--data"]).arg(data);
    if installation.configuration.demonstration {
        command.arg("--demonstration");
    }
    command.current_dir(data).stdin(Stdio::null());
    installation.accounts.keeper.run(&mut command);
    let output = tokio::process::Command::from(command)
        .output()
        .await
        .map_err(Problem::file("could not start", &program))?;
    let log = installation.log("keeper-init");
    let mut said = output.stdout;
    said.extend_from_slice(&output.stderr);
    std::fs::write(&log, &said).map_err(Problem::file("could not write", &log))?;
    if !output.status.success() {
        return Err(Problem::PartNotStarted {
            name: "the keeper",
            said: crate::supervisor::last_line(&log),
            log,
        });
    }
    std::fs::write(&mark, "").map_err(Problem::file("could not write", &mark))
}

fn job(installation: &Installation, part: Part) -> Job {
    let folder = installation.data.name().to_path_buf();
    Job {
        name: part.name,
        log: installation.log(part.name),
        command: Box::new(move || Ok(part.command(&folder))),
        end: Signal::TERM,
        grace: GRACE,
        notes_itself: false,
    }
}

/// The signals that ask the supervisor to end.
struct Asked {
    interrupt: Stream,
    terminate: Stream,
    hang_up: Stream,
}

impl Asked {
    fn listen() -> Result<Self, Problem> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Problem::Machine(format!("signals cannot be listened for: {error}"))
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
