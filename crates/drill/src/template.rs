//! A settled installation that was stopped in order and is kept, so that every drill of a day can clone it.
//!
//! A clone is a copy of the whole data directory: the PostgreSQL cluster, the object files, the keeper's keys and
//! checkpoints. What belongs to one run (ports, passwords, credentials of processes) the supervisor makes anew at
//! each start. A template is named by everything that goes into it, so an old one is never taken for a new one.

use crate::installation::Installation;
use crate::settle;
use crate::{Problem, clock};
use aws_lc_rs::digest::{Context, SHA256};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many templates are kept; one of 400 patients takes about 200 MB.
const KEPT: usize = 2;

/// Programs whose content a settled installation depends on. They have the migrations and policies in them.
const PROGRAMS: [&str; 3] = ["candour", "candour-keeper", "candour-drill"];

/// What a template is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// How many patients.
    pub patients: u32,
    /// The seed of the population.
    pub seed: u64,
    /// How many of them have a passkey for ordinary traffic.
    pub visitors: usize,
}

/// A settled installation on the disk that nobody else changes while this is held.
pub struct Template {
    folder: PathBuf,
    _held: File,
}

impl Template {
    /// Takes the template from the shelf, or settles a fresh installation and puts it there.
    ///
    /// # Errors
    /// When it cannot be made, or the shelf belongs to somebody else.
    pub async fn of(kind: Kind) -> Result<Self, Problem> {
        let shelf = shelf()?;
        let held = hold(&shelf)?;
        let folder = shelf.join(name(kind)?);
        if !folder.is_dir() {
            let fresh = shelf.join("unfinished");
            remove(&fresh)?;
            make(kind, &fresh).await?;
            fs::rename(&fresh, &folder).map_err(Problem::file("could not rename", &fresh))?;
            drop_old(&shelf, &folder)?;
        }
        Ok(Self {
            folder,
            _held: held,
        })
    }

    /// One JSON line for each settled patient.
    pub fn list(&self) -> PathBuf {
        self.folder.join("settled.jsonl")
    }

    /// Copies the data directory; owners, modes and times stay what they are.
    ///
    /// # Errors
    /// When the copy fails.
    pub fn clone_to(&self, data: &Path) -> Result<(), Problem> {
        let from = self.folder.join("data");
        let status = Command::new("cp")
            .args(["--archive", "--reflink=auto"])
            .arg(&from)
            .arg(data)
            .status()
            .map_err(Problem::file("could not start", Path::new("cp")))?;
        if status.success() {
            // What waits for the keeper's socket must not find the one of the template.
            return remove_file(&data.join("run/keeper.sock"));
        }
        Err(Problem::Unexpected(format!(
            "the template could not be copied ({status}); remove {} and try again",
            self.folder.display()
        )))
    }
}

/// Settles an installation of its own, ends it in order, and leaves its data and list in `folder`.
async fn make(kind: Kind, folder: &Path) -> Result<(), Problem> {
    private_folder(folder)?;
    let installation = Installation::raise(false, None, false).await?;
    let begun = clock::now();
    let settled = settle::settle(&settle::Wishes {
        data: installation.data(),
        patients: kind.patients,
        seed: kind.seed,
        visitors: kind.visitors,
        list: Some(folder.join("settled.jsonl")),
        programs: Some(installation.programs()),
        is_quiet: true,
    })
    .await;
    let ended = installation.end_into(&folder.join("data")).await;
    let done = settled?;
    ended?;
    tracing::info!(
        people = done.people,
        documents = done.documents,
        seconds = clock::seconds_between(begun, clock::now()),
        "settled; this installation is cloned from now on"
    );
    Ok(())
}

/// Where templates lie: a folder of this user in the system's temporary one.
fn shelf() -> Result<PathBuf, Problem> {
    let own = rustix::process::geteuid().as_raw();
    let shelf = std::env::temp_dir().join(format!("candour-drill-templates-{own}"));
    private_folder(&shelf)?;
    let found = shelf
        .symlink_metadata()
        .map_err(Problem::file("could not look at", &shelf))?;
    if !found.is_dir() || found.uid() != own || found.mode() & 0o077 != 0 {
        return Err(Problem::Unexpected(format!(
            "{} is not a folder of this user alone; remove it",
            shelf.display()
        )));
    }
    Ok(shelf)
}

fn private_folder(folder: &Path) -> Result<(), Problem> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(Problem::file("could not create", folder))
}

/// Only one drill makes, copies or removes templates at a time.
fn hold(shelf: &Path) -> Result<File, Problem> {
    let file = shelf.join("lock");
    let held = File::create(&file).map_err(Problem::file("could not create", &file))?;
    flock(&held, FlockOperation::LockExclusive)
        .map_err(|error| Problem::file("could not lock", &file)(error.into()))?;
    Ok(held)
}

/// Everything that a settled installation depends on, as a name: what is asked for, the day on which the population
/// lives, and the content of the programs.
fn name(kind: Kind) -> Result<String, Problem> {
    let here = std::env::current_exe()
        .map_err(Problem::file("could not find", Path::new("this program")))?;
    let beside = here.parent().unwrap_or(Path::new("/"));
    let mut digest = Context::new(&SHA256);
    for program in PROGRAMS {
        feed(&mut digest, &beside.join(program))?;
    }
    let digest = digest.finish();
    let version = base16ct::lower::encode_string(&digest.as_ref()[..8]);
    let day = clock::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let Kind {
        patients,
        seed,
        visitors,
    } = kind;
    Ok(format!("{patients}-{seed}-{visitors}-{day}-{version}"))
}

fn feed(digest: &mut Context, file: &Path) -> Result<(), Problem> {
    let mut open = File::open(file).map_err(Problem::file("could not read", file))?;
    let mut piece = vec![0; 1 << 20];
    loop {
        match open
            .read(&mut piece)
            .map_err(Problem::file("could not read", file))?
        {
            0 => return Ok(()),
            read => digest.update(&piece[..read]),
        }
    }
}

/// Removes all but the newest templates; `fresh` stays.
fn drop_old(shelf: &Path, fresh: &Path) -> Result<(), Problem> {
    let entries = fs::read_dir(shelf).map_err(Problem::file("could not read", shelf))?;
    let mut others: Vec<(std::time::SystemTime, PathBuf)> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && path != fresh)
        .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)))
        .collect();
    others.sort();
    let many = others.len().saturating_sub(KEPT - 1);
    for (_, old) in others.drain(..many) {
        remove(&old)?;
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<(), Problem> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Problem::file("could not remove", folder)(error))
        }
        _ => Ok(()),
    }
}

fn remove_file(file: &Path) -> Result<(), Problem> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Problem::file("could not remove", file)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_templates_go_and_the_fresh_one_stays() {
        let shelf = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c"] {
            fs::create_dir(shelf.path().join(name)).unwrap();
        }
        let old = std::time::SystemTime::UNIX_EPOCH;
        File::open(shelf.path().join("c"))
            .unwrap()
            .set_modified(old)
            .unwrap();
        drop_old(shelf.path(), &shelf.path().join("a")).unwrap();
        let is_there = |name: &str| shelf.path().join(name).exists();
        assert!(is_there("a") && is_there("b") && !is_there("c"));
    }
}
