//! Who lives there: patients in households and practices, staff, programs, networks.

use super::chance::{Chance, float, rounded, signed, spread};
use super::parameters::Parameters;
use crate::small_keeper::Target;
use candour_rules::decision::Role;
use candour_rules::keys::{Item, Network, Patient, Practice, Principal};
use candour_rules::time::{Micros, Span};
use std::ops::Range;

/// Monday, 4 January 2027, 0 h; the hours are local ones.
pub(super) const START: Micros = Micros(1_799_020_800_000_000);

const HOMES: i64 = 1_000_000_000;
const CARRIERS: i64 = 2_000_000_000;
const CLINICS: i64 = 3_000_000_000;
const SHELTER: i64 = 4_000_000_000;
const PRACTICES: i64 = 10_000_000;
const STAFF: i64 = 1_000_000_000;
const PROGRAMS: i64 = 2_000_000_000;

/// Where something happens in a year; each has its own stream of chance, so that one more of the one changes no other.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    World = 1,
    Visits,
    Practices,
    Special,
    Follow,
}

pub(super) struct Person {
    pub household: i64,
    pub has_account: bool,
    pub is_dormant: bool,
    pub documents: usize,
}

pub(super) struct House {
    pub practice: Practice,
    /// Places in the list of people.
    pub people: Range<usize>,
    pub clinicians: Vec<Worker>,
    pub nurses: Vec<Worker>,
    pub receptionists: Vec<Worker>,
}

impl House {
    pub fn network(&self) -> Network {
        Network(CLINICS + self.practice.0)
    }

    pub fn program(&self) -> Principal {
        Principal(PROGRAMS + self.practice.0)
    }

    pub fn staff(&self) -> impl Iterator<Item = &Worker> {
        self.clinicians
            .iter()
            .chain(&self.nurses)
            .chain(&self.receptionists)
    }
}

#[derive(Clone)]
pub(super) struct Worker {
    pub principal: Principal,
    pub role: Role,
    /// Files what is normal at a glance.
    pub is_quick: bool,
    /// The practice worked in by turns.
    pub other_practice: Option<usize>,
}

pub(super) struct World {
    pub people: Vec<Person>,
    pub houses: Vec<House>,
    /// Places of those who visit.
    pub active: Vec<usize>,
    pub carriers: usize,
}

impl World {
    pub fn new(parameters: &Parameters, seed: u64, patients: usize) -> Self {
        let mut chance = Chance::new(seed, Stream::World as u64);
        let people = people(parameters, &mut chance, patients);
        let active = people
            .iter()
            .enumerate()
            .filter(|(_, person)| person.has_account)
            .map(|(place, _)| place)
            .filter(|_| chance.is_one_of(*parameters.patients.active))
            .collect();
        let practices = rounded(float(patients) / *parameters.clinicians.practice_size).max(2);
        let houses = (0..practices)
            .map(|number| {
                let range = number * patients / practices..(number + 1) * patients / practices;
                house(parameters, &mut chance, number, practices, range)
            })
            .collect();
        Self {
            people,
            houses,
            active,
            carriers: rounded(*parameters.patients.carrier_addresses),
        }
    }

    /// The places of everybody in somebody's household, the person among them.
    pub fn household(&self, place: usize) -> Vec<usize> {
        let of = |place: usize| self.people.get(place).map(|person| person.household);
        (place.saturating_sub(5)..place + 6)
            .filter(|other| of(*other) == of(place))
            .collect()
    }

    pub fn home(&self, place: usize) -> Network {
        Network(HOMES + self.people.get(place).map_or(0, |person| person.household))
    }

    pub fn carrier(&self, chance: &mut Chance) -> Network {
        Network(CARRIERS + signed(chance.below(self.carriers)))
    }

    pub fn shelter() -> Network {
        Network(SHELTER)
    }

    pub fn house_of(&self, place: usize) -> Option<&House> {
        self.houses
            .iter()
            .find(|house| house.people.contains(&place))
    }

    pub fn is_dormant(&self, place: usize) -> bool {
        self.people
            .get(place)
            .is_some_and(|person| person.is_dormant)
    }

    /// The `number`th document on somebody's record, as old as it was on the first day and then some.
    pub fn document(&self, days: f64, place: usize, number: usize, now: Micros) -> Target {
        let key = spread(place as u64, number as u64);
        let item = Item(key.cast_signed());
        let age = super::chance::hours(24.0 * Chance::new(key, 0).exponential(days));
        self.dated(place, item, START - age, now)
    }

    /// Any document of somebody that was deposited at a time.
    pub fn dated(&self, place: usize, item: Item, deposited: Micros, now: Micros) -> Target {
        Target {
            age: Some(now.since(deposited)),
            ordinal: u64::try_from(deposited.0).ok(),
            is_dormant: self.is_dormant(place),
            ..Target::document(patient(place), item)
        }
    }
}

pub(super) fn patient(place: usize) -> Patient {
    Patient(signed(place))
}

pub(super) fn principal(place: usize) -> Principal {
    Principal(signed(place))
}

/// The first moment of a day.
pub(super) fn day(number: usize) -> Micros {
    START + Span::days(signed(number))
}

/// Monday is 0.
pub(super) const fn weekday(number: usize) -> usize {
    number % 7
}

fn people(parameters: &Parameters, chance: &mut Chance, patients: usize) -> Vec<Person> {
    let numbers = &parameters.patients;
    let (mut household, mut left) = (0, 0);
    (0..patients)
        .map(|_| {
            if left == 0 {
                household += 1;
                left = 1 + chance.weighted(&[25.0, 33.0, 17.0, 16.0, 9.0]);
            }
            left -= 1;
            let is_dormant = chance.is_one_of(*numbers.dormant);
            Person {
                household,
                has_account: !is_dormant && chance.is_one_of(*numbers.registered),
                is_dormant,
                documents: 1 + rounded(chance.exponential(*numbers.documents_each)),
            }
        })
        .collect()
}

fn house(
    parameters: &Parameters,
    chance: &mut Chance,
    number: usize,
    practices: usize,
    people: Range<usize>,
) -> House {
    let mut next = STAFF + signed(number) * 1_000;
    let mut workers = |chance: &mut Chance, each: f64, role| {
        let count = rounded(float(people.len()) / each).max(1);
        let mut worker = |chance: &mut Chance| {
            next += 1;
            let is_locum = role == Role::Clinician
                && chance.is_one_of(*parameters.clinicians.in_two_practices);
            Worker {
                principal: Principal(next),
                role,
                is_quick: chance.is_one_of(*parameters.clinicians.quick),
                other_practice: is_locum.then_some((number + 1) % practices),
            }
        };
        (0..count).map(|_| worker(chance)).collect::<Vec<_>>()
    };
    let clinicians = workers(
        chance,
        *parameters.clinicians.patients_each,
        Role::Clinician,
    );
    let nurses = workers(
        chance,
        *parameters.clinicians.nurse_patients_each,
        Role::Clinician,
    );
    let receptionists = workers(chance, *parameters.reception.patients_each, Role::Reception);
    House {
        practice: Practice(PRACTICES + signed(number)),
        people,
        clinicians,
        nurses,
        receptionists,
    }
}
