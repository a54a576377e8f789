//! The machine that is measured on, and how long its disk takes to make something durable.

use crate::Problem;
use serde::Serialize;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;

/// What a figure belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// The processor, by its own name.
    pub cpu: String,
    /// How many of it this process may use.
    pub cores: usize,
    /// Memory.
    pub memory_mib: u64,
    /// Linux's release.
    pub kernel: String,
    /// The file system below the data directory.
    pub file_system: String,
}

impl Machine {
    /// In one line.
    pub fn line(&self) -> String {
        format!(
            "{}, {} cores, {} MiB, Linux {}, {}",
            self.cpu, self.cores, self.memory_mib, self.kernel, self.file_system
        )
    }

    /// Looks around.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn look(data: &Path) -> Result<Self, Problem> {
        let read = |name: &str| {
            let place = Path::new(name);
            fs::read_to_string(place).map_err(Problem::file("could not read", place))
        };
        let unknown = || "unknown".to_owned();
        Ok(Self {
            cpu: value(&read("/proc/cpuinfo")?, "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: mib(&read("/proc/meminfo")?, "MemTotal").unwrap_or_default(),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            file_system: file_system(&read("/proc/self/mountinfo")?, data).unwrap_or_else(unknown),
        })
    }
}

fn value(text: &str, name: &str) -> Option<String> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
}

/// A size that `/proc` gives in kB, in MiB.
pub fn mib(text: &str, name: &str) -> Option<u64> {
    let kib = value(text, name)?;
    kib.split(' ')
        .next()?
        .parse::<u64>()
        .ok()
        .map(|kib| kib / 1024)
}

/// The type of the mount whose path is the longest beginning of ours (`proc_pid_mountinfo(5)`); of several at one
/// place the last one covers the others.
fn file_system(mounts: &str, data: &Path) -> Option<String> {
    mounts
        .lines()
        .filter_map(|line| {
            let (mount, source) = line.split_once(" - ")?;
            let at = Path::new(mount.split(' ').nth(4)?);
            let kind = source.split(' ').next()?;
            data.starts_with(at)
                .then(|| (at.components().count(), kind.to_owned()))
        })
        .max_by_key(|(depth, _)| *depth)
        .map(|(_, kind)| kind)
}

/// A file beside the database, written over and synced as PostgreSQL does with its log.
pub struct Disk {
    file: File,
    page: Vec<u8>,
}

/// Size of the file; it is written once, so that a sync has no new blocks to note.
const PAGES: u64 = 256;
/// PostgreSQL's page.
const PAGE: usize = 8192;

impl Disk {
    /// Makes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn prepare(path: &Path) -> Result<Self, Problem> {
        let failed = |error| Problem::file("could not write", path)(error);
        let mut file = File::create(path).map_err(failed)?;
        let page = vec![0x5a; PAGE];
        for _ in 0..PAGES {
            file.write_all(&page).map_err(failed)?;
        }
        file.sync_all().map_err(failed)?;
        Ok(Self { file, page })
    }

    /// Median of so many writes of a page with `fdatasync`, in milliseconds.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync_ms(&mut self, times: u64) -> Result<f64, Problem> {
        let failed = |error| Problem::file("could not sync", Path::new("a file"))(error);
        let mut took = Vec::new();
        for turn in 0..times {
            let place = turn % PAGES * PAGE as u64;
            self.page[0] = self.page[0].wrapping_add(1);
            let begun = Instant::now();
            self.file.seek(SeekFrom::Start(place)).map_err(failed)?;
            self.file.write_all(&self.page).map_err(failed)?;
            self.file.sync_data().map_err(failed)?;
            took.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(super::report::median(took))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_system_is_that_of_the_nearest_mount() {
        let mounts = "21 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
             30 21 0:26 / /tmp rw shared:1 - tmpfs tmpfs rw\n\
             31 30 0:27 / /tmp/other rw - xfs /dev/vdb rw\n";
        assert_eq!(
            file_system(mounts, Path::new("/tmp/bench")).unwrap(),
            "tmpfs"
        );
        assert_eq!(file_system(mounts, Path::new("/var/lib")).unwrap(), "ext4");
    }

    #[test]
    fn sizes_are_told_in_mebibytes() {
        let text = "Name:\tcandour-keeper\nVmHWM:\t  208896 kB\nVmRSS:\t  104448 kB\n";
        assert_eq!(
            (mib(text, "VmRSS"), mib(text, "VmHWM")),
            (Some(102), Some(204))
        );
        assert_eq!(mib(text, "VmSwap"), None);
    }

    #[test]
    fn a_processor_is_known_by_its_name() {
        let text = "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: fpu\n";
        assert_eq!(value(text, "model name").unwrap(), "AMD EPYC");
    }
}
