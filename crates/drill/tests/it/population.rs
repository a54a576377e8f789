use std::collections::HashSet;

use candour_core::document::MediaType;
use candour_core::fhir::{contact, identity};
use candour_core::people::search_key;
use candour_drill::population::{Plan, Population, ProxyReason, SyntheticPatient};
use jiff::civil::{Date, date};

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
    for number in [0, 17, 49, 50] {
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
fn every_kind_of_person_that_a_notice_must_find_a_way_to_is_there() {
    let everybody = everybody(2000);
    let count = |is: &dyn Fn(&SyntheticPatient) -> bool| {
        everybody.iter().filter(|patient| is(patient)).count()
    };
    let macrons = count(&|patient| {
        let name = patient.identity.name.full();
        search_key(&name) != name.to_lowercase()
    });
    assert!(macrons > 300, "{macrons}");
    assert!(count(&|patient| patient.identity.deceased.is_some()) > 20);
    assert!(count(&|patient| patient.contact.unsafe_to_write) > 8);
    assert!(count(&|patient| patient.contact.email.is_none()) > 200);
    assert!(count(&|patient| patient.contact.country != "NZ") > 15);
    assert!(count(&SyntheticPatient::has_left) > 20);
    assert!(count(&|patient| !patient.identity.dormant.is_empty()) > 15);
    let reasons =
        |reason| count(&|patient| patient.proxies.iter().any(|proxy| proxy.reason == reason));
    assert!(
        reasons(ProxyReason::Guardian) > 200
            && reasons(ProxyReason::Wish) > 5
            && reasons(ProxyReason::Capacity) > 0
    );
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
