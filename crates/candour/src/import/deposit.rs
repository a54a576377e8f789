//! `candour import`: what the reader finds, deposited as the practice's own program.
//!
//! Nothing is remembered beside the installation: every deposit key follows from the source, so an import that was
//! interrupted is run again, and what is there already is skipped by the keeper.

mod installation;
mod summary;

use super::{Found, KeyedDocument, LeftOut, Options, PatientBatch, Why, read, read_document};
use crate::Problem;
use crate::problem::sentence;
use candour_app::intake::{IncomingPerson, Intake, Taken, What};
use candour_app::{App, DepositError, Refusal, practices};
use candour_core::document::cautions;
use candour_seal::PatientId;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use summary::Summary;
pub(super) use summary::refusal_words;
use tokio::sync::{Mutex, mpsc};

/// What is asked on the command line.
#[derive(Debug, Clone, clap::Args)]
pub struct Wishes {
    /// A FHIR Bundle, an NDJSON file, or a folder of them; with --patient, a file or folder of documents.
    pub path: PathBuf,
    /// The practice that the data come from, by its name.
    #[arg(long)]
    pub practice: String,
    /// The data directory of a running installation.
    #[arg(long)]
    pub data: PathBuf,
    /// What `candour-keeper add-practice` printed for that practice (default in a demonstration: its own).
    #[arg(long)]
    pub client: Option<PathBuf>,
    /// Take every file as a document of this patient (the id in the address of the patient's page).
    #[arg(long)]
    pub patient: Option<String>,
}

/// People that are deposited together: at least so many bytes of their records and documents, or so many people.
const TOGETHER_BYTES: usize = 8 << 20;
const TOGETHER_PEOPLE: usize = 32;
/// Files that are deposited together, unless they are large.
const TOGETHER_FILES: usize = 64;
/// Groups of people that wait; with [`TOGETHER_BYTES`] this bounds the memory.
const MOST_WAITING: usize = 2;
/// Depositors at once: while one waits for the disk, another seals.
const DEPOSITORS: usize = 2;

/// Runs an import. The exit code is 0 only when nothing was left out.
///
/// # Errors
/// When it cannot begin, or cannot go on: then what was deposited stays, and running it again goes on from there.
pub async fn import(wishes: &Wishes, clock: fn() -> Timestamp) -> Result<ExitCode, Problem> {
    let installation = installation::open(&wishes.data)?;
    let app = &installation.app;
    let credential = match &wishes.client {
        Some(file) => installation::printed_client(file)?,
        None => installation::demonstration_client(&wishes.data, &wishes.practice)?,
    };
    let (_, _, is_demonstration) = app
        .keeper
        .introduce()
        .await
        .map_err(|error| refused(Refusal::from(error)))?;
    let mut intakes = Vec::with_capacity(DEPOSITORS);
    for _ in 0..DEPOSITORS {
        let intake = Intake::begin(Arc::clone(app), credential.clone()).await;
        intakes.push(intake.map_err(refused)?);
    }
    is_of_practice(app, &intakes, &wishes.practice).await?;

    let options = Options::new(wishes.practice.clone(), is_demonstration);
    let mut summary = match &wishes.patient {
        Some(patient) => documents(wishes, patient, intakes, clock).await?,
        None => records(&wishes.path, intakes, options, clock).await?,
    };
    summary.practice.clone_from(&wishes.practice);
    installation.close().await;
    Ok(summary.tell())
}

fn refused(refusal: Refusal) -> Problem {
    Problem::Machine(match refusal {
        Refusal::KeeperUnavailable => {
            "the keeper does not answer. Start the installation with: candour serve --data DIRECTORY".to_owned()
        }
        Refusal::WrongCredentials => {
            "the practice's program is not known to the keeper: name the file with what candour-keeper \
             add-practice printed with --client"
                .to_owned()
        }
        other => format!("the import cannot begin: {other}"),
    })
}

async fn is_of_practice(app: &App, intakes: &[Intake], name: &str) -> Result<(), Problem> {
    let Some(id) = intakes.first().map(Intake::practice) else {
        return Ok(());
    };
    let known = practices::one(app, id)
        .await
        .map_err(|error| Problem::Machine(sentence(&error)))?;
    match known {
        Some(practice) if practice.name != name => Err(Problem::Machine(format!(
            "the program is that of {}, not of {name}: name that practice, or the other program with --client",
            practice.name
        ))),
        _ => Ok(()),
    }
}

/// People of one size that is worth a call.
#[derive(Default)]
struct Group {
    people: Vec<IncomingPerson>,
    bytes: usize,
}

impl Group {
    fn add(&mut self, batch: PatientBatch) {
        let segments = batch
            .segments
            .iter()
            .flat_map(|keyed| &keyed.segment.resources);
        self.bytes += segments.map(|raw| raw.get().len()).sum::<usize>();
        let documents = batch.documents.iter();
        self.bytes += documents
            .map(|keyed| keyed.document.bytes.len())
            .sum::<usize>();
        self.people.push(IncomingPerson {
            reference: format!("{} in {}", batch.reference, batch.source.display()),
            key: batch.key,
            identity: batch.identity,
            contact: batch.contact,
            left_on: None,
            segments: batch
                .segments
                .into_iter()
                .map(|keyed| (keyed.key, keyed.segment))
                .collect(),
            documents: batch
                .documents
                .into_iter()
                .map(|keyed| (keyed.key, keyed.document))
                .collect(),
        });
    }

    fn is_full(&self) -> bool {
        self.bytes >= TOGETHER_BYTES || self.people.len() >= TOGETHER_PEOPLE
    }
}

/// What the reading thread says about things that are not deposited.
#[derive(Default)]
struct Beside {
    left_out: Vec<LeftOut>,
    without_nhi: Vec<String>,
    with_test_nhi: usize,
    about_nobody: usize,
}

async fn records(
    path: &Path,
    intakes: Vec<Intake>,
    options: Options,
    clock: fn() -> Timestamp,
) -> Result<Summary, Problem> {
    let import = read(path, options).map_err(|error| Problem::Machine(sentence(&error)))?;
    let bar = bar(import.total_bytes());
    let (groups, waiting) = mpsc::channel::<Group>(MOST_WAITING);
    let reading = {
        let bar = bar.clone();
        tokio::task::spawn_blocking(move || read_all(import, &groups, &bar))
    };
    let waiting = Arc::new(Mutex::new(waiting));
    let depositors = intakes.into_iter().map(|mut intake| {
        let waiting = Arc::clone(&waiting);
        async move {
            let mut taken = Taken::default();
            loop {
                let group = waiting.lock().await.recv().await;
                let Some(group) = group else { return Ok(taken) };
                match intake.take(&group.people, clock()).await {
                    Ok(some) => taken.add(some),
                    Err(error) => {
                        // The reader notices that nobody takes what it reads.
                        waiting.lock().await.close();
                        return Err(interrupted(&error));
                    }
                }
            }
        }
    });
    let deposited = futures_util::future::join_all(depositors).await;
    let beside = reading
        .await
        .map_err(|error| Problem::Machine(format!("reading ended: {error}")))?;
    bar.finish_and_clear();
    let mut taken = Taken::default();
    for some in deposited {
        taken.add(some?);
    }
    Ok(Summary {
        taken,
        left_out: beside.left_out,
        without_nhi: beside.without_nhi,
        with_test_nhi: beside.with_test_nhi,
        about_nobody: beside.about_nobody,
        ..Summary::default()
    })
}

fn read_all(import: super::Import, groups: &mpsc::Sender<Group>, bar: &ProgressBar) -> Beside {
    let mut beside = Beside::default();
    let mut group = Group::default();
    let mut import = import;
    while let Some(found) = import.next() {
        bar.set_position(import.read_bytes());
        match found {
            Found::LeftOut(left_out) => beside.left_out.push(left_out),
            Found::Directory(segments) => {
                let counts = segments.iter().map(|keyed| keyed.segment.resources.len());
                beside.about_nobody += counts.sum::<usize>();
            }
            Found::Patient(batch) => {
                beside.with_test_nhi += usize::from(batch.has_test_number);
                if batch.identity.nhi.is_none() {
                    let source = batch.source.display();
                    beside
                        .without_nhi
                        .push(format!("{} in {source}", batch.reference));
                }
                group.add(*batch);
            }
        }
        if group.is_full() && groups.blocking_send(std::mem::take(&mut group)).is_err() {
            return beside;
        }
    }
    if !group.people.is_empty() {
        // Nobody takes it when a depositor ended with an error of its own.
        let _ = groups.blocking_send(group);
    }
    beside
}

/// Files that are deposited together, with the names under which they are told.
#[derive(Default)]
struct Files {
    names: Vec<PathBuf>,
    documents: Vec<KeyedDocument>,
    bytes: usize,
}

async fn documents(
    wishes: &Wishes,
    patient: &str,
    intakes: Vec<Intake>,
    clock: fn() -> Timestamp,
) -> Result<Summary, Problem> {
    let patient: PatientId = patient.parse().map_err(|_| {
        Problem::Machine("--patient wants the 32 hexadecimal digits of a patient's page".to_owned())
    })?;
    let Some(mut intake) = intakes.into_iter().next() else {
        return Ok(Summary::default());
    };
    let files =
        super::sources::files(&wishes.path).map_err(|error| Problem::Machine(sentence(&error)))?;
    let bar = bar(files.iter().map(|(_, size)| *size).sum());
    let mut summary = Summary::default();
    let mut together = Files::default();
    for (path, size) in files {
        let name = path.strip_prefix(&wishes.path).unwrap_or(&path).to_owned();
        match read_document(
            &path,
            &wishes.practice,
            candour_app::documents::LARGEST as u64,
        ) {
            Err(left_out) => summary.left_out.push(LeftOut {
                file: name,
                ..left_out
            }),
            Ok(document) => together.add(name, document),
        }
        if together.bytes >= TOGETHER_BYTES || together.names.len() >= TOGETHER_FILES {
            let files = std::mem::take(&mut together);
            files
                .deposit(patient, &mut intake, &mut summary, clock())
                .await?;
        }
        bar.inc(size);
    }
    together
        .deposit(patient, &mut intake, &mut summary, clock())
        .await?;
    bar.finish_and_clear();
    Ok(summary)
}

impl Files {
    fn add(&mut self, name: PathBuf, document: KeyedDocument) {
        self.bytes += document.document.bytes.len();
        self.names.push(name);
        self.documents.push(document);
    }

    async fn deposit(
        self,
        patient: PatientId,
        intake: &mut Intake,
        summary: &mut Summary,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let noted: Vec<_> = self
            .documents
            .iter()
            .map(|keyed| cautions(&keyed.document.bytes))
            .collect();
        let documents = self
            .documents
            .into_iter()
            .map(|keyed| (keyed.key, keyed.document))
            .collect();
        let mut taken = intake
            .take_documents(patient, documents, now)
            .await
            .map_err(|error| interrupted(&error))?;
        let mut refused = std::collections::HashMap::new();
        for left_out in taken.left_out.drain(..) {
            if left_out.refusal == Refusal::NotFound {
                return Err(Problem::Machine(
                    "the practice has no patient with the id given with --patient: look at the address of the \
                     patient's page"
                        .to_owned(),
                ));
            }
            if let What::Document(place) = left_out.what {
                refused.insert(place, left_out.refusal);
            }
        }
        for (place, (file, cautions)) in self.names.into_iter().zip(noted).enumerate() {
            match refused.get(&place) {
                Some(refusal) => summary.left_out.push(LeftOut {
                    file,
                    line: None,
                    why: Why::Refused(*refusal),
                }),
                None if !cautions.is_empty() => summary.noted.push((file, cautions)),
                None => {}
            }
        }
        summary.taken.add(taken);
        Ok(())
    }
}

fn interrupted(error: &DepositError) -> Problem {
    let next = match error {
        DepositError::Refused(
            Refusal::OverBudget { .. }
            | Refusal::SessionSpent { .. }
            | Refusal::OverCeiling { .. }
            | Refusal::TooMany { .. },
        ) => "wait, then run the same import again: it goes on where it stopped",
        _ => "mend that, then run the same import again: it goes on where it stopped",
    };
    Problem::Machine(format!("the import stopped ({}); {next}", sentence(error)))
}

fn bar(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    // A template that does not parse would leave the plain bar; this one does.
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta} left") {
        bar.set_style(style);
    }
    bar
}
