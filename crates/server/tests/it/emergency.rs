//! A clinician opens a record in an emergency: past a limit, once, with a passkey answer and words of its own.

use crate::installation::{Answer, Installation, ORIGIN, cookies};
use crate::visits::{between, encoded, practice_with_patient, unescaped};
use candour_keeper_api::words::{Purpose, Role};
use candour_server::session::Visit;
use candour_testkit::passkey::SoftwarePasskey;
use http::StatusCode;
use jiff::SignedDuration;

pub fn answered(page: &Answer, device: &mut SoftwarePasskey, words: &str) -> String {
    let options = unescaped(between(&page.body, "data-options=\"", "\""));
    encoded(&[
        (
            "ceremony",
            between(&page.body, "name=\"ceremony\" value=\"", "\""),
        ),
        ("answer", &device.get(&options, ORIGIN).unwrap()),
        ("reason", words),
    ])
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

    let silent = answered(&asked, &mut device, " ");
    let silent = installation.post(&path, &clinician, &silent).await;
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(silent.body.contains("Say what has happened"));
    let form = answered(&silent, &mut device, "collapsed in the waiting room");
    let opened = installation.post(&path, &clinician, &form).await;
    assert_eq!(opened.status, StatusCode::OK, "{}", opened.body);
    for words in ["Opened in an emergency", "Walker", "Allergies", "Documents"] {
        assert!(opened.body.contains(words), "{words}: {}", opened.body);
    }
    // The session goes on under another token, and the same answer again opens nothing.
    let ended = installation.get(&path, &clinician).await;
    assert_eq!(ended.status, StatusCode::UNAUTHORIZED);
    let visit = clinician.split_once("; ").unwrap().1;
    let clinician = format!("{}; {visit}", opened.cookies());
    let again = installation.post(&path, &clinician, &form).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!again.body.contains("Opened in an emergency"));

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
    let form = answered(&asked, &mut device, "collapsed in the waiting room");
    let opened = installation.post(&path, &reception, &form).await;
    assert_eq!(opened.status, StatusCode::FORBIDDEN, "{}", opened.body);
}
