//! Starts the cluster for tests so that it ends with the process that started it.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use candour_embedded::cluster::{make_folder, roles};
use candour_embedded::{Account, Cluster, Durability, Layout, Problem, Secret};

/// Waits for the end of its input, which comes when the starting process ends in whatever way, then ends
/// PostgreSQL without ceremony and removes its folder.
const WATCH: &str = r#"
folder=$1; shift
"$@" >>"$folder/log" 2>&1 </dev/null &
server=$!
read -r _
kill -QUIT "$server" 2>/dev/null
wait "$server"
rm -rf "$folder"
"#;

/// A cluster for tests; ends when dropped or when the process ends.
#[derive(Debug)]
pub struct TestServer {
    sockets: PathBuf,
    watch: Child,
    /// Closing it ends the cluster.
    input: Option<ChildStdin>,
}

impl TestServer {
    /// Makes a cluster in a temporary folder and starts it; as root it runs as a system account.
    ///
    /// # Errors
    /// When PostgreSQL is missing, or does not start.
    pub fn start() -> Result<Self, Problem> {
        let account = account()?;
        let folder = temporary(&account)?;
        let cluster = Cluster::locate(Layout {
            folder: folder.join("cluster"),
            sockets: folder.clone(),
            access: folder.join("access"),
            account: account.clone(),
            durability: Durability::ForTests,
        })?;
        let password = Secret::random()?;
        cluster.create(&password)?;
        let mut server = watched(&cluster, &folder)?;
        let log = folder.join("log");
        let started = std::thread::scope(|scope| {
            let bootstrap = scope.spawn(|| bootstrap(&cluster, &password, &log, &mut server.watch));
            bootstrap.join().unwrap_or_else(|_| {
                Err(Problem::Machine(
                    "the start of the cluster for tests broke off".to_owned(),
                ))
            })
        });
        started.map(|()| server)
    }

    /// The folder of its socket.
    pub fn sockets(&self) -> &Path {
        &self.sockets
    }

    /// Serves until the input of this process ends: what `cargo xtask test` runs.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub fn serve_until_input_ends(self) -> io::Result<()> {
        for line in BufReader::new(io::stdin()).lines() {
            line?;
        }
        drop(self);
        Ok(())
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.watch.wait();
    }
}

/// Root may not run PostgreSQL: the account of Debian's package serves, or one of our own.
pub(super) fn account() -> Result<Account, Problem> {
    if !Account::may_separate() {
        return Ok(Account::current());
    }
    Account::find("postgres").map_or_else(|| Account::ensure("candour-postgres"), Ok)
}

pub(super) fn temporary(account: &Account) -> Result<PathBuf, Problem> {
    let name = Secret::random()?;
    let short = name.reveal().get(..12).unwrap_or_default();
    let folder = std::env::temp_dir().join(format!("candour-test-{short}"));
    make_folder(&folder, 0o700, account)?;
    Ok(folder)
}

fn watched(cluster: &Cluster, folder: &Path) -> Result<TestServer, Problem> {
    let server = cluster.command()?;
    let mut watch = Command::new("/bin/sh");
    watch
        .args(["-c", WATCH, "candour-test-cluster"])
        .arg(folder)
        .arg(server.get_program())
        .args(server.get_args())
        .current_dir("/")
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // Its own group: an interrupt from the keyboard must not end it before the tests.
    std::os::unix::process::CommandExt::process_group(&mut watch, 0);
    cluster.layout().account.run(&mut watch);
    let mut watch = watch
        .spawn()
        .map_err(Problem::file("could not run", "/bin/sh"))?;
    let input = watch.stdin.take();
    Ok(TestServer {
        sockets: folder.to_path_buf(),
        watch,
        input,
    })
}

fn bootstrap(
    cluster: &Cluster,
    password: &Secret,
    log: &Path,
    watch: &mut Child,
) -> Result<(), Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Problem::file("could not start a runtime for", log))?;
    runtime.block_on(async {
        let patience = Duration::from_mins(1);
        let has_ended = || matches!(watch.try_wait(), Ok(Some(_)));
        cluster
            .wait_until_ready(password, patience, log, has_ended)
            .await?;
        let superuser = candour_embedded::cluster::SUPERUSER;
        let client =
            candour_embedded::cluster::connect(&cluster.config(superuser, password, "postgres"))
                .await?;
        for role in roles::ROLES {
            roles::ensure_role(&client, role, &Secret::random()?).await?;
        }
        Ok(())
    })
}
