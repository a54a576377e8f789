//! `candour backup`: everything that has to be put back, sealed in one file, taken while the installation runs.
//!
//! Order makes it whole. Checkpoints are read first, so none is newer than the ledger in the backup. Then one instant
//! of each database: the room's, which follows the keeper; the keeper's, whose visible items have a row in the
//! portal's; the portal's, whose rows have a file; and last the files. Whatever one of them names is therefore in
//! what was taken after it, and everything that was acknowledged before the start is in all of them.

pub mod archive;
pub mod epoch_keys;
pub mod files;
mod held;
pub mod key;
pub mod manifest;
pub mod place;
pub mod problem;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use candour_embedded::Binaries;
use candour_embedded::cluster::copies::Snapshot;
use candour_embedded::cluster::epoch_keys::installation;
use candour_embedded::cluster::{Client, connect};
use candour_seal::ItemId;
use candour_store::Objects;
use candour_store::backup::{FileRow, files_after};
use jiff::Timestamp;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::accounts::Accounts;
use crate::data_folder::VERSION;
use crate::installation::Installation;
use crate::problem::sentence;
use crate::secrets::issued;
use crate::{Configuration, DataFolder, Problem, serve, terminal};
use archive::Writer;
use files::Walk;
use key::BackupSeal;
use manifest::{Contents, Manifest, names};
use problem::BackupProblem;

/// The databases in the order in which their instants are taken, each with the file that says how its owner gets in.
pub const DATABASES: [(&str, &str); 3] = [
    ("room", "room"),
    ("keeper", "keeper"),
    ("portal", "migrator"),
];

/// Rows asked for at once.
const PAGE: i64 = 4096;
const STEP: usize = 256 * 1024;

/// What was asked on the command line.
#[derive(Debug, Clone, clap::Args)]
pub struct Wishes {
    /// The data directory.
    #[arg(long)]
    pub data: PathBuf,
    /// The file to make; a backup may also name a folder to make one in.
    #[arg(long)]
    pub to: PathBuf,
}

/// Makes a backup key; see [`key`].
///
/// # Errors
/// When there is no data directory, or the key's file exists already.
pub fn make_key(wishes: &Wishes) -> Result<(), Problem> {
    match DataFolder::open(&wishes.data) {
        Ok(_) | Err(Problem::AlreadyRunning { .. }) => {}
        Err(problem) => return Err(problem),
    }
    key::make(&wishes.data, &wishes.to)?;
    terminal::say(&format!(
        "{} opens the backups that are made from now on. Move it away from this machine, keep two copies, and neither \
         together with the root key. Lost, it cannot be made again.",
        wishes.to.display()
    ))
}

/// Makes a backup; the exit code is 0 only when nothing was missing.
///
/// # Errors
/// When it cannot be made; nothing is left of it then.
pub fn backup(wishes: &Wishes, clock: fn() -> Timestamp) -> Result<ExitCode, Problem> {
    let now = clock();
    match DataFolder::open(&wishes.data) {
        Ok(folder) => of_a_stopped(wishes, folder, now),
        Err(Problem::AlreadyRunning { .. }) => of_a_running(wishes, now),
        Err(problem) => Err(problem),
    }
}

fn of_a_running(wishes: &Wishes, now: Timestamp) -> Result<ExitCode, Problem> {
    let source = Source::of(&wishes.data, &wishes.to, now)?;
    serve::until_ended(async |stop| source.save(stop).await)
}

/// Its databases are started for the time that it takes.
fn of_a_stopped(wishes: &Wishes, folder: DataFolder, now: Timestamp) -> Result<ExitCode, Problem> {
    // What can be refused is refused before anything is started.
    drop(Source::of(folder.path(), &wishes.to, now)?);
    let configuration = Configuration::read(folder.path())?;
    let installation = Installation::prepare(folder, configuration)?;
    serve::with_databases(&installation, async |stop| {
        let source = Source::of(installation.data.path(), &wishes.to, now)?;
        source.save(stop).await
    })
}

/// What is saved, and where it goes.
struct Source {
    data: PathBuf,
    target: PathBuf,
    seal: BackupSeal,
    manifest: Manifest,
    binaries: Binaries,
    accounts: Accounts,
    objects: Objects,
}

impl Source {
    fn of(data: &Path, to: &Path, now: Timestamp) -> Result<Self, Problem> {
        let data = data
            .canonicalize()
            .map_err(Problem::file("could not find", data))?;
        let target = place::file(&data, to, now)?;
        let cluster = data.join("postgres");
        let made_by = fs::read_to_string(cluster.join("data/PG_VERSION"));
        let made_by = made_by.ok().and_then(|text| text.trim().parse().ok());
        let binaries = Binaries::find(&cluster, made_by)?;
        let configuration = Configuration::read(&data)?;
        Ok(Self {
            target,
            seal: BackupSeal::read(&data)?,
            manifest: Manifest {
                data_version: VERSION,
                made_by: env!("CARGO_PKG_VERSION").to_owned(),
                begun_at: now,
                postgres: binaries.major,
                demonstration: configuration.demonstration,
                epoch_keys: None,
            },
            binaries,
            accounts: Accounts::ensure()?,
            objects: issued::objects(&data)?,
            data,
        })
    }

    /// Reading, sealing and writing block, so they have a thread of their own.
    async fn save(self, stop: CancellationToken) -> Result<ExitCode, Problem> {
        let handle = Handle::current();
        let work = tokio::task::spawn_blocking(move || {
            let draft = Draft::beside(&self.target)?;
            let (contents, left_out) = self.write(&draft, &handle, &stop)?;
            draft.keep(&self.target)?;
            report(&self.target, &contents, &left_out)
        });
        work.await
            .map_err(|error| Problem::Machine(format!("the backup broke off: {error}")))?
    }

    fn write(
        &self,
        draft: &Draft,
        handle: &Handle,
        stop: &CancellationToken,
    ) -> Result<(Contents, Vec<String>), Problem> {
        let out = BufWriter::with_capacity(STEP, &draft.file);
        let mut saver = Saver {
            writer: Writer::begin(out, &self.seal).map_err(|error| self.unwritten(error))?,
            source: self,
            stop,
        };
        let keys = self.epoch_keys(handle)?;
        let name = keys.as_ref().and_then(|file| file.file_name());
        let name = name.map(|name| name.to_string_lossy().into_owned());
        let manifest = Manifest {
            epoch_keys: name,
            ..self.manifest.clone()
        };
        let manifest = serde_json::to_vec(&manifest).map_err(|error| {
            Problem::Machine(format!("the manifest cannot be written: {error}"))
        })?;
        saver.bytes(names::MANIFEST, &manifest)?;
        let left_out = saver.files()?;
        let mut snapshots = Vec::new();
        for (database, way_in) in DATABASES {
            snapshots.push((database, self.instant(way_in, handle)?));
        }
        for (database, snapshot) in &snapshots {
            saver.database(database, snapshot)?;
        }
        let contents = match snapshots.last() {
            Some((_, portal)) => saver.objects(portal, handle)?,
            None => Contents {
                objects: 0,
                object_bytes: 0,
                missing: Vec::new(),
            },
        };
        let text = serde_json::to_vec(&contents).map_err(|error| {
            Problem::Machine(format!("the manifest cannot be written: {error}"))
        })?;
        saver.bytes(names::CONTENTS, &text)?;
        saver
            .writer
            .finish()
            .and_then(|mut out| out.flush())
            .and_then(|()| draft.file.sync_all())
            .map_err(|error| self.unwritten(error))?;
        // After everything that hangs on them, and before the backup gets its name.
        if let Some(file) = keys {
            let keeper = self.connected("keeper", handle)?;
            handle.block_on(epoch_keys::save(&keeper, &file))?;
        }
        Ok((contents, left_out))
    }

    /// Where this installation's epoch keys go, unless its keeper has not set them apart yet.
    fn epoch_keys(&self, handle: &Handle) -> Result<Option<PathBuf>, Problem> {
        let keeper = self.connected("keeper", handle)?;
        let id = handle.block_on(installation(&keeper));
        let id = id.map_err(|error| Problem::Embedded(error.into()))?;
        let file = |id: Vec<u8>| self.target.with_file_name(epoch_keys::name(&id));
        Ok(id.map(file))
    }

    fn connected(&self, way_in: &str, handle: &Handle) -> Result<Client, Problem> {
        let config = issued::config(&self.data, way_in)?;
        let client = handle.block_on(connect(&config));
        client.map_err(|error| Problem::Embedded(error.into()))
    }

    fn instant(&self, way_in: &str, handle: &Handle) -> Result<Snapshot, Problem> {
        let taken = handle.block_on(Snapshot::take(issued::config(&self.data, way_in)?));
        taken.map_err(|error| Problem::Embedded(error.into()))
    }

    fn unwritten(&self, error: io::Error) -> Problem {
        if error.kind() == ErrorKind::StorageFull {
            return BackupProblem::TargetFull(self.target.clone()).into();
        }
        Problem::file("could not write", &self.target)(error)
    }
}

/// Writes one backup.
struct Saver<'a, W: Write> {
    writer: Writer<W>,
    source: &'a Source,
    stop: &'a CancellationToken,
}

impl<W: Write> Saver<'_, W> {
    fn bytes(&mut self, name: &str, content: &[u8]) -> Result<(), Problem> {
        self.entry(name, 0, &mut &*content)?;
        Ok(())
    }

    /// Writes one entry from a stream; gives how long it was.
    fn entry(&mut self, name: &str, mode: u32, content: &mut dyn Read) -> Result<u64, Problem> {
        let unwritten = |error| self.source.unwritten(error);
        self.writer.entry(name, mode).map_err(unwritten)?;
        let mut step = vec![0; STEP];
        let mut length = 0;
        loop {
            if self.stop.is_cancelled() {
                return Err(BackupProblem::Ended.into());
            }
            let count = match content.read(&mut step) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Problem::file("could not read", name)(error)),
            };
            length += count as u64;
            self.writer.push(&step[..count]).map_err(unwritten)?;
        }
        self.writer.close().map_err(unwritten)?;
        Ok(length)
    }

    /// Gives what was left out because it is not what it seems.
    fn files(&mut self) -> Result<Vec<String>, Problem> {
        let source = self.source;
        for name in files::unknown(&source.data)? {
            terminal::say(&format!(
                "not saved, because this version of Candour does not know it: {name}"
            ))?;
        }
        Walk::through(&source.data, &source.accounts, &mut |below, plain| {
            let name = files::name_of(below)
                .map_err(|why| Problem::Machine(format!("{}: {why}", below.display())))?;
            // No more than it held when it was opened: its owner may write faster than we read.
            let mut content = plain.file.take(plain.length);
            self.entry(&name, plain.mode, &mut content)?;
            Ok(())
        })
    }

    fn database(&mut self, database: &'static str, snapshot: &Snapshot) -> Result<(), Problem> {
        let mut copying = snapshot.copy(&self.source.binaries, &self.source.accounts.postgres)?;
        let copy = copying.stdout.take();
        let name = format!("{}{database}", names::DATABASE);
        let copied = match copy {
            Some(mut copy) => self.entry(&name, 0, &mut copy),
            None => Ok(0),
        };
        if copied.is_err() {
            // It may wait for us to read on.
            let _ = copying.kill();
        }
        let ended = copying
            .wait_with_output()
            .map_err(Problem::file("could not wait for", "pg_dump"))?;
        if self.stop.is_cancelled() {
            // An interrupt from the keyboard reaches pg_dump as well.
            return Err(BackupProblem::Ended.into());
        }
        let length = copied?;
        if !ended.status.success() {
            return Err(BackupProblem::Database {
                database,
                doing: "copied",
                said: last_line(&ended.stderr),
            }
            .into());
        }
        terminal::say(&format!("  {database:<8}{}", amount(length)))
    }

    fn objects(&mut self, portal: &Snapshot, handle: &Handle) -> Result<Contents, Problem> {
        let of = |error: candour_store::StoreError| Problem::Machine(sentence(&error));
        let mut contents = Contents {
            objects: 0,
            object_bytes: 0,
            missing: Vec::new(),
        };
        let mut after: Option<ItemId> = None;
        loop {
            let rows = handle
                .block_on(files_after(&portal.client, after, PAGE))
                .map_err(of)?;
            let Some(last) = rows.last() else { break };
            after = Some(last.item);
            for row in &rows {
                self.object(row, &mut contents)?;
            }
        }
        terminal::say(&format!(
            "  {:<8}{} in {} files",
            "content",
            amount(contents.object_bytes),
            contents.objects
        ))?;
        Ok(contents)
    }

    /// A file that is not there must not keep the others from being saved: it is named at the end.
    fn object(&mut self, row: &FileRow, contents: &mut Contents) -> Result<(), Problem> {
        let found = self.source.objects.saved(row.item);
        let Some(mut found) = found.ok().filter(|file| file.length == row.size_bytes) else {
            contents.missing.push(row.item.to_string());
            return Ok(());
        };
        let name = format!("{}{}", names::OBJECT, row.item);
        let length = self.entry(&name, 0, &mut found.file)?;
        contents.objects += 1;
        contents.object_bytes += length;
        Ok(())
    }
}

/// A file under another name until it is whole; gone when it is dropped before.
struct Draft {
    file: File,
    path: PathBuf,
}

impl Draft {
    fn beside(target: &Path) -> Result<Self, Problem> {
        let mut name = std::ffi::OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(format!(".{}.part", std::process::id()));
        let path = target.with_file_name(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(Problem::file("could not create", &path))?;
        Ok(Self { file, path })
    }

    /// Never over what came meanwhile, where the file system can tell (a network share may not).
    fn keep(&self, target: &Path) -> Result<(), Problem> {
        match renameat_with(CWD, &self.path, CWD, target, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            Err(Errno::EXIST) => {
                return Err(BackupProblem::TargetExists(target.to_path_buf()).into());
            }
            Err(Errno::INVAL | Errno::NOSYS) => {
                fs::rename(&self.path, target)
                    .map_err(Problem::file("could not create", target))?;
            }
            Err(error) => return Err(Problem::file("could not create", target)(error.into())),
        }
        let folder = target.parent().unwrap_or(target);
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(Problem::file("could not write", folder))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn report(target: &Path, contents: &Contents, left_out: &[String]) -> Result<ExitCode, Problem> {
    let length = target.metadata().map_or(0, |about| about.len());
    terminal::say(&format!("{} holds {}.", target.display(), amount(length)))?;
    if !left_out.is_empty() {
        terminal::complain(&format!(
            "Left out, because it is no plain file of the account that its place belongs to, or none that Candour makes; \
             everything else was looked at and saved. Find out who put it there before you remove it: a part that was taken over can do this to have \
             something else copied. {}",
            first_few(left_out)
        ))?;
    }
    if contents.missing.is_empty() && left_out.is_empty() {
        terminal::say(
            "It holds no root key: keep a copy of that elsewhere. It opens together with the file beside it whose name ends in \
             .epoch-keys; keep the newest of that, and no older one. Check the file with: candour restore --check",
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    if contents.missing.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    terminal::complain(&format!(
        "The content of {} items was not on the disk or was of another length, so it is in no backup either; everything \
         else is in this one. Look for these files in an earlier backup, and find out who removed them: {}",
        contents.missing.len(),
        first_few(&contents.missing),
    ))?;
    Ok(ExitCode::FAILURE)
}

/// The first names of a list that may be long.
pub fn first_few(names: &[String]) -> String {
    let shown = names.get(..names.len().min(5)).unwrap_or_default();
    let more = names.len() - shown.len();
    if more == 0 {
        return shown.join(", ");
    }
    format!("{} and {more} more", shown.join(", "))
}

/// A number of bytes for a reader.
pub fn amount(bytes: u64) -> String {
    let mib = bytes / 1_048_576;
    match mib {
        0 => format!("{} KiB", bytes.div_ceil(1024)),
        1..=9999 => format!("{mib} MiB"),
        _ => format!("{} GiB", mib / 1024),
    }
}

/// The last thing a program said.
pub fn last_line(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or("it ended without a word").trim().to_owned()
}
