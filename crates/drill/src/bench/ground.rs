//! The installation that is measured: the real supervisor with everything it runs, in a folder of its own.

use super::order::{Ask, Said};
use crate::Problem;
use crate::browser::Site;
use crate::installation::{open_to_all, terminate};
use crate::settle::{Desk, KeeperCommand, open_store, owner_of};
use candour_embedded::Account;
use candour_embedded::cluster::SUPERUSER;
use candour_store::Practice;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The version of the data directory's layout that the supervisor understands.
const LAYOUT: &str = "1\n";
/// How long the first start may take: it makes a database cluster.
const START: Duration = Duration::from_mins(2);
/// How long an orderly end may take.
const END: Duration = Duration::from_secs(40);
/// Ports in a row: portal, room, status, mail page, mail, reference.
const PORTS: u16 = 6;
/// Programs that must lie beside this one.
const PROGRAMS: [&str; 4] = [
    "candour",
    "candour-keeper",
    "candour-drill",
    "candour-verify",
];
/// Invitations have a budget for each practice and day, so people are spread over some.
const PRACTICES: usize = 16;
/// Documents a second in ordinary use, as the rule about the installation's rate is told: the one threshold that
/// measuring at full speed needs, because it is about the whole installation and not about anybody in it.
const BASE_PER_SECOND: f64 = 50_000.0;

/// A running installation. Dropped, it is asked to end; [`Ground::end`] waits for it.
pub struct Ground {
    folder: PathBuf,
    first_port: u16,
    people: usize,
    children: Vec<(&'static str, Child)>,
    keeps_folder: bool,
}

/// The process that reads; see [`super::hand`].
pub struct Hand {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Ground {
    /// Makes the folder below `parent` and starts the supervisor.
    ///
    /// # Errors
    /// When a program is missing or does not start.
    pub async fn raise(
        parent: &Path,
        first_port: u16,
        people: usize,
        keeps_folder: bool,
    ) -> Result<Self, Problem> {
        let port = free_ports(first_port)?;
        let mut ground = Self {
            folder: fresh_folder(parent, port)?,
            first_port: port,
            people,
            children: Vec::new(),
            keeps_folder,
        };
        ground.lay_out()?;
        let data = ground.data().display().to_string();
        let mut supervisor =
            ground.command("candour", &["serve", "--data", &data], &Account::current())?;
        // Dropped, it is asked to end and not killed: it has parts of its own to end.
        supervisor.kill_on_drop(false);
        ground.start("candour", supervisor)?;
        ground.wait_until_listening(ground.portal()).await?;
        Ok(ground)
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A folder for files of the bench.
    pub fn desk(&self) -> PathBuf {
        self.folder.join("desk")
    }

    /// Where the portal listens.
    pub fn portal(&self) -> SocketAddr {
        self.at(0)
    }

    /// The portal's address in a browser.
    pub fn origin(&self) -> String {
        Site::local(self.first_port).origin
    }

    /// Where the reference server listens.
    pub fn reference(&self) -> SocketAddr {
        self.at(5)
    }

    /// The supervisor's process.
    pub fn supervisor(&self) -> Option<u32> {
        self.children.first().and_then(|(_, child)| child.id())
    }

    /// The one connection that may look at everything.
    ///
    /// # Errors
    /// When its password cannot be read or the database does not answer.
    pub async fn superuser(&self, database: &str) -> Result<tokio_postgres::Client, Problem> {
        let file = self.data().join("secrets/postgres.password");
        let password = fs::read_to_string(&file).map_err(Problem::file("could not read", &file))?;
        let mut config = tokio_postgres::Config::new();
        config
            .host_path(self.data().join("run/postgres"))
            .user(SUPERUSER)
            .password(password.trim())
            .dbname(database);
        connect(&config).await
    }

    /// The connection that a part of the installation makes.
    ///
    /// # Errors
    /// When its file cannot be read or the database does not answer.
    pub async fn database_of(&self, part: &str) -> Result<tokio_postgres::Client, Problem> {
        connect(&config_of(&self.data(), part)?).await
    }

    /// Makes the practices, on the keeper's own command line, where two operators would.
    ///
    /// # Errors
    /// When the keeper refuses.
    pub async fn practices(&self) -> Result<Vec<Desk>, Problem> {
        let data = self.data();
        let account = owner_of(&data.join("keeper"))?;
        let keeper = KeeperCommand::new(self.program("candour-keeper"), &data, account);
        let store = open_store(&data, "worker")?;
        let mut desks = Vec::new();
        for number in 1..=PRACTICES {
            let name = format!("Practice {number}");
            let desk = keeper.add_practice(&name, "Wellington")?;
            let id = desk.practice.parse().map_err(|_| {
                Problem::Unexpected("the keeper printed an id that does not read".to_owned())
            })?;
            store
                .put_practice(&Practice {
                    id,
                    name,
                    region: "Wellington".to_owned(),
                    phone: String::new(),
                    email: format!("practice-{number}@example.nz"),
                    address: String::new(),
                    out_of_hours: String::new(),
                    hpi: None,
                })
                .await?;
            desks.push(desk);
        }
        Ok(desks)
    }

    /// Starts the server of the reference reads, under the portal's account.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_reference(&mut self) -> Result<(), Problem> {
        let data = self.data().display().to_string();
        let address = self.reference().to_string();
        let words = ["bench-reference", "--data", &data, "--listen", &address];
        let command = self.command("candour-drill", &words, &self.portals_account()?)?;
        self.start("candour-drill", command)?;
        self.wait_until_listening(self.reference()).await
    }

    /// Starts the hand, under the portal's account.
    ///
    /// # Errors
    /// When it does not start.
    pub fn hand(&self) -> Result<Hand, Problem> {
        let mut command =
            self.command("candour-drill", &["bench-hand"], &self.portals_account()?)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let program = self.program("candour-drill");
        let mut child = command
            .spawn()
            .map_err(Problem::file("could not start", &program))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Problem::Unexpected("the hand has no pipes".to_owned()));
        };
        Ok(Hand {
            child,
            input,
            output: BufReader::new(output).lines(),
        })
    }

    /// Writes the whole ledger to a file.
    ///
    /// # Errors
    /// When the keeper's program fails.
    pub async fn export(&self, out: &Path) -> Result<(), Problem> {
        let (data, out) = (self.data(), out.display().to_string());
        let words = [
            "export-ledger",
            "--data",
            &data.display().to_string(),
            "--out",
            &out,
        ];
        let account = owner_of(&data.join("keeper"))?;
        let mut command = self.command("candour-keeper", &words, &account)?;
        let status = command.status().await.map_err(Problem::file(
            "could not start",
            &self.program("candour-keeper"),
        ))?;
        if status.success() {
            return Ok(());
        }
        Err(self.ended("candour-keeper"))
    }

    /// The command that checks an exported ledger.
    pub fn verify(&self, key: &str, ledger: &Path) -> std::process::Command {
        let mut command = std::process::Command::new(self.program("candour-verify"));
        command
            .args(["--key", key, "--checkpoints"])
            .arg(self.data().join("keeper/checkpoints"))
            .arg("--ledger")
            .arg(ledger)
            .env_clear()
            .stdin(Stdio::null());
        command
    }

    /// Ends everything in order and removes the folder.
    ///
    /// # Errors
    /// When the folder cannot be removed.
    pub async fn end(mut self) -> Result<(), Problem> {
        for (name, mut child) in std::mem::take(&mut self.children).into_iter().rev() {
            terminate(&child);
            if tokio::time::timeout(END, child.wait()).await.is_err() {
                tracing::warn!("{name} did not end in time and is killed");
                let _ = child.kill().await;
            }
        }
        if self.keeps_folder {
            tracing::info!(folder = %self.folder.display(), "the installation is left as it is");
            return Ok(());
        }
        fs::remove_dir_all(&self.folder).map_err(Problem::file("could not remove", &self.folder))
    }

    /// What of the configuration is not as it is by default, for the report.
    pub fn reviewed(&self) -> Value {
        json!({
            "budgets": {
                // What everybody together has in an hour is had in seconds here.
                "enrolled": 1_000_000_000,
                // A population is deposited and invited within a minute.
                "client": { "deposited_hour_floor": 1_000_000 },
                "practice": { "invitations_day": self.people.div_ceil(PRACTICES) },
            },
            "detection": { "global_rate": { "base_per_second": BASE_PER_SECOND } },
        })
    }

    fn at(&self, offset: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.first_port + offset))
    }

    fn program(&self, name: &str) -> PathBuf {
        self.folder.join("programs").join(name)
    }

    fn portals_account(&self) -> Result<Account, Problem> {
        owner_of(&self.data().join("secrets/portal.credential"))
    }

    /// A command with an empty environment, whose words go to a log.
    fn command(&self, name: &str, words: &[&str], account: &Account) -> Result<Command, Problem> {
        let path = self.folder.join("log").join(format!("{name}.log"));
        let failed = |error| Problem::file("could not write", &path)(error);
        let log = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(failed)?;
        let mut command = std::process::Command::new(self.program(name));
        command
            .args(words)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log);
        account.run(&mut command);
        let mut command = Command::from(command);
        command.kill_on_drop(true);
        Ok(command)
    }

    fn start(&mut self, name: &'static str, mut command: Command) -> Result<(), Problem> {
        let child = command
            .spawn()
            .map_err(Problem::file("could not start", Path::new(name)))?;
        self.children.push((name, child));
        Ok(())
    }

    async fn wait_until_listening(&mut self, address: SocketAddr) -> Result<(), Problem> {
        let begun = Instant::now();
        while TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
            for place in 0..self.children.len() {
                if let Ok(Some(_)) = self.children[place].1.try_wait() {
                    return Err(self.ended(self.children[place].0));
                }
            }
            if begun.elapsed() > START {
                return Err(Problem::TooLong {
                    what: "the installation's start".to_owned(),
                    seconds: START.as_secs(),
                });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    fn ended(&self, name: &str) -> Problem {
        let log = self.folder.join("log").join(format!("{name}.log"));
        let text = fs::read_to_string(log).unwrap_or_default();
        Problem::Child {
            name: name.to_owned(),
            said: text.lines().next_back().unwrap_or_default().to_owned(),
        }
    }

    fn lay_out(&self) -> Result<(), Problem> {
        let data = self.data();
        let folders = [
            &data,
            &self.desk(),
            &self.folder.join("programs"),
            &self.folder.join("log"),
        ];
        for folder in folders {
            fs::create_dir(folder).map_err(Problem::file("could not create", folder))?;
            open_to_all(folder)?;
        }
        let here = std::env::current_exe()
            .map_err(Problem::file("could not find", Path::new("this program")))?;
        let beside = here.parent().unwrap_or(Path::new("/"));
        for name in PROGRAMS {
            let (from, to) = (beside.join(name), self.program(name));
            // A link is enough on the same disk; a symbolic one would lead back to where it was built.
            if fs::hard_link(&from, &to).is_err() {
                fs::copy(&from, &to).map_err(Problem::file("could not copy", &from))?;
            }
        }
        let version = data.join("CANDOUR_VERSION");
        fs::write(&version, LAYOUT).map_err(Problem::file("could not write", &version))?;
        let file = data.join("candour.json");
        let text =
            serde_json::to_string_pretty(&self.configuration()).map_err(Problem::json(&file))?;
        fs::write(&file, text).map_err(Problem::file("could not write", &file))
    }

    fn configuration(&self) -> Value {
        let reviewed = self.reviewed();
        json!({
            "demonstration": true,
            "origin": self.origin(),
            "room_origin": Site::local(self.first_port + 1).origin,
            "status_origin": Site::local(self.first_port + 2).origin,
            "portal": self.at(0),
            "room": self.at(1),
            "status": self.at(2),
            "mailbox_page": self.at(3),
            "smtp_relay": self.at(4),
            // The hand stands for a proxy in front of the portal, so that everybody has an address of their own.
            "trusted_proxies": [Ipv4Addr::LOCALHOST],
            "budgets": reviewed["budgets"],
            "detection": reviewed["detection"],
        })
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        for (_, child) in &self.children {
            terminate(child);
        }
    }
}

impl Hand {
    /// Asks, and waits for what it says.
    ///
    /// # Errors
    /// When it failed or ended.
    pub async fn ask(&mut self, ask: &Ask) -> Result<Said, Problem> {
        let pipe = Path::new("the pipe to the hand");
        let text = serde_json::to_string(ask).map_err(Problem::json(pipe))? + "\n";
        self.input
            .write_all(text.as_bytes())
            .await
            .map_err(Problem::file("could not write to", pipe))?;
        let line = self
            .output
            .next_line()
            .await
            .map_err(Problem::file("could not read", pipe))?;
        let failed = |said: String| Problem::Child {
            name: "candour-drill bench-hand".to_owned(),
            said,
        };
        let Some(line) = line else {
            let ended = self.child.wait().await;
            return Err(failed(format!("it ended early ({ended:?})")));
        };
        match serde_json::from_str(&line).map_err(Problem::json(pipe))? {
            Said::Failed(said) => Err(failed(said)),
            said => Ok(said),
        }
    }
}

/// What `secrets/PART.database` says.
pub(super) fn config_of(data: &Path, part: &str) -> Result<tokio_postgres::Config, Problem> {
    let file = data.join("secrets").join(format!("{part}.database"));
    let line = fs::read_to_string(&file).map_err(Problem::file("could not read", &file))?;
    line.trim()
        .parse()
        .map_err(|_| Problem::Unexpected(format!("{} is no connection", file.display())))
}

/// Connects; a database that does not answer is named without its password.
pub(super) async fn connect(
    config: &tokio_postgres::Config,
) -> Result<tokio_postgres::Client, Problem> {
    candour_embedded::cluster::connect(config)
        .await
        .map_err(super::reference::refused)
}

fn free_ports(first: u16) -> Result<u16, Problem> {
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    (0..16)
        .filter_map(|step| first.checked_add(step * PORTS))
        .find(|first| (0..PORTS).all(|offset| first.checked_add(offset).is_some_and(is_free)))
        .ok_or_else(|| {
            Problem::Unexpected(format!(
                "no six free ports in a row were found from {first} on"
            ))
        })
}

/// A folder of our own that every part's account may enter.
fn fresh_folder(parent: &Path, port: u16) -> Result<PathBuf, Problem> {
    let folder = parent.join(format!("candour-bench-{}-{port}", std::process::id()));
    fs::create_dir(&folder).map_err(Problem::file("could not create", &folder))?;
    open_to_all(&folder)?;
    Ok(folder)
}
