//! Whom an import takes for whom, and what the program that imports may not do.

use crate::installation::Installation;
use candour_app::patients::{self, Terms};
use candour_app::sign_in::{self, ClientCredential};
use candour_app::{App, documents, record};
use candour_keeper_api::words::Purpose;
use candour_keeper_api::words::Section;
use candour_keeper_api::{Keeper, Viewer};
use candour_store::{Objects, Placement, Store};
use candour_testkit::keeper::InstanceKind;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

const NHI: &str = "https://standards.digital.health.nz/ns/nhi-id";

/// A Bundle with one patient and one condition; `numbers` are NHI numbers with their use.
fn bundle(id: &str, family: &str, birth_date: &str, numbers: &[(&str, &str)]) -> String {
    let identifiers: Vec<_> = numbers
        .iter()
        .map(|(number, used)| serde_json::json!({"system": NHI, "value": number, "use": used}))
        .collect();
    serde_json::json!({
        "resourceType": "Bundle",
        "entry": [
            {"resource": {
                "resourceType": "Patient", "id": id, "identifier": identifiers,
                "name": [{"family": family, "given": ["Aroha"]}], "birthDate": birth_date
            }},
            {"resource": {
                "resourceType": "Condition", "id": format!("c-{id}"), "subject": {"reference": format!("Patient/{id}")},
                "code": {"text": "Asthma"}, "recordedDate": "2024-05-06"
            }}
        ]
    })
    .to_string()
}

/// Imports one Bundle for a practice; whether all of it was taken.
async fn import(installation: &Installation, client: &str, text: &str) -> bool {
    let file = installation.path("data").join("one.json");
    std::fs::write(&file, text).unwrap();
    installation.import_as(client, &file, None).await
}

/// A second practice with its program.
async fn second_practice(installation: &Installation) -> candour_seal::PracticeId {
    let practice = installation.keeper.practice().await;
    installation.client_of(practice, "second").await;
    practice
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_or_dormant_nhi_with_the_same_birth_date_is_the_same_person() {
    let installation = Installation::new().await;
    let second = second_practice(&installation).await;
    let here = bundle("1", "Ngata", "1980-02-01", &[("ZAA0792", "official")]);
    assert!(import(&installation, "client", &here).await);
    // Elsewhere she has another surname, and the first number has become a dormant one.
    let there = bundle(
        "77",
        "Reweti",
        "1980-02-01",
        &[("ZAA0261", "official"), ("ZAA0792", "old")],
    );
    assert!(import(&installation, "second", &there).await);
    assert_eq!(installation.counts().await.0, 1);
    // From now on the newer number alone is enough.
    let later = bundle("78", "Reweti", "1980-02-01", &[("ZAA0261", "official")]);
    assert!(import(&installation, "client", &later).await);
    assert_eq!(installation.counts().await.0, 1);

    let viewer = installation.clinician_of(second).await;
    let found = installation
        .find_all(&viewer, second, "Reweti", "1980-02-01")
        .await;
    assert_eq!(found, installation.everybody().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_nhi_with_another_birth_date_is_left_out_and_named() {
    let installation = Installation::new().await;
    let first = bundle("1", "Ngata", "1980-02-01", &[("ZAA0792", "official")]);
    assert!(import(&installation, "client", &first).await);
    let counts = installation.counts().await;
    let other = bundle("2", "Ngata", "1980-01-02", &[("ZAA0792", "official")]);
    std::fs::write(installation.path("data/one.json"), other).unwrap();
    let (told, code) = installation.told(&installation.path("data"), &[]).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains(
            "the patient of Patient/2 in one.json: the NHI number is known with another birth date"
        ),
        "{told}"
    );
    assert_eq!(installation.counts().await, counts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_name_and_birth_date_are_not_the_same_person() {
    let installation = Installation::new().await;
    let second = second_practice(&installation).await;
    let number = [("ZAA0792", "official")];
    assert!(
        import(
            &installation,
            "client",
            &bundle("1", "Ngata", "1980-02-01", &number)
        )
        .await
    );
    // Without a number, and with another one; the sender counts from 1 as well.
    assert!(
        import(
            &installation,
            "second",
            &bundle("1", "Ngata", "1980-02-01", &[])
        )
        .await
    );
    let other = bundle("1", "Ngata", "1980-02-01", &[("ZAA0261", "official")]);
    assert!(import(&installation, "second", &other).await);
    assert_eq!(installation.counts().await.0, 3);
    let viewer = installation.clinician_of(second).await;
    let found = installation
        .find_all(&viewer, second, "Ngata", "1980-02-01")
        .await;
    assert_eq!(found.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_demonstration_who_has_no_nhi_gets_a_test_number_and_keeps_it() {
    let installation = Installation::new().await;
    let nobody = bundle("1", "Ngata", "1980-02-01", &[]);
    let file = installation.path("data").join("one.json");
    std::fs::write(&file, nobody).unwrap();
    let mut numbers = Vec::new();
    for _ in 0..2 {
        let (told, code) = installation.told(&file, &[]).await;
        assert_eq!(code, Some(0), "{told}");
        assert!(
            told.contains("1 patient came without an NHI number and got one for testing"),
            "{told}"
        );
        let viewer = installation.clinician().await;
        let patient = installation.everybody().await;
        let (line, _) = patients::name(&installation.app, &viewer, patient[0])
            .await
            .unwrap();
        let nhi = line.into_inner().identity.unwrap().nhi.unwrap();
        assert!(nhi.is_test());
        numbers.push(nhi);
    }
    assert_eq!(installation.counts().await.0, 1);
    assert_eq!(numbers[0], numbers[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_practices_program_deposits_and_reads_nothing_for_any_purpose() {
    let installation = Installation::new().await;
    let number = [("ZAA0792", "official")];
    assert!(
        import(
            &installation,
            "client",
            &bundle("1", "Ngata", "1980-02-01", &number)
        )
        .await
    );
    let patient = installation.everybody().await[0];
    let letter = installation.path("data").join("letter.txt");
    std::fs::write(&letter, "Kia ora Aroha").unwrap();
    assert!(installation.import(&letter, Some(patient)).await);
    let clinician = installation.clinician().await;
    let document = installation.shelf(&clinician, patient).await[0].document;

    let (client, secret) = installation
        .client_of(installation.practice, "client")
        .await;
    // Through the importing process, and through a portal that was taken over.
    for kind in [InstanceKind::Import, InstanceKind::Portal] {
        let app = app_through(&installation, kind);
        let credential = ClientCredential {
            client,
            secret: Zeroizing::new(secret.to_vec()),
        };
        let token = sign_in::as_client(&app, &credential).await.unwrap().token;
        for purpose in (1..=30).filter_map(|number| Purpose::try_from(number).ok()) {
            let viewer = Viewer {
                token: token.clone(),
                purpose,
                network: String::new(),
            };
            let terms = Terms {
                nhi: "ZAA0792".into(),
                ..Terms::default()
            };
            assert!(
                documents::open(&app, &viewer, document).await.is_err(),
                "{purpose:?}"
            );
            assert!(
                documents::shelf(&app, &viewer, patient).await.is_err(),
                "{purpose:?}"
            );
            assert!(
                record::open(&app, &viewer, patient, Section::Conditions)
                    .await
                    .is_err(),
                "{purpose:?}"
            );
            assert!(
                patients::name(&app, &viewer, patient).await.is_err(),
                "{purpose:?}"
            );
            assert!(
                patients::find(&app, &viewer, installation.practice, terms)
                    .await
                    .is_err(),
                "{purpose:?}"
            );
        }
    }
    // A control: what it could not read is there to be read.
    assert_eq!(
        installation.document(&clinician, document).await,
        b"Kia ora Aroha"
    );
}

/// The use cases as another process of the installation has them.
fn app_through(installation: &Installation, kind: InstanceKind) -> App {
    let objects = Objects::open(installation.path("objects"), Placement::Kept).unwrap();
    let config = std::fs::read_to_string(installation.path("secrets/portal.database")).unwrap();
    let store = Store::new(config.trim().parse().unwrap(), 2, objects).unwrap();
    let keeper = Arc::new(Keeper::new(installation.keeper.address(kind)));
    App::start(keeper, store, &TaskTracker::new(), CancellationToken::new())
}
