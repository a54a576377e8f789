//! A clinician opens a record in an emergency: past a limit, once, with a passkey answer and words of its own.

use crate::installation::{Answer, Installation, ORIGIN, cookies};
use crate::visits::{between, encoded, practice_with_patient, unescaped};
use candour_keeper_api::words::{Purpose, Role};
use candour_server::session::Visit;
use candour_testkit::passkey::SoftwarePasskey;
use http::StatusCode;
use jiff::SignedDuration;

pub fn answered(page: &Answer, device: &mut SoftwarePasskey) -> String {
    let options = unescaped(between(&page.body, "data-options=\"", "\""));
    let hidden = |name: &str| between(&page.body, &format!("name=\"{name}\" value=\""), "\"");
    encoded(&[
        ("ceremony", hidden("ceremony")),
        ("answer", &device.get(&options, ORIGIN).unwrap()),
        ("reason", hidden("reason")),
        ("document", hidden("document")),
    ])
}

pub fn said(words: &str) -> String {
    encoded(&[("reason", words), ("document", "")])
}

#[tokio::test]
async fn a_record_is_opened_once_with_words_and_the_patient_sees_why() {
    let installation = Installation::fresh().await;
    let (patient, _) = practice_with_patient(&installation).await;
    let keeper = &installation.keeper;
    let practice = installation.practice;
    let person = keeper.staff(practice, Role::Clinician).await;
    let mut device = keeper.give_passkey(person.person).await;
    let session = keeper.sign_in_staff(person.person, practice, Role::Clinician);
    let clinician = cookies(&session.token, Visit::Staff(Some(Purpose::DirectCare)));
    keeper.clock.advance(SignedDuration::from_secs(5));
    let path = format!("/patients/{patient}/emergency");
    let asked = installation.get(&path, &clinician).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    assert!(
        asked.body.contains("Walker"),
        "whose record: {}",
        asked.body
    );

    let silent = installation.post(&path, &clinician, &said(" ")).await;
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(silent.body.contains("Say what has happened"));
    let words = said("collapsed in the waiting room");
    let sentence = installation.post(&path, &clinician, &words).await;
    assert_eq!(sentence.status, StatusCode::OK, "{}", sentence.body);
    assert!(
        sentence
            .body
            .contains("the record of Hēmi Walker, born 27 March 1946")
            && sentence
                .body
                .contains("What has happened: collapsed in the waiting room"),
        "{}",
        sentence.body
    );
    let form = answered(&sentence, &mut device);
    let opened = installation.post(&path, &clinician, &form).await;
    assert_eq!(opened.status, StatusCode::OK, "{}", opened.body);
    for words in ["Opened in an emergency", "Walker", "Allergies", "Documents"] {
        assert!(opened.body.contains(words), "{words}: {}", opened.body);
    }
    // The same answer again opens nothing; the words are still there.
    let again = installation.post(&path, &clinician, &form).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!again.body.contains("Opened in an emergency"));
    assert!(again.body.contains("collapsed in the waiting room"));

    let own = keeper.as_patient(patient).await;
    let own = cookies(&own.token, Visit::Patient);
    let history = format!("/patients/{patient}/history");
    let history = installation.get(&history, &own).await;
    assert!(
        history.body.contains("Reason given: an emergency."),
        "{}",
        history.body
    );
    // It is a page of staff.
    let other = installation.get(&path, &own).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn whoever_reads_no_records_opens_none_in_an_emergency_either() {
    let installation = Installation::fresh().await;
    let (patient, _) = practice_with_patient(&installation).await;
    let keeper = &installation.keeper;
    let person = keeper.staff(installation.practice, Role::Reception).await;
    let mut device = keeper.give_passkey(person.person).await;
    let visit = Visit::Staff(Some(Purpose::Administration));
    let reception = cookies(&person.token, visit);
    keeper.clock.advance(SignedDuration::from_secs(5));
    let path = format!("/patients/{patient}/emergency");
    let asked = installation.get(&path, &reception).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    let words = said("collapsed in the waiting room");
    let sentence = installation.post(&path, &reception, &words).await;
    let form = answered(&sentence, &mut device);
    let opened = installation.post(&path, &reception, &form).await;
    assert_eq!(opened.status, StatusCode::FORBIDDEN, "{}", opened.body);
}
