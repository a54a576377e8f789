//! The volume of the ledger: alarms before it is full, and ballast that is let go when it is.
//!
//! PostgreSQL that finds no room stops writing, and may not even start. The ballast gives the room back at once,
//! so that what happened can still be written and people are told while there is time to act.

use crate::draft::Draft;
use crate::ledger::{LEDGER_VOLUME, own_alarm};
use candour_keeper_wire::wire::AlarmDetails;
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use serde::Deserialize;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;

const MIB: u64 = 1 << 20;

/// How much is kept, and when an alarm is raised; in `candour.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VolumeTable {
    /// A folder on the volume that holds the ledger's tables; the keeper's own folder when absent.
    pub folder: Option<PathBuf>,
    /// Size of the ballast in MiB; 64. 0 for none.
    pub ballast_mib: u64,
    /// An alarm is raised below this much room, in MiB; 1,024.
    pub low_mib: u64,
}

impl Default for VolumeTable {
    fn default() -> Self {
        Self {
            folder: None,
            ballast_mib: 64,
            low_mib: 1_024,
        }
    }
}

/// How the volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Room enough, and the ballast is held.
    Ample,
    /// Little room.
    Low,
    /// The ledger could not be written for want of room; the ballast was let go.
    Spent,
}

/// The volume came into another state.
pub(crate) struct Alarm {
    state: State,
    free_mib: u64,
    low_mib: u64,
}

impl Alarm {
    /// The entry that says so.
    pub fn draft(&self) -> Draft {
        let text = match self.state {
            State::Ample => format!("the ledger's volume has room again: {} MiB", self.free_mib),
            State::Low => format!("the ledger's volume has {} MiB left", self.free_mib),
            State::Spent => "the ledger's volume was full; the ballast was let go".to_owned(),
        };
        let details = AlarmDetails {
            counted: u32::try_from(self.free_mib).unwrap_or(u32::MAX),
            threshold: u32::try_from(self.low_mib).unwrap_or(u32::MAX),
            pages: self.state != State::Ample,
            ..AlarmDetails::default()
        };
        own_alarm(LEDGER_VOLUME, "ledger_volume", text, &details)
    }
}

/// The ballast, and how the volume was when it was last looked at.
pub(crate) struct Volume {
    ballast: PathBuf,
    table: VolumeTable,
    state: State,
}

impl Volume {
    /// On the volume of this folder.
    pub fn new(keeper: PathBuf, table: VolumeTable) -> Self {
        let folder = table.folder.clone().unwrap_or(keeper);
        Self {
            ballast: folder.join("ledger.ballast"),
            table,
            state: State::Ample,
        }
    }

    /// Looks at the volume, takes or lets go the ballast, and answers the alarm that is to be written, if any.
    pub fn look(&mut self, is_failing: bool) -> io::Result<Option<Alarm>> {
        let free = self.free_mib()?;
        let held = self.held_mib()?;
        let state = next(self.state, &self.table, free, held, is_failing);
        match state {
            State::Spent if held > 0 => self.let_go()?,
            State::Ample if held < self.table.ballast_mib && has_room(&self.table, free) => {
                self.take()?;
            }
            _ => {}
        }
        if state == self.state {
            return Ok(None);
        }
        self.state = state;
        tracing::error!(free_mib = free, state = ?state, "the ledger's volume");
        Ok(Some(Alarm {
            state,
            free_mib: free,
            low_mib: self.table.low_mib,
        }))
    }

    fn free_mib(&self) -> io::Result<u64> {
        let folder = self.ballast.parent().unwrap_or(&self.ballast);
        let found = statvfs(folder)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize) / MIB)
    }

    fn held_mib(&self) -> io::Result<u64> {
        match std::fs::metadata(&self.ballast) {
            Ok(found) => Ok(found.len() / MIB),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    fn take(&self) -> io::Result<()> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.ballast)?;
        let taken = fallocate(
            &file,
            FallocateFlags::empty(),
            0,
            self.table.ballast_mib * MIB,
        );
        if taken.is_err() {
            // Half a ballast would be taken for a whole one.
            file.set_len(0)?;
        }
        Ok(taken?)
    }

    fn let_go(&self) -> io::Result<()> {
        let file = File::options().write(true).open(&self.ballast)?;
        file.set_len(0)?;
        file.sync_all()
    }
}

/// The next state. A state is left only when there is more room than where it was entered, by the size of the
/// ballast or twice that, so that it does not swing.
fn next(was: State, table: &VolumeTable, free: u64, held: u64, is_failing: bool) -> State {
    let is_full = is_failing && free <= table.ballast_mib;
    match was {
        State::Spent if free >= table.low_mib + 2 * table.ballast_mib => State::Ample,
        State::Spent => State::Spent,
        _ if is_full && held > 0 => State::Spent,
        State::Low if !has_room(table, free) => State::Low,
        _ if free < table.low_mib => State::Low,
        _ => State::Ample,
    }
}

/// The ballast fits above the alarm's threshold.
fn has_room(table: &VolumeTable, free: u64) -> bool {
    free >= table.low_mib + table.ballast_mib
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: VolumeTable = VolumeTable {
        folder: None,
        ballast_mib: 64,
        low_mib: 1_000,
    };

    #[test]
    fn little_room_is_an_alarm_before_the_ledger_fails() {
        assert_eq!(next(State::Ample, &TABLE, 1_000, 64, false), State::Ample);
        assert_eq!(next(State::Ample, &TABLE, 999, 64, false), State::Low);
        assert_eq!(next(State::Low, &TABLE, 500, 64, false), State::Low);
        assert_eq!(next(State::Low, &TABLE, 1_063, 64, false), State::Low);
        assert_eq!(next(State::Low, &TABLE, 1_064, 64, false), State::Ample);
    }

    #[test]
    fn the_ballast_goes_only_when_the_ledger_fails_for_want_of_room() {
        assert_eq!(next(State::Low, &TABLE, 3, 64, false), State::Low);
        assert_eq!(next(State::Low, &TABLE, 500, 64, true), State::Low);
        assert_eq!(next(State::Low, &TABLE, 3, 64, true), State::Spent);
    }

    #[test]
    fn the_ballast_is_taken_again_when_there_is_room_for_it_above_the_threshold() {
        assert_eq!(next(State::Spent, &TABLE, 1_127, 0, false), State::Spent);
        assert_eq!(next(State::Spent, &TABLE, 1_128, 0, false), State::Ample);
    }

    #[test]
    fn the_ballast_takes_real_room_and_gives_it_back() {
        let folder = tempfile::tempdir().unwrap();
        let table = VolumeTable {
            folder: Some(folder.path().to_owned()),
            ballast_mib: 2,
            low_mib: 0,
        };
        let mut volume = Volume::new(PathBuf::new(), table);
        assert!(volume.look(false).unwrap().is_none());
        let blocks = |volume: &Volume| {
            use std::os::unix::fs::MetadataExt;
            std::fs::metadata(&volume.ballast).unwrap().blocks() * 512
        };
        assert!(blocks(&volume) >= 2 * MIB);
        volume.let_go().unwrap();
        assert_eq!(blocks(&volume), 0);
    }
}
