//! The data directory of an installation: whose it is, which version made it, who uses it now.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use candour_embedded::cluster::{enough_room, socket_path_is_too_long};
use candour_embedded::{Account, Secret};

use crate::Problem;

/// The version of the layout that this program makes and understands.
pub const VERSION: u32 = 1;

/// Names the version of the layout; a folder without it is not ours.
pub const VERSION_FILE: &str = "CANDOUR_VERSION";

/// Stands in a directory while a restore fills it.
pub const RESTORING: &str = "restore-is-not-finished";

/// What starting needs at the least, in MiB.
pub const NEEDED_MIB: u64 = 300;

/// An open data directory; nobody else can open it until this is dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    /// A short second name of the folder, for the paths of sockets; removed when dropped.
    short: Option<PathBuf>,
    _lock: File,
}

impl DataFolder {
    /// Opens a data directory, making it when it is missing or empty. True beside it when it is new.
    ///
    /// # Errors
    /// When it belongs to another user or a newer version, is in use, holds something else, cannot be
    /// entered by the accounts that the parts run under, or the disk is nearly full.
    pub fn open_or_create(path: &Path) -> Result<(Self, bool), Problem> {
        let is_new = !path.join(VERSION_FILE).exists();
        if is_new {
            prepare_new(path)?;
        }
        let path = path
            .canonicalize()
            .map_err(Problem::file("could not find", path))?;
        let folder = Self::open_checked(path)?;
        if is_new {
            let file = folder.path.join(VERSION_FILE);
            fs::write(&file, format!("{VERSION}\n"))
                .map_err(Problem::file("could not write", &file))?;
        }
        Ok((folder, is_new))
    }

    /// Opens an existing data directory.
    ///
    /// # Errors
    /// As [`DataFolder::open_or_create`]; also when there is none.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        if !path.join(VERSION_FILE).exists() {
            return Err(Problem::NoDataFolder(path.to_path_buf()));
        }
        let path = path
            .canonicalize()
            .map_err(Problem::file("could not find", path))?;
        Self::open_checked(path)
    }

    fn open_checked(path: PathBuf) -> Result<Self, Problem> {
        owner_is_me(&path)?;
        version_is_known(&path)?;
        if path.join(RESTORING).exists() {
            return Err(Problem::HalfRestored(path));
        }
        if Account::may_separate() {
            everybody_may_enter(&path)?;
        }
        enough_room(&path, NEEDED_MIB)?;
        let lock = lock(&path)?;
        let short = if socket_path_is_too_long(&path.join("run/postgres")) {
            Some(short_name(&path)?)
        } else {
            None
        };
        Ok(Self {
            path,
            short,
            _lock: lock,
        })
    }

    /// Where it really is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name that is handed to every part, short enough for sockets below it.
    pub fn name(&self) -> &Path {
        self.short.as_deref().unwrap_or(&self.path)
    }

    /// A file or folder in it, under the name that is handed to every part.
    pub fn join(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.name().join(name.as_ref())
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        if let Some(short) = &self.short {
            let _ = fs::remove_file(short);
            let _ = short.parent().map(fs::remove_dir);
        }
    }
}

fn prepare_new(path: &Path) -> Result<(), Problem> {
    if path.symlink_metadata().is_ok() {
        owner_is_me(path)?;
        if !path.is_dir() {
            return Err(Problem::NotAFolder(path.to_path_buf()));
        }
        let mut entries = fs::read_dir(path).map_err(Problem::file("could not read", path))?;
        if entries
            .next()
            .is_some_and(|entry| entry.is_ok_and(|entry| entry.file_name() != "lock"))
        {
            return Err(Problem::NotOurs(path.to_path_buf()));
        }
    } else {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(path)
            .map_err(|error| {
                Problem::Machine(format!(
                    "{} cannot be made ({error}). Name a directory that you may write to with --data.",
                    path.display()
                ))
            })?;
    }
    // Secrets lie deeper, each in a folder or file of its own account.
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        .map_err(Problem::file("could not set the mode of", path))
}

fn owner_is_me(path: &Path) -> Result<(), Problem> {
    let owner = path
        .metadata()
        .map_err(Problem::file("could not look at", path))?
        .uid();
    let user = Account::current().uid;
    if owner == user {
        return Ok(());
    }
    Err(Problem::Embedded(candour_embedded::Problem::OtherOwner {
        folder: path.to_path_buf(),
        owner,
        user,
    }))
}

fn version_is_known(path: &Path) -> Result<(), Problem> {
    let file = path.join(VERSION_FILE);
    let Ok(text) = fs::read_to_string(&file) else {
        return Ok(());
    };
    match text.trim().parse::<u32>() {
        Ok(found) if found <= VERSION => Ok(()),
        Ok(found) => Err(Problem::NewerVersion {
            folder: path.to_path_buf(),
            found,
            known: VERSION,
        }),
        Err(_) => Err(Problem::NotOurs(path.to_path_buf())),
    }
}

/// The first folder on the way to `path`, itself included, that other accounts may not enter.
pub fn closed_to_others(path: &Path) -> Option<PathBuf> {
    let mut way: Vec<&Path> = path
        .ancestors()
        .filter(|part| !part.as_os_str().is_empty())
        .collect();
    way.reverse();
    way.into_iter()
        .find(|part| part.metadata().is_ok_and(|found| found.mode() & 0o001 == 0))
        .map(Path::to_path_buf)
}

fn everybody_may_enter(path: &Path) -> Result<(), Problem> {
    closed_to_others(path).map_or(Ok(()), |closed| {
        Err(Problem::NotTraversable {
            folder: path.to_path_buf(),
            closed,
        })
    })
}

/// The system lets go of the lock when this process ends, however it ends.
fn lock(path: &Path) -> Result<File, Problem> {
    let name = path.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&name)
        .map_err(Problem::file("could not create", &name))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = file.read_to_string(&mut pid);
            let pid = match pid.trim() {
                "" => "unknown".to_owned(),
                number => number.to_owned(),
            };
            return Err(Problem::AlreadyRunning {
                folder: path.to_path_buf(),
                pid,
            });
        }
        Err(TryLockError::Error(error)) => {
            return Err(Problem::file("could not lock", &name)(error));
        }
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| write!(file, "{}", std::process::id()))
        .map_err(Problem::file("could not write", &name))?;
    Ok(file)
}

/// A link with a short path to the folder, in a folder of its own: a link right in the temporary folder
/// would not be followed for other accounts (`protected_symlinks`).
fn short_name(path: &Path) -> Result<PathBuf, Problem> {
    let random = Secret::random()?;
    let home = std::env::temp_dir().join(format!(
        "candour-{}",
        random.reveal().get(..10).unwrap_or_default()
    ));
    fs::DirBuilder::new()
        .mode(0o755)
        .create(&home)
        .map_err(Problem::file("could not create", &home))?;
    fs::set_permissions(&home, fs::Permissions::from_mode(0o755))
        .map_err(Problem::file("could not set the mode of", &home))?;
    let link = home.join("data");
    symlink(path, &link).map_err(Problem::file("could not create", &link))?;
    Ok(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_to_all() -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
        place
    }

    #[test]
    fn a_second_instance_on_the_same_directory_is_told_who_has_it() {
        let place = open_to_all();
        let path = place.path().join("a data directory");
        let (_held, is_new) = DataFolder::open_or_create(&path).unwrap();
        assert!(is_new);
        let text = DataFolder::open(&path).unwrap_err().to_string();
        assert!(
            text.contains(&format!("process {}", std::process::id())),
            "{text}"
        );
    }

    #[test]
    fn a_directory_is_new_only_once() {
        let place = open_to_all();
        let path = place.path().join("data");
        drop(DataFolder::open_or_create(&path).unwrap());
        let (_folder, is_new) = DataFolder::open_or_create(&path).unwrap();
        assert!(!is_new);
    }

    #[test]
    fn a_directory_of_a_newer_version_is_left_alone() {
        let place = open_to_all();
        let path = place.path().join("data");
        drop(DataFolder::open_or_create(&path).unwrap());
        fs::write(path.join(VERSION_FILE), "2\n").unwrap();
        let error = DataFolder::open(&path).unwrap_err();
        assert!(
            matches!(error, Problem::NewerVersion { found: 2, .. }),
            "{error}"
        );
    }

    #[test]
    fn a_directory_of_another_user_is_left_alone_with_the_next_step() {
        let place = open_to_all();
        let path = if Account::may_separate() {
            std::os::unix::fs::chown(place.path(), Some(65_534), None).unwrap();
            place.path()
        } else {
            Path::new("/usr")
        };
        let text = DataFolder::open_or_create(path).unwrap_err().to_string();
        assert!(
            text.contains("belongs to another user") && text.contains("--data"),
            "{text}"
        );
    }

    #[test]
    fn a_directory_whose_restore_broke_off_is_not_started() {
        let place = open_to_all();
        let path = place.path().join("data");
        drop(DataFolder::open_or_create(&path).unwrap());
        fs::write(path.join(RESTORING), "").unwrap();
        let text = DataFolder::open(&path).unwrap_err().to_string();
        assert!(text.contains("restore again"), "{text}");
    }

    #[test]
    fn a_directory_with_something_else_in_it_is_left_alone() {
        let place = open_to_all();
        fs::write(place.path().join("thesis.txt"), "mine").unwrap();
        let error = DataFolder::open_or_create(place.path()).unwrap_err();
        assert!(matches!(error, Problem::NotOurs(_)), "{error}");
    }

    #[test]
    fn a_file_is_not_taken_for_a_directory() {
        let place = open_to_all();
        let file = place.path().join("thesis.txt");
        fs::write(&file, "mine").unwrap();
        let text = DataFolder::open_or_create(&file).unwrap_err().to_string();
        assert!(
            text.contains("is a file") && text.contains("--data"),
            "{text}"
        );
    }

    #[test]
    fn a_long_path_gets_a_short_name_that_leads_to_the_same_place() {
        let place = open_to_all();
        let path = place.path().join("a long name/".repeat(12));
        let (folder, _) = DataFolder::open_or_create(&path).unwrap();
        assert!(!socket_path_is_too_long(&folder.join("run/postgres")));
        assert!(folder.join(VERSION_FILE).exists());
        let short = folder.name().to_path_buf();
        drop(folder);
        assert!(short.symlink_metadata().is_err());
    }

    #[test]
    fn a_closed_folder_on_the_way_is_found() {
        let place = open_to_all();
        let closed = place.path().join("closed");
        fs::DirBuilder::new().mode(0o700).create(&closed).unwrap();
        fs::create_dir(closed.join("data")).unwrap();
        assert_eq!(closed_to_others(&closed.join("data")), Some(closed));
    }
}
