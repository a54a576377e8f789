//! What of a section came in together is kept from somebody, from the page that shows it.

use crate::installation::{Installation, ORIGIN, cookies};
use crate::visits::{between, encoded, unescaped};
use candour_app::intake::{IncomingPerson, Intake};
use candour_app::sign_in::ClientCredential;
use candour_core::fhir::{Directory, SEGMENT_BYTES, read_resource, segments};
use candour_core::people::Contact;
use candour_keeper_api::words::{Purpose, Role};
use candour_seal::{DepositKey, PatientId};
use candour_server::session::Visit;
use candour_testkit::portal::walker;
use http::StatusCode;

/// Two medicines that came in together, and one that came by itself.
async fn with_medicines(installation: &Installation) -> PatientId {
    let (client, secret) = installation
        .keeper
        .program_credential(installation.practice)
        .await;
    let credential = ClientCredential {
        client,
        secret: secret.to_vec().into(),
    };
    let app = std::sync::Arc::clone(&installation.shared);
    let mut intake = Intake::begin(app, credential).await.unwrap();
    let mut patient = None;
    for (number, names) in [(1, &["Metformin", "Aspirin"][..]), (2, &["Sertraline"])] {
        let resources = names.iter().map(|name| {
            let text = format!(
                r#"{{"resourceType":"MedicationStatement","id":"{name}","subject":{{"reference":"Patient/1"}},"medicationCodeableConcept":{{"text":"{name}"}},"status":"active"}}"#
            );
            read_resource(text.as_bytes()).unwrap()
        });
        let made = segments(resources.collect(), &Directory::default(), SEGMENT_BYTES);
        let key = |at| DepositKey::from_bytes([at; 16]);
        let person = IncomingPerson {
            reference: "Patient/1".to_owned(),
            key: key(1),
            identity: walker(1),
            contact: Contact::unknown("NZ"),
            left_on: None,
            segments: made
                .into_iter()
                .map(|one| (key(number + 10), one))
                .collect(),
            documents: Vec::new(),
        };
        let taken = intake.take(&[person], crate::installation::now()).await;
        let taken = taken.unwrap();
        assert!(taken.left_out.is_empty(), "{:?}", taken.left_out);
        patient = taken.ids.first().map(|taken| taken.patient).or(patient);
    }
    patient.unwrap()
}

#[tokio::test]
async fn medicines_that_came_in_together_are_kept_from_the_practice_from_the_page_that_shows_them()
{
    let installation = Installation::fresh().await;
    let patient = with_medicines(&installation).await;
    let keeper = &installation.keeper;
    let staff = keeper.staff(installation.practice, Role::Clinician).await;
    let clinician = cookies(&staff.token, Visit::Staff(Some(Purpose::DirectCare)));
    let own = keeper.as_patient(patient).await;
    let mut device = keeper.give_passkey(own.person).await;
    let own = cookies(&own.token, Visit::Patient);
    let path = format!("/patients/{patient}/record/medicines");
    let theirs = installation.get(&path, &clinician).await;
    for name in ["Metformin", "Aspirin", "Sertraline"] {
        assert!(theirs.body.contains(name), "{}", theirs.body);
    }
    // Only the patient is offered to keep something.
    assert!(!theirs.body.contains("/sharing/keep"));
    let page = installation.get(&path, &own).await.body;
    let words = "Sertraline, put in together by Kauri Health";
    assert!(
        page.contains("Metformin, Aspirin, put in together by Kauri Health"),
        "{page}"
    );
    let (_, after) = page.split_once(words).unwrap();
    let keep = unescaped(between(after, "href=\"", "\""));
    let form = installation.get(&keep, &own).await;
    assert_eq!(form.status, StatusCode::OK, "{}", form.body);
    let (before, _) = form.body.split_once("\" selected>What you chose").unwrap();
    let part = before.rsplit_once("value=\"").unwrap().1;
    let whom = format!("practice-{}", installation.practice);
    let chosen = encoded(&[("whom", &whom), ("part", part)]);
    let act = installation.post("/sharing/keep", &own, &chosen).await;
    let sentence = "Keep from Kauri Health: the medicines that Kauri Health put in on ";
    assert!(act.body.contains(sentence), "{}", act.body);
    let options = unescaped(between(&act.body, "data-options=\"", "\""));
    let ceremony = between(&act.body, "name=\"ceremony\" value=\"", "\"");
    let answer = device.get(&options, ORIGIN).unwrap();
    let answer = encoded(&[("ceremony", ceremony), ("answer", &answer)]);
    let done = installation.post("/sharing/act", &own, &answer).await;
    assert_eq!(done.header("location"), "/sharing?note=done");

    let theirs = installation.get(&path, &clinician).await;
    assert!(theirs.body.contains("Metformin") && theirs.body.contains("Aspirin"));
    assert!(!theirs.body.contains("Sertraline"), "{}", theirs.body);
    let list = installation.get("/sharing", &own).await.body;
    assert!(list.contains("Kauri Health: the medicines that Kauri Health put in on "));
    assert!(!list.contains("<a href=\"/documents/"), "{list}");
    // A form that names something else is answered as one that names nothing.
    let wrong = encoded(&[("whom", &whom), ("part", "segment-1")]);
    let wrong = installation.post("/sharing/keep", &own, &wrong).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
}
