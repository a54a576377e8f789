//! The memory search: what was shown, typed and handed over must not lie about when everybody has gone.
//!
//! After many sessions have opened marked documents, and a minute of nothing: everything that a core image of portal
//! and worker would hold, a dump of the portal's database and every file outside the keeper's and the demonstration's
//! mailbox are searched for the marks, the documents' keys, tokens, passwords and codes, in every form. None may be
//! found. The careless portal serves the same routes without the allocator that zeroes what it frees: there the
//! search must find some, or it is no test.

mod desk;
mod marked;
mod needles;
mod people;
mod places;

pub use desk::run as run_desk;
pub use needles::{Found, Kind};

use crate::accounts::{Account, Accounts};
use crate::crash::{Dice, Invitee, invitees, settings};
use crate::drill::Settled;
use crate::installation::{Front, Installation};
use crate::settle::{bytes_of, owner_of};
use crate::{Problem, browser::Site, settle};
use desk::{Order, Report};
use futures_util::StreamExt;
use futures_util::stream::{self, TryStreamExt};
use marked::Marked;
use needles::{Needles, Seen};
use people::{Patient, Session};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

/// Patients of the installation.
const PATIENTS: u32 = 300;
/// Patients who make an account and read.
const READERS: usize = 10;
/// Sessions of each at the real portal.
const SESSIONS: usize = 10;
/// Sessions of each at the careless portal.
const CARELESS_SESSIONS: usize = 1;
/// Documents that each session opens.
const DOCUMENTS: usize = 10;
/// Documents of each patient that come in through the portal's form; the rest comes by the practice's own way.
const UPLOADED: usize = 3;
/// How many people do something at once.
const AT_ONCE: usize = 4;

/// What to run.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// Seconds without anything.
    pub idle_seconds: u64,
    /// The seed of population and marks.
    pub seed: u64,
    /// Where to write the figures.
    pub json: Option<PathBuf>,
    /// Leave the installation's folder.
    pub keep: bool,
}

/// What was found in one place.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Place {
    /// Megabytes that were searched.
    pub megabytes: u64,
    /// How many different needles of each kind.
    pub found: Found,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Sessions at the real portal.
    pub sessions: usize,
    /// Documents that they opened.
    pub documents_opened: usize,
    /// What was looked for.
    pub needles: usize,
    /// Where, and what was found.
    pub places: BTreeMap<&'static str, Place>,
    /// The careless portal's image, in which something must be found.
    pub control: Place,
    /// How long all of it took, in seconds.
    pub seconds: f64,
    /// What is not as it must be; empty in a good run.
    pub faults: Vec<String>,
}

/// Runs the search from nothing to its end.
///
/// # Errors
/// When it cannot be carried out. What it finds is in the outcome.
pub async fn run(wishes: &Wishes) -> Result<Outcome, Problem> {
    let begun = Instant::now();
    let installation = Installation::raise_with(Front::Careless, settings(), wishes.keep).await?;
    let outcome = read_and_search(wishes, &installation).await;
    let ended = installation.end().await;
    let mut outcome = outcome?;
    ended?;
    outcome.seconds = begun.elapsed().as_secs_f64();
    if let Some(path) = &wishes.json {
        let text = serde_json::to_string_pretty(&outcome).map_err(Problem::json(path))?;
        std::fs::write(path, text + "\n").map_err(Problem::file("could not write", path))?;
    }
    Ok(outcome)
}

/// What the sessions did.
struct Stage {
    patients: Vec<Patient>,
    documents: Vec<Marked>,
    keys: Vec<String>,
    tokens: Vec<String>,
}

async fn read_and_search(wishes: &Wishes, installation: &Installation) -> Result<Outcome, Problem> {
    let mut dice = Dice::new(wishes.seed, 1);
    let stage = fill(wishes, installation, &mut dice).await?;
    let (real, opened) = sessions(&installation.own_portal(), &stage.patients, SESSIONS).await?;
    let (careless, _) =
        sessions(&installation.portal(), &stage.patients, CARELESS_SESSIONS).await?;
    tracing::info!(
        sessions = real.len(),
        opened,
        "read; now nothing happens for a while"
    );
    let mut needles = needles(&stage, real.iter().chain(&careless));
    tokio::time::sleep(Duration::from_secs(wishes.idle_seconds)).await;
    let mut outcome = Outcome {
        sessions: real.len(),
        documents_opened: opened,
        needles: needles.count(),
        places: BTreeMap::new(),
        control: Place::default(),
        seconds: 0.0,
        faults: Vec::new(),
    };
    search(installation, &mut needles, &mut outcome)?;
    if opened < real.len() * DOCUMENTS {
        let wanted = real.len() * DOCUMENTS;
        outcome
            .faults
            .push(format!("only {opened} of {wanted} documents were opened"));
    }
    Ok(outcome)
}

/// Population, accounts, documents.
async fn fill(
    wishes: &Wishes,
    installation: &Installation,
    dice: &mut Dice,
) -> Result<Stage, Problem> {
    let list = installation.desk().join("settled.jsonl");
    settle::settle(&settle::Wishes {
        data: installation.data(),
        patients: PATIENTS,
        seed: wishes.seed,
        visitors: 0,
        list: Some(list.clone()),
        programs: Some(installation.programs()),
        is_quiet: true,
    })
    .await?;
    let accounts = Accounts::read(&installation.data().join(Accounts::FILE))?;
    let missing = |what: &str| Problem::Unexpected(format!("the installation has no {what}"));
    let with_account: Vec<&str> = accounts
        .accounts
        .iter()
        .map(|account| account.patient.as_str())
        .collect();
    let invitees = invitees(
        &Settled::read(&list)?,
        PATIENTS,
        wishes.seed,
        &with_account,
        1,
    )?;
    let invitees = invitees.into_iter().next().unwrap_or_default();
    let doctor = accounts
        .with_role("clinician")
        .ok_or_else(|| missing("doctor"))?;
    let reception = accounts
        .with_role("reception")
        .ok_or_else(|| missing("reception"))?;
    let site = installation.own_portal();
    let (desk, reception_token) = people::staff(&site, reception).await?;
    let patients = make_accounts(&site, (&desk, reception), invitees, dice).await?;
    if patients.len() < READERS {
        return Err(missing("patients enough"));
    }
    let documents = marked(&patients, dice);
    let (doctor, doctor_token) = people::staff(&site, doctor).await?;
    let (uploaded, brought): (Vec<_>, Vec<_>) = documents
        .iter()
        .cloned()
        .enumerate()
        .partition(|(place, _)| place % (SESSIONS * DOCUMENTS) < UPLOADED);
    for (_, marked) in &uploaded {
        upload(&doctor, marked).await?;
    }
    let mut ask = Vec::new();
    for patient in &patients {
        let path = format!("/patients/{}/documents", patient.id);
        let shelf = doctor.get(&path).await?.expect("a shelf")?.text();
        ask.extend(crate::browser::ids_in(&shelf, "/documents/"));
    }
    let order = Order {
        data: installation.data(),
        token: doctor_token.clone(),
        deposit: brought.into_iter().map(|(_, marked)| marked).collect(),
        ask,
        shelves: patients.iter().map(|one| one.id.clone()).collect(),
    };
    let report = ask_desk(installation, &order).await?;
    if report.refused > 0 {
        let refused = report.refused;
        return Err(Problem::Unexpected(format!(
            "the desk was refused {refused} times"
        )));
    }
    Ok(Stage {
        patients,
        documents,
        keys: report.keys,
        tokens: vec![doctor_token, reception_token],
    })
}

async fn make_accounts(
    site: &Site,
    (desk, reception): (&crate::browser::Browser, &Account),
    invitees: Vec<Invitee>,
    dice: &mut Dice,
) -> Result<Vec<Patient>, Problem> {
    let wanted: Vec<_> = invitees
        .into_iter()
        .take(READERS)
        .map(|invitee| {
            let login = format!("reader-{}", dice.hexadecimal());
            let password = format!("wharf-{}-kōwhai", dice.hexadecimal());
            (invitee, login, password)
        })
        .collect();
    stream::iter(wanted)
        .map(|(invitee, login, password)| async move {
            let passkey = &mut reception.keys.passkey()?;
            people::account((desk, passkey), site, &invitee, &login, &password).await
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// So many documents for each patient that every session opens its own.
fn marked(patients: &[Patient], dice: &mut Dice) -> Vec<Marked> {
    let each = SESSIONS * DOCUMENTS;
    patients
        .iter()
        .flat_map(|patient| std::iter::repeat_n(&patient.id, each))
        .zip(0..)
        .map(|(patient, number)| Marked {
            number,
            patient: patient.clone(),
            once: dice.hexadecimal(),
            content: format!("content-{}", dice.hexadecimal()),
            title: format!("Letter {}", dice.hexadecimal()),
        })
        .collect()
}

async fn upload(doctor: &crate::browser::Browser, marked: &Marked) -> Result<(), Problem> {
    let form = [
        ("once", marked.once.clone()),
        ("name", marked.title.clone()),
        ("kind", "clinic_letter".to_owned()),
        ("day", "1".to_owned()),
        ("month", "6".to_owned()),
        ("year", "2025".to_owned()),
    ];
    let path = format!("/patients/{}/deposit", marked.patient);
    let answer = doctor.post_file(&path, &form, marked.bytes()?).await?;
    answer.expect("filing a document").map(|_| ())
}

/// Runs the desk under the portal's account.
async fn ask_desk(installation: &Installation, order: &Order) -> Result<Report, Problem> {
    let portal = owner_of(&installation.data().join("secrets/portal.credential"))?;
    let name = "candour-drill memory-desk";
    let mut command = installation.command("candour-drill", &["memory-desk"], &portal)?;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(Problem::file("could not start", Path::new(name)))?;
    let pipe = Path::new("the pipe to the desk");
    let mut text = serde_json::to_string(order).map_err(Problem::json(pipe))?;
    text.push('\n');
    if let Some(mut input) = child.stdin.take() {
        input
            .write_all(text.as_bytes())
            .await
            .map_err(Problem::file("could not write to", pipe))?;
    }
    let output = child
        .wait_with_output()
        .await
        .map_err(Problem::file("could not wait for", Path::new(name)))?;
    if !output.status.success() {
        return Err(Problem::Child {
            name: name.to_owned(),
            said: installation.last_words("candour-drill"),
        });
    }
    serde_json::from_slice(&output.stdout).map_err(Problem::json(pipe))
}

/// Everybody signs in so many times, and each session opens documents of its own; gives how many were opened.
async fn sessions(
    site: &Site,
    patients: &[Patient],
    each: usize,
) -> Result<(Vec<Session>, usize), Problem> {
    let all = (0..each).flat_map(|round| (0..patients.len()).map(move |place| (round, place)));
    let read: Vec<(Session, usize)> = stream::iter(all)
        .map(|(round, place)| async move {
            let patient = &patients[place];
            let session = people::sign_in(site, patient).await?;
            let from = round * DOCUMENTS;
            let opened = session.read(&patient.id, from, DOCUMENTS).await?;
            Ok::<_, Problem>((session, opened))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let opened = read.iter().map(|(_, opened)| opened).sum();
    Ok((
        read.into_iter().map(|(session, _)| session).collect(),
        opened,
    ))
}

fn needles<'a>(stage: &Stage, sessions: impl Iterator<Item = &'a Session>) -> Needles {
    let mut needles = Needles::default();
    for document in &stage.documents {
        needles.add_text(Kind::Content, &document.content);
        needles.add_text(Kind::Title, &document.title);
    }
    for key in stage.keys.iter().filter_map(|key| bytes_of(key)) {
        needles.add_bytes(Kind::Key, &key);
    }
    let tokens = sessions.map(|session| &session.token).chain(&stage.tokens);
    for bytes in tokens.filter_map(|token| bytes_of(token)) {
        needles.add_bytes(Kind::Token, &bytes);
    }
    for patient in &stage.patients {
        needles.add_text(Kind::Password, &patient.password);
        needles.add_text(Kind::Code, &patient.invitation);
        for code in &patient.sheet {
            needles.add_text(Kind::Code, code);
        }
    }
    needles
}

fn search(
    installation: &Installation,
    needles: &mut Needles,
    outcome: &mut Outcome,
) -> Result<(), Problem> {
    let data = installation.data();
    let supervisor = installation.process("candour").unwrap_or(0);
    let missing = |what: &str| Problem::Unexpected(format!("there is no {what} to look at"));
    let of = |words: &str| crate::crash::child_of(supervisor, words);
    let portal = of("candour portal").ok_or_else(|| missing("portal"))?;
    let worker = of("candour worker").ok_or_else(|| missing("worker"))?;
    let careless = installation
        .process("careless-portal")
        .ok_or_else(|| missing("control"))?;
    // What a process must hold: the path it was started with. A search that does not see it sees nothing.
    needles.add_text(Kind::Sign, &data.display().to_string());
    needles.add_text(Kind::Sign, "PostgreSQL database dump");
    for (name, pid) in [("portal", portal), ("worker", worker)] {
        take(name, &places::process(pid, needles)?, outcome);
    }
    let control = places::process(careless, needles)?;
    if control.found().values().sum::<usize>() == 0 {
        outcome
            .faults
            .push("nothing was found in the careless portal: this search is no test".to_owned());
    }
    outcome.control = place_of(&control);
    take("database_dump", &places::database(&data, needles)?, outcome);
    let mut files = Seen::default();
    let left_out = ["keeper", "mailbox"].map(|name| data.join(name));
    places::files(&data, &left_out, needles, &mut files)?;
    places::files(&installation.folder().join("log"), &[], needles, &mut files)?;
    take("files", &files, outcome);
    Ok(())
}

fn place_of(seen: &Seen) -> Place {
    Place {
        megabytes: seen.bytes / 1_048_576,
        found: seen.found(),
    }
}

fn take(name: &'static str, seen: &Seen, outcome: &mut Outcome) {
    let place = place_of(seen);
    if !seen.has_sign() {
        outcome.faults.push(format!(
            "the search of {name} does not see what must be there"
        ));
    }
    for (kind, many) in &place.found {
        outcome
            .faults
            .push(format!("{many} of {kind:?} were found in {name}"));
    }
    for around in &seen.around {
        tracing::warn!(place = name, around, "found");
    }
    outcome.places.insert(name, place);
}
