//! The second reading: databases, content and files to where they belong.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use candour_embedded::cluster::copies;
use candour_embedded::{Account, Cluster};
use candour_seal::ItemId;
use candour_store::{Objects, Placement};
use tokio_util::sync::CancellationToken;

use super::survey::{Place, signed_size};
use crate::Problem;
use crate::accounts::Accounts;
use crate::backup::archive::{Content, Entry, Reader};
use crate::backup::files;
use crate::backup::key::BackupKey;
use crate::backup::manifest::names;
use crate::backup::problem::BackupProblem;
use crate::backup::{DATABASES, last_line};
use crate::installation::Installation;
use crate::secrets::issued;

/// Everything that putting back needs, free of what stays with the supervisor's thread.
pub struct Unpacking {
    file: PathBuf,
    key_file: PathBuf,
    key: BackupKey,
    data: PathBuf,
    accounts: Accounts,
    cluster: Cluster,
    objects: Objects,
    tombstones: BTreeSet<ItemId>,
    checkpoints: &'static str,
    stop: CancellationToken,
}

impl Unpacking {
    /// Of the backup and its key's file, into an installation whose databases are empty and run.
    ///
    /// # Errors
    /// When the folder of the content cannot be opened.
    pub fn new(
        (file, key_file): (&Path, &Path),
        key: BackupKey,
        installation: &Installation,
        tombstones: BTreeSet<ItemId>,
        stop: CancellationToken,
    ) -> Result<Self, Problem> {
        let root = installation.data.join("objects");
        Ok(Self {
            file: file.to_path_buf(),
            key_file: key_file.to_path_buf(),
            key,
            data: installation.data.name().to_path_buf(),
            accounts: installation.accounts.clone(),
            cluster: installation.cluster.clone(),
            objects: Objects::open(&root, Placement::Kept)
                .map_err(Problem::file("could not open", &root))?,
            tombstones,
            checkpoints: files::CHECKPOINTS,
            stop,
        })
    }

    /// Puts the backup's checkpoints into another folder than the keeper's own.
    pub fn with_checkpoints_in(self, folder: &'static str) -> Self {
        Self {
            checkpoints: folder,
            ..self
        }
    }

    /// Puts everything back; durable only after the file system was synced.
    ///
    /// # Errors
    /// When the backup does not read any more, or something cannot be written.
    pub fn run(&self) -> Result<(), Problem> {
        let opened = File::open(&self.file).map_err(Problem::file("could not read", &self.file))?;
        let mut reader = Reader::begin(opened, &self.key).map_err(|error| self.unread(error))?;
        while let Some(entry) = reader.next_entry().map_err(|error| self.unread(error))? {
            if self.stop.is_cancelled() {
                return Err(BackupProblem::Ended.into());
            }
            self.put_back(&mut reader, &entry)?;
        }
        self.give_content_away()
    }

    fn put_back(&self, reader: &mut Reader<File>, entry: &Entry) -> Result<(), Problem> {
        if let Some(database) = entry.name.strip_prefix(names::DATABASE) {
            return self.database(reader, database);
        }
        if let Some(item) = entry.name.strip_prefix(names::OBJECT) {
            return self.object(reader, item);
        }
        if let Some(below) = entry.name.strip_prefix(names::FILE) {
            return self.plain_file(reader, Path::new(below), entry.mode);
        }
        Ok(())
    }

    /// Filled by its owner, who made what is in it.
    fn database(&self, reader: &mut Reader<File>, name: &str) -> Result<(), Problem> {
        let known = DATABASES.iter().find(|(database, _)| *database == name);
        let (database, way_in) = known.ok_or_else(|| self.unexpected(name))?;
        let config = issued::config(&self.data, way_in)?;
        let account = &self.cluster.layout().account;
        let mut filling = copies::fill(&config, self.cluster.binaries(), account)?;
        let mut content = Content::of(reader);
        let mut input = filling.stdin.take();
        let copied = match &mut input {
            Some(input) => io::copy(&mut content, input).and_then(|_| input.flush()),
            None => Ok(()),
        };
        let failure = content.failure.take();
        drop(input);
        let ended = filling
            .wait_with_output()
            .map_err(Problem::file("could not wait for", "pg_restore"))?;
        if let Some(failure) = failure {
            return Err(self.unread(failure));
        }
        if ended.status.success() && copied.is_ok() {
            return Ok(());
        }
        Err(BackupProblem::Database {
            database,
            doing: "filled",
            said: last_line(&ended.stderr),
        }
        .into())
    }

    fn object(&self, reader: &mut Reader<File>, name: &str) -> Result<(), Problem> {
        let item: ItemId = name.parse().map_err(|_| self.unexpected(name))?;
        if self.tombstones.contains(&item) {
            return Ok(());
        }
        let mut content = Content::of(reader);
        match self.objects.put_back(item, &mut content) {
            Ok(_) => Ok(()),
            Err(error) => match content.failure.take() {
                Some(failure) => Err(self.unread(failure)),
                None => Err(self.unwritten(&self.data.join("objects"), error)),
            },
        }
    }

    fn plain_file(
        &self,
        reader: &mut Reader<File>,
        below: &Path,
        mode: u32,
    ) -> Result<(), Problem> {
        if below == Path::new(crate::configuration::FILE) {
            return Ok(());
        }
        let owner = files::owner(below, &self.accounts)
            .ok_or_else(|| self.unexpected(&below.display().to_string()))?;
        let moved = signed_size(below, Path::new(files::CHECKPOINTS))
            .and_then(|_| below.file_name())
            .map(|name| Path::new(self.checkpoints).join(name));
        let below = moved.as_deref().unwrap_or(below);
        let path = self.data.join(below);
        self.folders(below, owner)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| self.unwritten(&path, error))?;
        let mut content = Content::of(reader);
        if let Err(error) = io::copy(&mut content, &mut file) {
            return Err(match content.failure.take() {
                Some(failure) => self.unread(failure),
                None => self.unwritten(&path, error),
            });
        }
        file.set_permissions(fs::Permissions::from_mode(mode & 0o777))
            .map_err(|error| self.unwritten(&path, error))?;
        owner.own(&path)?;
        Ok(())
    }

    /// The folders on the way to a file, below the one that every installation has.
    fn folders(&self, below: &Path, owner: &Account) -> Result<(), Problem> {
        let mut way: Vec<&Path> = below
            .ancestors()
            .skip(1)
            .filter(|folder| !folder.as_os_str().is_empty())
            .collect();
        way.reverse();
        for folder in way {
            let path = self.data.join(folder);
            match fs::DirBuilder::new().mode(0o755).create(&path) {
                Ok(()) => owner.own(&path)?,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(self.unwritten(&path, error)),
            }
        }
        Ok(())
    }

    /// Content was put down by us and belongs to the worker.
    fn give_content_away(&self) -> Result<(), Problem> {
        let mut folders = vec![self.data.join("objects/kept")];
        while let Some(folder) = folders.pop() {
            let entries =
                fs::read_dir(&folder).map_err(Problem::file("could not read", &folder))?;
            for entry in entries {
                let entry = entry.map_err(Problem::file("could not read", &folder))?;
                self.accounts.worker.own(&entry.path())?;
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(entry.path());
                }
            }
        }
        Ok(())
    }

    fn unread(&self, error: crate::backup::archive::ArchiveError) -> Problem {
        let (file, key_file) = (&self.file, &self.key_file);
        Place { file, key_file }.problem(error)
    }

    fn unexpected(&self, what: &str) -> Problem {
        BackupProblem::Unexpected {
            file: self.file.clone(),
            what: what.to_owned(),
            made_by: "see its manifest".to_owned(),
        }
        .into()
    }

    fn unwritten(&self, path: &Path, error: io::Error) -> Problem {
        if error.kind() == ErrorKind::StorageFull {
            return BackupProblem::RestoreFull(self.data.clone()).into();
        }
        Problem::file("could not write", path)(error)
    }
}
