//! Measuring: the whole installation as its supervisor runs it, every check on, every commit synced.
//!
//! The rows are measured in turn, several times over, with the reference rows among them; what is printed is medians.
//! How to read them: `docs/operate/measuring.md`.

mod crowd;
mod ground;
pub mod hand;
mod http;
mod machine;
mod order;
mod others;
mod people;
mod processes;
pub mod reference;
mod report;
mod sizes;
mod socket;

pub use ground::Ground;
pub use others::Others;
pub use report::{Report, Row};
pub use sizes::{Sizes, run as run_sizes};

use crate::{Problem, clock};
use candour_embedded::Account;
use ground::Hand;
use machine::{Disk, Machine};
use order::{Ask, Load, Preparation, Said, Tally, Work};
use processes::{Trees, children_ms};
use reference::Inserts;
use report::{Name, Sample, Settings};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How the measuring is to be done.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// How many patients read.
    pub people: usize,
    /// How often each row is measured.
    pub repeats: usize,
    /// For how long each time.
    pub length: Duration,
    /// The rows to measure; all when there are none.
    pub rows: Vec<String>,
    /// The folder below which the installation is made: its disk is the one that is measured.
    pub below: PathBuf,
    /// The first of six ports in a row.
    pub port: u16,
    /// Leave the installation's folder.
    pub keep: bool,
}

/// A row as it is measured.
#[derive(Debug, Clone, Copy)]
struct Plan {
    name: Name,
    how: How,
}

#[derive(Debug, Clone, Copy)]
enum How {
    /// So many asked for in each second; `None` for as many as are answered.
    Hand(Work, Option<u32>),
    Inserts,
}

/// In the order in which they are measured; `ledger_append` reports what `grant` was granted.
const PLANS: [Plan; 9] = [
    plan("reference_read", 64, How::Hand(Work::ReferenceRead, None)),
    plan("open_64k", 1, How::Hand(Work::Open, None)),
    plan("open_64k", 16, How::Hand(Work::Open, None)),
    plan("open_64k", 64, How::Hand(Work::Open, None)),
    plan("reference_insert", 1, How::Inserts),
    plan("grant", 1, How::Hand(Work::Grant, None)),
    plan("grant_paced", 256, How::Hand(Work::Grant, Some(PACE))),
    GRANT,
    plan("ledger_append", 256, How::Hand(Work::Append, None)),
];

/// The row that the sizes of installations are compared by too.
const GRANT: Plan = plan("grant", 256, How::Hand(Work::Grant, None));
/// Grants in a second where they are asked for at an even pace.
const PACE: u32 = 1_000;

const fn plan(name: &'static str, connections: usize, how: How) -> Plan {
    let name = Name { name, connections };
    Plan { name, how }
}

const VERIFY: Name = Name {
    name: "verify",
    connections: 1,
};

/// Syncs whose median is a figure.
const SYNCS: u64 = 200;
/// Syncs before each measurement.
const FEW_SYNCS: u64 = 20;
/// How long the installation may go on after a load before the next one begins.
const QUIET: Duration = Duration::from_secs(20);
/// How long the worker may take to take all files over.
const TAKING_OVER: Duration = Duration::from_mins(2);

/// Measures.
///
/// # Errors
/// When a commit does not wait for the disk, when any answer is not as it must be, or when something does not start.
pub async fn run(wishes: &Wishes) -> Result<Report, Problem> {
    let unknown = |row: &&String| {
        let known = PLANS.iter().map(|plan| plan.name.name);
        !known.chain([VERIFY.name]).any(|name| name == row.as_str())
    };
    if let Some(row) = wishes.rows.iter().find(unknown) {
        return Err(Problem::Unexpected(format!("there is no row {row}")));
    }
    let mut ground = Ground::raise(&wishes.below, wishes.port, wishes.people, wishes.keep).await?;
    let report = measure(&mut ground, wishes).await;
    let ended = ground.end().await;
    let report = report?;
    ended.map(|()| report)
}

/// What PostgreSQL says of itself on the connections that count.
///
/// # Errors
/// When a commit does not wait for the disk on one of them.
async fn synced(ground: &Ground) -> Result<Settings, Problem> {
    let mut clients = vec![("the superuser", ground.superuser("candour_keeper").await?)];
    for part in ["keeper", "portal", "room"] {
        clients.push((part, ground.database_of(part).await?));
    }
    reference::settings(&clients).await
}

async fn measure(ground: &mut Ground, wishes: &Wishes) -> Result<Report, Problem> {
    let postgresql = synced(ground).await?;
    let machine = Machine::look(&ground.data())?;
    let mut disk = Disk::prepare(&ground.desk().join("synced"))?;
    let sync_before_ms = disk.sync_ms(SYNCS)?;

    let (hand, verifier_key) = prepare(ground, wishes, None).await?;
    let mut bench = Bench::of(ground, hand, disk).await?;
    let mut rows = bench.rows(wishes).await?;
    if wishes.wants(VERIFY.name) {
        rows.push(bench.verify(ground, &verifier_key, wishes.repeats).await?);
    }
    Ok(Report {
        at: clock::now().strftime("%Y-%m-%d %H:%M:%S").to_string(),
        machine,
        postgresql,
        sync_ms: [sync_before_ms, bench.disk.sync_ms(SYNCS)?],
        people: wishes.people,
        configuration: ground.reviewed(),
        rows,
    })
}

/// Makes the people and everything else that is there before the first row.
async fn prepare(
    ground: &mut Ground,
    wishes: &Wishes,
    others: Option<Others>,
) -> Result<(Hand, String), Problem> {
    let begun = Instant::now();
    let order = Preparation {
        data: ground.data(),
        origin: ground.origin(),
        portal: ground.portal(),
        reference: ground.reference(),
        desks: ground.practices().await?,
        people: wishes.people,
        others,
    };
    let mut hand = ground.hand()?;
    let Said::Prepared(verifier_key) = hand.ask(&Ask::Prepare(order)).await? else {
        return Err(out_of_turn());
    };
    taken_over(&ground.data()).await?;
    ground.start_reference().await?;
    let Said::Warm = hand.ask(&Ask::Warm).await? else {
        return Err(out_of_turn());
    };
    let seconds = begun.elapsed().as_secs();
    tracing::info!(people = wishes.people, seconds, "everybody is signed in");
    Ok((hand, verifier_key))
}

/// Waits until the worker has taken over every file: the reference looks for them where they stay.
async fn taken_over(data: &Path) -> Result<(), Problem> {
    let incoming = data.join("objects/incoming");
    let begun = Instant::now();
    loop {
        let mut left =
            std::fs::read_dir(&incoming).map_err(Problem::file("could not read", &incoming))?;
        if left.next().is_none() {
            return Ok(());
        }
        if begun.elapsed() > TAKING_OVER {
            return Err(Problem::TooLong {
                what: "the worker's taking over of files".to_owned(),
                seconds: TAKING_OVER.as_secs(),
            });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn out_of_turn() -> Problem {
    Problem::Unexpected("the hand answered out of turn".to_owned())
}

impl Wishes {
    fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|wanted| wanted == row)
    }
}

struct Bench {
    hand: Hand,
    disk: Disk,
    inserts: Inserts,
    trees: Trees,
}

impl Bench {
    async fn of(ground: &Ground, hand: Hand, disk: Disk) -> Result<Self, Problem> {
        Ok(Self {
            trees: Trees {
                installation: ground
                    .supervisor()
                    .ok_or_else(|| Problem::Unexpected("the supervisor ended".to_owned()))?,
                bench: std::process::id(),
            },
            inserts: Inserts::prepare(ground.superuser("candour_keeper").await?).await?,
            hand,
            disk,
        })
    }

    /// Every row once, then every row again: what disturbs the machine for a while disturbs them all.
    async fn rows(&mut self, wishes: &Wishes) -> Result<Vec<Row>, Problem> {
        let plans: Vec<Plan> = PLANS
            .into_iter()
            .filter(|plan| wishes.wants(plan.name.name))
            .collect();
        let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); plans.len()];
        for turn in 1..=wishes.repeats {
            for (plan, samples) in plans.iter().zip(&mut samples) {
                let sample = self.sample(*plan, wishes.length).await?;
                let (row, connections) = (plan.name.name, plan.name.connections);
                let count = sample.tally.count;
                tracing::info!(turn, row, connections, count, "measured");
                samples.push(sample);
            }
        }
        let rows = plans.iter().zip(&samples);
        Ok(rows
            .map(|(plan, samples)| Row::of(plan.name, samples))
            .collect())
    }

    async fn sample(&mut self, plan: Plan, length: Duration) -> Result<Sample, Problem> {
        let sync_ms = self.disk.sync_ms(FEW_SYNCS)?;
        let (tally, before) = match plan.how {
            How::Inserts => {
                let before = self.trees.used()?;
                (self.inserts.load(length).await?, before)
            }
            How::Hand(work, per_second) => {
                let load = Load {
                    work,
                    connections: plan.name.connections,
                    milliseconds: u64::try_from(length.as_millis()).unwrap_or(u64::MAX),
                    per_second,
                };
                let Said::Ready = self.hand.ask(&Ask::Load(load)).await? else {
                    return Err(out_of_turn());
                };
                let before = self.trees.used()?;
                let Said::Done(tally) = self.hand.ask(&Ask::Go).await? else {
                    return Err(out_of_turn());
                };
                (tally, before)
            }
        };
        let after = self.trees.used()?;
        if tally.count == 0 {
            return Err(Problem::Unexpected(format!(
                "{} answered nothing in the time it had",
                plan.name.name
            )));
        }
        Ok(Sample {
            tally,
            spent: after.since(&before),
            later_ms: self.quiet(QUIET).await?,
            sync_ms,
        })
    }

    /// Waits until the installation rests, at most for so long; gives the processor time it took until then, in
    /// milliseconds.
    async fn quiet(&self, most: Duration) -> Result<u64, Problem> {
        let begun = Instant::now();
        let first = self.trees.used()?;
        let mut before = first.clone();
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let now = self.trees.used()?;
            // A twentieth of one processor: it breathes.
            let rests = now.since(&before).installation() <= 15;
            if !rests && begun.elapsed() > most {
                tracing::warn!(
                    "the installation is still at work; the next measurement begins all the same"
                );
            }
            if rests || begun.elapsed() > most {
                return Ok(now.since(&first).installation());
            }
            before = now;
        }
    }

    /// Checks the ledger of everything that was measured.
    async fn verify(&mut self, ground: &Ground, key: &str, repeats: usize) -> Result<Row, Problem> {
        let folder = ground.desk().join("export");
        std::fs::create_dir(&folder).map_err(Problem::file("could not create", &folder))?;
        let keeper = crate::settle::owner_of(&ground.data().join("keeper"))?;
        own(&keeper, &folder)?;
        let ledger = folder.join("ledger");
        ground.export(&ledger).await?;
        let mut samples = Vec::new();
        for _ in 0..repeats {
            let sync_ms = self.disk.sync_ms(FEW_SYNCS)?;
            let (used, children) = (self.trees.used()?, children_ms()?);
            let begun = Instant::now();
            let output = ground.verify(key, &ledger).output().map_err(Problem::file(
                "could not start",
                Path::new("candour-verify"),
            ))?;
            let seconds = begun.elapsed().as_secs_f64();
            let mut spent = self.trees.used()?.since(&used);
            let its_own = children_ms()?.saturating_sub(children);
            spent.others = spent.others.saturating_sub(its_own);
            spent.parts = [("candour-verify", its_own)].into();
            let said = String::from_utf8_lossy(&output.stdout);
            if !output.status.success() {
                return Err(Problem::Child {
                    name: "candour-verify".to_owned(),
                    said: said.lines().next().unwrap_or_default().to_owned(),
                });
            }
            let count = entries(&said)?;
            let ms = seconds * 1000.0;
            samples.push(Sample {
                tally: Tally {
                    count,
                    seconds,
                    p50_ms: ms,
                    p99_ms: ms,
                    held: 0,
                },
                spent,
                later_ms: 0,
                sync_ms,
            });
        }
        Ok(Row::of(VERIFY, &samples))
    }
}

fn own(account: &Account, folder: &Path) -> Result<(), Problem> {
    account
        .own(folder)
        .map_err(|problem| Problem::Unexpected(problem.to_string()))
}

/// How many entries `candour-verify` says it looked at.
fn entries(said: &str) -> Result<u64, Problem> {
    said.lines()
        .find_map(|line| line.split_once(" entries:")?.0.parse().ok())
        .ok_or_else(|| Problem::Unexpected("candour-verify counted nothing".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entries_are_those_that_were_recomputed() {
        let said =
            "512 entries: 512 recomputed from row and body, 0 without salt (leaf only).\nx\n";
        assert_eq!(entries(said).unwrap(), 512);
        assert!(entries("The ledger is as it was signed.").is_err());
    }
}
