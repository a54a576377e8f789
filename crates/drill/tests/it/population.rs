use std::collections::HashSet;

use candour_core::document::{DocumentKind, MediaType};
use candour_core::fhir::{contact, identity};
use candour_drill::population::{Plan, Population, ProxyReason, SyntheticPatient};
use jiff::civil::{Date, Weekday, date};

const TODAY: Date = date(2026, 11, 20);

fn population(patients: u32, seed: u64) -> Population {
    Population::new(Plan::new(patients, seed, TODAY)).unwrap()
}

fn everybody(patients: u32) -> Vec<SyntheticPatient> {
    let few = Plan {
        documents_per_patient: 0.0,
        ..Plan::new(patients, 7, TODAY)
    };
    Population::new(few)
        .unwrap()
        .patients()
        .collect::<Result<_, _>>()
        .unwrap()
}

#[test]
fn the_same_seed_gives_the_same_people_and_the_same_letters() {
    let (one, other, third) = (population(50, 1), population(50, 1), population(50, 2));
    let canary = one.number(50);
    for number in [0, 17, 49, canary] {
        let (a, b, c) = (
            one.patient(number).unwrap(),
            other.patient(number).unwrap(),
            third.patient(number).unwrap(),
        );
        assert_eq!(a.identity, b.identity);
        assert_eq!(a.contact, b.contact);
        assert_eq!(a.letters.len(), 3);
        for (mine, yours) in a.letters.iter().zip(&b.letters) {
            assert!(mine.pdf == yours.pdf, "letters of {number} differ");
        }
        let texts = |patient: &SyntheticPatient| {
            patient
                .resources
                .iter()
                .map(|r| r.raw.get().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(&a), texts(&b));
        assert_ne!(a.identity.nhi, c.identity.nhi);
    }
    assert_eq!(one.practices(), other.practices());
}

#[test]
fn everybody_has_a_number_of_their_own_and_a_record_that_reads_as_theirs() {
    let mut numbers = HashSet::new();
    for patient in everybody(2000) {
        let nhi = patient.identity.nhi.unwrap();
        assert!(nhi.is_test() && numbers.insert(nhi));
        let resource = &patient.resources[0];
        let read = identity(resource).unwrap();
        assert_eq!(
            (&read.name.given, &read.name.family),
            (&patient.identity.name.given, &patient.identity.name.family)
        );
        assert_eq!(
            (
                read.birth_date,
                read.gender,
                read.nhi,
                read.deceased,
                &read.dormant
            ),
            (
                patient.identity.birth_date,
                patient.identity.gender,
                patient.identity.nhi,
                patient.identity.deceased,
                &patient.identity.dormant
            )
        );
        let reached = contact(resource).unwrap();
        assert_eq!(
            (&reached.email, &reached.mobile, &reached.postal),
            (
                &patient.contact.email,
                &patient.contact.mobile,
                &patient.contact.postal
            )
        );
        let end = match patient.identity.deceased {
            Some(candour_core::people::Deceased::On(day)) => day,
            _ => TODAY,
        };
        for resource in &patient.resources[1..] {
            let day = resource.date.unwrap().day();
            assert!(
                day >= patient.identity.birth_date.date() && day <= end,
                "{} of {} on {day}",
                resource.kind,
                patient.number
            );
            assert_eq!(resource.patients.len(), 1);
        }
    }
}

#[test]
fn every_kind_of_person_is_there_in_sensible_proportion() {
    let everybody = everybody(5000);
    let is_child = |patient: &SyntheticPatient| patient.identity.birth_date.age_on(TODAY) < 16;
    let share = |is: &dyn Fn(&SyntheticPatient) -> bool, of: &dyn Fn(&SyntheticPatient) -> bool| {
        let all = everybody.iter().filter(|patient| of(patient)).count();
        let those = everybody
            .iter()
            .filter(|patient| of(patient) && is(patient));
        1000 * those.count() / all
    };
    let anybody = |_: &SyntheticPatient| true;
    let has_proxy = |reason| {
        move |patient: &SyntheticPatient| patient.proxies.iter().any(|proxy| proxy.reason == reason)
    };
    // In a thousand, and the least and most that are plausible for a general practice in New Zealand.
    let shares = [
        (
            "macrons in the name",
            share(&has_macron, &anybody),
            150..=600,
        ),
        ("children", share(&is_child, &anybody), 150..=300),
        (
            "children with a guardian",
            share(&has_proxy(ProxyReason::Guardian), &is_child),
            850..=1000,
        ),
        (
            "a helper by wish",
            share(&has_proxy(ProxyReason::Wish), &anybody),
            3..=60,
        ),
        (
            "a helper for want of capacity",
            share(&has_proxy(ProxyReason::Capacity), &anybody),
            1..=20,
        ),
        (
            "deceased",
            share(&|one| one.identity.deceased.is_some(), &anybody),
            10..=60,
        ),
        (
            "unsafe to write",
            share(&|one| one.contact.unsafe_to_write, &anybody),
            4..=40,
        ),
        (
            "adults without e-mail",
            share(&|one| one.contact.email.is_none(), &|one| !is_child(one)),
            100..=400,
        ),
        (
            "abroad",
            share(&|one| one.contact.country != "NZ", &anybody),
            10..=50,
        ),
        (
            "left",
            share(&SyntheticPatient::has_left, &anybody),
            10..=60,
        ),
        (
            "moved to another practice",
            share(&|one| one.enrolments.len() > 1, &anybody),
            15..=80,
        ),
        (
            "a dormant NHI",
            share(&|one| !one.identity.dormant.is_empty(), &anybody),
            10..=40,
        ),
    ];
    for (what, share, plausible) in shares {
        assert!(plausible.contains(&share), "{what}: {share} in a thousand");
    }
    let regions: HashSet<_> = population(5000, 7)
        .practices()
        .iter()
        .map(|practice| practice.region.clone())
        .collect();
    assert!(regions.len() >= 3, "{regions:?}");
}

fn has_macron(patient: &SyntheticPatient) -> bool {
    patient
        .identity
        .name
        .full()
        .contains(|letter| "āēīōūĀĒĪŌŪ".contains(letter))
}

#[test]
fn whoever_acts_for_somebody_is_a_living_adult() {
    let everybody = everybody(2000);
    for patient in &everybody {
        let age = patient.identity.birth_date.age_on(TODAY);
        for proxy in &patient.proxies {
            let helper = &everybody[proxy.person as usize];
            assert!(
                helper.identity.birth_date.age_on(TODAY) >= 18
                    && helper.identity.deceased.is_none()
            );
            assert!(proxy.reason != ProxyReason::Guardian || age < 16);
        }
    }
}

#[test]
fn each_practice_has_its_canaries_and_practices_differ() {
    let plan = Plan {
        canaries_per_practice: 2,
        documents_per_patient: 0.0,
        ..Plan::new(100, 3, TODAY)
    };
    let population = Population::new(plan).unwrap();
    let names: HashSet<_> = population
        .practices()
        .iter()
        .map(|practice| (&practice.name, &practice.facility, &practice.phone))
        .collect();
    assert_eq!(names.len(), population.practices().len());
    let canaries: Vec<_> = population
        .patients()
        .map(Result::unwrap)
        .filter(|patient| patient.is_canary)
        .collect();
    assert_eq!(canaries.len(), 2 * population.practices().len());
    for practice in population.practices() {
        assert_eq!(
            canaries
                .iter()
                .filter(|canary| canary.practice == practice.index)
                .count(),
            2
        );
    }
}

#[test]
fn one_in_two_hundred_is_a_canary_and_each_practice_has_one() {
    let plans = [10, 300, 5_000, 40_000, 490_000].map(|patients| Plan::new(patients, 3, TODAY));
    for plan in plans
        .into_iter()
        .chain([Plan::new(40_000, 3, TODAY).at(6, 1)])
    {
        let patients = plan.patients;
        let canaries = plan.practices * plan.canaries_per_practice;
        assert!(plan.canaries_per_practice >= 1);
        assert!(
            u64::from(canaries) * 200 >= u64::from(patients),
            "{canaries} of {patients}"
        );
        assert!(Population::new(plan).is_ok(), "{patients}");
    }
}

#[test]
fn letters_are_pdf_files_without_active_content() {
    for patient in population(60, 11).patients() {
        for letter in patient.unwrap().letters {
            assert_eq!(letter.meta.media_type, MediaType::Pdf);
            assert_eq!(letter.meta.size_bytes, letter.pdf.len() as u64);
            assert!(
                (6_000..60_000).contains(&letter.pdf.len()),
                "{}",
                letter.pdf.len()
            );
        }
    }
}

#[test]
fn a_larger_population_begins_with_the_same_people_and_keeps_its_canaries() {
    let (small, large) = (population(60, 5), population(90, 5));
    let who = |population: &Population, number| {
        let patient = population.patient(number).unwrap();
        (
            patient.identity.nhi,
            patient.identity.name.full(),
            patient.practice,
        )
    };
    for number in small.numbers() {
        assert_eq!(who(&small, number), who(&large, number));
    }
}

#[test]
fn people_of_another_seed_come_to_the_same_practices_and_share_no_number() {
    let first = population(5000, 1);
    let plan = Plan {
        practices_seed: 1,
        documents_per_patient: 0.0,
        ..Plan::new(5000, 2, TODAY)
    };
    let second = Population::new(plan).unwrap();
    assert_eq!(first.practices(), second.practices());
    let numbers = |population: &Population| -> HashSet<_> {
        let everybody = population.patients().map(Result::unwrap);
        everybody
            .flat_map(|one| one.identity.nhi.into_iter().chain(one.identity.dormant))
            .collect()
    };
    let first = Population::new(Plan {
        documents_per_patient: 0.0,
        ..*first.plan()
    });
    assert!(numbers(&first.unwrap()).is_disjoint(&numbers(&second)));
}

#[test]
fn letters_are_of_days_on_which_they_can_have_been_written() {
    for patient in population(200, 9).patients().map(Result::unwrap) {
        for letter in &patient.letters {
            let day = letter.meta.date.unwrap();
            let years = day.until(TODAY).unwrap().get_days() / 365;
            assert!(day >= patient.identity.birth_date.date() && (0..=14).contains(&years));
            if letter.meta.kind == DocumentKind::ClinicLetter {
                assert!(!matches!(
                    day.weekday(),
                    Weekday::Saturday | Weekday::Sunday
                ));
            }
        }
    }
}
