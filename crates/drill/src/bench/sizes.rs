//! A small installation and a large one side by side: what a grant costs with a country's patients, how much the keeper
//! holds in memory then, and how long it is away when it is killed.

use super::machine::{Disk, Machine};
use super::order::{Ask, Said};
use super::others::Others;
use super::processes::memory_mib;
use super::report::{Row, Sample, Settings, heading, median};
use super::{Bench, GRANT, Ground, SYNCS, Wishes, out_of_turn, prepare, synced};

use crate::crash::{child_of, send_signal};
use crate::{Problem, clock};
use rustix::process::Signal;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// The small one: 10,000 patients, with as many entries for each of them as in the large one.
const SMALL: u32 = 10_000;
/// How long the room may take to take over what a whole population made.
const SETTLING: Duration = Duration::from_hours(1);

/// One of the two installations.
#[derive(Debug, Serialize)]
pub struct Size {
    /// Patients enrolled, those who read among them.
    pub patients: u64,
    /// Entries of its ledger when its keeper was killed, those of the turns among them.
    pub entries: u64,
    /// How long it took to make everybody.
    pub prepared_seconds: u64,
    /// `grant` at 256 in flight.
    pub grant: Row,
    /// What the keeper had in memory after the last measurement.
    pub keeper_mib: u64,
    /// The most it ever had, making everybody included.
    pub keeper_peak_mib: u64,
    /// From the keeper's sudden end until another one, which the supervisor started, could write.
    pub restart_seconds: f64,
}

/// Both, and how they compare.
#[derive(Debug, Serialize)]
pub struct Sizes {
    /// When, in UTC.
    pub at: String,
    /// On what.
    pub machine: Machine,
    /// PostgreSQL's own word.
    pub postgresql: Settings,
    /// Median sync before everything.
    pub sync_ms: f64,
    /// How many patients read in each.
    pub people: usize,
    /// What of the configuration is not the default.
    pub configuration: Value,
    /// Processor time of keeper and PostgreSQL for a grant in the large one, divided by that in the small one: turn by turn.
    pub large_to_small: Vec<f64>,
    /// The small and the large one.
    pub sizes: [Size; 2],
}

struct Installation {
    ground: Ground,
    bench: Bench,
    others: Others,
    prepared: Duration,
    samples: Vec<Sample>,
}

/// Makes both installations and measures them in turn.
///
/// # Errors
/// As [`super::run`].
pub async fn run(wishes: &Wishes, others: Others) -> Result<Sizes, Problem> {
    // The large one first: nobody's session grows old while everybody else is enrolled.
    let mut large = Installation::raise(wishes, others).await?;
    let each = others.entries * u64::from(SMALL) / u64::from(others.patients.max(1));
    let few = Others {
        patients: SMALL.min(others.patients),
        entries: each.min(others.entries),
    };
    let sizes = match Installation::raise(wishes, few).await {
        Ok(mut small) => {
            let measured = measure(&mut small, &mut large, wishes).await;
            let ended = small.ground.end().await;
            measured.and_then(|sizes| ended.map(|()| sizes))
        }
        Err(problem) => Err(problem),
    };
    let ended = large.ground.end().await;
    sizes.and_then(|sizes| ended.map(|()| sizes))
}

async fn measure(
    small: &mut Installation,
    large: &mut Installation,
    wishes: &Wishes,
) -> Result<Sizes, Problem> {
    let postgresql = synced(&large.ground).await?;
    let sync_ms = large.bench.disk.sync_ms(SYNCS)?;
    for turn in 1..=wishes.repeats {
        small.sample(wishes.length).await?;
        large.sample(wishes.length).await?;
        tracing::info!(turn, "both measured");
    }
    let pairs = small.samples.iter().zip(&large.samples);
    let large_to_small = pairs
        .map(|(small, large)| hot(large) / hot(small))
        .collect();
    Ok(Sizes {
        at: clock::now().strftime("%Y-%m-%d %H:%M:%S").to_string(),
        machine: Machine::look(&large.ground.data())?,
        postgresql,
        sync_ms,
        people: wishes.people,
        configuration: large.ground.reviewed(),
        large_to_small,
        sizes: [
            small.size(wishes.people).await?,
            large.size(wishes.people).await?,
        ],
    })
}

/// Processor time of keeper and PostgreSQL for one grant while it was asked for; in milliseconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of one measurement, far below 2^52"
)]
fn hot(sample: &Sample) -> f64 {
    let of = |part| sample.spent.parts.get(part).copied().unwrap_or_default();
    (of("keeper") + of("postgresql")) as f64 / (sample.tally.count as f64).max(1.0)
}

impl Installation {
    async fn raise(wishes: &Wishes, others: Others) -> Result<Self, Problem> {
        let begun = Instant::now();
        let mut ground =
            Ground::raise(&wishes.below, wishes.port, wishes.people, wishes.keep).await?;
        match Self::prepared(&mut ground, wishes, others).await {
            Ok(bench) => Ok(Self {
                ground,
                bench,
                others,
                prepared: begun.elapsed(),
                samples: Vec::new(),
            }),
            Err(problem) => {
                ground.end().await?;
                Err(problem)
            }
        }
    }

    async fn prepared(
        ground: &mut Ground,
        wishes: &Wishes,
        others: Others,
    ) -> Result<Bench, Problem> {
        let disk = Disk::prepare(&ground.desk().join("synced"))?;
        let (hand, _) = prepare(ground, wishes, Some(others)).await?;
        let bench = Bench::of(ground, hand, disk).await?;
        bench.quiet(SETTLING).await?;
        // What PostgreSQL would do in its own time after so much was put in.
        let database = ground.superuser("candour_keeper").await?;
        let tidied = database.batch_execute("vacuum analyze").await;
        tidied.map_err(super::reference::refused)?;
        tracing::info!(patients = others.patients, "everybody is enrolled");
        Ok(bench)
    }

    async fn sample(&mut self, length: Duration) -> Result<(), Problem> {
        self.samples.push(self.bench.sample(GRANT, length).await?);
        Ok(())
    }

    /// What came of it; the keeper is killed for it.
    async fn size(&mut self, people: usize) -> Result<Size, Problem> {
        let keeper = child_of(self.bench.trees.installation, "candour-keeper run")
            .ok_or_else(|| Problem::Unexpected("there is no keeper just now".to_owned()))?;
        let [keeper_mib, keeper_peak_mib] = memory_mib(keeper)?;
        let Said::Size(entries) = self.bench.hand.ask(&Ask::Size).await? else {
            return Err(out_of_turn());
        };
        let begun = Instant::now();
        send_signal(keeper, Signal::KILL);
        let Said::Back = self.bench.hand.ask(&Ask::WaitForKeeper).await? else {
            return Err(out_of_turn());
        };
        Ok(Size {
            patients: u64::from(self.others.patients) + u64::try_from(people).unwrap_or(u64::MAX),
            entries,
            prepared_seconds: self.prepared.as_secs(),
            grant: Row::of(GRANT.name, &self.samples),
            keeper_mib,
            keeper_peak_mib,
            restart_seconds: begun.elapsed().as_secs_f64(),
        })
    }
}

impl Sizes {
    /// The report as people read it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        heading(out, &self.at, &self.machine, &self.postgresql)?;
        writeln!(
            out,
            "sync        fdatasync of a page, median: {:.3} ms",
            self.sync_ms
        )?;
        writeln!(
            out,
            "people      {} patients read in each, all others never",
            self.people
        )?;
        writeln!(out, "not default {}\n", self.configuration)?;
        for size in &self.sizes {
            writeln!(
                out,
                "{} patients, {} entries (made in {} s)",
                size.patients, size.entries, size.prepared_seconds
            )?;
            writeln!(
                out,
                "  grant at 256: {:.0} per s, p50 {:.2} ms, p99 {:.2} ms, {:.3} CPU ms: {}",
                size.grant.per_second,
                size.grant.p50_ms,
                size.grant.p99_ms,
                size.grant.cpu_ms,
                size.grant.parts(),
            )?;
            writeln!(
                out,
                "  keeper: {} MiB in memory, {} MiB at most; killed, and writing again after {:.2} s",
                size.keeper_mib, size.keeper_peak_mib, size.restart_seconds
            )?;
        }
        let turns: Vec<String> = self
            .large_to_small
            .iter()
            .map(|ratio| format!("{ratio:.2}"))
            .collect();
        writeln!(
            out,
            "\nA grant in the large one took {:.2} times the processor time of keeper and PostgreSQL (median of {}; aim: at \
             most 1.20)",
            median(self.large_to_small.clone()),
            turns.join(", "),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::order::Tally;
    use super::super::processes::Spent;
    use super::*;

    #[test]
    fn a_grant_costs_what_keeper_and_postgresql_took() {
        let sample = Sample {
            tally: Tally {
                count: 1_000,
                ..Tally::default()
            },
            spent: Spent {
                parts: [("keeper", 60), ("postgresql", 50), ("portal", 900)].into(),
                ..Spent::default()
            },
            later_ms: 0,
            sync_ms: 0.1,
        };
        assert!((hot(&sample) - 0.11).abs() < 1e-9);
    }
}
