//! A synthetic population of New Zealand kind: the same seed gives the same people, records and letters.
//!
//! Every person is made from the seed and their own number alone, so the population is a stream: memory does not grow
//! with its size, and parts of it can be made side by side.

mod chance;
mod clinic;
mod fhir;
mod household;
mod letter;
mod names;
mod page;
mod patient;
mod places;
mod practice;
mod results;
mod topics;

use candour_core::document::DocumentMeta;
use candour_core::fhir::{Resource, Sensitivities};
use candour_core::people::{Contact, Identity};
use chance::{Chance, Stream};
use jiff::civil::Date;

pub use practice::{Clinician, OutOfHours, SyntheticPractice};

/// The most patients of one population, and the first number of a canary: test NHI numbers suffice for so many.
const MOST: u32 = 500_000;
const FIRST_CANARY: u32 = 490_000;

/// What population to make.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// How many patients, canaries not counted.
    pub patients: u32,
    /// The seed; everything about people follows from it.
    pub seed: u64,
    /// The seed of the practices. People of several seeds may be patients of the same practices.
    pub practices_seed: u64,
    /// The day on which the population lives; nothing happens after it. See [`Plan::DAY`].
    pub today: Date,
    /// How many practices, at least 1; see [`Plan::usual_practices`].
    pub practices: u32,
    /// Letters for each patient on average, from 0 to 20.
    pub documents_per_patient: f32,
    /// Patients that nobody has a reason to open, for each practice.
    pub canaries_per_practice: u32,
}

impl Plan {
    /// The day on which populations live unless told otherwise. Fixed, so that the same seed gives the same people
    /// whenever they are made: what was begun yesterday can be finished today.
    pub const DAY: Date = Date::constant(2026, 11, 20);

    /// Three documents each, the usual number of practices, the usual canaries for each.
    pub const fn new(patients: u32, seed: u64, today: Date) -> Self {
        let practices = Self::usual_practices(patients);
        Self {
            patients,
            seed,
            practices_seed: seed,
            today,
            practices,
            documents_per_patient: 3.0,
            canaries_per_practice: Self::usual_canaries(patients, practices),
        }
    }

    /// The same people, who come to other practices: as many as these, made by this seed.
    #[must_use]
    pub const fn at(self, practices: u32, practices_seed: u64) -> Self {
        Self {
            practices,
            practices_seed,
            canaries_per_practice: Self::usual_canaries(self.patients, practices),
            ..self
        }
    }

    /// One canary for 200 patients of a practice, and one in each at least.
    pub const fn usual_canaries(patients: u32, practices: u32) -> u32 {
        match practices.saturating_mul(200) {
            0 => 1,
            places if patients <= places => 1,
            places => patients.div_ceil(places),
        }
    }

    /// One practice for 1,500 patients, from 6 to 60.
    pub const fn usual_practices(patients: u32) -> u32 {
        match patients / 1500 {
            number @ 6..=60 => number,
            0..6 => 6,
            _ => 60,
        }
    }
}

/// Why a population cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PopulationError {
    /// More patients than there are test NHI numbers.
    #[error("at most 490,000 patients: there are no more test NHI numbers")]
    TooMany,
    /// No practice, or more than there are test HPI numbers.
    #[error("from 1 to 500 practices")]
    Practices,
    /// A number of documents that makes no sense.
    #[error("from 0 to 20 documents for each patient")]
    Documents,
    /// The committed fonts do not read; the build is broken.
    #[error("the letters' fonts do not read")]
    Fonts,
    /// The PDF library refused a letter; the generator is broken.
    #[error("a letter could not be written as PDF")]
    Letter,
}

/// Where a patient is or was enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolment {
    /// Index of the practice.
    pub practice: usize,
    /// First day.
    pub since: Date,
    /// Last day, for those who left.
    pub until: Option<Date>,
}

/// Why somebody acts for a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyReason {
    /// Parent or guardian of a child under 16.
    Guardian,
    /// The patient can no longer decide alone.
    Capacity,
    /// The patient asked for it.
    Wish,
}

/// Somebody who acts for a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyntheticProxy {
    /// Number of the patient whose person acts.
    pub person: u32,
    /// Why.
    pub reason: ProxyReason,
    /// Last day: a child's sixteenth birthday, or a year from now.
    pub until: Date,
}

/// A letter as a practice deposits it.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Its shelf entry.
    pub meta: DocumentMeta,
    /// Its sensitivity tags.
    pub tags: Sensitivities,
    /// The PDF file.
    pub pdf: Vec<u8>,
}

/// A made-up patient with everything about them.
#[derive(Debug, Clone)]
pub struct SyntheticPatient {
    /// Their number in the population, from 0; canaries have numbers of their own, far above.
    pub number: u32,
    /// Nobody has a reason to open this one.
    pub is_canary: bool,
    /// Who they are, with a test NHI number.
    pub identity: Identity,
    /// How they are reached, and whether it is safe to.
    pub contact: Contact,
    /// Index of the practice that deposits their record and letters.
    pub practice: usize,
    /// Where they are and were enrolled; the depositing practice first.
    pub enrolments: Vec<Enrolment>,
    /// Who acts for them.
    pub proxies: Vec<SyntheticProxy>,
    /// Their record, the `Patient` resource first.
    pub resources: Vec<Resource>,
    /// Their letters.
    pub letters: Vec<Letter>,
}

impl SyntheticPatient {
    /// They left every practice they were enrolled in.
    pub fn has_left(&self) -> bool {
        self.enrolments
            .iter()
            .all(|enrolment| enrolment.until.is_some())
    }
}

/// A population: its practices at once, its patients one by one.
pub struct Population {
    plan: Plan,
    practices: Vec<SyntheticPractice>,
    type_faces: page::TypeFaces,
}

impl Population {
    /// Makes the practices and reads the fonts; patients are made when asked for.
    ///
    /// # Errors
    /// [`PopulationError`] when the plan asks for more than there can be.
    pub fn new(plan: Plan) -> Result<Self, PopulationError> {
        if !(1..=500).contains(&plan.practices) {
            return Err(PopulationError::Practices);
        }
        if !(0.0..=20.0).contains(&plan.documents_per_patient) {
            return Err(PopulationError::Documents);
        }
        let canaries = plan.practices.saturating_mul(plan.canaries_per_practice);
        if plan.patients > FIRST_CANARY || canaries > MOST - FIRST_CANARY {
            return Err(PopulationError::TooMany);
        }
        let practices = practice::all(&plan).ok_or(PopulationError::Practices)?;
        let type_faces = page::TypeFaces::read().ok_or(PopulationError::Fonts)?;
        Ok(Self {
            plan,
            practices,
            type_faces,
        })
    }

    /// The plan it was made from.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The practices.
    pub fn practices(&self) -> &[SyntheticPractice] {
        &self.practices
    }

    /// How many patients there are, canaries among them.
    pub const fn size(&self) -> u32 {
        self.plan.patients + self.plan.practices * self.plan.canaries_per_practice
    }

    /// The number of the patient at a place from 0 to [`Population::size`]; the canaries come last.
    ///
    /// A larger population of the same seed and practices begins with the same people: canaries do not move.
    pub const fn number(&self, place: u32) -> u32 {
        match place.checked_sub(self.plan.patients) {
            None => place,
            Some(canary) => FIRST_CANARY + canary,
        }
    }

    /// The numbers of all patients; the canaries' come last.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.size()).map(|place| self.number(place))
    }

    /// The same, shuffled: the order in which people are put in. Whoever sees in which order they came must not find the
    /// canaries together.
    pub fn shuffled(&self) -> Vec<u32> {
        let mut numbers: Vec<u32> = self.numbers().collect();
        let mut chance = Chance::new(self.plan.seed, Stream::Order, self.size());
        for place in (1..numbers.len()).rev() {
            numbers.swap(place, chance.below(place + 1));
        }
        numbers
    }

    /// The patient with a number, made anew each time.
    ///
    /// # Errors
    /// [`PopulationError::TooMany`] for a number that is not in [`Population::numbers`], [`PopulationError::Letter`].
    pub fn patient(&self, number: u32) -> Result<SyntheticPatient, PopulationError> {
        let canaries = self.size() - self.plan.patients;
        let is_one = number < self.plan.patients
            || (FIRST_CANARY..FIRST_CANARY + canaries).contains(&number);
        if !is_one {
            return Err(PopulationError::TooMany);
        }
        patient::make(self, number)
    }

    /// All patients in order.
    pub fn patients(&self) -> impl Iterator<Item = Result<SyntheticPatient, PopulationError>> + '_ {
        self.numbers().map(|number| self.patient(number))
    }
}
