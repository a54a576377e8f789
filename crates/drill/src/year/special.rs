//! The days that are not like others, and what follows from each.

use super::chance::{Chance, float, hours, minutes, rounded, seconds};
use super::parameters::Parameters;
use super::patients::Patients;
use super::staff::{Practices, shares, some_of, visitor};
use super::visit::{Act, Visit};
use super::world::{House, Stream, Worker, World, day, patient, weekday};
use crate::small_keeper::{Standing, Target};
use candour_rules::decision::{Lane, Role, Touch};
use candour_rules::keys::{Item, Principal};
use std::collections::BTreeMap;

/// When what happens, in a period of any length: a week has one of everything, a year as many as are written down.
pub(super) struct Special<'a> {
    pub parameters: &'a Parameters,
    pub world: &'a World,
    pub seed: u64,
    pub days: usize,
}

impl Special<'_> {
    /// The working day on which the `n`th of something of a practice falls.
    fn falls_on(&self, number: usize, practice: usize, a_year: f64, salt: usize) -> bool {
        if weekday(number) > 4 {
            return false;
        }
        let times = rounded(a_year * float(self.days) / 365.0).max(1);
        let apart = (self.days / times).max(1);
        let mut on = (practice * 3 + salt) % apart;
        (0..times).any(|_| {
            let last = self.days.saturating_sub(1);
            let day = on.min(last);
            let day = (day..=last)
                .find(|day| weekday(*day) < 5)
                .unwrap_or(day - day % 7 + 4);
            on += apart;
            day == number
        })
    }

    fn chance(&self, number: usize, salt: u64) -> Chance {
        Chance::new(
            self.seed,
            (Stream::Special as u64) << 32 | salt << 16 | number as u64,
        )
    }

    fn between(&self, from: f64, days: f64, number: usize) -> bool {
        let first = rounded(from * float(self.days));
        (first..first + rounded(days)).contains(&number)
    }

    /// Whether the cyclone is there.
    pub fn is_cyclone(&self, number: usize) -> bool {
        self.between(
            0.15,
            (*self.parameters.cyclone.days).min(float(self.days) / 3.0),
            number,
        )
    }

    fn is_merger(&self, number: usize) -> bool {
        let days = (*self.parameters.merger.days).min(float(self.days) / 3.0);
        weekday(number) < 5 && self.between(0.3, days * 7.0 / 5.0, number)
    }

    /// How many times as many patients come as on other days, and which part of them from a shelter.
    pub fn surge(&self, number: usize) -> (f64, f64) {
        let cyclone = &self.parameters.cyclone;
        if self.is_cyclone(number) {
            (*cyclone.visits, *cyclone.shelter)
        } else {
            (1.0, 0.0)
        }
    }

    /// All that is special on a day; each is counted by its name.
    pub fn happens(
        &self,
        number: usize,
        patients: &mut Patients<'_>,
        counted: &mut BTreeMap<String, u64>,
    ) -> Vec<Visit> {
        let mut visits = Vec::new();
        let mut count = |name: &str| *counted.entry(name.to_owned()).or_default() += 1;
        let stream = (Stream::Follow as u64) << 32 | number as u64;
        let mut practices = Practices {
            parameters: self.parameters,
            world: self.world,
            chance: Chance::new(self.seed, stream),
        };
        for (place, house) in self.world.houses.iter().enumerate() {
            if self.falls_on(number, place, *self.parameters.flu.days, 0) {
                count("flu clinics");
                self.flu_clinic(&mut practices, house, number, &mut visits);
            }
            if self.falls_on(number, place, *self.parameters.results.days, 1) {
                count("results days");
                self.results_day(&mut practices, patients, house, number, &mut visits);
            }
            if self.falls_on(number, place, *self.parameters.recalls.a_year, 2) {
                count("recall lists");
                visits.push(self.recall_list(&mut practices, house, number));
            }
            if self.falls_on(number, place, *self.parameters.recalls.run_a_year, 3) {
                count("runs of letters");
                self.recall_run(patients, house, number, &mut visits);
            }
        }
        if number == self.days / 2 {
            count("notices to everybody");
            let all: Vec<usize> = (0..self.world.people.len()).collect();
            let notice = &self.parameters.notice;
            let at = day(number) + hours(9.0);
            visits.extend(patients.look(&all, at, *notice.visits, *notice.visit_minutes));
        }
        if self.is_merger(number) {
            count("days of a merger");
            self.merger(&mut practices, number, &mut visits);
        }
        if self.is_cyclone(number) {
            count("days of a cyclone");
            self.cyclone(&mut practices, number, &mut visits);
        }
        visits
    }

    /// Four hundred in a day: the desk finds them, a few vaccinate, and sometimes one person writes it all down.
    fn flu_clinic(
        &self,
        practices: &mut Practices<'_>,
        house: &House,
        number: usize,
        visits: &mut Vec<Visit>,
    ) {
        let flu = &self.parameters.flu;
        let people = some_of(house, number * 31, rounded(*flu.people));
        let begin = day(number) + hours(9.0);
        let has_one_clerk = practices.chance.is_one_of(*flu.one_clerk);
        let among = if has_one_clerk {
            1
        } else {
            rounded(*flu.vaccinators)
        };
        let vaccinators: Vec<&Worker> = house.nurses.iter().chain(&house.clinicians).collect();
        for (share, worker) in shares(&people, among).iter().zip(vaccinators) {
            let mut visit = practices.begin(house, worker, begin);
            let apart = *flu.hours * 60.0 / float(share.len().max(1));
            for place in *share {
                let pause = practices.chance.exponential(apart);
                let page = practices.record(*place);
                visit.open(minutes(pause), page.clone());
                if practices.chance.is_one_of(*flu.second_look) {
                    visit.open(seconds(6.0), page);
                }
            }
            visits.push(visit);
        }
        if let Some(desk) = house.receptionists.first() {
            let mut visit = practices.begin(house, desk, begin);
            let apart = *flu.hours * 60.0 / float(people.len().max(1));
            for place in &people {
                let pause = practices.chance.exponential(apart);
                let line = Target::section(patient(*place), Touch::Listed);
                visit.open(minutes(pause), vec![line]);
            }
            visits.push(visit);
        }
    }

    /// A backlog comes in: clinicians file it, and patients are told and look.
    fn results_day(
        &self,
        practices: &mut Practices<'_>,
        patients: &mut Patients<'_>,
        house: &House,
        number: usize,
        visits: &mut Vec<Visit>,
    ) {
        let results = &self.parameters.results;
        let each = rounded(*results.many).div_ceil(house.clinicians.len().max(1));
        for worker in &house.clinicians {
            visits.push(practices.inbox(house, worker, day(number) + hours(17.0), each));
        }
        let told = some_of(house, number * 17, rounded(*results.many));
        let at = day(number) + hours(16.0);
        visits.extend(patients.look(&told, at, *results.visits, *results.visit_minutes));
    }

    /// A nurse goes through who is due; sometimes by each one's last letter, oldest first.
    fn recall_list(&self, practices: &mut Practices<'_>, house: &House, number: usize) -> Visit {
        let recalls = &self.parameters.recalls;
        let begin = day(number) + hours(13.0);
        let nurse = house.nurses.first().or(house.clinicians.first());
        let worker = nurse.cloned().unwrap_or(Worker {
            principal: Principal(0),
            role: Role::Clinician,
            is_quick: false,
            other_practice: None,
        });
        let mut visit = practices.begin(house, &worker, begin);
        let by_letter = practices.chance.is_one_of(*recalls.last_letter);
        let many = rounded(*recalls.people);
        for (n, place) in some_of(house, number * 13, many).into_iter().enumerate() {
            let is_dormant = practices.chance.is_one_of(*recalls.dormant);
            let days = *recalls.letter_days * (1.0 - 0.5 * float(n) / float(many));
            let mut targets = practices.record(place);
            if by_letter {
                targets = vec![practices.letter(place, days, begin)];
            }
            for target in &mut targets {
                target.is_dormant = is_dormant;
            }
            let pause = practices.chance.lognormal(*recalls.seconds, 0.6).max(3.0);
            visit.open(seconds(pause), targets);
        }
        visit
    }

    /// A run of letters that two people approved, and those who look because of it.
    fn recall_run(
        &self,
        patients: &mut Patients<'_>,
        house: &House,
        number: usize,
        visits: &mut Vec<Visit>,
    ) {
        let recalls = &self.parameters.recalls;
        let at = day(number) + hours(10.0);
        let worker = Worker {
            principal: Principal(house.program().0 + 500_000),
            role: Role::Client,
            is_quick: false,
            other_practice: None,
        };
        let mut run = Visit::new(at, visitor(&worker, house.practice, house, at));
        run.who.lane = Lane::Run;
        let members = some_of(house, number * 11, rounded(*recalls.run_people));
        for place in &members {
            let contact = Target {
                is_dormant: true,
                ..Target::section(patient(*place), Touch::Opened)
            };
            run.step(
                seconds(1.0 / *recalls.run_a_second),
                Act::Blindly(vec![contact]),
            );
        }
        visits.push(run);
        visits.extend(patients.look(
            &members,
            at,
            *recalls.run_visits,
            *recalls.run_visit_minutes,
        ));
    }

    /// The second practice's staff follow links to the first one's patients before their rights have come along.
    fn merger(&self, practices: &mut Practices<'_>, number: usize, visits: &mut Vec<Visit>) {
        let merger = &self.parameters.merger;
        let (Some(from), Some(house)) = (self.world.houses.first(), self.world.houses.get(1))
        else {
            return;
        };
        for worker in house.staff() {
            if !practices.chance.is_one_of(*merger.links) {
                continue;
            }
            let begin = day(number) + hours(9.0 + 7.0 * practices.chance.unit());
            let mut visit = practices.begin(house, worker, begin);
            visit.goes_on = *self.parameters.oddities.goes_on;
            for place in some_of(
                from,
                number * 5,
                2 + practices.chance.below(rounded(*merger.many)),
            ) {
                let item = Item(practices.chance.draw().cast_signed());
                let link = Target::document(patient(place), item).with(Standing::Foreign);
                let pause = practices.chance.lognormal(*merger.seconds, 0.6);
                visit.open(seconds(pause), vec![link]);
            }
            visits.push(visit);
        }
    }

    /// Those on duty read the records of whoever is brought in.
    fn cyclone(&self, practices: &mut Practices<'_>, number: usize, visits: &mut Vec<Visit>) {
        let cyclone = &self.parameters.cyclone;
        let on_duty = rounded(*cyclone.duty * float(self.world.people.len())).max(1);
        let mut chance = self.chance(number, 9);
        for house in self.world.houses.iter().cycle().take(on_duty) {
            let Some(worker) = chance.one_of(&house.clinicians) else {
                continue;
            };
            for _ in 0..chance.poisson(*cyclone.emergencies_a_day) {
                let mut visit = practices.emergency(house, worker, number);
                visit.who.network = World::shelter();
                visits.push(visit);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parameters;
    use super::*;

    #[test]
    fn a_week_has_one_of_everything_and_a_year_as_many_as_are_written_down() {
        let parameters = parameters::read().unwrap();
        let world = World::new(&parameters, 1, 20_000);
        let on = |days: usize, a_year: f64, salt: usize| {
            let special = Special {
                parameters: &parameters,
                world: &world,
                seed: 1,
                days,
            };
            let falls = (0..days).filter(|day| special.falls_on(*day, 1, a_year, salt));
            super::super::chance::signed(falls.count())
        };
        for salt in 0..4 {
            assert!(on(7, 3.0, salt) >= 1, "{salt}");
            assert!((5..=7).contains(&on(365, 6.0, salt)), "{salt}");
        }
        let special = Special {
            parameters: &parameters,
            world: &world,
            seed: 1,
            days: 7,
        };
        assert!((0..7).any(|day| special.is_cyclone(day)));
    }
}
