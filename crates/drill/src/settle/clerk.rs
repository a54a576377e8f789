//! The clerk: starts the desk, asks the keeper's command line, and writes what has to be found again.

use super::accounts::officer;
use super::desk::open_store;
use super::keeper_command::KeeperCommand;
use super::order::{Desk, Done, Order, Report, SettledPatient};
use crate::Problem;
use crate::accounts::Accounts;
use crate::population::{Plan, Population, SyntheticPractice};
use candour_embedded::Account;
use candour_embedded::secret::hand_over;
use candour_store::Practice;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// What to settle where.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// The data directory of a running installation.
    pub data: PathBuf,
    /// How many patients.
    pub patients: u32,
    /// The seed.
    pub seed: u64,
    /// How many patients get a passkey for ordinary traffic.
    pub visitors: usize,
    /// Where to write one JSON line for each patient: id, practice, documents. For drills.
    pub list: Option<PathBuf>,
    /// The folder with `candour-keeper`; `None` for the folder of this program.
    pub programs: Option<PathBuf>,
    /// Show no progress bar.
    pub is_quiet: bool,
}

/// The operator's officers, by the words of their roles.
const OFFICERS: [&str; 3] = [
    "privacy_officer",
    "security_officer",
    "communications_officer",
];

/// Kept beside the installation so that settling can go on where it stopped; the supervisor's own, mode 0600.
#[derive(Default, Serialize, Deserialize)]
struct Notebook {
    /// The seed that the practices were made from, by the first population.
    seed: u64,
    /// How many practices there are to be.
    #[serde(default)]
    practices: u32,
    desks: Vec<Desk>,
    officers: Vec<(String, String)>,
    /// Patients who are complete and are marked, or about to be. A marked one can be given nothing more.
    #[serde(default)]
    canaries: Vec<MarkedCanary>,
}

#[derive(Clone, Serialize, Deserialize)]
struct MarkedCanary {
    /// The seed and number of whom it stands among.
    seed: u64,
    number: u32,
    patient: String,
}

impl Notebook {
    const FILE: &str = "secrets/settled.json";

    fn read(data: &Path) -> Result<Self, Problem> {
        let file = data.join(Self::FILE);
        match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(Problem::json(&file)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Problem::file("could not read", &file)(error)),
        }
    }

    fn write(&self, data: &Path) -> Result<(), Problem> {
        let file = data.join(Self::FILE);
        let text = serde_json::to_string(self).map_err(Problem::json(&file))?;
        hand_over(&file, &text, &Account::current())
            .map_err(|problem| Problem::Unexpected(problem.to_string()))
    }

    fn complete(&self, seed: u64) -> Vec<u32> {
        let of_seed = self.canaries.iter().filter(|one| one.seed == seed);
        of_seed.map(|one| one.number).collect()
    }
}

/// The ids of a demonstration's canaries.
///
/// # Errors
/// When what settling wrote down does not read.
pub fn marked_canaries(data: &Path) -> Result<Vec<String>, Problem> {
    let notebook = Notebook::read(data)?;
    Ok(notebook
        .canaries
        .into_iter()
        .map(|one| one.patient)
        .collect())
}

/// The part of `candour.json` that settling needs.
#[derive(Deserialize)]
struct Configuration {
    demonstration: bool,
    origin: String,
}

/// Fills the installation. Repeated with the same seed it goes on where it stopped, and twice equals once; with more
/// patients it adds the rest, with another seed other people.
///
/// # Errors
/// When the installation is not a demonstration, does not run, or refuses something it should not.
pub async fn settle(wishes: &Wishes) -> Result<Done, Problem> {
    let file = wishes.data.join("candour.json");
    let bytes = std::fs::read(&file).map_err(Problem::file("could not read", &file))?;
    let configuration: Configuration =
        serde_json::from_slice(&bytes).map_err(Problem::json(&file))?;
    if !configuration.demonstration {
        return Err(Problem::Unexpected(
            "made-up people belong in a demonstration only; this installation is a real one"
                .to_owned(),
        ));
    }
    let mut notebook = Notebook::read(&wishes.data)?;
    let population = Population::new(plan(wishes, &mut notebook))?;
    let keeper = keeper_command(wishes)?;
    practices(wishes, &keeper, population.practices(), &mut notebook).await?;
    officers(wishes, &keeper, &mut notebook)?;

    let known = Accounts::read_if_there(&wishes.data.join(Accounts::FILE))?;
    let visitors = Accounts::read_if_there(&wishes.data.join(Accounts::VISITORS))?;
    let order = Order {
        data: wishes.data.clone(),
        patients: wishes.patients,
        seed: wishes.seed,
        practices_seed: notebook.seed,
        today: Plan::DAY,
        origin: configuration.origin,
        desks: notebook.desks.clone(),
        officers: notebook.officers.clone(),
        visitors: wishes.visitors,
        complete: notebook.complete(wishes.seed),
        known: known
            .accounts
            .iter()
            .chain(&visitors.accounts)
            .cloned()
            .collect(),
    };
    let expected = u64::from(population.size()) - order.complete.len() as u64;
    let mut settled = Settled {
        accounts: known,
        visitors,
        ..Settled::default()
    };
    let done = desk(wishes, &order, expected, &mut settled).await;
    // What was made is kept even when the rest was not: an invitation works once.
    write_accounts(&wishes.data, &settled.accounts, &settled.visitors)?;
    done?;
    notebook.canaries.extend(settled.canaries);
    // Written first: if marking stops in the middle, the next run marks the rest.
    notebook.write(&wishes.data)?;
    let canaries: Vec<_> = notebook.canaries.iter().map(|one| &*one.patient).collect();
    keeper.mark_canaries(&canaries)?;
    Ok(settled.done)
}

/// The first population makes the practices; every later one, of whatever size and seed, comes to the same.
fn plan(wishes: &Wishes, notebook: &mut Notebook) -> Plan {
    let plan = Plan::new(wishes.patients, wishes.seed, Plan::DAY);
    if notebook.desks.is_empty() {
        notebook.seed = wishes.seed;
        notebook.practices = plan.practices;
    }
    plan.at(notebook.practices, notebook.seed)
}

fn keeper_command(wishes: &Wishes) -> Result<KeeperCommand, Problem> {
    let program = program(wishes, "candour-keeper")?;
    let account = owner(&wishes.data.join("keeper"))?;
    Ok(KeeperCommand::new(program, &wishes.data, account))
}

fn program(wishes: &Wishes, name: &str) -> Result<PathBuf, Problem> {
    // Copies that every account may run lie in the data directory where the build folder is closed to them.
    let copied = wishes.data.join("bin").join(name);
    let folder = match &wishes.programs {
        Some(folder) => folder.clone(),
        None if copied.is_file() => wishes.data.join("bin"),
        None => {
            let here = Path::new("this program");
            let own = std::env::current_exe().map_err(Problem::file("could not find", here))?;
            own.parent().map(Path::to_path_buf).unwrap_or_default()
        }
    };
    let found = folder.join(name);
    if found.is_file() {
        return Ok(found);
    }
    Err(Problem::Unexpected(format!(
        "{name} is not in {}",
        folder.display()
    )))
}

/// The account that owns a folder: how the parts of an installation tell theirs apart.
pub fn owner(folder: &Path) -> Result<Account, Problem> {
    let found = folder
        .metadata()
        .map_err(Problem::file("could not look at", folder))?;
    Ok(Account {
        name: found.uid().to_string(),
        uid: found.uid(),
        gid: found.gid(),
    })
}

async fn practices(
    wishes: &Wishes,
    keeper: &KeeperCommand,
    made: &[SyntheticPractice],
    notebook: &mut Notebook,
) -> Result<(), Problem> {
    // The worker's right, not the portal's.
    let store = open_store(&wishes.data, "worker")?;
    for practice in made.iter().skip(notebook.desks.len()) {
        let desk = keeper.add_practice(&practice.name, &practice.region)?;
        let id = desk.practice.parse().map_err(|_| {
            Problem::Unexpected("the keeper printed a practice's id that does not read".to_owned())
        })?;
        let out_of_hours: Vec<String> = practice
            .out_of_hours
            .iter()
            .map(|person| {
                format!(
                    "{}, {}: {} · {}",
                    person.role, person.name, person.phone, person.email
                )
            })
            .collect();
        store
            .put_practice(&Practice {
                id,
                name: practice.name.clone(),
                region: practice.region.clone(),
                phone: practice.phone.to_string(),
                email: practice.email.to_string(),
                address: practice.address.lines.join("\n"),
                out_of_hours: out_of_hours.join("\n"),
                hpi: Some(practice.facility.to_string()),
            })
            .await?;
        notebook.desks.push(desk);
        notebook.write(&wishes.data)?;
    }
    Ok(())
}

fn officers(
    wishes: &Wishes,
    keeper: &KeeperCommand,
    notebook: &mut Notebook,
) -> Result<(), Problem> {
    for role in OFFICERS.iter().skip(notebook.officers.len()) {
        let invitation = keeper.add_officer(role, officer(role).name)?;
        notebook.officers.push(((*role).to_owned(), invitation));
        notebook.write(&wishes.data)?;
    }
    Ok(())
}

#[derive(Default)]
struct Settled {
    accounts: Accounts,
    visitors: Accounts,
    canaries: Vec<MarkedCanary>,
    done: Done,
}

/// Runs the desk under the portal's account and takes its reports.
async fn desk(
    wishes: &Wishes,
    order: &Order,
    expected: u64,
    settled: &mut Settled,
) -> Result<(), Problem> {
    let name = "candour-drill desk";
    let program = program(wishes, "candour-drill")?;
    let mut command = Command::new(&program);
    command
        .arg("desk")
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    let secret = wishes.data.join("secrets/portal.credential");
    owner(&secret)?.run(&mut command);
    let mut child = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .spawn()
        .map_err(Problem::file("could not start", &program))?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Problem::Unexpected(format!("{name} has no pipes")));
    };
    let mut line = serde_json::to_string(order).map_err(Problem::json(Path::new("the order")))?;
    line.push('\n');
    let pipe = Path::new("the pipe to the desk");
    input
        .write_all(line.as_bytes())
        .await
        .map_err(Problem::file("could not write to", pipe))?;
    drop(input);

    let mut list = match &wishes.list {
        Some(path) => Some(std::io::BufWriter::new(
            std::fs::File::create(path).map_err(Problem::file("could not create", path))?,
        )),
        None => None,
    };
    let bar = progress_bar(wishes, expected);
    let mut lines = BufReader::new(output).lines();
    let mut is_done = false;
    while let Some(line) = lines
        .next_line()
        .await
        .map_err(Problem::file("could not read", pipe))?
    {
        match serde_json::from_str(&line).map_err(Problem::json(pipe))? {
            Report::Patient(patient) => {
                bar.inc(1);
                if patient.is_canary {
                    settled.canaries.push(MarkedCanary {
                        seed: wishes.seed,
                        number: patient.number,
                        patient: patient.patient.clone(),
                    });
                }
                note(&patient, list.as_mut())?;
            }
            Report::Account(account) => settled.accounts.add(account),
            Report::Visitor(account) => settled.visitors.add(account),
            Report::Done(done) => {
                settled.done = done;
                is_done = true;
            }
            Report::Failed(said) => {
                return Err(Problem::Child {
                    name: name.to_owned(),
                    said,
                });
            }
        }
    }
    bar.finish_and_clear();
    if let Some(mut list) = list {
        list.flush()
            .map_err(Problem::file("could not write", Path::new("the list")))?;
    }
    let status = child
        .wait()
        .await
        .map_err(Problem::file("could not wait for", &program))?;
    if is_done && status.success() {
        return Ok(());
    }
    let said = format!("it ended early ({status})");
    Err(Problem::Child {
        name: name.to_owned(),
        said,
    })
}

fn note(
    patient: &SettledPatient,
    list: Option<&mut std::io::BufWriter<std::fs::File>>,
) -> Result<(), Problem> {
    let Some(list) = list else { return Ok(()) };
    let place = Path::new("the list");
    let line = serde_json::to_string(patient).map_err(Problem::json(place))?;
    writeln!(list, "{line}").map_err(Problem::file("could not write", place))
}

fn progress_bar(wishes: &Wishes, expected: u64) -> ProgressBar {
    if wishes.is_quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(expected);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} patients, {eta} to go") {
        bar.set_style(style);
    }
    bar
}

fn write_accounts(data: &Path, accounts: &Accounts, visitors: &Accounts) -> Result<(), Problem> {
    let portal = owner(&data.join("secrets/portal.credential"))?;
    let room = owner(&data.join("secrets/room.credential"))?;
    let supervisor = Account::current();
    for (name, text, reader) in [
        (Accounts::ON_THE_PAGE, accounts.for_the_page()?, &portal),
        (Accounts::IN_THE_ROOM, accounts.for_the_room()?, &room),
        (Accounts::FILE, accounts.written()?, &supervisor),
        (Accounts::VISITORS, visitors.written()?, &supervisor),
    ] {
        let file = data.join(name);
        hand_over(&file, &text, reader)
            .map_err(|problem| Problem::Unexpected(problem.to_string()))?;
    }
    Ok(())
}
