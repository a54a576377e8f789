//! Who used the processors: the installation's processes, told from everybody else's, out of `/proc`.

use super::machine::mib;
use crate::Problem;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

/// Milliseconds of a tick, in which `/proc` counts: Linux has a hundred in a second on every platform we build for.
const TICK_MS: u64 = 10;

/// The server of the reference reads: no part of the installation, and measured like one.
const REFERENCE: &str = "reference";

/// Processor time until now, in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    /// Of each part of the installation, by what it is.
    parts: BTreeMap<&'static str, u64>,
    /// Of the bench itself and of what asks.
    ours: u64,
    /// Of the whole machine.
    all: u64,
    /// That another machine on the same hardware took from this one.
    stolen: u64,
}

/// Processor time of a stretch of time, in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spent {
    /// Of each part of the installation.
    pub parts: BTreeMap<&'static str, u64>,
    /// Of everybody who has nothing to do with it.
    pub others: u64,
    /// Stolen by the host.
    pub stolen: u64,
}

impl Spent {
    /// Of the whole installation.
    pub fn installation(&self) -> u64 {
        self.parts.values().sum()
    }
}

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    parent: u32,
    /// Its own ticks, and those of its children that have ended.
    ticks: u64,
    part: Option<&'static str>,
}

/// The processes to be told apart.
#[derive(Debug, Clone, Copy)]
pub struct Trees {
    /// The supervisor.
    pub installation: u32,
    /// This process; what it started besides the supervisor and the reference server is its own.
    pub bench: u32,
}

impl Trees {
    /// What was used until now.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn used(self) -> Result<Used, Problem> {
        let processes = all()?;
        let mut used = whole_machine()?;
        for (number, process) in &processes {
            let time = process.ticks * TICK_MS;
            match self.whose(&processes, *number) {
                Whose::Part(part) => *used.parts.entry(part).or_default() += time,
                Whose::Bench => used.ours += time,
                Whose::Others => {}
            }
        }
        Ok(used)
    }

    fn whose(self, processes: &HashMap<u32, Process>, number: u32) -> Whose {
        let (mut at, mut part) = (number, None);
        while let Some(process) = processes.get(&at) {
            if at == self.installation {
                return Whose::Part(part.unwrap_or("supervisor"));
            }
            if at == self.bench {
                return match part {
                    Some(REFERENCE) => Whose::Part(REFERENCE),
                    _ => Whose::Bench,
                };
            }
            part = process.part.or(part);
            at = process.parent;
        }
        Whose::Others
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Whose {
    Part(&'static str),
    Bench,
    Others,
}

impl Used {
    /// What was used since `earlier`.
    pub fn since(&self, earlier: &Self) -> Spent {
        let parts: BTreeMap<_, _> = self
            .parts
            .iter()
            .map(|(part, time)| {
                let before = earlier.parts.get(part).copied().unwrap_or_default();
                (*part, time.saturating_sub(before))
            })
            .collect();
        let known = parts.values().sum::<u64>() + self.ours.saturating_sub(earlier.ours);
        Spent {
            others: (self.all.saturating_sub(earlier.all)).saturating_sub(known),
            stolen: self.stolen.saturating_sub(earlier.stolen),
            parts,
        }
    }
}

/// Processor time of our own children that have ended, in milliseconds.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn children_ms() -> Result<u64, Problem> {
    let place = Path::new("/proc/self/stat");
    let line = fs::read_to_string(place).map_err(Problem::file("could not read", place))?;
    let ticks = line
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().skip(13).take(2))
        .into_iter()
        .flatten()
        .filter_map(|word| word.parse::<u64>().ok());
    Ok(ticks.sum::<u64>() * TICK_MS)
}

/// What a process has in memory now, and had at most, in MiB (`VmRSS` and `VmHWM` of `proc_pid_status(5)`).
///
/// # Errors
/// When it has ended.
pub fn memory_mib(number: u32) -> Result<[u64; 2], Problem> {
    let place = format!("/proc/{number}/status");
    let place = Path::new(&place);
    let text = fs::read_to_string(place).map_err(Problem::file("could not read", place))?;
    let sizes = mib(&text, "VmRSS").zip(mib(&text, "VmHWM"));
    let sizes = sizes.map(|(now, most)| [now, most]);
    sizes.ok_or_else(|| Problem::Unexpected("a process's status does not read".to_owned()))
}

/// Every process there is. Whoever ends meanwhile is counted with their parent.
fn all() -> Result<HashMap<u32, Process>, Problem> {
    let proc = Path::new("/proc");
    let entries = fs::read_dir(proc).map_err(Problem::file("could not read", proc))?;
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(numbers
        .filter_map(|number| Some((number, read(number)?)))
        .collect())
}

fn read(number: u32) -> Option<Process> {
    let line = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    let words = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
    process(&line, &words)
}

/// The fields after the name, which may itself hold spaces and parentheses (`proc_pid_stat(5)`).
fn process(line: &str, words: &[u8]) -> Option<Process> {
    let (_, rest) = line.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
    // From the state, which is field 3: parent 4; own time 14 and 15; that of ended children 16 and 17.
    let ticks = (11..=14).map(number).sum::<Option<u64>>()?;
    Some(Process {
        parent: u32::try_from(number(1)?).ok()?,
        ticks,
        part: part(words),
    })
}

/// The part a process is, by how the supervisor starts it; PostgreSQL's own children are found by their parent.
fn part(words: &[u8]) -> Option<&'static str> {
    let mut words = words
        .split(|byte| *byte == 0)
        .filter_map(|word| std::str::from_utf8(word).ok());
    let program = Path::new(words.next()?).file_name()?.to_str()?;
    match (program, words.next()) {
        ("candour-keeper", _) => Some("keeper"),
        ("postgres", _) => Some("postgresql"),
        ("candour", Some("portal")) => Some("portal"),
        ("candour-drill", Some("bench-reference")) => Some(REFERENCE),
        ("candour", Some("room" | "worker" | "status" | "mailbox")) => Some("room and others"),
        _ => None,
    }
}

fn whole_machine() -> Result<Used, Problem> {
    let place = Path::new("/proc/stat");
    let text = fs::read_to_string(place).map_err(Problem::file("could not read", place))?;
    machine(&text).ok_or_else(|| Problem::Unexpected("/proc/stat does not read".to_owned()))
}

fn machine(text: &str) -> Option<Used> {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = line
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [
        user,
        nice,
        system,
        _idle,
        _waiting,
        interrupts,
        soft,
        stolen,
        ..,
    ] = ticks[..]
    else {
        return None;
    };
    Some(Used {
        all: (user + nice + system + interrupts + soft) * TICK_MS,
        stolen: stolen * TICK_MS,
        ..Used::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_parentheses_in_its_name_is_read() {
        let line = "42 (a (b) c) S 7 42 42 0 -1 4194560 1 2 3 4 10 20 3 4 20 0 1 0 99";
        let read = process(line, b"/p/candour\0portal\0--data\0/d").unwrap();
        let expected = Process {
            parent: 7,
            ticks: 37,
            part: Some("portal"),
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn a_process_belongs_to_the_part_nearest_to_the_supervisor() {
        let of = |parent, part| Process {
            parent,
            ticks: 0,
            part,
        };
        let processes = HashMap::from([
            (1, of(0, None)),
            (10, of(1, None)),
            (20, of(10, None)),
            (21, of(20, Some("postgresql"))),
            (22, of(21, None)),
            (30, of(10, None)),
        ]);
        let trees = Trees {
            installation: 20,
            bench: 10,
        };
        assert_eq!(trees.whose(&processes, 22), Whose::Part("postgresql"));
        assert_eq!(trees.whose(&processes, 20), Whose::Part("supervisor"));
        assert_eq!(trees.whose(&processes, 30), Whose::Bench);
        assert_eq!(trees.whose(&processes, 1), Whose::Others);
    }

    #[test]
    fn others_are_what_the_machine_did_beyond_what_is_known() {
        let text = |busy: u64| format!("cpu  {busy} 0 5 900 7 1 2 3 0 0\ncpu0 1 1 1 1 1 1 1 1\n");
        let with = |busy: u64, portal: u64, ours: u64| Used {
            parts: BTreeMap::from([("portal", portal)]),
            ours,
            ..machine(&text(busy)).unwrap()
        };
        let spent = with(150, 400, 60).since(&with(50, 100, 10));
        assert_eq!(spent.installation(), 300);
        assert_eq!(spent.others, 1000 - 300 - 50);
        assert_eq!(spent.stolen, 0);
    }
}
