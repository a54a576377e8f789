//! A PostgreSQL of its own whose write-ahead log lies on a disk that fails, waits or loses its power as it is told.

mod disk;

use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use candour_embedded::Account;
use candour_embedded::cluster::roles;
use fuser::{BackgroundSession, Config as MountConfig, MountOption, SessionACL};
use tempfile::TempDir;
use tokio_postgres::Config;

use self::disk::Disk;
use super::own::{Made, OwnServer, Ways};

pub use self::disk::Trouble;

const DATABASE: &str = "faulty";

/// Such a server; ends when dropped.
///
/// Its fields end in this order: PostgreSQL, then what it writes to.
#[derive(Debug)]
pub struct FaultyServer {
    server: OwnServer,
    disk: Disk,
    _mounted: BackgroundSession,
}

impl FaultyServer {
    /// Starts one with a disk that is well; or the reason why this machine cannot.
    ///
    /// # Panics
    /// When it could, and does not start.
    #[expect(
        clippy::expect_used,
        reason = "for tests only: a test without its server cannot go on"
    )]
    pub async fn start() -> Result<Self, String> {
        may_mount()?;
        let made = Made::cluster();
        let disk = Disk::of(made.account.uid, made.account.gid);
        let mounted = match mount(&disk, &made.disk) {
            Ok(mounted) => mounted,
            Err(error) => {
                let _ = std::fs::remove_dir_all(&made.folder);
                return Err(refused(&error));
            }
        };
        move_log(&made).expect("the write-ahead log is moved to the disk");
        disk.keep_all();
        let ways = Ways {
            under: &[],
            before: ":".to_owned(),
            after: r#"umount --lazy "$disk""#,
            settings: &["fsync=on", "synchronous_commit=on", "full_page_writes=on"],
        };
        let server = made.run(&ways).await;
        let database = format!("create database {DATABASE} owner {}", roles::KEEPER);
        server.arrange(&[database]).await;
        Ok(Self {
            server,
            disk,
            _mounted: mounted,
        })
    }

    /// The keeper's database.
    pub fn keeper(&self) -> Config {
        self.server.keeper(DATABASE)
    }

    /// The same for somebody who holds the whole cluster.
    pub fn superuser(&self) -> Config {
        self.server.superuser(DATABASE)
    }

    /// From now on the disk is like this. What waited goes on as it is then.
    pub fn turn(&self, trouble: Trouble) {
        self.disk.turn(trouble);
    }

    /// How many syncs wait for the disk now.
    pub fn waiting(&self) -> usize {
        self.disk.waiting()
    }

    /// Ends PostgreSQL, and with it everything that the disk had not been told to keep; then it is well.
    ///
    /// # Errors
    /// When PostgreSQL cannot be told.
    pub async fn lose_power(&mut self) -> io::Result<()> {
        self.server.stop().await?;
        self.disk.forget();
        Ok(())
    }

    /// Starts PostgreSQL again, which may have ended by itself, on a disk that is well.
    ///
    /// # Errors
    /// When it cannot be told.
    pub async fn start_again(&mut self) -> io::Result<()> {
        self.disk.turn(Trouble::None);
        self.server.stop().await?;
        self.server.start_again().await
    }
}

/// A folder on such a disk, which is unmounted when it is dropped.
#[derive(Debug)]
pub struct FaultyFolder {
    disk: Disk,
    _mounted: BackgroundSession,
    folder: TempDir,
}

impl FaultyFolder {
    /// Makes one that is empty and well; or the reason why this machine cannot.
    ///
    /// # Errors
    /// Why nothing can be mounted.
    pub fn mount() -> Result<Self, String> {
        may_mount()?;
        let folder = TempDir::new().map_err(|error| refused(&error))?;
        let about = std::fs::metadata(folder.path()).map_err(|error| refused(&error))?;
        let disk = Disk::of(about.uid(), about.gid());
        let mounted = mount(&disk, folder.path()).map_err(|error| refused(&error))?;
        Ok(Self {
            disk,
            _mounted: mounted,
            folder,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// From now on the disk is like this.
    pub fn turn(&self, trouble: Trouble) {
        self.disk.turn(trouble);
    }

    /// As if it had been told to keep all of it: what was made long ago.
    pub fn keep_all(&self) {
        self.disk.keep_all();
    }

    /// Only what the disk was told to keep is there; then it is well.
    pub fn lose_power(&self) {
        self.disk.forget();
    }
}

fn may_mount() -> Result<(), String> {
    if !Account::may_separate() {
        return Err("only root may mount a disk that fails".to_owned());
    }
    if !Path::new("/dev/fuse").exists() {
        return Err("this system has no file systems in user space".to_owned());
    }
    Ok(())
}

fn refused(error: &io::Error) -> String {
    format!("nothing may be mounted here ({error})")
}

fn mount(disk: &Disk, at: &Path) -> io::Result<BackgroundSession> {
    let mut config = MountConfig::default();
    config.mount_options = vec![
        MountOption::FSName("candour-faulty".to_owned()),
        MountOption::DefaultPermissions,
        MountOption::NoSuid,
        MountOption::NoDev,
    ];
    config.acl = SessionACL::All;
    fuser::spawn_mount(disk.clone(), at, &config)
}

/// PostgreSQL finds its log through a link.
fn move_log(made: &Made) -> io::Result<()> {
    let log = made.cluster.data().join("pg_wal");
    copy(&log, &made.disk)?;
    std::fs::remove_dir_all(&log)?;
    symlink(&made.disk, &log)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
