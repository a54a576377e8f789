//! A PostgreSQL of its own whose tables lie on a file system of a few MiB: for tests of a full disk.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use candour_embedded::cluster::{SUPERUSER, connect, make_folder, roles};
use candour_embedded::{Account, Cluster, Durability, Layout, Secret};
use tokio_postgres::Config;

use super::config;
use super::server::{account, temporary};

/// Mounts the small file system where nobody else sees it, runs PostgreSQL, and stops or starts it as told. The
/// mount goes with the last process that sees it, however this ends.
const RUN: &str = r#"
folder=$1 small=$2 size=$3 uid=$4 gid=$5; shift 5
mount -t tmpfs -o "size=$size,uid=$uid,gid=$gid,mode=0700" candour-small "$small" || exit 9
start() {
  setpriv --reuid="$uid" --regid="$gid" --clear-groups "$@" >>"$folder/log" 2>&1 </dev/null &
  server=$!
}
start "$@"
while read -r order; do
  case $order in
    stop) kill -QUIT "$server"; wait "$server" ;;
    start) start "$@" ;;
  esac
done
kill -QUIT "$server" 2>/dev/null
wait "$server"
rm -rf "$folder" 2>/dev/null
"#;

/// Such a server; ends when dropped.
#[derive(Debug)]
pub struct SmallServer {
    cluster: Cluster,
    password: Secret,
    folder: PathBuf,
    running: Child,
}

impl SmallServer {
    /// Starts one with `mib` MiB for the tables of its database; or the reason why this machine cannot.
    ///
    /// # Panics
    /// When it could, and does not start.
    #[expect(
        clippy::expect_used,
        reason = "for tests only: a test without its server cannot go on"
    )]
    pub async fn start(mib: u32) -> Result<Self, String> {
        if !Account::may_separate() {
            return Err("only root may mount a small file system".to_owned());
        }
        let tried = Command::new("unshare").args(["--mount", "true"]).status();
        if !tried.is_ok_and(|status| status.success()) {
            return Err("this root may not mount anything here".to_owned());
        }
        let account = account().expect("an account for PostgreSQL");
        let folder = temporary(&account).expect("a temporary folder");
        let small = folder.join("small");
        make_folder(&small, 0o700, &account).expect("a place for the small file system");
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
        let running = run(&cluster, &folder, &small, mib, &account).expect("a shell runs");
        let mut server = Self {
            cluster,
            password,
            folder,
            running,
        };
        server.wait().await;
        server.arrange(&small).await;
        Ok(server)
    }

    /// The keeper's database on the small file system.
    pub fn keeper(&self) -> Config {
        config(&self.folder, roles::KEEPER, "small")
    }

    /// The same for somebody who holds the whole cluster.
    pub fn superuser(&self) -> Config {
        config(&self.folder, SUPERUSER, "small")
    }

    /// The small file system, as this process reaches it.
    pub fn volume(&self) -> PathBuf {
        let inside = self.folder.join("small");
        let root = format!("/proc/{}/root", self.running.id());
        Path::new(&root).join(inside.strip_prefix("/").unwrap_or(&inside))
    }

    /// Writes a file that leaves no room, and answers where it is.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn fill(&self) -> io::Result<PathBuf> {
        let path = self.volume().join("filler");
        let mut file = std::fs::File::create(&path)?;
        while file.write_all(&[0; 4096]).is_ok() {}
        Ok(path)
    }

    /// Ends PostgreSQL as a crash would, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be told.
    pub async fn stop(&mut self) -> io::Result<()> {
        self.tell("stop")?;
        while connect(&self.superuser()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Starts it again and waits until it answers.
    ///
    /// # Errors
    /// When it cannot be told.
    pub async fn start_again(&mut self) -> io::Result<()> {
        self.tell("start")?;
        self.wait().await;
        Ok(())
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

    #[expect(clippy::expect_used, reason = "for tests only")]
    async fn arrange(&self, small: &Path) {
        let client = connect(&config(&self.folder, SUPERUSER, "postgres"))
            .await
            .expect("the cluster answers");
        for role in roles::ROLES {
            let password = Secret::random().expect("a password");
            roles::ensure_role(&client, role, &password)
                .await
                .expect("a role is made");
        }
        let tablespace = format!("create tablespace small location '{}'", small.display());
        let database = format!(
            "create database small tablespace small strategy file_copy owner {}",
            roles::KEEPER
        );
        for statement in [tablespace, database] {
            client
                .batch_execute(&statement)
                .await
                .expect("a database is made on the small file system");
        }
    }
}

impl Drop for SmallServer {
    fn drop(&mut self) {
        drop(self.running.stdin.take());
        let _ = self.running.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn run(
    cluster: &Cluster,
    folder: &Path,
    small: &Path,
    mib: u32,
    account: &Account,
) -> Result<Child, Box<dyn std::error::Error>> {
    let server = cluster.command()?;
    let child = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "/bin/sh", "-c", RUN])
        .arg("candour-small")
        .args([folder, small])
        .args([
            format!("{mib}m"),
            account.uid.to_string(),
            account.gid.to_string(),
        ])
        .arg(server.get_program())
        .args(server.get_args())
        // What was committed outlives the server's crash; only a crash of the machine is not tested here.
        .args(["-c", "synchronous_commit=on"])
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
