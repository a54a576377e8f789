//! The processes of a running installation, found below its supervisor in `/proc`.

use super::dice::Dice;
use super::strike::Victim;
use crate::Problem;
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a killed process may take to be gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// How PostgreSQL's first process is started.
const POSTMASTER: &str = "postgres -D";

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its parent's.
    pub parent: u32,
    /// Its command line, words divided by spaces.
    pub line: String,
}

/// Every process of the machine that lives.
pub fn all() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(process)
        .collect()
}

fn process(pid: u32) -> Option<Process> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    Some(Process {
        pid,
        parent: parent(pid)?,
        line,
    })
}

/// Field 4 of `/proc/N/stat`; `None` for a process that is gone or has ended and was not yet asked after.
fn parent(pid: u32) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.next()?.parse().ok()
}

/// Whether a process lives.
pub fn lives(pid: u32) -> bool {
    parent(pid).is_some()
}

/// The process that a victim is now, below a supervisor; `None` while there is none.
pub fn find(supervisor: u32, victim: Victim, dice: &mut Dice) -> Option<u32> {
    match victim {
        Victim::Keeper => child_of(supervisor, "candour-keeper run"),
        Victim::Portal => child_of(supervisor, "candour portal"),
        Victim::Postmaster => child_of(supervisor, POSTMASTER),
        Victim::Backend => {
            let below = children(child_of(supervisor, POSTMASTER)?);
            dice.one_of(&below).copied()
        }
    }
}

/// The child of a process whose command line has these words.
pub fn child_of(parent: u32, words: &str) -> Option<u32> {
    all()
        .into_iter()
        .find(|process| process.parent == parent && process.line.contains(words))
        .map(|process| process.pid)
}

/// Those below a process.
pub fn children(parent: u32) -> Vec<u32> {
    all()
        .into_iter()
        .filter(|process| process.parent == parent)
        .map(|process| process.pid)
        .collect()
}

/// Sends a signal; whoever is gone already gets none.
pub fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Waits until all of these are gone.
///
/// # Errors
/// When one is not.
pub async fn wait_until_gone(pids: &[u32]) -> Result<(), Problem> {
    let begun = Instant::now();
    while pids.iter().any(|pid| lives(*pid)) {
        if begun.elapsed() > PATIENCE {
            return Err(Problem::TooLong {
                what: "the end of a killed process".to_owned(),
                seconds: PATIENCE.as_secs(),
            });
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// The last lines of a part's log that are no ordinary news, for a finding.
pub fn last_words(log: &Path, most: usize) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let mut lines: Vec<String> = text
        .lines()
        .rev()
        .filter(|line| !line.trim().is_empty() && !line.contains(" INFO "))
        .take(most)
        .map(str::to_owned)
        .collect();
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_among_all_and_lives() {
        let own = std::process::id();
        assert!(all().iter().any(|process| process.pid == own));
        assert!(lives(own));
        assert!(!lives(u32::MAX));
    }
}
