//! A day of a practice: consultations, letters, the front desk, the program that deposits.

use super::chance::{Chance, float, hours, minutes, rounded, seconds};
use super::parameters::Parameters;
use super::visit::{Act, Visit};
use super::world::{House, Stream, Worker, World, day, patient, weekday};
use crate::small_keeper::{Target, Visitor};
use candour_rules::decision::{Lane, Role, Touch};
use candour_rules::keys::{Instance, Item, Practice, Session};
use candour_rules::time::Micros;

/// One practice on one day.
pub(super) struct Practices<'a> {
    pub parameters: &'a Parameters,
    pub world: &'a World,
    pub chance: Chance,
}

/// Somebody of a practice in a session that begins at `at`.
pub(super) fn visitor(worker: &Worker, practice: Practice, house: &House, at: Micros) -> Visitor {
    Visitor {
        session: Session(0),
        principal: worker.principal,
        role: worker.role,
        practice: Some(practice),
        instance: Instance(0),
        network: house.network(),
        acts_for: 0,
        proved_at: at,
        by_passkey: true,
        lane: Lane::Ordinary,
    }
}

impl<'a> Practices<'a> {
    pub fn of_day(parameters: &'a Parameters, world: &'a World, seed: u64, number: usize) -> Self {
        let stream = (Stream::Practices as u64) << 32 | number as u64;
        Self {
            parameters,
            world,
            chance: Chance::new(seed, stream),
        }
    }

    /// Everybody who works in a practice on a day, and its program in the evening.
    pub fn work(&mut self, house: &House, number: usize) -> Vec<Visit> {
        let mut visits = vec![self.program(house, number)];
        if weekday(number) > 4 {
            return visits;
        }
        let works = *self.parameters.clinicians.days_a_week / 5.0;
        for worker in &house.clinicians {
            if self.chance.is_one_of(works) {
                self.clinician(house, worker, number, &mut visits);
            }
        }
        for worker in &house.nurses {
            if self.chance.is_one_of(works) {
                let many = self
                    .chance
                    .poisson(*self.parameters.clinicians.nurse_patients_a_day);
                visits.push(self.consultations(house, worker, number, many));
            }
        }
        for worker in &house.receptionists {
            visits.push(self.front_desk(house, worker, number));
        }
        visits
    }

    /// A fresh session of one of the practice's staff, ready to be filled.
    pub fn begin(&mut self, house: &House, worker: &Worker, at: Micros) -> Visit {
        let mut visit = Visit::new(at, visitor(worker, house.practice, house, at));
        let takes = self
            .chance
            .lognormal(*self.parameters.clinicians.prove_seconds, 0.5);
        visit.proves_in = Some(seconds(takes));
        visit.impatience = self
            .chance
            .below(1 + rounded(*self.parameters.oddities.impatience));
        visit
    }

    /// Sections of somebody's record on one page.
    pub fn record(&self, place: usize) -> Vec<Target> {
        let section = Target {
            is_dormant: self.world.is_dormant(place),
            ..Target::section(patient(place), Touch::Opened)
        };
        vec![section; rounded(*self.parameters.clinicians.sections)]
    }

    /// One of the practice's patients; those who are never there come up seldom.
    pub fn anybody(&mut self, house: &House) -> usize {
        let mut place = house.people.start + self.chance.below(house.people.len());
        if self.world.is_dormant(place) && !self.chance.is_one_of(0.1) {
            place = house.people.start + self.chance.below(house.people.len());
        }
        place
    }

    /// A document that came in lately.
    pub fn letter(&mut self, place: usize, days: f64, at: Micros) -> Target {
        let item = Item(self.chance.draw().cast_signed());
        self.world.dated(place, item, at - hours(24.0 * days), at)
    }

    fn clinician(&mut self, home: &House, worker: &Worker, number: usize, visits: &mut Vec<Visit>) {
        let away = worker.other_practice.filter(|_| number.is_multiple_of(2));
        let house = away
            .and_then(|other| self.world.houses.get(other))
            .unwrap_or(home);
        let many = self
            .chance
            .poisson(*self.parameters.clinicians.patients_a_day);
        visits.push(self.consultations(house, worker, number, many));
        let blocks = rounded(*self.parameters.clinicians.inbox_blocks).max(1);
        for block in 0..blocks {
            let mean = *self.parameters.clinicians.inbox_a_day / float(blocks);
            let letters = self.chance.poisson(mean);
            let hour = 7.5 + 11.0 * float(block) / float(blocks.max(2) - 1);
            visits.push(self.inbox(house, worker, day(number) + hours(hour), letters));
        }
        let days_worked = *self.parameters.clinicians.days_a_week * 46.0;
        if self
            .chance
            .is_one_of(*self.parameters.clinicians.returns_a_year / days_worked)
        {
            visits.push(self.after_leave(house, worker, number));
        }
        if self
            .chance
            .is_one_of(*self.parameters.clinicians.emergencies_a_day)
        {
            visits.push(self.emergency(house, worker, number));
        }
    }

    /// The day's list, and then one patient after the other.
    fn consultations(
        &mut self,
        house: &House,
        worker: &Worker,
        number: usize,
        many: usize,
    ) -> Visit {
        let begin = day(number) + minutes(500.0 + 20.0 * self.chance.unit());
        let mut visit = self.begin(house, worker, begin);
        let patients: Vec<usize> = (0..many).map(|_| self.anybody(house)).collect();
        let list = patients
            .iter()
            .map(|place| Target::section(patient(*place), Touch::Listed));
        visit.open(seconds(20.0), list.collect());
        let apart = 480.0 / float(many.max(1));
        for place in patients {
            let pause = self.chance.lognormal(apart * 0.6, 0.5);
            visit.open(minutes(pause), self.record(place));
            for _ in 0..self.chance.poisson(*self.parameters.clinicians.documents) {
                let pause = self.chance.lognormal(20.0, 0.8);
                let of = self
                    .world
                    .people
                    .get(place)
                    .map_or(1, |person| person.documents);
                let days = *self.parameters.patients.document_days;
                let document = self
                    .world
                    .document(days, place, self.chance.below(of), visit.at);
                visit.open(seconds(pause), vec![document]);
            }
            visit.step(minutes(2.0), Act::Deposit(patient(place)));
        }
        visit
    }

    /// Results and letters, in the order in which they came.
    pub fn inbox(&mut self, house: &House, worker: &Worker, from: Micros, letters: usize) -> Visit {
        let begin = from + hours(self.chance.unit());
        let mut visit = self.begin(house, worker, begin);
        let numbers = &self.parameters.clinicians;
        let median = if worker.is_quick {
            *numbers.quick_seconds
        } else {
            *numbers.inbox_seconds
        };
        for letter in 0..letters {
            let place = self.anybody(house);
            let days = 1.5 * (1.0 - float(letter) / float(letters.max(1)));
            let pause = self.chance.lognormal(median, *numbers.inbox_sigma).max(1.0);
            let letter = self.letter(place, days, begin);
            visit.open(seconds(pause), vec![letter]);
            if self.chance.is_one_of(*numbers.record_too) {
                visit.open(seconds(2.0 + 4.0 * self.chance.unit()), self.record(place));
            }
        }
        visit
    }

    fn after_leave(&mut self, house: &House, worker: &Worker, number: usize) -> Visit {
        let begin = day(number) + hours(7.5);
        let mut visit = self.begin(house, worker, begin);
        let numbers = &self.parameters.clinicians;
        let many = rounded(*numbers.letters_after_leave);
        let median = if worker.is_quick {
            *numbers.quick_seconds
        } else {
            *numbers.inbox_seconds
        };
        for letter in 0..many {
            let place = self.anybody(house);
            let days = *numbers.oldest_letter_days * (1.0 - float(letter) / float(many));
            let pause = self.chance.lognormal(median, *numbers.inbox_sigma).max(1.0);
            let letter = self.letter(place, days, begin);
            visit.open(seconds(pause), vec![letter]);
        }
        visit
    }

    /// Somebody of another practice, in a hurry.
    pub fn emergency(&mut self, house: &House, worker: &Worker, number: usize) -> Visit {
        let begin = day(number) + hours(8.0 + 12.0 * self.chance.unit());
        let mut visit = self.begin(house, worker, begin);
        let place = self.chance.below(self.world.people.len());
        visit.step(seconds(15.0), Act::Emergency(self.record(place)));
        visit
    }

    fn front_desk(&mut self, house: &House, worker: &Worker, number: usize) -> Visit {
        let begin = day(number) + hours(8.0);
        let mut visit = self.begin(house, worker, begin);
        let numbers = &self.parameters.reception;
        let names = |this: &mut Self, many: usize| -> Vec<Target> {
            (0..many)
                .map(|_| Target::section(patient(this.anybody(house)), Touch::Listed))
                .collect()
        };
        let list = names(self, rounded(*numbers.names_on_a_list));
        visit.open(seconds(10.0), list);
        let searches = self.chance.poisson(*numbers.searches_a_day);
        let opened = *numbers.opened_a_day / *numbers.searches_a_day;
        for _ in 0..searches {
            let many = 1 + self.chance.poisson(*numbers.names_a_search - 1.0).min(9);
            let found = names(self, many);
            let who = found.first().copied();
            let pause = self.chance.exponential(540.0 / float(searches.max(1)));
            visit.open(minutes(pause), found);
            if let Some(who) = who.filter(|_| self.chance.is_one_of(opened)) {
                let touch = Touch::Opened;
                visit.open(seconds(5.0), vec![Target { touch, ..who }]);
            }
        }
        visit
    }

    /// The practice's program deposits in the evening, one patient after the other.
    fn program(&mut self, house: &House, number: usize) -> Visit {
        let at = day(number) + hours(19.0 + 2.0 * self.chance.unit());
        let numbers = &self.parameters.programs;
        let catches_up = self.chance.is_one_of(*numbers.catch_ups / 365.0);
        let part = if catches_up {
            *numbers.catch_up
        } else {
            *numbers.a_night
        };
        let worker = Worker {
            principal: house.program(),
            role: Role::Client,
            is_quick: false,
            other_practice: None,
        };
        let mut visit = Visit::new(at, visitor(&worker, house.practice, house, at));
        visit.who.by_passkey = false;
        for _ in 0..self.chance.poisson(part * float(house.people.len())) {
            let place = house.people.start + self.chance.below(house.people.len());
            visit.step(seconds(0.2), Act::Deposit(patient(place)));
        }
        visit
    }
}

/// Everybody of a practice who has something to do with a list of people, shared out among them.
pub(super) fn shares(people: &[usize], among: usize) -> Vec<&[usize]> {
    let each = people.len().div_ceil(among.max(1)).max(1);
    people.chunks(each).collect()
}

/// So many of a practice's people, from a place on, around the end and on.
pub(super) fn some_of(house: &House, from: usize, many: usize) -> Vec<usize> {
    let length = house.people.len().max(1);
    let place = |n: usize| house.people.start + (from + n * 7) % length;
    let mut some: Vec<usize> = (0..many.min(length)).map(place).collect();
    some.sort_unstable();
    some.dedup();
    some
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locum_works_in_two_practices_by_turns() {
        let parameters = super::super::parameters::read().unwrap();
        let world = World::new(&parameters, 1, 40_000);
        let is_locum = |worker: &&Worker| worker.other_practice.is_some();
        let mut houses = world.houses.iter();
        let (house, locum) = houses
            .find_map(|house| Some((house, house.clinicians.iter().find(is_locum)?)))
            .unwrap();
        let on = |number: usize| {
            let mut visits = Vec::new();
            let mut practices = Practices::of_day(&parameters, &world, 1, number);
            practices.clinician(house, locum, number, &mut visits);
            let practices = visits.iter().map(|visit| visit.who.practice);
            practices.collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!((on(1).len(), on(2).len()), (1, 1));
        assert_ne!(on(1), on(2));
    }

    #[test]
    fn a_list_is_shared_out_whole() {
        let people: Vec<usize> = (0..402).collect();
        let shared = shares(&people, 5);
        assert_eq!(shared.len(), 5);
        assert_eq!(shared.concat(), people);
        assert!(shares(&[], 5).is_empty());
    }
}
