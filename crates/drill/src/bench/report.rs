//! Rows, their medians, and how they are printed: for people beside the figures of others, and as JSON.

use super::machine::Machine;
use super::order::Tally;
use super::processes::Spent;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// One measurement of one row.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What was asked and answered.
    pub tally: Tally,
    /// What it took.
    pub spent: Spent,
    /// What the installation still did afterwards until it was quiet, in milliseconds of processor time: the room
    /// takes entries over at its own pace.
    pub later_ms: u64,
    /// How long a sync of the disk took just before.
    pub sync_ms: f64,
}

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// The row.
    pub name: &'static str,
    /// Connections, or calls in flight on one.
    pub connections: usize,
}

/// The medians of a row's measurements.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What was measured.
    pub name: &'static str,
    /// Connections, or calls in flight on one.
    pub connections: usize,
    /// Requests, entries or rows answered in a second.
    pub per_second: f64,
    /// Median time of an answer.
    pub p50_ms: f64,
    /// 99 of 100 answers came within this.
    pub p99_ms: f64,
    /// Processor time of all server processes for each request.
    pub cpu_ms: f64,
    /// `on`: every commit waited for the disk. There is no other.
    pub sync: &'static str,
    /// How long one sync took, measured just before.
    pub sync_ms: f64,
    /// `cpu_ms` by part.
    pub cpu_ms_of: BTreeMap<&'static str, f64>,
    /// Processor time for each request that came after the load.
    pub later_cpu_ms: f64,
    /// Processors that others kept busy meanwhile.
    pub others_cpus: f64,
    /// Processors that the host took away meanwhile.
    pub stolen_cpus: f64,
    /// How often a request waited because the rules let nobody read again so soon.
    pub held: u64,
    /// How many measurements these are medians of.
    pub repeats: usize,
    /// Slowest and fastest of them.
    pub per_second_from_to: [f64; 2],
}

/// The settings that PostgreSQL shows.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Settings(pub BTreeMap<&'static str, String>);

impl Settings {
    /// In one line.
    pub fn line(&self) -> String {
        let shown = self.0.iter().map(|(name, value)| format!("{name}={value}"));
        shown.collect::<Vec<_>>().join(", ")
    }
}

/// Everything that was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// When, in UTC.
    pub at: String,
    /// On what.
    pub machine: Machine,
    /// PostgreSQL's own word.
    pub postgresql: Settings,
    /// Median sync before everything and after it.
    pub sync_ms: [f64; 2],
    /// How many patients read.
    pub people: usize,
    /// What of the configuration is not the default.
    pub configuration: Value,
    /// The rows.
    pub rows: Vec<Row>,
}

/// The middle one; of an even number the mean of the two. 0 for none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (half, odd) = (values.len() / 2, values.len() % 2);
    let at = |place: usize| values.get(place).copied().unwrap_or_default();
    match (values.len(), odd) {
        (0, _) => 0.0,
        (_, 0) => f64::midpoint(at(half - 1), at(half)),
        _ => at(half),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of one measurement, far below 2^52"
)]
fn float(number: u64) -> f64 {
    number as f64
}

impl Row {
    /// The medians of the measurements.
    pub fn of(name: Name, samples: &[Sample]) -> Self {
        let middle = |value: &dyn Fn(&Sample) -> f64| median(samples.iter().map(value).collect());
        let rate = |sample: &Sample| float(sample.tally.count) / sample.tally.seconds.max(1e-9);
        let each = |ms: u64, sample: &Sample| float(ms) / float(sample.tally.count).max(1.0);
        let busy = |ms: u64, sample: &Sample| float(ms) / 1000.0 / sample.tally.seconds.max(1e-9);
        let rates: Vec<f64> = samples.iter().map(rate).collect();
        let parts = samples.iter().flat_map(|sample| sample.spent.parts.keys());
        let cpu_ms_of = parts
            .map(|part| {
                let of = |sample: &Sample| {
                    let ms = sample.spent.parts.get(part).copied();
                    each(ms.unwrap_or_default(), sample)
                };
                (*part, middle(&of))
            })
            .collect();
        Self {
            name: name.name,
            connections: name.connections,
            per_second: median(rates.clone()),
            p50_ms: middle(&|sample| sample.tally.p50_ms),
            p99_ms: middle(&|sample| sample.tally.p99_ms),
            cpu_ms: middle(&|sample| each(sample.spent.installation(), sample)),
            sync: "on",
            sync_ms: middle(&|sample| sample.sync_ms),
            cpu_ms_of,
            later_cpu_ms: middle(&|sample| each(sample.later_ms, sample)),
            others_cpus: middle(&|sample| busy(sample.spent.others, sample)),
            stolen_cpus: middle(&|sample| busy(sample.spent.stolen, sample)),
            held: samples.iter().map(|sample| sample.tally.held).sum(),
            repeats: samples.len(),
            per_second_from_to: [
                rates.iter().copied().fold(f64::INFINITY, f64::min),
                rates.iter().copied().fold(0.0, f64::max),
            ],
        }
    }

    fn line(&self) -> String {
        let [from, to] = self.per_second_from_to;
        format!(
            "{:<17}{:>6}{:>10.0}{:>9.2}{:>9.2}{:>9.3}{:>6}{:>9.3}{:>8.2}{:>8.2}{:>9.3}  {from:.0}–{to:.0}  {}",
            self.name,
            self.connections,
            self.per_second,
            self.p50_ms,
            self.p99_ms,
            self.cpu_ms,
            self.sync,
            self.sync_ms,
            self.others_cpus,
            self.stolen_cpus,
            self.later_cpu_ms,
            self.parts(),
        )
    }

    /// The processor time of one request by part, of those that took some.
    pub fn parts(&self) -> String {
        let some = self.cpu_ms_of.iter().filter(|(_, ms)| **ms >= 0.0005);
        let parts: Vec<String> = some.map(|(part, ms)| format!("{part} {ms:.3}")).collect();
        parts.join(", ")
    }
}

impl Report {
    /// The report as people read it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        heading(out, &self.at, &self.machine, &self.postgresql)?;
        let [before, after] = self.sync_ms;
        writeln!(
            out,
            "sync        fdatasync of a page, median: {before:.3} ms before, {after:.3} ms after"
        )?;
        writeln!(
            out,
            "people      {} patients, each signed in with a passkey, with one document of 64 KiB, reading no faster and\n\
             \x20           no more than an ordinary patient may: their budgets and every rule about them are the defaults",
            self.people
        )?;
        writeln!(out, "not default {}", self.configuration)?;
        writeln!(
            out,
            "\n{:<17}{:>6}{:>10}{:>9}{:>9}{:>9}{:>6}{:>9}{:>8}{:>8}{:>9}  from–to  CPU by part",
            "row",
            "conns",
            "per s",
            "p50 ms",
            "p99 ms",
            "cpu ms",
            "sync",
            "sync ms",
            "others",
            "stolen",
            "later ms"
        )?;
        for row in &self.rows {
            writeln!(out, "{}", row.line())?;
        }
        for row in self.rows.iter().filter(|row| row.held > 0) {
            writeln!(
                out,
                "{} at {}: {} requests waited because nobody may read again so soon; with more --people it may be faster",
                row.name, row.connections, row.held
            )?;
        }
        for (name, connections, row) in AGAINST_SYNC {
            let is_it = |row: &&Row| row.name == name && row.connections == connections;
            if let Some(found) = self.rows.iter().find(is_it) {
                let (what, at, aim) = row(found);
                let above = at - found.sync_ms;
                writeln!(
                    out,
                    "{name} at {connections}: {what} {above:.2} ms above one sync of that time (aim: at most {aim})"
                )?;
            }
        }
        out.write_str(BESIDE)
    }
}

/// When, on what and how durably something was measured, as every report begins.
pub fn heading(
    out: &mut String,
    at: &str,
    machine: &Machine,
    postgresql: &Settings,
) -> std::fmt::Result {
    writeln!(out, "measured    {at}")?;
    writeln!(out, "machine     {}", machine.line())?;
    writeln!(out, "postgresql  {}", postgresql.line())
}

/// A figure of a row that is held against one sync: which, how much of it in milliseconds, and how much of that may be ours.
type Figure = fn(&Row) -> (&'static str, f64, u32);

/// Rows whose times are worth something only beside the disk's.
const AGAINST_SYNC: [(&str, usize, Figure); 2] = [
    ("grant", 1, |row| ("p50", row.p50_ms, 1)),
    ("grant_paced", 256, |row| ("p99", row.p99_ms, 10)),
];

/// Section 12 of the design, for reading beside; measured there, on another day and machine.
const BESIDE: &str = "
cpu ms      processor time of all server processes for each request (portal, keeper, PostgreSQL, room), without what asks
later ms    the same for what came after the load: the incident room takes entries over at its own pace
others      processors that programs outside the installation kept busy; stolen: that the host took away

Beside, from section 12 of the design. Another machine: compare CPU and ratios, not rates.
64 KiB document, 64 connections        per s    p50 ms   cpu ms
  Medplum 5.0                          1,419    29       1.13
  Helios 0.2.7 on PostgreSQL           3,263    19       0.56
  Helios on SQLite, not synced         8,449     7.5     0.19
  our prototype of the hot path       14,300     4.1     0.079
  aim for now                          3,000             0.3
grants, 256 in flight
  our prototype, full Cedar           39,000             0.039
  our prototype, remembered           57,000             0.018
  Tessera, entries of a log           18,331
  aim for now                         10,000
";

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(count: u64, keeper: u64, sync_ms: f64) -> Sample {
        Sample {
            tally: Tally {
                count,
                seconds: 2.0,
                p50_ms: 1.0,
                p99_ms: 3.0,
                held: 1,
            },
            spent: Spent {
                parts: BTreeMap::from([("keeper", keeper), ("portal", 100)]),
                others: 500,
                stolen: 0,
            },
            later_ms: 50,
            sync_ms,
        }
    }

    #[test]
    fn a_row_is_the_median_of_its_measurements() {
        let name = Name {
            name: "open_64k",
            connections: 16,
        };
        let samples = [
            sample(1000, 300, 0.1),
            sample(4000, 300, 0.9),
            sample(2000, 100, 0.2),
        ];
        let row = Row::of(name, &samples);
        assert!((row.per_second - 1000.0).abs() < 1e-9);
        assert!((row.cpu_ms - 0.1).abs() < 1e-9, "{}", row.cpu_ms);
        assert!((row.sync_ms - 0.2).abs() < 1e-9);
        assert!((row.others_cpus - 0.25).abs() < 1e-9);
        assert_eq!((row.repeats, row.held), (3, 3));
        assert!(row.line().contains("500–2000"), "{}", row.line());
    }

    #[test]
    fn the_median_of_two_lies_between_them() {
        assert!((median(vec![1.0, 3.0]) - 2.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).abs() < f64::EPSILON);
    }
}
