//! One patient, from the seed and their number alone.

use candour_core::nhi::{Nhi, NhiFormat};
use candour_core::people::{
    BirthDate, Channel, Contact, Deceased, EmailAddress, Gender, Identity, PersonName, PhoneNumber,
    search_key,
};
use jiff::civil::Date;
use std::ops::Range;

use super::chance::{Chance, Stream, days_after, months_after, years_after};
use super::clinic::{self, Had};
use super::household::{Place, place};
use super::letter::Writer as LetterWriter;
use super::places::{REGIONS, abroad};
use super::practice::{SyntheticPractice, landline};
use super::results::{Panel, panels, vitals};
use super::topics::Topic;
use super::{
    Enrolment, FIRST_CANARY, Letter, MOST, Plan, Population, PopulationError, ProxyReason,
    SyntheticPatient, SyntheticProxy, fhir,
};

/// How many years back letters go: before that, they are on paper.
const LETTER_YEARS: i32 = 9;

/// Birth and death, which others in the household ask for too.
#[derive(Clone, Copy)]
struct Life {
    birth: Date,
    death: Option<Date>,
}

fn life(plan: &Plan, place: &Place, number: u32) -> Life {
    let mut chance = Chance::new(plan.seed ^ 0x11FE, Stream::Person, number);
    let birthday = years_after(plan.today, -place.age);
    let birth = days_after(birthday, -chance.within(0..=364));
    // A baby of this year was born before today, whatever the draw.
    let birth = birth.min(days_after(plan.today, -3));
    let in_thousand = match place.age {
        ..40 => 2,
        40..68 => 14,
        68..84 => 70,
        _ => 170,
    };
    let died = chance.in_thousand(in_thousand);
    let death = chance.day(
        years_after(plan.today, -3).max(days_after(birth, 30)),
        days_after(plan.today, -20),
    );
    Life {
        birth,
        death: died.then_some(death).filter(|death| *death > birth),
    }
}

/// One person while everything about them is made.
struct Somebody<'a> {
    population: &'a Population,
    place: Place,
    number: u32,
    is_canary: bool,
    life: Life,
    /// Today, or the day they died: nothing happens after it.
    end: Date,
}

pub(super) fn make(
    population: &Population,
    number: u32,
) -> Result<SyntheticPatient, PopulationError> {
    let somebody = Somebody::new(population, number);
    let seed = population.plan.seed;
    let mut chance = Chance::new(seed, Stream::Person, number);
    let identity = somebody.identity(&mut chance);
    let mut record = Chance::new(seed, Stream::Record, number);
    let (birth, place) = (somebody.life.birth, &somebody.place);
    let is_maori_or_pacific = place.origin.is_maori_or_pacific();
    let had = clinic::ailments(
        &mut record,
        birth,
        somebody.end,
        place.gender,
        is_maori_or_pacific,
    );
    let contact = somebody.contact(&identity, &had, &mut chance);
    let enrolments = somebody.enrolments(&mut chance);
    let proxies = somebody.proxies(&had, &mut chance);
    let allergies = clinic::allergies(&mut record);
    let mut writer =
        fhir::Writer::new(format!("c{seed:x}-{}", digits(number)), somebody.practice());
    writer.patient(&identity, &contact);
    for had in &had {
        writer.condition(&mut record, had, somebody.end);
    }
    for allergy in &allergies {
        writer.allergy(&mut record, *allergy, birth, somebody.end);
    }
    for given in clinic::immunisations(&mut record, birth, somebody.end) {
        writer.immunisation(&mut record, given);
    }
    let bloods = somebody.measurements(&mut record, &mut writer, &had);
    let letter_writer = LetterWriter {
        faces: &population.type_faces,
        practice: somebody.practice(),
        identity: &identity,
        postal: contact.postal.as_ref(),
        conditions: present(&had, |had| Some(had.ailment.name.to_owned())),
        medicines: present(&had, |had| {
            let medicine = had.ailment.medicine.as_ref()?;
            Some(format!(
                "{}: {}",
                medicine.name,
                lower_first(medicine.dosage)
            ))
        }),
        allergies: allergies
            .iter()
            .map(|(name, _, reaction, _)| format!("{name} ({})", reaction.to_lowercase()))
            .collect(),
    };
    let letters = somebody
        .letters(&letter_writer, &had, &bloods)
        .ok_or(PopulationError::Letter)?;
    Ok(SyntheticPatient {
        number,
        is_canary: somebody.is_canary,
        practice: somebody.place.practice,
        enrolments,
        proxies,
        resources: writer.finish(),
        letters,
        identity,
        contact,
    })
}

/// A number as seven digits of its own in no order, as what is stored of somebody names them: canaries' numbers are longer
/// than those of a small population, and the size of what is stored would tell.
fn digits(number: u32) -> String {
    // An odd factor loses nothing below the power of two, and MOST lies below it.
    let spread = number.wrapping_mul(0x9_E3B5) % 0x10_0000;
    format!("{spread:07}")
}

/// A test number of the range that begins at `from`. Seeds begin far apart in it, so that two populations of one
/// installation rarely share a number.
fn test_number(seed: u64, format: NhiFormat, number: u32, from: u32) -> Option<Nhi> {
    let all = u64::from(MOST);
    let begin = (seed % all) * 190_983 % all;
    let counter = u32::try_from((begin + u64::from(number)) % all).ok()?;
    Nhi::test_number(format, from + counter)
}

/// What is still so, with the day it began.
fn present(had: &[Had], words: impl Fn(&Had) -> Option<String>) -> Vec<(Date, String)> {
    had.iter()
        .filter(|had| had.until.is_none())
        .filter_map(|had| Some((had.since, words(had)?)))
        .collect()
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(characters).collect()
    })
}

impl<'a> Somebody<'a> {
    fn new(population: &'a Population, number: u32) -> Self {
        let plan = &population.plan;
        let mut place = place(plan.seed, &population.practices, number);
        let is_canary = number >= FIRST_CANARY;
        if is_canary {
            // In turn, so that more canaries in each practice move none of the first.
            let canary = (number - FIRST_CANARY) % plan.practices.max(1);
            place.practice = usize::try_from(canary).unwrap_or(0);
            // Nobody acts for them; all else is as with everybody, or the portal's rows would tell.
            (place.helper, place.next_of_kin) = (None, None);
        }
        let life = life(plan, &place, number);
        Self {
            population,
            number,
            is_canary,
            end: life.death.unwrap_or(plan.today),
            life,
            place,
        }
    }

    fn practice(&self) -> &'a SyntheticPractice {
        &self.population.practices[self.place.practice]
    }

    fn identity(&self, chance: &mut Chance) -> Identity {
        let (plan, place, number) = (&self.population.plan, &self.place, self.number);
        let Life { birth, death } = self.life;
        let own = place.origin.family(chance);
        let keeps_own = place.partner && place.gender == Gender::Female && chance.in_thousand(420);
        let family = if keeps_own { &own } else { &place.family };
        let name = place.origin.person(chance, place.gender, family);
        let changed = place.partner
            && place.gender == Gender::Female
            && !keeps_own
            && chance.in_thousand(500);
        let other_names = if changed {
            vec![PersonName::new(&name.given, &own)]
        } else {
            Vec::new()
        };
        let is_new_format = chance.in_thousand(80);
        let format = if is_new_format {
            NhiFormat::Letters
        } else {
            NhiFormat::Digits
        };
        let is_dormant = chance.in_thousand(20);
        let dormant = is_dormant
            .then(|| test_number(plan.seed, NhiFormat::Letters, number, MOST))
            .flatten();
        Identity {
            name,
            other_names,
            birth_date: BirthDate::new(birth),
            gender: place.gender,
            nhi: test_number(plan.seed, format, number, 0),
            dormant: dormant.into_iter().collect(),
            deceased: death.map(Deceased::On),
        }
    }

    fn contact(&self, identity: &Identity, had: &[Had], chance: &mut Chance) -> Contact {
        let (population, place, number) = (self.population, &self.place, self.number);
        let is_harmed = had.iter().any(|had| had.ailment.snomed == "706893006");
        let practice = &population.practices[place.practice];
        let region = &REGIONS[practice.region_index];
        let mut contact = Contact::unknown("NZ");
        contact.region = Some(region.name.into());
        // The household's own stream: everybody in it has the same address and landline.
        let mut shared = Chance::new(
            population.plan.seed ^ 0xADD5,
            Stream::Household,
            place.household,
        );
        contact.postal = Some(region.towns[practice.town_index].address(&mut shared));
        let has_landline = shared.in_thousand(if place.age > 60 { 700 } else { 240 });
        let line = 100 + place.household % 9_900;
        contact.phone = has_landline.then(|| landline(region, line)).flatten();
        let is_adult = place.age >= 16;
        let no_email = if place.age > 75 { 450 } else { 170 };
        if is_adult && !chance.in_thousand(no_email) {
            let mailbox = search_key(&format!(
                "{} {}",
                identity.name.called(),
                identity.name.family
            ))
            .replace(' ', ".");
            contact.email =
                EmailAddress::parse(&format!("{mailbox}.{}@post.example", digits(number))).ok();
        }
        if is_adult && !chance.in_thousand(if place.age > 80 { 400 } else { 50 }) {
            let operator = *chance.one_of(&["021", "022", "027"]);
            contact.mobile =
                PhoneNumber::parse(&format!("{operator} 555 {:04}", number % 10_000)).ok();
        }
        if chance.in_thousand(120) {
            contact.language = place.origin.language().into();
        }
        if is_adult && chance.in_thousand(28) {
            let (address, region) = abroad(chance);
            contact.country.clone_from(&address.country);
            contact.region = Some(region.into());
            contact.postal = Some(address);
            contact.phone = None;
        }
        contact.unsafe_to_write = is_harmed || chance.in_thousand(5);
        contact.preferred = if contact.email.is_some() {
            Channel::Email
        } else {
            Channel::Post
        };
        contact
    }

    fn enrolments(&self, chance: &mut Chance) -> Vec<Enrolment> {
        let (population, place, end) = (self.population, &self.place, self.end);
        let birth = self.life.birth;
        let since = chance.day(years_after(end, -18).max(birth), end);
        let mut enrolments = vec![Enrolment {
            practice: place.practice,
            since,
            until: None,
        }];
        if chance.in_thousand(60) {
            let left = chance.day(years_after(end, -4).max(since), end);
            enrolments[0].until = Some(left);
            if chance.in_thousand(600) && population.practices.len() > 1 {
                let step = 1 + chance.below(population.practices.len() - 1);
                let next = (place.practice + step) % population.practices.len();
                enrolments.push(Enrolment {
                    practice: next,
                    since: left,
                    until: None,
                });
            }
        }
        enrolments
    }

    fn proxies(&self, had: &[Had], chance: &mut Chance) -> Vec<SyntheticProxy> {
        let (population, place, birth) = (self.population, &self.place, self.life.birth);
        let plan = &population.plan;
        let has_dementia = had.iter().any(|had| had.ailment.snomed == "52448006");
        let next_of_kin = place.next_of_kin.filter(|_| has_dementia);
        let Some(person) = place.helper.or(next_of_kin) else {
            return Vec::new();
        };
        let helper = self::place(plan.seed, &population.practices, person);
        if life(plan, &helper, person).death.is_some() {
            return Vec::new();
        }
        let (reason, until) = if years_after(birth, 16) > plan.today {
            (ProxyReason::Guardian, years_after(birth, 16))
        } else if has_dementia {
            (ProxyReason::Capacity, years_after(plan.today, 1))
        } else {
            (
                ProxyReason::Wish,
                days_after(plan.today, 30 * chance.within(2..=12)),
            )
        };
        vec![SyntheticProxy {
            person,
            reason,
            until,
        }]
    }

    /// Visits and blood tests of the last years; the blood tests are returned for the laboratory's letters.
    fn measurements(
        &self,
        chance: &mut Chance,
        writer: &mut fhir::Writer<'_>,
        had: &[Had],
    ) -> Vec<Vec<Panel>> {
        let (place, birth, end) = (&self.place, self.life.birth, self.end);
        let laboratory = &LetterWriter::laboratory(self.practice());
        let has = |name: &str, day: Date| {
            had.iter()
                .any(|had| had.ailment.name == name && had.since <= day)
        };
        for _ in 0..*chance.weighted(&[(1, 0), (6, 1), (3, 2)]) {
            let day = chance.day(years_after(end, -2).max(birth), end);
            let age = place.age - i32::from(end.year() - day.year());
            writer.vitals(&vitals(chance, day, age.max(0), has("Hypertension", day)));
        }
        let mut bloods = Vec::new();
        if place.age >= 17 {
            for _ in 0..*chance.weighted(&[(2, 0), (6, 1), (2, 2)]) {
                let day = chance.day(years_after(end, -3), end);
                let tests = panels(chance, day, &|name| has(name, day));
                for panel in &tests {
                    writer.panel(panel, laboratory);
                }
                bloods.push(tests);
            }
        }
        bloods
    }

    /// The first and the last day of a letter about a topic that was looked at until `latest`.
    fn days_for(&self, topic: Topic, latest: Date) -> Option<Range<Date>> {
        let birth = self.life.birth;
        let (youngest, oldest) = topic.months();
        let last = latest.min(months_after(birth, oldest));
        let first = years_after(last, -4).max(months_after(birth, youngest));
        (first <= last).then_some(first..last)
    }

    fn letters(
        &self,
        writer: &LetterWriter<'_>,
        had: &[Had],
        bloods: &[Vec<Panel>],
    ) -> Option<Vec<Letter>> {
        let plan = &self.population.plan;
        let mut chance = Chance::new(plan.seed, Stream::Letters, self.number);
        let mean = plan.documents_per_patient;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the mean is from 0 to 20"
        )]
        let (whole, thousandths) = (mean as usize, (mean.fract() * 1000.0) as u32);
        let many = whole + usize::from(chance.in_thousand(thousandths));
        let recent = years_after(self.end, -LETTER_YEARS);
        let topics: Vec<(Topic, Range<Date>)> = had
            .iter()
            .filter_map(|had| {
                let latest = had.until.unwrap_or(self.end).max(had.since);
                let topic = had.ailment.topic?;
                Some((topic, self.days_for(topic, latest)?))
            })
            .filter(|(_, days)| days.end >= recent)
            .collect();
        let usual: Vec<(Topic, Range<Date>)> = Topic::usual(self.place.age)
            .iter()
            .filter_map(|topic| Some((*topic, self.days_for(*topic, self.end)?)))
            .collect();
        let newborn = [(Topic::Growth, self.end..self.end)];
        let usual = if usual.is_empty() {
            newborn.as_slice()
        } else {
            &usual
        };
        let mut letters = Vec::with_capacity(many);
        for place in 0..many {
            if let Some(tests) = bloods.get(place) {
                letters.push(writer.lab_report(&mut chance, tests)?);
                continue;
            }
            let own = topics
                .get(chance.below(topics.len()))
                .filter(|_| chance.in_thousand(650));
            let (topic, days) = own.unwrap_or_else(|| chance.one_of(usual));
            let (topic, on) = (*topic, chance.day(days.start, days.end));
            let letter = match chance.below(3) {
                0 => writer.referral(&mut chance, topic, on),
                _ if topic.is_acute() => writer.discharge_summary(&mut chance, topic, on),
                1 if !topic.is_outpatient() => writer.discharge_summary(&mut chance, topic, on),
                _ => writer.clinic_letter(&mut chance, topic, on),
            };
            letters.push(letter?);
        }
        Some(letters)
    }
}
