use crate::with_keeper::{Clinic, document, person};
use candour_app::access_history::{self, What};
use candour_app::patients::{self, Terms};
use candour_app::{ReadError, Refusal, documents, record};
use candour_core::fhir::{Directory, SEGMENT_BYTES, read_resource, segments};
use candour_keeper_api::words::{EntryKind, Role, Section};
use candour_seal::DepositKey;
use futures_util::StreamExt;
use std::time::Duration;

const ALLERGY: &str = r#"{"resourceType":"AllergyIntolerance","id":"7","patient":{"reference":"Patient/1"},"code":{"text":"Penicillin"},"recordedDate":"2024-05-01"}"#;

async fn with_record(clinic: &Clinic) -> (candour_seal::PatientId, candour_seal::ItemId) {
    let mut person = person(1);
    let resource = read_resource(ALLERGY.as_bytes()).unwrap();
    person.segments = segments(vec![resource], &Directory::default(), SEGMENT_BYTES)
        .into_iter()
        .map(|segment| (DepositKey::from_bytes([11; 16]), segment))
        .collect();
    person.documents = vec![(
        DepositKey::from_bytes([12; 16]),
        document("Discharge letter", b"Kia ora".to_vec()),
    )];
    let taken = clinic
        .intake()
        .await
        .take(&[person], clinic.now())
        .await
        .unwrap();
    assert_eq!((taken.people, taken.resources, taken.documents), (1, 1, 1));
    assert!(taken.left_out.is_empty(), "{:?}", taken.left_out);

    let viewer = clinic.as_clinician().await;
    let terms = Terms {
        surname: "ngata".into(),
        birth_date: "1980-02-02".into(),
        ..Terms::default()
    };
    let app = &clinic.portal.app;
    let (found, _) = patients::find(app, &viewer, clinic.practice, terms)
        .await
        .unwrap();
    let found = found.into_inner();
    assert_eq!((found.people.len(), found.has_more), (1, false));
    let name = &found.people[0].identity.as_ref().unwrap().name;
    assert_eq!(name.full(), "Aroha1 Ngāta");
    let patient = found.people[0].patient;
    let (shelf, _) = documents::shelf(app, &viewer, patient).await.unwrap();
    (patient, shelf.get().lines[0].document)
}

#[tokio::test]
async fn what_was_taken_in_is_found_listed_and_opened_and_twice_is_once() {
    let clinic = Clinic::new().await;
    let (patient, _) = with_record(&clinic).await;
    let (again, _) = with_record(&clinic).await;
    assert_eq!(again, patient);
    let viewer = clinic.as_patient(patient).await;
    let app = &clinic.portal.app;
    let (section, _) = record::open(app, &viewer, patient, Section::Allergies)
        .await
        .unwrap();
    let section = section.into_inner();
    assert_eq!((section.parts.len(), section.unreadable), (1, 0));
    assert_eq!(section.parts[0].block.resources[0].get(), ALLERGY);
    assert_eq!(section.rows()[0].title, "Penicillin");
    let (empty, _) = record::open(app, &viewer, patient, Section::Medicines)
        .await
        .unwrap();
    assert!(empty.get().parts.is_empty());
}

#[tokio::test]
async fn a_patient_reads_who_opened_what_by_practice_and_title() {
    let clinic = Clinic::new().await;
    let (patient, item) = with_record(&clinic).await;
    let app = &clinic.portal.app;
    let clinician = clinic.as_clinician().await;
    let opened = documents::open(app, &clinician, item).await.unwrap();
    drop(opened);

    let viewer = clinic.as_patient(patient).await;
    let (history, _) = access_history::page(app, &viewer, patient, None)
        .await
        .unwrap();
    let history = history.into_inner();
    let event = history
        .events
        .iter()
        .find(|event| {
            matches!(event.what, What::Document(found, _) if found == item)
                && event.kind == EntryKind::Open
        })
        .unwrap();
    assert!(
        matches!(&event.what, What::Document(_, Some(title)) if title.as_str() == "Discharge letter")
    );
    assert_eq!(event.practice_name.as_deref(), Some("Kauri Health"));
    assert_eq!(event.role, Role::Clinician);
    assert!(event.is_granted && !event.is_viewer && !event.is_delivered);
}

#[tokio::test]
async fn a_document_counts_as_delivered_from_its_first_byte_and_not_before() {
    let clinic = Clinic::new().await;
    let (_, item) = with_record(&clinic).await;
    let app = &clinic.portal.app;
    let viewer = clinic.as_clinician().await;
    let unread = documents::open(app, &viewer, item).await.unwrap();
    let mut sent = documents::open(app, &viewer, item).await.unwrap();
    let first = sent.body.next().await.unwrap().unwrap();
    assert_eq!(&first[..], b"Kia ora");
    drop(unread);
    let delivered = (i16::from(EntryKind::Delivered.number()), 0);
    let mut count = 0;
    for _ in 0..50 {
        count = clinic
            .keeper
            .entries()
            .await
            .get(&delivered)
            .copied()
            .unwrap_or(0);
        if count > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(count, 1);
}

#[tokio::test]
async fn staff_of_another_practice_find_and_open_nobody() {
    let clinic = Clinic::new().await;
    let (patient, item) = with_record(&clinic).await;
    let elsewhere = clinic.keeper.practice().await;
    let staff = clinic.keeper.staff(elsewhere, Role::Clinician).await;
    let viewer = crate::viewer(staff.token, candour_keeper_api::words::Purpose::DirectCare);
    let app = &clinic.portal.app;
    let not_found = |error: Option<ReadError>| {
        assert!(
            matches!(error, Some(ReadError::Refused(Refusal::NotFound))),
            "{error:?}"
        );
    };
    not_found(documents::open(app, &viewer, item).await.err());
    not_found(documents::shelf(app, &viewer, patient).await.err());
    not_found(
        record::open(app, &viewer, patient, Section::Allergies)
            .await
            .err(),
    );
    not_found(patients::name(app, &viewer, patient).await.err());
}
