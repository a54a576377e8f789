//! A private PostgreSQL cluster: made once, run as a child process, reached through a Unix socket only.

pub mod copies;
pub mod epoch_keys;
pub mod roles;
mod settings;

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio_postgres::NoTls;

/// A connection and the way to one, for whoever hands them on and asks nothing.
pub use tokio_postgres::{Client, Config, Error};

pub use settings::{Durability, SOCKET_PATH_LIMIT, socket_path_is_too_long};

use crate::account::last_words;
use crate::{Account, Binaries, Problem, Secret};

/// The role that owns the cluster; only the supervisor and backup use it.
pub const SUPERUSER: &str = "candour_cluster";

/// What a new cluster needs before it holds anything, in MiB.
const NEEDED_MIB: u64 = 300;

/// Where a cluster lives and under whom it runs.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The folder of the cluster; made when missing and owned by `account`.
    pub folder: PathBuf,
    /// The folder of its socket; must exist, and `account` must be able to write in it.
    pub sockets: PathBuf,
    /// The access file (`pg_hba.conf`), kept outside the folder that PostgreSQL may write to.
    pub access: PathBuf,
    /// The account of the operating system that runs PostgreSQL.
    pub account: Account,
    /// Whether commits wait for the disk.
    pub durability: Durability,
}

/// A cluster and the programs that run it.
#[derive(Debug, Clone)]
pub struct Cluster {
    layout: Layout,
    binaries: Binaries,
}

impl Cluster {
    /// Looks at what is there and finds the PostgreSQL that can run it.
    ///
    /// # Errors
    /// When the folder belongs to somebody else, or no usable PostgreSQL is installed.
    pub fn locate(layout: Layout) -> Result<Self, Problem> {
        let made_by = made_by(&layout)?;
        let binaries = Binaries::find(&layout.folder, made_by)?;
        Ok(Self { layout, binaries })
    }

    /// Where this cluster lives.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The programs that run it (`pg_dump` and others are beside them).
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// True once [`Cluster::create`] has finished.
    pub fn exists(&self) -> bool {
        self.data().join("PG_VERSION").exists()
    }

    /// The folder that PostgreSQL itself calls its data directory.
    pub fn data(&self) -> PathBuf {
        self.layout.folder.join("data")
    }

    /// Makes the cluster, owned by [`SUPERUSER`] with `password`. Does nothing when it exists.
    ///
    /// # Errors
    /// When the disk is nearly full or `initdb` fails. What an interrupted attempt left is removed first.
    pub fn create(&self, password: &Secret) -> Result<(), Problem> {
        if self.exists() {
            return Ok(());
        }
        let folder = &self.layout.folder;
        make_folder(folder, 0o700, &self.layout.account)?;
        enough_room(folder, NEEDED_MIB)?;
        let fresh = folder.join("unfinished");
        if fresh.symlink_metadata().is_ok() {
            fs::remove_dir_all(&fresh).map_err(Problem::file("could not remove", &fresh))?;
        }
        // C.UTF-8 sorts by code point and exists on every Debian; elsewhere C does the same.
        self.initialise(&fresh, "C.UTF-8", password)
            .or_else(|problem| match problem {
                Problem::Program { ref said, .. } if said.contains("invalid locale") => {
                    self.initialise(&fresh, "C", password)
                }
                other => Err(other),
            })?;
        let data = self.data();
        fs::rename(&fresh, &data).map_err(Problem::file("could not rename", &fresh))
    }

    fn initialise(&self, fresh: &Path, locale: &str, password: &Secret) -> Result<(), Problem> {
        let hand_over = self.layout.folder.join("password");
        crate::secret::hand_over(&hand_over, password.reveal(), &self.layout.account)?;
        let program = self.binaries.program("initdb");
        let mut command = self.plain(&program);
        command
            .arg("--pgdata")
            .arg(fresh)
            .arg("--pwfile")
            .arg(&hand_over)
            .args(["--username", SUPERUSER, "--encoding", "UTF8"])
            .args(["--locale", locale, "--data-checksums"])
            .args(["--auth-local", "scram-sha-256", "--auth-host", "reject"]);
        if self.layout.durability == Durability::ForTests {
            command.arg("--no-sync");
        }
        let output = command.output();
        let removed = fs::remove_file(&hand_over);
        let output = output.map_err(Problem::file("could not run", &program))?;
        removed.map_err(Problem::file("could not remove", &hand_over))?;
        if output.status.success() {
            return Ok(());
        }
        let said = last_words(&output);
        if String::from_utf8_lossy(&output.stderr).contains("No space left on device") {
            return Err(disk_full(&self.layout.folder, NEEDED_MIB));
        }
        Err(Problem::Program {
            program: program.display().to_string(),
            said,
        })
    }

    /// The command that runs the server in the foreground; end it with an interrupt (fast shutdown).
    ///
    /// # Errors
    /// When the access file cannot be written, or the socket's path would be too long.
    pub fn command(&self) -> Result<Command, Problem> {
        let sockets = &self.layout.sockets;
        if socket_path_is_too_long(sockets) {
            return Err(Problem::Machine(format!(
                "the path {} is too long for a socket (a path to one has at most {SOCKET_PATH_LIMIT} bytes). \
                 Name a shorter directory with --data.",
                sockets.display()
            )));
        }
        let access = &self.layout.access;
        fs::write(access, settings::access_rules(self.layout.durability))
            .and_then(|()| fs::set_permissions(access, fs::Permissions::from_mode(0o644)))
            .map_err(Problem::file("could not write", access))?;
        let mut command = self.plain(&self.binaries.program("postgres"));
        command.arg("-D").arg(self.data());
        for (name, value) in settings::server(&self.layout) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        Ok(command)
    }

    /// A program of PostgreSQL under the cluster's account with an empty environment: variables such as
    /// `PGDATA` or `LC_MESSAGES` of whoever starts us must not change what it does.
    fn plain(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null());
        self.layout.account.run(&mut command);
        command
    }

    /// How to reach `database` as `role`.
    pub fn config(&self, role: &str, password: &Secret, database: &str) -> Config {
        let mut config = Config::new();
        config
            .host_path(&self.layout.sockets)
            .port(settings::PORT)
            .user(role)
            .password(password.reveal())
            .dbname(database)
            .connect_timeout(Duration::from_secs(5));
        config
    }

    /// Waits until the server answers, at most `patience`; `ended` is asked each time whether it died.
    ///
    /// # Errors
    /// When it died or does not answer in time; `log` is named in the text.
    pub async fn wait_until_ready(
        &self,
        password: &Secret,
        patience: Duration,
        log: &Path,
        mut ended: impl FnMut() -> bool,
    ) -> Result<(), Problem> {
        let config = self.config(SUPERUSER, password, "postgres");
        let begun = Instant::now();
        loop {
            let Err(refusal) = connect(&config).await else {
                return Ok(());
            };
            if ended() {
                return Err(self.not_started(last_line(log), log));
            }
            if begun.elapsed() > patience {
                return Err(self.not_started(
                    format!(
                        "it did not answer within {} s ({refusal})",
                        patience.as_secs()
                    ),
                    log,
                ));
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    fn not_started(&self, said: String, log: &Path) -> Problem {
        if said.contains("No space left on device") {
            return disk_full(&self.layout.folder, NEEDED_MIB);
        }
        Problem::NotStarted {
            said,
            log: log.to_path_buf(),
        }
    }

    /// Ends a server that an earlier supervisor left behind (it was killed); waits until it is gone.
    ///
    /// # Errors
    /// When it is still there after a minute.
    pub async fn end_left_over(&self) -> Result<(), Problem> {
        let Some(pid) = self.running() else {
            return Ok(());
        };
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        let begun = Instant::now();
        while self.running() == Some(pid) {
            if begun.elapsed() > Duration::from_mins(1) {
                return Err(Problem::Machine(format!(
                    "a PostgreSQL of an earlier start (process {}) still runs on {} and does not end. \
                     End it by hand and start again.",
                    pid.as_raw_nonzero(),
                    self.data().display()
                )));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// The server that runs on this folder now, if any: by its own file, checked against what that process is.
    fn running(&self) -> Option<rustix::process::Pid> {
        let noted = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        let pid: i32 = noted.lines().next()?.trim().parse().ok()?;
        let command_line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let is_ours = command_line
            .split(|byte| *byte == 0)
            .any(|argument| argument == self.data().as_os_str().as_encoded_bytes());
        is_ours
            .then(|| rustix::process::Pid::from_raw(pid))
            .flatten()
    }
}

/// Connects and keeps the connection served on a task of the caller's runtime.
///
/// # Errors
/// When PostgreSQL refuses or is not there.
pub async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the task ends with its client, which every caller drops within the call"
    )]
    tokio::spawn(async move {
        // The client sees the same error on its next call.
        let _ = connection.await;
    });
    Ok(client)
}

/// Makes a folder with that mode for that account; an existing one must be its own.
///
/// # Errors
/// When it cannot be made, or belongs to somebody else.
pub fn make_folder(folder: &Path, mode: u32, account: &Account) -> Result<(), Problem> {
    match fs::DirBuilder::new().mode(mode).create(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return belongs_to(folder, account);
        }
        Err(error) => return Err(Problem::file("could not create", folder)(error)),
    }
    // The process's umask may have taken bits away.
    fs::set_permissions(folder, fs::Permissions::from_mode(mode))
        .map_err(Problem::file("could not set the mode of", folder))?;
    if account.is_current() {
        return Ok(());
    }
    account.own(folder)
}

fn belongs_to(folder: &Path, account: &Account) -> Result<(), Problem> {
    let found = folder
        .symlink_metadata()
        .map_err(Problem::file("could not look at", folder))?;
    if found.uid() == account.uid && found.is_dir() {
        return Ok(());
    }
    Err(Problem::OtherOwner {
        folder: folder.to_path_buf(),
        owner: found.uid(),
        user: account.uid,
    })
}

/// Refuses when the disk that holds `folder` has less than `needed_mib` free.
///
/// # Errors
/// [`Problem::DiskFull`].
pub fn enough_room(folder: &Path, needed_mib: u64) -> Result<(), Problem> {
    if free_mib(folder) < needed_mib {
        return Err(disk_full(folder, needed_mib));
    }
    Ok(())
}

fn free_mib(folder: &Path) -> u64 {
    // A system that does not tell is taken to have room: the write itself will say.
    rustix::fs::statvfs(folder).map_or(u64::MAX, |disk| disk.f_bavail * disk.f_frsize / 1_048_576)
}

fn disk_full(folder: &Path, needed_mib: u64) -> Problem {
    Problem::DiskFull {
        folder: folder.to_path_buf(),
        free_mib: free_mib(folder),
        needed_mib,
    }
}

fn made_by(layout: &Layout) -> Result<Option<u32>, Problem> {
    if layout.folder.symlink_metadata().is_err() {
        return Ok(None);
    }
    belongs_to(&layout.folder, &layout.account)?;
    let file = layout.folder.join("data/PG_VERSION");
    match fs::read_to_string(&file) {
        Ok(text) => Ok(text.trim().parse().ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problem::file("could not read", &file)(error)),
    }
}

fn last_line(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    // PostgreSQL says why it ends in a FATAL line; the lines after it only say that it ends.
    let reason = text.lines().rev().find(|line| line.contains("FATAL:"));
    reason
        .or_else(|| text.lines().next_back())
        .unwrap_or("it ended without a word")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_nearly_full_is_named_with_what_is_free_and_what_is_needed() {
        let place = tempfile::tempdir().unwrap();
        let text = enough_room(place.path(), u64::MAX).unwrap_err().to_string();
        assert!(text.contains("MiB free"), "{text}");
        assert!(text.contains("another disk with --data"), "{text}");
        assert!(enough_room(place.path(), 0).is_ok());
    }

    #[test]
    fn a_folder_of_another_account_is_not_taken_for_ours() {
        let place = tempfile::tempdir().unwrap();
        let other = Account {
            name: "somebody".to_owned(),
            uid: 4_000_000,
            gid: 4_000_000,
        };
        let text = make_folder(place.path(), 0o700, &other)
            .unwrap_err()
            .to_string();
        assert!(text.contains("belongs to another user"), "{text}");
    }
}
