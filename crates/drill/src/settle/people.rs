//! The population on its way into the installation: made by some tasks, deposited by others, never held whole.

use super::clinical;
use super::order::{Done, SettledPatient};
use super::register::Candidates;
use crate::population::{Population, SyntheticPatient};
use crate::{Problem, clock};
use candour_app::App;
use candour_app::deposits::key;
use candour_app::intake::{IncomingPerson, Intake, Taken};
use candour_app::sign_in::ClientCredential;
use candour_core::block::Block;
use candour_core::document::NewDocument;
use candour_core::fhir::{Directory, SEGMENT_BYTES, Segment, segments};
use candour_seal::DepositKey;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// Patients who are deposited together.
const TOGETHER: usize = 40;
/// Patients who wait for their practice's next batch, over all practices.
const MOST_WAITING: usize = 600;
/// Batches that wait for a depositor.
const QUEUE: usize = 4;
/// Depositors: while one waits for the disk another seals.
const DEPOSITORS: usize = 4;

/// One practice's share of a batch.
struct Batch {
    practice: usize,
    people: Vec<Made>,
}

/// A patient as made, with what the scorer will want to know.
struct Made {
    person: IncomingPerson,
    settled: SettledPatient,
    note: Option<super::register::Candidate>,
    /// Enrolments elsewhere: index of the practice and the day they left.
    elsewhere: Vec<(usize, Option<jiff::civil::Date>)>,
}

/// Where settled people are told.
pub(super) type Told = mpsc::Sender<SettledPatient>;

/// Makes and deposits everybody; gives the numbers and who is fit to be given an account.
pub(super) async fn settle(
    app: &Arc<App>,
    population: &Arc<Population>,
    clients: &[ClientCredential],
    complete: &[u32],
    told: Told,
) -> Result<(Done, Candidates), Problem> {
    let (made, waiting) = mpsc::channel::<Batch>(QUEUE);
    let waiting = Arc::new(tokio::sync::Mutex::new(waiting));
    let candidates = Arc::new(Mutex::new(Candidates::default()));
    let done = Arc::new(Mutex::new(Done::default()));

    let makers = makers(population, complete.iter().copied().collect(), made);
    let depositors = (0..DEPOSITORS).map(|_| {
        let depositor = Depositor {
            app: Arc::clone(app),
            clients,
            intakes: HashMap::new(),
            done: Arc::clone(&done),
            candidates: Arc::clone(&candidates),
            told: told.clone(),
        };
        depositor.work(Arc::clone(&waiting))
    });
    let (made, deposited) = tokio::join!(makers, futures_util::future::try_join_all(depositors));
    deposited?;
    made?;
    let done = *done.lock().unwrap_or_else(PoisonError::into_inner);
    let mut candidates = candidates.lock().unwrap_or_else(PoisonError::into_inner);
    Ok((done, std::mem::take(&mut candidates)))
}

/// Deposits everybody and gives them as they came in, canaries not marked yet: for tests of what stands in the portal.
///
/// # Errors
/// When somebody cannot be made or deposited.
pub async fn fill(
    app: &Arc<App>,
    population: &Arc<Population>,
    clients: &[ClientCredential],
) -> Result<Vec<SettledPatient>, Problem> {
    let (told, mut settled) = mpsc::channel(256);
    let gathering = async move {
        let mut all = Vec::new();
        while let Some(patient) = settled.recv().await {
            all.push(patient);
        }
        all
    };
    let (done, all) = tokio::join!(settle(app, population, clients, &[], told), gathering);
    done.map(|_| all)
}

/// Makes people on as many threads as there are cores; letters as PDF are the expensive part.
async fn makers(
    population: &Arc<Population>,
    complete: HashSet<u32>,
    out: mpsc::Sender<Batch>,
) -> Result<(), Problem> {
    let numbers = population.shuffled().into_iter();
    let numbers: Arc<[u32]> = numbers
        .filter(|number| !complete.contains(number))
        .collect();
    let next = Arc::new(AtomicUsize::new(0));
    let desk = Arc::new(Mutex::new(Sorting::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let (population, next, desk) =
                (Arc::clone(population), Arc::clone(&next), Arc::clone(&desk));
            let (out, numbers) = (out.clone(), Arc::clone(&numbers));
            tokio::task::spawn_blocking(move || {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(number) = numbers.get(place).copied() else {
                        return Ok(());
                    };
                    let made = make(&population, number)?;
                    let full = desk
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .add(made);
                    if let Some(batch) = full
                        && out.blocking_send(batch).is_err()
                    {
                        // The depositors ended with an error of their own.
                        return Ok(());
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        let ended: Result<(), Problem> = worker
            .await
            .map_err(|error| Problem::Unexpected(format!("a maker of people ended: {error}")))?;
        ended?;
    }
    let rest = std::mem::take(
        &mut desk
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .by_practice,
    );
    for (practice, people) in rest {
        if out.send(Batch { practice, people }).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// People by practice, until a batch is full.
#[derive(Default)]
struct Sorting {
    by_practice: HashMap<usize, Vec<Made>>,
    waiting: usize,
}

impl Sorting {
    fn add(&mut self, made: Made) -> Option<Batch> {
        let practice = made.settled.practice;
        let people = self.by_practice.entry(practice).or_default();
        people.push(made);
        self.waiting += 1;
        if people.len() >= TOGETHER {
            return self.take(practice);
        }
        if self.waiting < MOST_WAITING {
            return None;
        }
        let fullest = self
            .by_practice
            .iter()
            .max_by_key(|(_, people)| people.len())
            .map(|(practice, _)| *practice)?;
        self.take(fullest)
    }

    fn take(&mut self, practice: usize) -> Option<Batch> {
        let people = self.by_practice.remove(&practice)?;
        self.waiting -= people.len();
        Some(Batch { practice, people })
    }
}

fn make(population: &Population, number: u32) -> Result<Made, Problem> {
    let patient = population.patient(number)?;
    let reference = format!("synth-{}-{number}", population.plan().seed);
    let own = key(&[b"synth/person", reference.as_bytes()]);
    let note = super::register::Candidate::of(&patient);
    let settled = unsettled(&patient);
    let left_on = patient
        .enrolments
        .iter()
        .find(|enrolment| enrolment.practice == patient.practice)
        .and_then(|enrolment| enrolment.until);
    let elsewhere = patient
        .enrolments
        .iter()
        .filter(|enrolment| enrolment.practice != patient.practice)
        .map(|enrolment| (enrolment.practice, enrolment.until))
        .collect();
    let SyntheticPatient {
        identity,
        contact,
        resources,
        letters,
        ..
    } = patient;
    let mut directory = Directory::default();
    for resource in &resources {
        directory.add(None, resource);
    }
    let documents = letters
        .into_iter()
        .zip(0_usize..)
        .map(|(letter, place)| {
            let place = place.to_be_bytes();
            let document = NewDocument {
                meta: letter.meta,
                tags: letter.tags,
                bytes: letter.pdf,
            };
            (key(&[b"synth/letter", own.as_bytes(), &place]), document)
        })
        .collect();
    let segments = segments(resources, &directory, SEGMENT_BYTES)
        .into_iter()
        .map(|segment| Ok((segment_key(own, &segment)?, segment)))
        .collect::<Result<Vec<_>, Problem>>()?;
    Ok(Made {
        person: IncomingPerson {
            reference,
            key: own,
            identity,
            contact,
            left_on,
            segments,
            documents,
        },
        settled,
        note,
        elsewhere,
    })
}

/// What is known of a patient before the installation gives ids.
fn unsettled(patient: &SyntheticPatient) -> SettledPatient {
    let mut practices: Vec<usize> = patient
        .enrolments
        .iter()
        .filter(|enrolment| enrolment.until.is_none())
        .map(|enrolment| enrolment.practice)
        .chain([patient.practice])
        .collect();
    practices.sort_unstable();
    practices.dedup();
    SettledPatient {
        number: patient.number,
        patient: String::new(),
        surname: patient.identity.name.family.clone(),
        name: patient.identity.name.full(),
        birth_date: patient.identity.birth_date.date(),
        is_deceased: patient.identity.deceased.is_some(),
        practice: patient.practice,
        is_canary: patient.is_canary,
        is_unsafe_to_write: patient.contact.unsafe_to_write,
        email: patient.contact.email.as_ref().map(ToString::to_string),
        practices,
        documents: Vec::new(),
        clinical: clinical::words(patient),
    }
}

fn segment_key(own: DepositKey, segment: &Segment) -> Result<DepositKey, Problem> {
    let content = segment
        .to_block()
        .map_err(candour_app::DepositError::from)?;
    Ok(key(&[b"synth/segment", own.as_bytes(), &content]))
}

/// Deposits batches; keeps one session for each practice it meets.
struct Depositor<'a> {
    app: Arc<App>,
    clients: &'a [ClientCredential],
    intakes: HashMap<usize, Intake>,
    done: Arc<Mutex<Done>>,
    candidates: Arc<Mutex<Candidates>>,
    told: Told,
}

type Waiting = Arc<tokio::sync::Mutex<mpsc::Receiver<Batch>>>;

impl Depositor<'_> {
    async fn work(mut self, waiting: Waiting) -> Result<(), Problem> {
        loop {
            let batch = waiting.lock().await.recv().await;
            let Some(batch) = batch else { return Ok(()) };
            if let Err(problem) = self.deposit(batch).await {
                // Nobody takes what the makers still make; they end when they notice.
                waiting.lock().await.close();
                return Err(problem);
            }
        }
    }

    async fn intake(&mut self, practice: usize) -> Result<&mut Intake, Problem> {
        if !self.intakes.contains_key(&practice) {
            let credential = self
                .clients
                .get(practice)
                .ok_or_else(|| Problem::Unexpected("a practice has no program".to_owned()))?;
            let intake = Intake::begin(Arc::clone(&self.app), credential.clone())
                .await
                .map_err(Problem::refused("a practice's program could not sign in"))?;
            self.intakes.insert(practice, intake);
        }
        self.intakes
            .get_mut(&practice)
            .ok_or_else(|| Problem::Unexpected("a practice has no program".to_owned()))
    }

    async fn deposit(&mut self, batch: Batch) -> Result<(), Problem> {
        let now = clock::now();
        let (people, rest): (Vec<_>, Vec<_>) = batch
            .people
            .into_iter()
            .map(|made| (made.person, (made.settled, made.note, made.elsewhere)))
            .unzip();
        let taken = self
            .intake(batch.practice)
            .await?
            .take(&people, now)
            .await?;
        self.count(&taken);
        let mut visits: HashMap<usize, Vec<IncomingPerson>> = HashMap::new();
        for (person, (_, _, elsewhere)) in people.iter().zip(&rest) {
            for (practice, left_on) in elsewhere {
                visits.entry(*practice).or_default().push(IncomingPerson {
                    reference: person.reference.clone(),
                    key: person.key,
                    identity: person.identity.clone(),
                    contact: person.contact.clone(),
                    left_on: *left_on,
                    segments: Vec::new(),
                    documents: Vec::new(),
                });
            }
        }
        for (practice, people) in visits {
            self.intake(practice).await?.take(&people, now).await?;
        }
        let mut by_source: HashMap<_, _> = taken
            .ids
            .into_iter()
            .map(|ids| (*ids.key.as_bytes(), ids))
            .collect();
        for (person, (mut settled, note, _)) in people.iter().zip(rest) {
            let Some(ids) = by_source.remove(person.key.as_bytes()) else {
                continue;
            };
            settled.patient = ids.patient.to_string();
            settled.documents = ids.documents.iter().map(ToString::to_string).collect();
            if let Some(note) = note {
                self.candidates
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .add(note, ids.patient);
            }
            // The clerk is gone when nobody listens any more; the next report then fails too.
            let _ = self.told.send(settled).await;
        }
        Ok(())
    }

    fn count(&self, taken: &Taken) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.people += taken.people;
        done.segments += taken.segments;
        done.documents += taken.documents;
        done.left_out += taken.left_out.len();
        drop(done);
        for one in &taken.left_out {
            tracing::warn!(who = one.person, what = ?one.what, why = %one.refusal, "not taken in");
        }
    }
}
