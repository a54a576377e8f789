//! An installation of its own for one drill: a temporary data directory, fresh or cloned, that the real supervisor
//! runs, with the careless portal in front of it.
//!
//! The control differs in one file: the program named `candour-keeper` is the open keeper.

use crate::Problem;
use crate::browser::Site;
use crate::settle::owner_of;
use crate::template::Template;
use candour_embedded::Account;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// The version of the data directory's layout that the supervisor understands.
const LAYOUT: &str = "1\n";
/// How long the first start may take: it makes a database cluster.
const START: Duration = Duration::from_mins(3);
/// How long an orderly end may take.
const END: Duration = Duration::from_secs(40);
/// Ports of a drill: careless portal, the supervisor's own portal, room, status, mail page, mail.
const PORTS: u16 = 6;

/// Programs that a drill needs beside each other.
const PROGRAMS: [&str; 4] = ["candour", "candour-drill", "careless-portal", "attacker"];

/// What stands where browsers look for the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// The portal, as a demonstration runs it.
    Own,
    /// The careless portal; the supervisor's own runs beside it.
    Careless,
    /// The careless portal before an open keeper.
    CarelessBeforeOpenKeeper,
}

/// A running installation; ends when it is ended, or when it is dropped.
pub struct Installation {
    folder: PathBuf,
    front: Front,
    /// What its configuration says beyond the usual.
    settings: serde_json::Map<String, serde_json::Value>,
    ports: Ports,
    parts: Vec<Part>,
    keeps_folder: bool,
}

struct Part {
    name: &'static str,
    child: Child,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    first: u16,
}

impl Ports {
    /// Looks for some in a row that nobody listens at.
    fn free() -> Result<Self, Problem> {
        let start = 21_000 + u16::try_from(std::process::id() % 2_000).unwrap_or(0) * 10;
        (0..500_u16)
            .map(|step| start.wrapping_add(step * PORTS).max(20_000))
            .find(|first| {
                (0..PORTS).all(|offset| {
                    first
                        .checked_add(offset)
                        .is_some_and(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
                })
            })
            .map(|first| Self { first })
            .ok_or_else(|| Problem::Unexpected("no six free ports in a row were found".to_owned()))
    }

    const fn at(self, offset: u16) -> u16 {
        self.first + offset
    }
}

impl Installation {
    /// Makes the data directory, or clones it from a template, and starts everything; with `is_control`, before an
    /// open keeper.
    ///
    /// # Errors
    /// When a program is missing or does not start; what was started is ended.
    pub async fn raise(
        is_control: bool,
        template: Option<&Template>,
        keeps_folder: bool,
    ) -> Result<Self, Problem> {
        let front = if is_control {
            Front::CarelessBeforeOpenKeeper
        } else {
            Front::Careless
        };
        Self::raise_from(front, template, serde_json::Map::new(), keeps_folder).await
    }

    /// Makes the data directory, with these settings over the usual ones, and starts everything.
    ///
    /// # Errors
    /// When a program is missing or does not start; what was started is ended.
    pub async fn raise_with(
        front: Front,
        settings: serde_json::Map<String, serde_json::Value>,
        keeps_folder: bool,
    ) -> Result<Self, Problem> {
        Self::raise_from(front, None, settings, keeps_folder).await
    }

    async fn raise_from(
        front: Front,
        template: Option<&Template>,
        settings: serde_json::Map<String, serde_json::Value>,
        keeps_folder: bool,
    ) -> Result<Self, Problem> {
        let is_control = front == Front::CarelessBeforeOpenKeeper;
        let ports = Ports::free()?;
        let folder = fresh_folder()?;
        let mut installation = Self {
            folder,
            front,
            settings,
            ports,
            parts: Vec::new(),
            keeps_folder,
        };
        installation.lay_out(is_control, template)?;
        let data = installation.data().display().to_string();
        let supervisor =
            installation.command("candour", &["serve", "--data", &data], &Account::current())?;
        installation.start("candour", supervisor)?;
        let ready = [installation.data().join("run/keeper.sock")];
        installation
            .wait_for("the installation's start", START, |_| {
                ready.iter().all(|path| path.exists())
            })
            .await?;
        let room = installation.ports.at(2);
        if !is_control {
            installation
                .wait_for("the room's start", START, |_| listens(room))
                .await?;
        }
        let port = installation.ports.at(0);
        if front != Front::Own {
            let portal = owner_of(&installation.data().join("secrets/portal.credential"))?;
            let listen = port.to_string();
            let careless = installation.command(
                "careless-portal",
                &["--data", &data, "--port", &listen],
                &portal,
            )?;
            installation.start("careless-portal", careless)?;
        }
        installation
            .wait_for("the portal's start", START, |_| listens(port))
            .await?;
        Ok(installation)
    }

    /// The process number of one of what was started here: `candour` (the supervisor) or `careless-portal`.
    pub fn process(&self, name: &str) -> Option<u32> {
        let part = self.parts.iter().find(|part| part.name == name)?;
        part.child.id()
    }

    /// The folder of everything, for a message to whoever wants to look.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Leaves the folder when it ends, whatever was wished at first.
    pub fn keep_folder(&mut self) {
        self.keeps_folder = true;
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The folder of the programs.
    pub fn programs(&self) -> PathBuf {
        self.folder.join("programs")
    }

    /// A place for files that are nobody's business but the drill's.
    pub fn desk(&self) -> PathBuf {
        self.folder.join("desk")
    }

    /// The portal that browsers find.
    pub fn portal(&self) -> Site {
        Site::local(self.ports.at(0))
    }

    /// The supervisor's own portal under the origin that browsers know, whatever stands in front.
    pub fn own_portal(&self) -> Site {
        let offset = u16::from(self.front != Front::Own);
        Site {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.at(offset))),
            ..self.portal()
        }
    }

    /// The incident room.
    pub fn room(&self) -> Site {
        Site::local(self.ports.at(2))
    }

    /// The status site.
    pub fn status(&self) -> Site {
        Site::local(self.ports.at(3))
    }

    /// A command of one of the programs under an account, with an empty environment; its words go to a log.
    pub fn command(
        &self,
        name: &str,
        arguments: &[&str],
        account: &Account,
    ) -> Result<Command, Problem> {
        let log = self.folder.join("log").join(format!("{name}.log"));
        let log = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(Problem::file("could not write", &log))?;
        let words = log
            .try_clone()
            .map_err(Problem::file("could not write", Path::new("a log")))?;
        let mut command = std::process::Command::new(self.programs().join(name));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(words);
        account.run(&mut command);
        let mut command = Command::from(command);
        command.kill_on_drop(true);
        Ok(command)
    }

    /// Ends everything in order, the careless portal first, and removes the folder.
    ///
    /// # Errors
    /// When the folder cannot be removed.
    pub async fn end(mut self) -> Result<(), Problem> {
        self.stop().await;
        if self.keeps_folder {
            return Ok(());
        }
        fs::remove_dir_all(&self.folder).map_err(Problem::file("could not remove", &self.folder))
    }

    /// Ends everything in order, moves the data directory to `place`, and removes the rest.
    ///
    /// # Errors
    /// When it cannot be moved.
    pub async fn end_into(mut self, place: &Path) -> Result<(), Problem> {
        self.stop().await;
        let data = self.data();
        fs::rename(&data, place).map_err(Problem::file("could not move", &data))?;
        fs::remove_dir_all(&self.folder).map_err(Problem::file("could not remove", &self.folder))
    }

    async fn stop(&mut self) {
        for part in self.parts.iter_mut().rev() {
            terminate(&part.child);
            if tokio::time::timeout(END, part.child.wait()).await.is_err() {
                tracing::warn!("{} did not end in time and is killed", part.name);
                let _ = part.child.kill().await;
            }
        }
        self.parts.clear();
    }

    /// What a part said last, for an error.
    pub(crate) fn last_words(&self, name: &str) -> String {
        let text = fs::read_to_string(self.folder.join("log").join(format!("{name}.log")))
            .unwrap_or_default();
        let mut lines: Vec<&str> = text
            .lines()
            .rev()
            .filter(|line| !line.trim().is_empty())
            .take(4)
            .collect();
        lines.reverse();
        lines.join("; ")
    }

    fn start(&mut self, name: &'static str, mut command: Command) -> Result<(), Problem> {
        // Dropped, a part is asked to end and not killed: the supervisor has parts of its own to end.
        command.kill_on_drop(false);
        let child = command
            .spawn()
            .map_err(Problem::file("could not start", Path::new(name)))?;
        self.parts.push(Part { name, child });
        Ok(())
    }

    async fn wait_for(
        &mut self,
        what: &str,
        patience: Duration,
        is_so: impl Fn(&Self) -> bool,
    ) -> Result<(), Problem> {
        let begun = Instant::now();
        while !is_so(self) {
            for place in 0..self.parts.len() {
                if let Ok(Some(_)) = self.parts[place].child.try_wait() {
                    let name = self.parts[place].name;
                    let said = self.last_words(name);
                    return Err(Problem::Child {
                        name: name.to_owned(),
                        said,
                    });
                }
            }
            if begun.elapsed() > patience {
                return Err(Problem::TooLong {
                    what: what.to_owned(),
                    seconds: patience.as_secs(),
                });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    fn lay_out(&self, is_control: bool, template: Option<&Template>) -> Result<(), Problem> {
        let data = self.data();
        match template {
            Some(template) => template.clone_to(&data)?,
            None => fs::create_dir(&data).map_err(Problem::file("could not create", &data))?,
        }
        for folder in [self.programs(), self.desk(), self.folder.join("log")] {
            fs::create_dir(&folder).map_err(Problem::file("could not create", &folder))?;
        }
        open_to_all(&data)?;
        open_to_all(&self.programs())?;
        self.bring_programs(is_control)?;
        let version = data.join("CANDOUR_VERSION");
        fs::write(&version, LAYOUT).map_err(Problem::file("could not write", &version))?;
        let file = data.join("candour.json");
        let text =
            serde_json::to_string_pretty(&self.configuration()).map_err(Problem::json(&file))?;
        fs::write(&file, text).map_err(Problem::file("could not write", &file))
    }

    /// A careless portal stands where browsers look for the portal; the supervisor's own then runs beside it.
    fn configuration(&self) -> serde_json::Value {
        let at = |offset| SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.at(offset)));
        let mut configuration = serde_json::json!({
            "demonstration": true,
            "origin": self.portal().origin,
            "room_origin": self.room().origin,
            "status_origin": self.status().origin,
            "portal": self.own_portal().address,
            "room": at(2),
            "status": at(3),
            "smtp_relay": at(5),
            "mailbox_page": at(4),
            "trusted_proxies": [],
            // Programs deposit a whole population within minutes; nothing else differs from a real installation.
            "budgets": { "client": { "deposited_hour_floor": 1_000_000 } },
        });
        for (name, value) in &self.settings {
            configuration[name] = value.clone();
        }
        configuration
    }

    fn bring_programs(&self, is_control: bool) -> Result<(), Problem> {
        let here = std::env::current_exe()
            .map_err(Problem::file("could not find", Path::new("this program")))?;
        let beside = here.parent().unwrap_or(Path::new("/"));
        let keeper = if is_control {
            "open-keeper"
        } else {
            "candour-keeper"
        };
        let all = PROGRAMS
            .iter()
            .map(|name| (*name, *name))
            .chain([(keeper, "candour-keeper")]);
        for (from, to) in all {
            let (from, to) = (beside.join(from), self.programs().join(to));
            // A link is enough on the same disk; a symbolic one would lead the program back to where it was built.
            if fs::hard_link(&from, &to).is_err() {
                fs::copy(&from, &to).map_err(Problem::file("could not copy", &from))?;
            }
        }
        Ok(())
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        // Not ended in order: the supervisor is asked to end, and ends its parts.
        for part in &self.parts {
            terminate(&part.child);
        }
    }
}

pub(crate) fn terminate(child: &Child) {
    let pid = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process(pid, Signal::TERM);
    }
}

fn listens(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok()
}

pub(crate) fn open_to_all(folder: &Path) -> Result<(), Problem> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
        .map_err(Problem::file("could not open to others", folder))
}

/// A folder of our own below the system's temporary one, which every part's account may enter.
fn fresh_folder() -> Result<PathBuf, Problem> {
    let mut random = [0_u8; 6];
    aws_lc_rs::rand::fill(&mut random)
        .map_err(|_| Problem::Unexpected("the system gives no randomness".to_owned()))?;
    let name = base16ct::lower::encode_string(&random);
    let folder = std::env::temp_dir().join(format!("candour-drill-{name}"));
    fs::create_dir(&folder).map_err(Problem::file("could not create", &folder))?;
    open_to_all(&folder)?;
    Ok(folder)
}
