//! The crash test: a whole installation under load, whose keeper, portal or database is killed at random moments.
//!
//! Afterwards, and after every cycle: every document of which somebody got a first byte has its entry; the exported
//! ledger verifies against every checkpoint that was ever signed; what was acknowledged is there, once; nothing was
//! shown while nothing could be written down, and the pages said so.
//!
//! Budgets and thresholds of detection are set out of the way, because programs read here as fast as they can and
//! no rule is what is tested. Everything else is what a demonstration runs.

mod audit;
mod book;
mod checkpoints;
mod crew;
pub(crate) mod dice;
mod keeping;
mod people;
mod processes;
mod public;
mod strike;

pub use audit::Granted;
pub use book::Counts;
pub use crew::invitees;
pub use dice::Dice;
pub use people::Invitee;
pub use processes::child_of;
pub(crate) use processes::send as send_signal;
pub use strike::{Strike, Victim};

use crate::Problem;
use crate::installation::{Front, Installation};
use audit::Auditor;
use book::Book;
use checkpoints::Witness;
use crew::Crew;
use keeping::Keeping;
use rustix::process::Signal;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long everything may take to serve again after a blow.
const RECOVERY: Duration = Duration::from_mins(1);
/// How long to wait for a victim that is just being started.
const VICTIM: Duration = Duration::from_secs(20);

/// What to run.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// How many blows.
    pub cycles: u32,
    /// The seed of everything that is left to chance.
    pub seed: u64,
    /// Where to write the figures.
    pub json: Option<PathBuf>,
    /// Leave the installation's folder; with findings it is left anyway.
    pub keep: bool,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Cycles that were run to their end.
    pub cycles: u32,
    /// How often each was killed.
    pub killed: BTreeMap<&'static str, u32>,
    /// How much happened.
    pub counts: Counts,
    /// Entries in the ledger at the end.
    pub entries: u64,
    /// Seconds until a document could be opened again, one for each cycle.
    pub seconds_to_recover: Vec<f64>,
    /// How long all of it took, in seconds.
    pub seconds: f64,
    /// What is not as it must be, each with seed and cycle; empty in a good run.
    pub findings: Vec<String>,
}

/// Runs the test from nothing to its end.
///
/// # Errors
/// When it cannot be carried out. What it finds is in the outcome.
pub async fn run(wishes: &Wishes) -> Result<Outcome, Problem> {
    let begun = Instant::now();
    let mut installation = Installation::raise_with(Front::Own, settings(), wishes.keep).await?;
    let outcome = under_load(wishes, &installation).await;
    let is_good = outcome
        .as_ref()
        .is_ok_and(|outcome| outcome.findings.is_empty());
    if !is_good {
        installation.keep_folder();
        let folder = installation.folder().display().to_string();
        tracing::warn!(folder, "the installation is left for a look");
    }
    let ended = installation.end().await;
    let mut outcome = outcome?;
    ended?;
    outcome.seconds = begun.elapsed().as_secs_f64();
    if let Some(path) = &wishes.json {
        let text = serde_json::to_string_pretty(&outcome).map_err(Problem::json(path))?;
        std::fs::write(path, text + "\n").map_err(Problem::file("could not write", path))?;
    }
    Ok(outcome)
}

/// Budgets and thresholds that programs cannot reach.
pub fn settings() -> serde_json::Map<String, serde_json::Value> {
    let never = serde_json::json!({ "count": 1_000_000_000, "within": "1 min" });
    let settings = serde_json::json!({
        "budgets": {
            "client": { "deposited_hour_floor": 1_000_000 },
            "patient": { "documents_ten_minutes": 1_000_000, "documents_day": 1_000_000 },
            "staff": {
                "listed_hour": 1_000_000, "listed_day": 1_000_000, "opened_hour": 1_000_000,
                "opened_day": 1_000_000, "deposited_hour": 1_000_000,
            },
            "practice": {
                "invitations_day": 1_000_000, "listed_hour": 1_000_000, "opened_hour": 1_000_000,
                "documents_hour": 1_000_000, "deposited_hour": 1_000_000,
            },
            "session": { "things_hour": 1_000_000, "written_hour": 1_000_000 },
            "enrolled": 1_000_000_000,
        },
        "detection": {
            "foreign_patients": never, "unknown_ids": never, "insistence": never, "many_accounts": never,
            "dormant": never, "frozen_sessions": never, "failing_networks": never, "failing_accounts": never,
            "breadth": { "patients": 1_000_000 },
            "ordered_walk": { "documents": 1_000_000 },
            "machine_timing": { "requests": 1_000_000 },
            "global_rate": { "base_per_second": 1_000_000.0 },
        },
    });
    match settings {
        serde_json::Value::Object(settings) => settings,
        _ => serde_json::Map::new(),
    }
}

async fn under_load(wishes: &Wishes, installation: &Installation) -> Result<Outcome, Problem> {
    let book = Arc::new(Book::default());
    let crew = Crew::settle(installation, wishes.seed).await?;
    let kept = installation.desk().join("checkpoints");
    let mut witness = Witness::new(&installation.data(), &kept)?;
    witness.look();
    let auditor = Auditor::of(installation, &kept)?;
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let (witness_stop, witness_tasks) = (CancellationToken::new(), TaskTracker::new());
    witness_tasks.spawn(witness.watch(Arc::clone(&book), witness_stop.clone()));
    crew.work(&book, wishes.seed, &stop, &tasks)?;
    let mut run = Run {
        wishes,
        installation,
        supervisor: installation.process("candour").unwrap_or(0),
        book: Arc::clone(&book),
        keeping: Keeping::new(&crew, &book, wishes.seed)?,
        crew,
        auditor,
        outcome: Outcome {
            seed: wishes.seed,
            cycles: 0,
            killed: BTreeMap::new(),
            counts: Counts::default(),
            entries: 0,
            seconds_to_recover: Vec::new(),
            seconds: 0.0,
            findings: Vec::new(),
        },
    };
    let ran = run.all().await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    if ran.is_ok() && run.outcome.findings.is_empty() {
        run.last_look().await?;
    }
    witness_stop.cancel();
    witness_tasks.close();
    witness_tasks.wait().await;
    ran?;
    run.outcome.counts = book.counts();
    Ok(run.outcome)
}

/// A supervisor that is kept from starting anything, for as long as this lives.
struct Held(u32);

impl Held {
    fn hold(supervisor: u32) -> Self {
        processes::send(supervisor, Signal::STOP);
        Self(supervisor)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        processes::send(self.0, Signal::CONT);
    }
}

/// A run that goes on.
struct Run<'a> {
    wishes: &'a Wishes,
    installation: &'a Installation,
    supervisor: u32,
    book: Arc<Book>,
    crew: Crew,
    keeping: Keeping,
    auditor: Auditor,
    outcome: Outcome,
}

impl Run<'_> {
    /// Every cycle, until one finds something.
    async fn all(&mut self) -> Result<(), Problem> {
        for cycle in 1..=self.wishes.cycles {
            let strike = Strike::of(self.wishes.seed, cycle);
            let recovered = self.cycle(cycle, &strike).await?;
            let mut findings = self.book.findings();
            match recovered {
                Some(seconds) => self.outcome.seconds_to_recover.push(seconds),
                None => findings.push(format!(
                    "nothing could be opened {} s after the blow",
                    RECOVERY.as_secs()
                )),
            }
            if !findings.is_empty() {
                self.report(cycle, &strike.words(), &findings);
                return Ok(());
            }
            self.outcome.cycles = cycle;
            tracing::info!(
                cycle,
                strike = strike.words(),
                recovered_seconds = recovered.unwrap_or_default(),
                served = self.book.counts().documents_served,
                stored = self.book.counts().deposits_acknowledged,
                entries = self.outcome.entries,
                "well"
            );
        }
        Ok(())
    }

    fn report(&mut self, cycle: u32, strike: &str, findings: &[String]) {
        let seed = self.wishes.seed;
        for finding in findings {
            self.outcome
                .findings
                .push(format!("seed {seed}, cycle {cycle} ({strike}): {finding}"));
        }
        for part in ["keeper", "portal", "postgres", "worker"] {
            let log = self.installation.data().join(format!("log/{part}.log"));
            for line in processes::last_words(&log, 6) {
                tracing::info!(part, line, "its last words");
            }
        }
    }

    /// One blow and the look afterwards; gives the seconds until something opened again.
    async fn cycle(&mut self, cycle: u32, strike: &Strike) -> Result<Option<f64>, Problem> {
        let mut dice = Dice::new(self.wishes.seed, u64::from(cycle) << 33);
        tokio::time::sleep(strike.after).await;
        match strike.hold {
            None => self.strike(strike, &mut dice).await?,
            Some(hold) => {
                let held = Held::hold(self.supervisor);
                self.strike(strike, &mut dice).await?;
                self.book.away();
                tokio::time::sleep(hold).await;
                self.book.back();
                drop(held);
            }
        }
        let blow = Instant::now();
        let recovered = self.recovered(blow).await;
        if recovered.is_none() {
            return Ok(None);
        }
        self.look().await?;
        Ok(recovered)
    }

    /// Kills, and waits until the killed are gone.
    async fn strike(&mut self, strike: &Strike, dice: &mut Dice) -> Result<(), Problem> {
        let mut gone = Vec::new();
        for victim in &strike.victims {
            let Some(pid) = self.victim(*victim, dice).await else {
                continue;
            };
            if *victim == Victim::Postmaster {
                gone.extend(processes::children(pid));
            }
            processes::send(pid, Signal::KILL);
            gone.push(pid);
            *self.outcome.killed.entry(victim.word()).or_default() += 1;
        }
        processes::wait_until_gone(&gone).await
    }

    async fn victim(&self, victim: Victim, dice: &mut Dice) -> Option<u32> {
        let begun = Instant::now();
        loop {
            if let Some(pid) = processes::find(self.supervisor, victim, dice) {
                return Some(pid);
            }
            if begun.elapsed() > VICTIM {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn recovered(&mut self, blow: Instant) -> Option<f64> {
        while blow.elapsed() < RECOVERY {
            if self.keeping.opens_something(&self.crew).await {
                return Some(blow.elapsed().as_secs_f64());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        None
    }

    /// The ledger against what was served, and what was acknowledged against what is there.
    async fn look(&mut self) -> Result<(), Problem> {
        let served = self.book.served();
        let (granted, findings) = self.auditor.audit(self.installation, &served).await?;
        self.outcome.entries = granted.entries;
        for finding in findings {
            self.book.find(finding);
        }
        self.keeping.look(&self.crew).await;
        Ok(())
    }

    /// When the load has ended: everything once more, and whether the test was one at all.
    async fn last_look(&mut self) -> Result<(), Problem> {
        self.keeping.begin_again();
        self.look().await?;
        let mut findings = self.book.findings();
        let counts = self.book.counts();
        let was_held = (1..=self.wishes.cycles)
            .any(|cycle| Strike::of(self.wishes.seed, cycle).hold.is_some());
        for (is_empty, what) in [
            (counts.documents_served == 0, "no document was served"),
            (counts.deposits_acknowledged == 0, "nothing was deposited"),
            (counts.accounts_acknowledged == 0, "no account was made"),
            (
                was_held && counts.said_so_while_away == 0,
                "nobody asked for anything while everything was away",
            ),
        ] {
            if is_empty {
                findings.push(format!("{what}: this was no test"));
            }
        }
        if !findings.is_empty() {
            self.report(self.outcome.cycles, "the last look", &findings);
        }
        Ok(())
    }
}
