//! Ciphertext above 16 KiB: files that are named by the item's id and by nothing a client said.
//!
//! `incoming/` is where the portal may write. `kept/aa/bb/<id>` is where files stay; where the portal runs
//! under its own user only the worker writes there, and takes each file over as its own, read-only copy.

use candour_seal::{CryptoRng, ItemId, SystemRandom};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Where this process puts new files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// At once where they stay: portal and worker are one user.
    Kept,
    /// In `incoming/`, until the worker takes them over.
    Incoming,
}

/// The folder of large ciphertexts.
#[derive(Debug, Clone)]
pub struct Objects {
    root: Arc<Path>,
    placement: Placement,
}

/// A ciphertext too large to be read at once.
#[derive(Debug)]
pub struct ObjectFile {
    /// Open for reading from its start.
    pub file: File,
    /// Its length in bytes.
    pub length: u64,
}

/// Threads that write a batch side by side: one sync of the disk then serves several files.
const WRITERS: usize = 8;

// Portal and worker read each other's files; who else may is decided by the two folders, which the supervisor makes
// for these two accounts only. The process's umask must not decide it.
const ARRIVED_MODE: u32 = 0o644;
const KEPT_MODE: u32 = 0o444;
const FAN_MODE: u32 = 0o755;

/// What a crash left half-written is removed after a day.
const LEFT_OVER: Duration = Duration::from_hours(24);

impl Objects {
    /// Opens the folder, making what is missing of it.
    pub fn open(root: impl Into<PathBuf>, placement: Placement) -> io::Result<Self> {
        let root: PathBuf = root.into();
        for folder in [root.join("incoming"), root.join("kept")] {
            let made = fs::DirBuilder::new()
                .recursive(true)
                .mode(0o750)
                .create(&folder);
            // Where the worker owns `kept/`, the supervisor has made it.
            if let Err(error) = made
                && !folder.is_dir()
            {
                return Err(error);
            }
        }
        Ok(Self {
            root: root.into(),
            placement,
        })
    }

    fn kept(&self, item: ItemId) -> PathBuf {
        let name = item.to_string();
        self.root
            .join("kept")
            .join(&name[..2])
            .join(&name[2..4])
            .join(&name)
    }

    fn incoming(&self, item: ItemId) -> PathBuf {
        self.root.join("incoming").join(item.to_string())
    }

    /// The open file; looked for where it stays, then where it arrives, then again where it stays, because the
    /// worker may have moved it meanwhile.
    pub(crate) fn read(&self, item: ItemId) -> io::Result<ObjectFile> {
        let kept = self.kept(item);
        for path in [&kept, &self.incoming(item), &kept] {
            match open_plain(path) {
                Ok(opened) => return Ok(opened),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Err(ErrorKind::NotFound.into())
    }

    /// Makes files durable; for each whether it is new. What exists already is left as it is.
    ///
    /// When this returns, the files and their names survive a loss of power.
    pub(crate) async fn write(&self, files: Vec<(ItemId, Arc<Vec<u8>>)>) -> io::Result<Vec<bool>> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let mut writers = tokio::task::JoinSet::new();
        let share = files.len().div_ceil(WRITERS);
        for (number, files) in files.chunks(share).enumerate() {
            let (this, files) = (self.clone(), files.to_vec());
            writers.spawn_blocking(move || this.write_some(&files).map(|made| (number, made)));
        }
        let mut made = Vec::new();
        while let Some(written) = writers.join_next().await {
            made.push(written.map_err(io::Error::other)??);
        }
        made.sort_unstable_by_key(|(number, _)| *number);
        let folders = self.folders(files.iter().map(|(item, _)| self.place(*item)));
        tokio::task::spawn_blocking(move || sync_folders(&folders))
            .await
            .map_err(io::Error::other)??;
        Ok(made.into_iter().flat_map(|(_, made)| made).collect())
    }

    fn place(&self, item: ItemId) -> PathBuf {
        match self.placement {
            Placement::Kept => self.kept(item),
            Placement::Incoming => self.incoming(item),
        }
    }

    fn write_some(&self, files: &[(ItemId, Arc<Vec<u8>>)]) -> io::Result<Vec<bool>> {
        files
            .iter()
            .map(|(item, bytes)| {
                if self.read(*item).is_ok() {
                    return Ok(false);
                }
                let part = self.part("incoming");
                write_synced(&part, bytes)?;
                Self::give_name(&part, &self.place(*item))
            })
            .collect()
    }

    /// A name for a file that is being written. Random, because a process that ended in the middle may have had
    /// this one's number and counted as far.
    fn part(&self, folder: &str) -> PathBuf {
        let mut random = [0; 16];
        let rng: &mut dyn CryptoRng = &mut SystemRandom;
        rng.fill_bytes(&mut random);
        let name = format!(".{}.part", ItemId::from_bytes(random));
        self.root.join(folder).join(name)
    }

    /// Gives a written file its name, unless the name is taken; says whether it was free.
    ///
    /// A link and not a rename, because a rename would silently replace what is there.
    fn give_name(part: &Path, name: &Path) -> io::Result<bool> {
        let mut named = fs::hard_link(part, name);
        if named
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::NotFound)
        {
            Self::make_fan(name)?;
            named = fs::hard_link(part, name);
        }
        fs::remove_file(part)?;
        match named {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes the two folders above a kept file; they are durable after [`sync_folders`].
    fn make_fan(name: &Path) -> io::Result<()> {
        let Some(second) = name.parent() else {
            return Ok(());
        };
        for folder in second.parent().into_iter().chain([second]) {
            match fs::create_dir(folder) {
                Ok(()) => fs::set_permissions(folder, fs::Permissions::from_mode(FAN_MODE))?,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes a file where files stay, read-only at once; gives its length. A name that is taken is not replaced.
    pub(crate) fn place_unsynced(&self, item: ItemId, content: &mut dyn Read) -> io::Result<u64> {
        let part = self.part("kept");
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&part)?;
        let length = io::copy(content, &mut file)?;
        file.set_permissions(fs::Permissions::from_mode(KEPT_MODE))?;
        if Self::give_name(&part, &self.kept(item))? {
            Ok(length)
        } else {
            Err(ErrorKind::AlreadyExists.into())
        }
    }

    /// The folders that must be durable for these names to be: each folder between a name and our root, once. All are
    /// synced together after the last name was given, because the first sync then does most of the work of the rest.
    fn folders(&self, names: impl Iterator<Item = PathBuf>) -> BTreeSet<PathBuf> {
        names
            .flat_map(|name| {
                let above = name.ancestors().skip(1);
                let ours = above.take_while(|folder| **folder != *self.root);
                ours.map(Path::to_owned).collect::<Vec<_>>()
            })
            .collect()
    }

    /// Removes files, wherever they lie; those that are not there are gone. Durable when this returns.
    pub(crate) fn remove(&self, items: &[ItemId]) -> io::Result<()> {
        let places = || {
            items
                .iter()
                .flat_map(|item| [self.incoming(*item), self.kept(*item)])
        };
        for path in places() {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        sync_folders(&self.folders(places()))
    }

    /// Takes over what has arrived: the worker's step. Gives how many files were taken.
    ///
    /// Each is copied into a file of the worker's own (the portal may hold the old one open for writing), made
    /// durable, and only then removed from `incoming/`. A name that is kept already is never replaced.
    pub fn adopt(&self, now: SystemTime) -> io::Result<usize> {
        let mut arrived = Vec::new();
        for entry in fs::read_dir(self.root.join("incoming"))? {
            let path = entry?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            match name.parse::<ItemId>() {
                Ok(item) => arrived.push((path, self.kept(item))),
                Err(_) => remove_left_over(&path, now)?,
            }
        }
        let mut taken = 0;
        for together in arrived.chunks(256) {
            taken += self.adopt_some(together)?;
        }
        Ok(taken)
    }

    fn adopt_some(&self, arrived: &[(PathBuf, PathBuf)]) -> io::Result<usize> {
        let (mut taken, mut done) = (0, Vec::new());
        for (path, kept) in arrived {
            if fs::symlink_metadata(kept).is_err() {
                let Ok(ObjectFile { file: mut from, .. }) = open_plain(path) else {
                    // Not a plain file: nobody will ever ask for it, and nothing of it is read.
                    continue;
                };
                let part = self.part("kept");
                let mut into = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .open(&part)?;
                io::copy(&mut from, &mut into)?;
                into.set_permissions(fs::Permissions::from_mode(KEPT_MODE))?;
                into.sync_all()?;
                Self::give_name(&part, kept)?;
                taken += 1;
            }
            done.push(path);
        }
        sync_folders(&self.folders(arrived.iter().map(|(_, kept)| kept.clone())))?;
        done.into_iter().try_for_each(fs::remove_file)?;
        Ok(taken)
    }
}

impl ObjectFile {
    /// The whole ciphertext; for small files, which the system has in memory.
    ///
    /// What was appended since its length was looked at is left out: it is not what was sealed.
    pub(crate) fn read_whole(self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.length).unwrap_or(0));
        self.file.take(self.length).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Opens a plain file and nothing else: what the portal put into `incoming/` may be a link or a pipe.
fn open_plain(path: &Path) -> io::Result<ObjectFile> {
    let file: File = rustix::fs::open(
        path,
        rustix::fs::OFlags::RDONLY
            | rustix::fs::OFlags::NOFOLLOW
            | rustix::fs::OFlags::NONBLOCK
            | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?
    .into();
    let about = file.metadata()?;
    if about.is_file() {
        let length = about.len();
        Ok(ObjectFile { file, length })
    } else {
        Err(ErrorKind::InvalidInput.into())
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.set_permissions(fs::Permissions::from_mode(ARRIVED_MODE))?;
    file.sync_all()
}

/// Those that do not exist have nothing in them.
fn sync_folders(folders: &BTreeSet<PathBuf>) -> io::Result<()> {
    for folder in folders {
        match File::open(folder) {
            Ok(folder) => folder.sync_all()?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn remove_left_over(path: &Path, now: SystemTime) -> io::Result<()> {
    let about = fs::symlink_metadata(path)?;
    let age = now
        .duration_since(about.modified()?)
        .unwrap_or(Duration::ZERO);
    if about.is_file() && age > LEFT_OVER {
        fs::remove_file(path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candour_testkit::cluster::{FaultyFolder, Trouble};
    use candour_testkit::skipped::skipped;

    const ITEM: ItemId = ItemId::from_bytes(*b"0123456789abcdef");

    async fn write(objects: &Objects, bytes: &[u8]) -> bool {
        let files = vec![(ITEM, Arc::new(bytes.to_vec()))];
        objects.write(files).await.unwrap()[0]
    }

    fn read(objects: &Objects) -> Vec<u8> {
        objects.read(ITEM).unwrap().read_whole().unwrap()
    }

    #[tokio::test]
    async fn a_file_is_found_where_it_was_written_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        for placement in [Placement::Kept, Placement::Incoming] {
            let root = folder.path().join(format!("{placement:?}"));
            let objects = Objects::open(root, placement).unwrap();
            assert!(write(&objects, b"first").await);
            assert!(!write(&objects, b"second").await);
            assert_eq!(read(&objects), b"first");
        }
    }

    #[tokio::test]
    async fn a_removed_file_is_found_nowhere_and_removing_it_again_is_well() {
        let folder = tempfile::tempdir().unwrap();
        for placement in [Placement::Kept, Placement::Incoming] {
            let objects =
                Objects::open(folder.path().join(format!("{placement:?}")), placement).unwrap();
            write(&objects, b"content").await;
            objects.remove(&[ITEM]).unwrap();
            assert!(objects.read(ITEM).is_err(), "{placement:?}");
            objects.remove(&[ITEM]).unwrap();
        }
    }

    #[tokio::test]
    async fn what_the_worker_takes_over_is_read_only_and_still_found() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(folder.path(), Placement::Incoming).unwrap();
        write(&objects, b"content").await;
        let held_open = OpenOptions::new()
            .append(true)
            .open(objects.incoming(ITEM))
            .unwrap();
        assert_eq!(objects.adopt(SystemTime::UNIX_EPOCH).unwrap(), 1);
        assert_eq!(objects.adopt(SystemTime::UNIX_EPOCH).unwrap(), 0);
        assert!(!objects.incoming(ITEM).exists());
        let mode = objects.kept(ITEM).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o444);
        (&held_open).write_all(b" altered").unwrap();
        assert_eq!(read(&objects), b"content");
        assert!(!write(&objects, b"other").await);
    }

    #[tokio::test]
    async fn a_link_in_incoming_is_not_followed_and_a_kept_name_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(folder.path(), Placement::Incoming).unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, b"of the worker").unwrap();
        std::os::unix::fs::symlink(&secret, objects.incoming(ITEM)).unwrap();
        assert_eq!(objects.adopt(SystemTime::UNIX_EPOCH).unwrap(), 0);
        assert!(objects.read(ITEM).is_err());
        fs::remove_file(objects.incoming(ITEM)).unwrap();

        write(&objects, b"content").await;
        objects.adopt(SystemTime::UNIX_EPOCH).unwrap();
        fs::write(objects.incoming(ITEM), b"forged").unwrap();
        objects.adopt(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(read(&objects), b"content");
        assert!(!objects.incoming(ITEM).exists());
    }

    #[tokio::test]
    async fn half_written_files_go_after_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(folder.path(), Placement::Incoming).unwrap();
        let part = objects.part("incoming");
        fs::write(&part, b"half").unwrap();
        let written = part.metadata().unwrap().modified().unwrap();
        objects.adopt(written + LEFT_OVER).unwrap();
        assert!(part.exists());
        objects.adopt(written + LEFT_OVER * 2).unwrap();
        assert!(!part.exists());
    }

    #[tokio::test]
    async fn five_hundred_files_are_written_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(folder.path(), Placement::Kept).unwrap();
        let files: Vec<_> = (0..500_u64)
            .map(|number| {
                let mut id = [0; 16];
                id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
                (
                    ItemId::from_bytes(id),
                    Arc::new(number.to_le_bytes().to_vec()),
                )
            })
            .collect();
        let again = files[..250].to_vec();
        assert_eq!(objects.write(again).await.unwrap(), vec![true; 250]);
        let made = objects.write(files.clone()).await.unwrap();
        assert_eq!(made[..250], vec![false; 250]);
        assert_eq!(made[250..], vec![true; 250]);
        for (item, bytes) in files {
            assert_eq!(objects.read(item).unwrap().read_whole().unwrap(), *bytes);
        }
    }

    /// A folder of this placement on a disk that fails; none where this machine cannot make one.
    fn faulty(placement: Placement) -> Option<(FaultyFolder, Objects)> {
        match FaultyFolder::mount() {
            Ok(disk) => {
                let objects = Objects::open(disk.path(), placement).unwrap();
                sync_folders(&[disk.path().to_owned()].into()).unwrap();
                Some((disk, objects))
            }
            Err(reason) => {
                skipped(reason);
                None
            }
        }
    }

    const TROUBLES: [Trouble; 3] = [
        Trouble::WritesFail,
        Trouble::SyncsFail,
        Trouble::FolderSyncsFail,
    ];

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_failing_disk_did_not_keep_is_not_acknowledged_and_is_written_again() {
        for (placement, trouble) in [Placement::Kept, Placement::Incoming]
            .into_iter()
            .flat_map(|placement| TROUBLES.map(|trouble| (placement, trouble)))
        {
            let Some((disk, objects)) = faulty(placement) else {
                return;
            };
            disk.turn(trouble);
            for _ in 0..2 {
                let files = vec![(ITEM, Arc::new(b"kia ora".to_vec()))];
                let failed = objects.write(files).await.unwrap_err();
                assert_eq!(failed.raw_os_error(), Some(5), "{trouble:?}");
            }
            disk.turn(Trouble::None);
            write(&objects, b"kia ora").await;
            // What was acknowledged is there after a loss of power, name and all.
            disk.lose_power();
            assert_eq!(read(&objects), b"kia ora", "{placement:?} {trouble:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_failing_disk_does_not_take_over_stays_where_it_arrived() {
        for trouble in TROUBLES {
            let Some((disk, objects)) = faulty(Placement::Incoming) else {
                return;
            };
            assert!(write(&objects, b"kia ora").await);
            disk.turn(trouble);
            assert!(
                objects.adopt(SystemTime::UNIX_EPOCH).is_err(),
                "{trouble:?}"
            );
            disk.lose_power();
            assert_eq!(read(&objects), b"kia ora", "{trouble:?}");
            objects.adopt(SystemTime::UNIX_EPOCH).unwrap();
            disk.lose_power();
            assert_eq!(read(&objects), b"kia ora", "{trouble:?}");
        }
    }
}
