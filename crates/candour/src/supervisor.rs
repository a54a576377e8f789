//! Keeps processes running: starts them in order, starts the dead again, ends all in reverse order.

mod left_over;

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Problem;
use crate::parts::Ready;

pub use left_over::LeftOver;

/// A part that lived this long is started again at once.
const SETTLED: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const LARGEST_LOG_BYTES: u64 = 64 * 1_048_576;

/// What to keep running.
pub struct Job {
    /// Its name.
    pub name: &'static str,
    /// Makes the command anew for each start.
    pub command: Box<dyn Fn() -> Result<Command, Problem>>,
    /// The log file that its output goes to.
    pub log: PathBuf,
    /// How it is asked to end.
    pub end: Signal,
    /// How long it may take to end before it is killed.
    pub grace: Duration,
    /// True for a program that notes its own process, as PostgreSQL does: the supervisor's notes leave it out.
    pub notes_itself: bool,
}

/// One part that is kept running.
struct Running {
    name: &'static str,
    stop: CancellationToken,
    tasks: TaskTracker,
    /// The process number; 0 while there is none.
    process: Arc<AtomicU32>,
    starts: Arc<AtomicU32>,
    log: PathBuf,
}

/// Everything that runs, in the order in which it was started.
pub struct Supervisor {
    running: Vec<Running>,
    left_over: LeftOver,
}

impl Supervisor {
    /// Notes its processes in `notes`, so that the next supervisor can end what this one leaves if it is killed.
    ///
    /// # Errors
    /// When the notes of an earlier one cannot be read.
    pub fn new(notes: &Path) -> Result<Self, Problem> {
        Ok(Self {
            running: Vec::new(),
            left_over: LeftOver::open(notes)?,
        })
    }

    /// Ends what an earlier supervisor left behind.
    pub async fn end_left_over(&self) {
        self.left_over.end().await;
    }

    /// Starts a job and keeps it running. Must be called on a `LocalSet`.
    ///
    /// # Errors
    /// When the first start fails.
    pub fn keep(&mut self, job: Job) -> Result<(), Problem> {
        let child = start(&job)?;
        let running = Running {
            name: job.name,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            process: Arc::new(AtomicU32::new(child.id().unwrap_or(0))),
            starts: Arc::new(AtomicU32::new(1)),
            log: job.log.clone(),
        };
        if !job.notes_itself {
            self.left_over.note(job.name, child.id());
        }
        let watch = Watch {
            job,
            stop: running.stop.clone(),
            process: running.process.clone(),
            starts: running.starts.clone(),
            left_over: self.left_over.clone(),
        };
        running.tasks.spawn_local(watch.run(child));
        self.running.push(running);
        Ok(())
    }

    /// Waits until the last job that was started serves.
    ///
    /// # Errors
    /// When it dies or does not serve within `patience`.
    pub async fn wait_until_ready(&self, ready: &Ready, patience: Duration) -> Result<(), Problem> {
        let Some(running) = self.running.last() else {
            return Ok(());
        };
        let begun = Instant::now();
        loop {
            if serves(ready).await {
                return Ok(());
            }
            let has_died = running.has_died();
            if has_died || begun.elapsed() > patience {
                let said = if has_died {
                    last_line(&running.log)
                } else {
                    format!("it did not answer within {} s", patience.as_secs())
                };
                return Err(Problem::PartNotStarted {
                    name: running.name,
                    said,
                    log: running.log.clone(),
                });
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// True when the last job that was started has died at least once.
    pub fn last_has_died(&self) -> impl Fn() -> bool + use<> {
        let last = self
            .running
            .last()
            .map(|running| (running.process.clone(), running.starts.clone()));
        move || {
            last.as_ref().is_some_and(|(process, starts)| {
                process.load(Ordering::Acquire) == 0 || starts.load(Ordering::Acquire) > 1
            })
        }
    }

    /// The process number of a running job.
    pub fn process(&self, name: &str) -> Option<u32> {
        let running = self.running.iter().find(|running| running.name == name)?;
        Some(running.process.load(Ordering::Acquire)).filter(|process| *process != 0)
    }

    /// Ends everything, the last started first; each is gone before the next is asked.
    pub async fn end(mut self) {
        while let Some(running) = self.running.pop() {
            running.stop.cancel();
            running.tasks.close();
            running.tasks.wait().await;
        }
        self.left_over.clear();
    }
}

impl Running {
    fn has_died(&self) -> bool {
        self.process.load(Ordering::Acquire) == 0 || self.starts.load(Ordering::Acquire) > 1
    }
}

/// What the task of one job needs.
struct Watch {
    job: Job,
    stop: CancellationToken,
    process: Arc<AtomicU32>,
    starts: Arc<AtomicU32>,
    left_over: LeftOver,
}

impl Watch {
    async fn run(self, first: Child) {
        let mut child = Some(first);
        let mut begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            if let Some(mut running) = child.take() {
                tokio::select! {
                    () = self.stop.cancelled() => return self.end(running).await,
                    status = running.wait() => {
                        self.process.store(0, Ordering::Release);
                        let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                        tracing::warn!(part = self.job.name, how, "a part ended and is started again");
                    }
                }
                if begun.elapsed() > SETTLED {
                    pause = FIRST_PAUSE;
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            begun = Instant::now();
            match start(&self.job) {
                Ok(fresh) => {
                    self.starts.fetch_add(1, Ordering::AcqRel);
                    self.process
                        .store(fresh.id().unwrap_or(0), Ordering::Release);
                    if !self.job.notes_itself {
                        self.left_over.note(self.job.name, fresh.id());
                    }
                    child = Some(fresh);
                }
                Err(problem) => {
                    let problem = crate::problem::sentence(&problem);
                    tracing::error!(
                        part = self.job.name,
                        problem,
                        "a part cannot be started; trying again"
                    );
                }
            }
        }
    }

    async fn end(&self, mut child: Child) {
        send(child.id(), self.job.end);
        if tokio::time::timeout(self.job.grace, child.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                part = self.job.name,
                "a part did not end in time and is killed"
            );
            let _ = child.kill().await;
        }
        self.process.store(0, Ordering::Release);
    }
}

fn start(job: &Job) -> Result<Child, Problem> {
    let log = open_log(&job.log)?;
    let errors = log
        .try_clone()
        .map_err(Problem::file("could not open", &job.log))?;
    let mut command = (job.command)()?;
    // A group of its own: an interrupt from the keyboard is for the supervisor, which ends all in order.
    command
        .process_group(0)
        .stdout(Stdio::from(log))
        .stderr(Stdio::from(errors));
    let program = command.get_program().to_owned();
    tokio::process::Command::from(command)
        .kill_on_drop(true)
        .spawn()
        .map_err(Problem::file("could not start", Path::new(&program)))
}

/// Opens a log to add to it; one that has grown large is put aside first.
fn open_log(path: &Path) -> Result<File, Problem> {
    if path
        .metadata()
        .is_ok_and(|found| found.len() > LARGEST_LOG_BYTES)
    {
        fs::rename(path, path.with_extension("old.log"))
            .map_err(Problem::file("could not rename", path))?;
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)
        .map_err(Problem::file("could not open", path))
}

async fn serves(ready: &Ready) -> bool {
    match ready {
        Ready::Socket(path) => tokio::net::UnixStream::connect(path).await.is_ok(),
        Ready::Listening(address) => tokio::net::TcpStream::connect(address).await.is_ok(),
        Ready::Running => true,
    }
}

/// The last line of a log, for an error text.
pub fn last_line(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or("it ended without a word").trim().to_owned()
}

fn send(process: Option<u32>, signal: Signal) {
    let process = process
        .and_then(|number| i32::try_from(number).ok())
        .and_then(Pid::from_raw);
    if let Some(process) = process {
        // It may be gone already.
        let _ = kill_process(process, signal);
    }
}
