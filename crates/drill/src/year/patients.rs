//! A day of patients: when they come, from where, what they look at, and what goes wrong without any malice.

use super::chance::{Chance, float, hours, rounded, seconds};
use super::parameters::Parameters;
use super::visit::{Act, Visit};
use super::world::{Stream, World, day, patient, principal, weekday};
use crate::small_keeper::{Standing, Target, Visitor};
use candour_rules::decision::{Lane, Role, Touch};
use candour_rules::keys::{Account, Instance, Item, Network, Session};
use candour_rules::time::Micros;

/// Patients, seen by one seed.
pub(super) struct Patients<'a> {
    pub parameters: &'a Parameters,
    pub world: &'a World,
    pub chance: Chance,
}

impl<'a> Patients<'a> {
    pub fn of_day(parameters: &'a Parameters, world: &'a World, seed: u64, number: usize) -> Self {
        let stream = (Stream::Visits as u64) << 32 | number as u64;
        Self {
            parameters,
            world,
            chance: Chance::new(seed, stream),
        }
    }

    /// Everybody who comes by themselves; `surge` times as many as on other days.
    pub fn come(&mut self, number: usize, surge: f64, shelter: f64) -> Vec<Visit> {
        let numbers = &self.parameters.patients;
        let by_weekday = numbers.weekdays.get(weekday(number)).copied();
        let mean = float(self.world.active.len()) * *numbers.sign_ins_a_month / 30.0
            * by_weekday.unwrap_or(1.0)
            * surge;
        let count = self.chance.poisson(mean);
        let mut visits = Vec::with_capacity(count);
        for _ in 0..count {
            let Some(place) = self.chance.one_of(&self.world.active).copied() else {
                break;
            };
            let hour = float(self.chance.weighted(&self.parameters.patients.hours));
            let at = day(number) + hours(hour + self.chance.unit());
            let mut visit = self.visit(place, at);
            if self.chance.is_one_of(shelter) {
                visit.who.network = World::shelter();
            }
            visits.push(visit);
        }
        visits
    }

    /// Those of `people` who were told of something at `at` and look.
    pub fn look(
        &mut self,
        people: &[usize],
        at: Micros,
        part: f64,
        mean_minutes: f64,
    ) -> Vec<Visit> {
        let mut visits = Vec::new();
        for place in people {
            let has_account = self
                .world
                .people
                .get(*place)
                .is_some_and(|person| person.has_account);
            if has_account && self.chance.is_one_of(part) {
                let later = hours(self.chance.exponential(mean_minutes) / 60.0);
                visits.push(self.visit(*place, at + later));
            }
        }
        visits
    }

    fn pause(&mut self) -> f64 {
        let numbers = &self.parameters.patients;
        self.chance
            .lognormal(*numbers.look_seconds, *numbers.look_sigma)
            .max(0.8)
    }

    fn network(&mut self, place: usize) -> Network {
        let (mobile, elsewhere) = (
            *self.parameters.patients.mobile,
            *self.parameters.patients.elsewhere,
        );
        let drawn = self.chance.unit();
        if drawn < mobile {
            return self.world.carrier(&mut self.chance);
        }
        if drawn < mobile + elsewhere {
            let house = self.world.house_of(place);
            return house.map_or(World::shelter(), super::world::House::network);
        }
        self.world.home(place)
    }

    /// One visit with whatever may go wrong in it.
    fn visit(&mut self, place: usize, at: Micros) -> Visit {
        let numbers = &self.parameters.patients;
        let others = self.others(place);
        let who = Visitor {
            session: Session(0),
            principal: principal(place),
            role: Role::Patient,
            practice: None,
            instance: Instance(0),
            network: self.network(place),
            acts_for: 1 + u32::try_from(others.len()).unwrap_or(0),
            proved_at: at,
            by_passkey: false,
            lane: Lane::Ordinary,
        };
        let mut visit = Visit::new(at, who);
        if self.chance.is_one_of(*numbers.fails_first) {
            for _ in 0..=self.chance.below(3) {
                visit.step(seconds(8.0), Act::Fail(Account(principal(place).0)));
            }
        }
        if self.chance.is_one_of(*numbers.proves) {
            let takes = self.chance.lognormal(*numbers.prove_seconds, 0.5);
            visit.proves_in = Some(seconds(takes));
        }
        visit.impatience = self
            .chance
            .below(1 + rounded(*self.parameters.oddities.impatience));
        visit.goes_on = *self.parameters.oddities.goes_on;
        self.oddity(&mut visit, place, at);
        for of in std::iter::once(place).chain(others) {
            self.read(&mut visit, of, at);
        }
        visit
    }

    fn others(&mut self, place: usize) -> Vec<usize> {
        // Always the same people for the same account.
        let mut chance = Chance::new(super::chance::spread(place as u64, 7), 1);
        if !chance.is_one_of(*self.parameters.patients.acts_for_others) {
            return Vec::new();
        }
        let mut others = self.world.household(place);
        others.retain(|other| *other != place);
        others.truncate(1 + chance.below(3));
        others
    }

    fn read(&mut self, visit: &mut Visit, of: usize, at: Micros) {
        let shelf = Target::section(patient(of), Touch::Listed);
        let section = Target::section(patient(of), Touch::Opened);
        let pause = self.pause();
        visit.open(seconds(pause), vec![shelf, section]);
        for _ in 0..self
            .chance
            .poisson(*self.parameters.patients.sections - 1.0)
        {
            let pause = self.pause();
            visit.open(seconds(pause), vec![section]);
        }
        if self
            .chance
            .is_one_of(*self.parameters.patients.more_than_sections)
        {
            let more = *self.parameters.patients.documents - 1.0;
            for _ in 0..=self.chance.poisson(more) {
                let (pause, document) = (self.pause(), self.document(of, at));
                visit.open(seconds(pause), vec![document]);
            }
        }
    }

    fn document(&mut self, of: usize, at: Micros) -> Target {
        let documents = self
            .world
            .people
            .get(of)
            .map_or(1, |person| person.documents);
        let number = self.chance.below(documents);
        let days = *self.parameters.patients.document_days;
        self.world.document(days, of, number, at)
    }

    fn oddity(&mut self, visit: &mut Visit, place: usize, at: Micros) {
        let odd = &self.parameters.oddities;
        let odds = [
            *odd.reloads,
            *odd.held_key,
            *odd.dead_bookmark,
            *odd.foreign_bookmark,
            *odd.shared_browser,
            *odd.former_proxy,
            *odd.takes_all,
            *odd.restored_tabs,
        ];
        let rest = 1.0 - odds.iter().sum::<f64>();
        match self.chance.weighted(&[&odds[..], &[rest]].concat()) {
            0 => self.reloads(visit, place, at),
            1 => self.held_key(visit, place, at),
            2 => self.dead_bookmark(visit),
            3 => self.bookmarks(visit, Standing::Foreign, 1),
            4 => self.shared_browser(visit, place),
            5 => {
                let many = 3 + self.chance.below(8);
                self.bookmarks(visit, Standing::Former, many);
            }
            6 => self.takes_all(visit, place, at),
            7 => self.restored_tabs(visit, place, at),
            _ => {}
        }
    }

    fn reloads(&mut self, visit: &mut Visit, place: usize, at: Micros) {
        let document = self.document(place, at);
        for _ in 0..2 + self.chance.below(8) {
            let pause = 0.3 + 2.0 * self.chance.unit();
            visit.open(seconds(pause), vec![document]);
        }
    }

    fn held_key(&mut self, visit: &mut Visit, place: usize, at: Micros) {
        let document = self.document(place, at);
        for _ in 0..30 + self.chance.below(90) {
            visit.step(seconds(0.033), Act::Blindly(vec![document]));
        }
    }

    fn dead_bookmark(&mut self, visit: &mut Visit) {
        let item = Item(self.chance.draw().cast_signed());
        let gone = Target::document(visit_patient(visit), item).with(Standing::Unknown);
        for _ in 0..=rounded(self.chance.exponential(4.0)).min(29) {
            let pause = 0.3 + 3.0 * self.chance.unit();
            visit.step(seconds(pause), Act::Blindly(vec![gone]));
        }
    }

    /// Links to documents of `many` others; who is refused looks at the next one.
    fn bookmarks(&mut self, visit: &mut Visit, standing: Standing, many: usize) {
        for _ in 0..many {
            let of = self.chance.below(self.world.people.len());
            let item = Item(self.chance.draw().cast_signed());
            let target = Target::document(patient(of), item).with(standing);
            let pause = self.pause();
            visit.open(seconds(pause), vec![target]);
        }
    }

    /// What others of the household looked at stands in the history of their computer, and is tried one after the other.
    fn shared_browser(&mut self, visit: &mut Visit, place: usize) {
        let mut household = self.world.household(place);
        household.retain(|other| *other != place);
        for other in household {
            if self
                .world
                .people
                .get(other)
                .is_some_and(|person| person.has_account)
            {
                let item = Item(self.chance.draw().cast_signed());
                let target = Target::document(patient(other), item).with(Standing::Foreign);
                let pause = self.pause();
                visit.open(seconds(pause), vec![target]);
            }
        }
    }

    fn takes_all(&mut self, visit: &mut Visit, place: usize, at: Micros) {
        let documents = self
            .world
            .people
            .get(place)
            .map_or(1, |person| person.documents);
        let days = *self.parameters.patients.document_days;
        for number in 0..documents {
            let pause = 2.0 + self.chance.exponential(3.0);
            visit.open(
                seconds(pause),
                vec![self.world.document(days, place, number, at)],
            );
        }
    }

    fn restored_tabs(&mut self, visit: &mut Visit, place: usize, at: Micros) {
        for _ in 0..4 + self.chance.below(27) {
            let document = self.document(place, at);
            visit.step(seconds(0.05), Act::Blindly(vec![document]));
        }
    }
}

fn visit_patient(visit: &Visit) -> candour_rules::keys::Patient {
    candour_rules::keys::Patient(visit.who.principal.0)
}
