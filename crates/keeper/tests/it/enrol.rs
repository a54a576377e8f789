//! Enrolling and finding.

use crate::arrange::{denied, key, person, scene};
use candour_keeper::calls::reach::PatientView;
use candour_keeper::draft::Effect;
use candour_keeper::facts::{Canary, Fact};
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::wire::{self, Call, FindTerms, Reply};
use candour_keeper_api::words::{EntryKind, Purpose, Reason, Role};
use candour_keeper_api::{CallError, Token};
use candour_seal::{PatientId, PracticeId};

async fn find(
    portal: &candour_keeper_api::Keeper,
    token: &Token,
    practice: PracticeId,
    terms: FindTerms,
) -> Result<Vec<PatientId>, CallError> {
    let call = Call::Find(wire::Find {
        token: token.expose().to_vec(),
        practice: practice.as_bytes().to_vec(),
        terms: Some(terms),
        purpose: Purpose::DirectCare.into(),
        network: String::new(),
    });
    match portal.call(call).await? {
        Reply::Found(found) => Ok(found
            .patients
            .iter()
            .map(|id| PatientId::try_from(id.as_slice()).unwrap())
            .collect()),
        _ => panic!("not an answer to finding"),
    }
}

fn surname(surname: &str, given: &str) -> FindTerms {
    FindTerms {
        surname: surname.to_owned(),
        given: given.to_owned(),
        ..FindTerms::default()
    }
}

#[tokio::test]
async fn the_same_person_twice_is_once_whoever_enrols_them() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    assert_eq!(scene.patient(1).await, patient);
    let elsewhere = scene.keeper.practice().await;
    let program = scene.keeper.program(elsewhere, InstanceKind::Import).await;
    let dormant = wire::NewEnrolment {
        nhi: "ZZZ9999".to_owned(),
        dormant_nhis: vec!["zzz 0001".to_owned()],
        enrolment_key: key(77).to_vec(),
        ..person(1)
    };
    assert_eq!(scene.enrol_as(&program, vec![dormant]).await, [Ok(patient)]);
    let by_live = wire::NewEnrolment {
        nhi: "ZZZ9999".to_owned(),
        enrolment_key: key(78).to_vec(),
        ..person(1)
    };
    assert_eq!(
        scene.enrol_as(&scene.program, vec![by_live]).await,
        [Ok(patient)]
    );
}

#[tokio::test]
async fn a_mark_that_comes_later_under_the_same_key_is_added_once_and_none_is_taken_away() {
    let scene = scene().await;
    let program = scene.program.clone();
    let patient = scene.patient(1).await;
    let marked = wire::NewEnrolment {
        is_unsafe_to_write: true,
        ..person(1)
    };
    let writes = [(marked.clone(), 1), (marked, 0), (person(1), 0)];
    for (again, written) in writes {
        let before = scene.count(EntryKind::Change, 0).await;
        assert_eq!(scene.enrol_as(&program, vec![again]).await, [Ok(patient)]);
        let after = scene.count(EntryKind::Change, 0).await;
        assert_eq!(after - before, written);
        let subject = scene.keeper.core.keys.patient(patient);
        let facts = scene.keeper.core.facts.load(subject).await.unwrap();
        assert!(PatientView::of(&facts, None).is_unsafe_to_write);
    }
}

#[tokio::test]
async fn an_nhi_with_another_birth_date_is_refused_and_the_rest_goes_on() {
    let scene = scene().await;
    scene.patient(1).await;
    let wrong = wire::NewEnrolment {
        birth_date: "1981-02-28".to_owned(),
        enrolment_key: key(5).to_vec(),
        ..person(1)
    };
    let answers = scene.enrol_as(&scene.program, vec![wrong, person(2)]).await;
    assert_eq!(answers[0], Err(Reason::Invalid));
    assert!(answers[1].is_ok());
}

#[tokio::test]
async fn the_same_person_twice_in_one_call_is_one_patient() {
    let scene = scene().await;
    let twice = wire::NewEnrolment {
        enrolment_key: key(6).to_vec(),
        ..person(1)
    };
    let answers = scene
        .enrol_as(&scene.program, vec![person(1), twice, person(1)])
        .await;
    assert!(answers[0].is_ok());
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

#[tokio::test]
async fn people_without_an_nhi_are_never_matched_by_name() {
    let scene = scene().await;
    let nameless = |number| wire::NewEnrolment {
        nhi: String::new(),
        ..person(number)
    };
    let answers = scene
        .enrol_as(&scene.program, vec![nameless(1), nameless(2)])
        .await;
    assert!(answers[0].is_ok());
    assert_ne!(answers[0], answers[1]);
}

#[tokio::test]
async fn a_thousand_people_are_enrolled_by_two_calls_at_once() {
    let scene = scene().await;
    let some = |from| (from..from + 500).map(person).collect::<Vec<_>>();
    let (one, two) = tokio::join!(
        scene.enrol_as(&scene.program, some(1)),
        scene.enrol_as(&scene.program, some(251)),
    );
    assert_eq!(one[250..], two[..250]);
    assert!(one.iter().chain(&two).all(Result::is_ok));
}

#[tokio::test]
async fn staff_find_their_own_patients_and_nobody_else_s() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let elsewhere = scene.keeper.practice().await;
    let stranger = scene.keeper.staff(elsewhere, Role::Clinician).await;
    let (portal, token) = (&scene.portal, &scene.clinician.token);
    for terms in [
        surname("korero", "m"),
        surname("KŌR", "Mia"),
        FindTerms {
            nhi: "zzz0001".to_owned(),
            ..FindTerms::default()
        },
    ] {
        let found = find(portal, token, scene.practice, terms).await.unwrap();
        assert_eq!(found, [patient]);
    }
    let none = find(portal, &stranger.token, elsewhere, surname("korero", "m")).await;
    assert_eq!(none.unwrap(), []);
    let theirs = find(
        portal,
        &stranger.token,
        scene.practice,
        surname("korero", "m"),
    )
    .await;
    assert_eq!(denied(&theirs.unwrap_err()), Reason::NotAllowed);
    let too_little = find(portal, token, scene.practice, surname("korero", "")).await;
    assert_eq!(denied(&too_little.unwrap_err()), Reason::Invalid);
    assert_eq!(scene.count(EntryKind::Find, 0).await, 4);
}

#[tokio::test]
async fn a_canary_is_never_found_and_at_most_ten_people_are() {
    let scene = scene().await;
    let people = (1..=13).map(person).collect();
    let patients = scene.enrol_as(&scene.program, people).await;
    let canary = scene.keeper.core.keys.patient(patients[0].unwrap());
    scene
        .keeper
        .arrange(vec![Effect::InsertFact {
            subject: canary,
            fact: Fact::Canary(Canary {}),
        }])
        .await;
    let (portal, token) = (&scene.portal, &scene.clinician.token);
    let found = find(portal, token, scene.practice, surname("korero", "m")).await;
    assert_eq!(found.unwrap().len(), 10);
    let by_nhi = FindTerms {
        nhi: "ZZZ0001".to_owned(),
        ..FindTerms::default()
    };
    let found = find(portal, token, scene.practice, by_nhi).await;
    assert_eq!(found.unwrap(), []);
}

#[tokio::test]
async fn staff_enrol_and_say_nothing_more_of_the_patient_by_a_session_alone() {
    let scene = scene().await;
    let enrolled = async |person: wire::NewEnrolment| {
        let call = Call::Enrol(wire::Enrol {
            token: scene.clinician.token.expose().to_vec(),
            people: vec![person],
        });
        match scene.portal.call(call).await.unwrap() {
            Reply::Enrolled(mut enrolled) => enrolled.people.pop().unwrap().refused,
            _ => panic!("not an answer to enrolling"),
        }
    };
    assert_eq!(enrolled(person(1)).await, 0);
    let more = |number: u64| wire::NewEnrolment {
        enrolment_key: key(number).to_vec(),
        ..person(1)
    };
    let died = wire::NewEnrolment {
        is_deceased: true,
        ..more(91)
    };
    let unsafe_to_write = wire::NewEnrolment {
        is_unsafe_to_write: true,
        ..more(92)
    };
    let left = wire::NewEnrolment {
        left_on: "2026-03-01".to_owned(),
        ..more(93)
    };
    for person in [died, unsafe_to_write, left.clone()] {
        assert_eq!(enrolled(person).await, i32::from(Reason::NotAllowed));
    }
    // The practice's program goes on as it did.
    assert!(scene.enrol_as(&scene.program, vec![left]).await[0].is_ok());
}
