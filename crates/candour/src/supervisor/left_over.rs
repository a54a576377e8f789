//! Notes of running processes, so that those of a killed supervisor can be ended by the next one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::Problem;

/// A process, told apart from a later one of the same number by when it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    number: u32,
    /// Ticks of the system's clock between boot and the process's start.
    started: u64,
}

/// The notes: one line `name number started` for each process.
#[derive(Debug, Clone)]
pub struct LeftOver {
    file: PathBuf,
    earlier: Rc<Vec<Process>>,
    now: Rc<RefCell<BTreeMap<&'static str, Process>>>,
}

impl LeftOver {
    /// Reads the notes of an earlier supervisor.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn open(file: &Path) -> Result<Self, Problem> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Problem::file("could not read", file)(error)),
        };
        let earlier = text
            .lines()
            .filter_map(parse)
            .filter(Process::lives)
            .collect();
        Ok(Self {
            file: file.to_path_buf(),
            earlier: Rc::new(earlier),
            now: Rc::default(),
        })
    }

    /// Notes a process that was just started.
    pub fn note(&self, name: &'static str, number: Option<u32>) {
        let process = number.and_then(|number| {
            Some(Process {
                number,
                started: started(number)?,
            })
        });
        if let Some(process) = process {
            self.now.borrow_mut().insert(name, process);
        }
        let lines: Vec<String> = self
            .now
            .borrow()
            .iter()
            .map(|(name, process)| format!("{name} {} {}\n", process.number, process.started))
            .collect();
        if let Err(error) = fs::write(&self.file, lines.concat()) {
            tracing::warn!(%error, "the notes of running processes cannot be written");
        }
    }

    /// Ends what is left of an earlier supervisor: asked first, killed after ten seconds.
    pub async fn end(&self) {
        for process in self.earlier.iter().rev() {
            super::send(Some(process.number), Signal::TERM);
        }
        let begun = Instant::now();
        while self.earlier.iter().any(Process::lives) {
            if begun.elapsed() > Duration::from_secs(10) {
                for process in self.earlier.iter().filter(|process| process.lives()) {
                    super::send(Some(process.number), Signal::KILL);
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Everything ended in order: there is nothing to note.
    pub fn clear(&self) {
        let _ = fs::remove_file(&self.file);
    }
}

impl Process {
    fn lives(&self) -> bool {
        started(self.number) == Some(self.started)
    }
}

fn parse(line: &str) -> Option<Process> {
    let mut words = line.split(' ');
    let _name = words.next()?;
    Some(Process {
        number: words.next()?.parse().ok()?,
        started: words.next()?.parse().ok()?,
    })
}

/// Field 22 of `/proc/N/stat`, counted after the program's name, which may itself hold spaces.
fn started(number: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    // A process that has ended and was not yet asked after does not count.
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_lives_and_another_of_its_number_is_not_it() {
        let number = std::process::id();
        let started = started(number).unwrap();
        assert!(Process { number, started }.lives());
        assert!(
            !Process {
                number,
                started: started + 1
            }
            .lives()
        );
    }

    #[test]
    fn notes_of_processes_that_are_gone_count_for_nothing() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("processes");
        fs::write(
            &file,
            format!("keeper {} 1\nportal x y\n", std::process::id()),
        )
        .unwrap();
        assert!(LeftOver::open(&file).unwrap().earlier.is_empty());
    }
}
