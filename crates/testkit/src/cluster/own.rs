//! A PostgreSQL of a test's own, which the test stops and starts again.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use candour_embedded::cluster::{SUPERUSER, connect, make_folder, roles};
use candour_embedded::{Account, Cluster, Durability, Layout, Secret};
use tokio_postgres::{Client, Config};

use super::config;
use super::server::{account, temporary};

/// Prepares its disk, runs PostgreSQL, stops or starts it as told, and clears up. It ends with the test's process, however
/// that ends.
const RUN: &str = r#"
folder=$1 disk=$2 before=$3 after=$4 uid=$5 gid=$6; shift 6
eval "$before" || exit 9
start() {
  setpriv --reuid="$uid" --regid="$gid" --clear-groups "$@" >>"$folder/log" 2>&1 </dev/null &
  server=$!
}
while read -r order; do
  case $order in
    stop) kill -QUIT "$server"; wait "$server" ;;
    start) start "$@" ;;
  esac
done
kill -QUIT "$server" 2>/dev/null
wait "$server"
eval "$after"
rm -rf "$folder" 2>/dev/null
"#;

/// What a server's disk needs of the shell that runs it.
#[derive(Debug)]
pub(super) struct Ways {
    /// The command before it, with its words.
    pub under: &'static [&'static str],
    /// Run first, with `$disk`, `$uid` and `$gid`.
    pub before: String,
    /// Run last.
    pub after: &'static str,
    /// Settings on PostgreSQL's command line.
    pub settings: &'static [&'static str],
}

/// A new cluster that was made and does not run yet.
pub(super) struct Made {
    pub cluster: Cluster,
    pub password: Secret,
    pub folder: PathBuf,
    pub account: Account,
    /// An empty folder of the account's, for the disk.
    pub disk: PathBuf,
}

/// A server that runs; ends when dropped.
#[derive(Debug)]
pub(super) struct OwnServer {
    cluster: Cluster,
    password: Secret,
    pub folder: PathBuf,
    pub disk: PathBuf,
    running: Child,
}

impl Made {
    /// Makes the cluster.
    ///
    /// # Panics
    /// When PostgreSQL is missing.
    #[expect(
        clippy::expect_used,
        reason = "for tests only: a test without its server cannot go on"
    )]
    pub fn cluster() -> Self {
        let account = account().expect("an account for PostgreSQL");
        let folder = temporary(&account).expect("a temporary folder");
        let disk = folder.join("disk");
        make_folder(&disk, 0o700, &account).expect("a place for the disk");
        let layout = Layout {
            folder: folder.join("cluster"),
            sockets: folder.clone(),
            access: folder.join("access"),
            account: account.clone(),
            durability: Durability::ForTests,
        };
        let cluster = Cluster::locate(layout).expect("PostgreSQL is installed");
        let password = Secret::random().expect("a password");
        cluster.create(&password).expect("a cluster is made");
        Self {
            cluster,
            password,
            folder,
            account,
            disk,
        }
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it does not start.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub async fn run(self, ways: &Ways) -> OwnServer {
        let running = shell(&self, ways).expect("a shell runs");
        let mut server = OwnServer {
            cluster: self.cluster,
            password: self.password,
            folder: self.folder,
            disk: self.disk,
            running,
        };
        server.start_again().await.expect("the shell listens");
        server
    }
}

impl OwnServer {
    /// Ends PostgreSQL as a crash would, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be told.
    pub async fn stop(&mut self) -> io::Result<()> {
        self.tell("stop")?;
        while connect(&self.superuser("postgres")).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// When it cannot be told.
    pub async fn start_again(&mut self) -> io::Result<()> {
        self.tell("start")?;
        self.wait().await;
        Ok(())
    }

    /// A database of it, as the role that owns it.
    pub fn keeper(&self, database: &str) -> Config {
        config(&self.folder, roles::KEEPER, database)
    }

    /// The same for somebody who holds the whole cluster.
    pub fn superuser(&self, database: &str) -> Config {
        config(&self.folder, SUPERUSER, database)
    }

    /// The disk, as this process reaches it.
    pub fn volume(&self) -> PathBuf {
        let root = format!("/proc/{}/root", self.running.id());
        Path::new(&root).join(self.disk.strip_prefix("/").unwrap_or(&self.disk))
    }

    /// Makes the roles, then runs these statements.
    ///
    /// # Panics
    /// When PostgreSQL refuses.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub async fn arrange(&self, statements: &[String]) {
        let client: Client = connect(&self.superuser("postgres"))
            .await
            .expect("the cluster answers");
        for role in roles::ROLES {
            let password = Secret::random().expect("a password");
            roles::ensure_role(&client, role, &password)
                .await
                .expect("a role is made");
        }
        for statement in statements {
            client
                .batch_execute(statement)
                .await
                .expect("a database is made on the disk");
        }
    }

    fn tell(&mut self, order: &str) -> io::Result<()> {
        let input = self
            .running
            .stdin
            .as_mut()
            .ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(input, "{order}")?;
        input.flush()
    }

    #[expect(clippy::expect_used, reason = "for tests only")]
    async fn wait(&mut self) {
        let running = &mut self.running;
        let has_ended = || matches!(running.try_wait(), Ok(Some(_)));
        let log = self.folder.join("log");
        self.cluster
            .wait_until_ready(&self.password, Duration::from_mins(1), &log, has_ended)
            .await
            .expect("PostgreSQL answers");
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        drop(self.running.stdin.take());
        let _ = self.running.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn shell(made: &Made, ways: &Ways) -> Result<Child, Box<dyn std::error::Error>> {
    let server = made.cluster.command()?;
    let words = ways.under.iter().chain(&["/bin/sh", "-c", RUN]);
    let words: Vec<&str> = words.copied().collect();
    let (program, rest) = words.split_first().ok_or("no shell")?;
    let child = Command::new(program)
        .args(rest)
        .arg("candour-own-server")
        .args([&made.folder, &made.disk])
        .args([&ways.before, ways.after])
        .args([made.account.uid.to_string(), made.account.gid.to_string()])
        .arg(server.get_program())
        .args(server.get_args())
        .args(ways.settings.iter().flat_map(|setting| ["-c", setting]))
        .current_dir("/")
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(child)
}
