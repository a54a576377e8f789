//! `candour import` against the real keeper and database.

use crate::installation::{Installation, is_directory, kinds, some_patients, unpacked};
use candour_core::fhir::{Section, identity, read_bundle};
use candour_seal::Digest;
use candour_testkit::keeper::Settings;
use candour_testkit::shared_data::shared_data;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::path::Path;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_imported_patient_comes_back_resource_by_resource_and_twice_is_once() {
    let installation = Installation::new().await;
    let data = installation.path("data");
    let Some(files) = some_patients(&data) else {
        return;
    };
    assert!(installation.import(&data, None).await);
    let counts = installation.counts().await;
    assert_eq!(counts.0, 3);
    assert!(installation.import(&data, None).await);
    assert_eq!(installation.counts().await, counts);

    let viewer = installation.clinician().await;
    for file in files {
        let (entries, faults) = read_bundle(&unpacked(&file)).unwrap();
        assert!(faults.is_empty());
        let patient = entries
            .iter()
            .find(|entry| entry.resource.is_patient())
            .unwrap();
        let identity = identity(&patient.resource).unwrap();
        let patient = installation.find(&viewer, &identity).await;
        let mut sent: Vec<String> = entries
            .iter()
            // What is about nobody gives its names to the record and is not kept with a patient.
            .filter(|entry| entry.resource.section != Section::Directory)
            .map(|entry| entry.resource.raw.get().to_owned())
            .collect();
        sent.sort();
        let came_back = installation.resources(&viewer, patient).await;
        assert_eq!(kinds(&came_back), kinds(&sent));
        assert!(came_back == sent);
    }
}

/// Budgets and rules for people who read hundreds of documents in one instant, which no person does.
fn unhurried() -> Settings {
    Settings {
        budgets: serde_json::from_value(json!({
            "patient": { "documents_ten_minutes": 1_000_000, "documents_day": 1_000_000 },
            "practice": {
                "listed_hour": 1_000_000, "opened_hour": 1_000_000, "documents_hour": 1_000_000
            },
            "session": { "things_hour": 1_000_000 },
            "enrolled": 1_000_000_000
        }))
        .unwrap(),
        detection: serde_json::from_value(json!({
            "machine_timing": { "requests": 1_000_000 },
            "ordered_walk": { "documents": 1_000_000 },
            "global_rate": { "rows": [] }
        }))
        .unwrap(),
        ..Settings::default()
    }
}

/// The figure of how long it takes is measured by hand (`docs/operate/importing.md`); here is what must hold of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_synthea_goes_in_once_and_every_resource_comes_back_to_its_patient() {
    let Some(path) = shared_data("synthea") else {
        return;
    };
    let installation = Installation::with(unhurried()).await;
    assert!(installation.import(&path, None).await);
    let counts = installation.counts().await;
    assert_eq!(counts.0, 242);
    assert!(installation.import(&path, None).await);
    assert_eq!(installation.counts().await, counts);

    let mut sent = sent(&path);
    for patient in installation.everybody().await {
        // Somebody of the practice each time: who has died signs in no more.
        let viewer = installation.clinician().await;
        for resource in installation.resources(&viewer, patient).await {
            *sent.entry(digest(&resource)).or_default() -= 1;
        }
    }
    let (missing, extra) = sent.values().fold((0, 0), |(missing, extra), left| {
        (missing + left.max(&0), extra + (-left).max(0))
    });
    assert_eq!((missing, extra), (0, 0), "missing and extra");
}

fn digest(text: &str) -> [u8; 32] {
    *Digest::of(text.as_bytes()).as_bytes()
}

/// How often each resource that is about somebody was sent; read without our reader.
fn sent(path: &Path) -> HashMap<[u8; 32], i64> {
    #[derive(Deserialize)]
    struct Bundle<'a> {
        #[serde(borrow)]
        entry: Vec<Entry<'a>>,
    }
    #[derive(Deserialize)]
    struct Entry<'a> {
        #[serde(borrow)]
        resource: &'a RawValue,
    }
    let mut sent = HashMap::new();
    let mut note = |text: &str| {
        #[derive(Deserialize)]
        struct Kind<'a> {
            #[serde(rename = "resourceType")]
            kind: &'a str,
        }
        let Kind { kind } = serde_json::from_str(text).unwrap();
        if Section::of(kind) != Section::Directory {
            *sent.entry(digest(text)).or_default() += 1;
        }
    };
    for folder in ["r4-2019", "r4-2021-notes", "bulk-2025"] {
        for entry in std::fs::read_dir(path.join(folder)).unwrap() {
            let file = entry.unwrap().path();
            let text = String::from_utf8(unpacked(&file)).unwrap();
            if folder == "bulk-2025" {
                text.lines()
                    .filter(|line| !line.is_empty())
                    .for_each(&mut note);
            } else if !is_directory(&file) {
                let bundle: Bundle<'_> = serde_json::from_str(&text).unwrap();
                for entry in bundle.entry {
                    note(entry.resource.get());
                }
            }
        }
    }
    sent
}

/// A dozen patients in Bundles large enough that they are not deposited in one go.
fn a_dozen(into: &Path) -> bool {
    let Some(folder) = shared_data("synthea/r4-2019") else {
        return false;
    };
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|file| !is_directory(file))
        .collect();
    files.sort();
    files.sort_by_key(|file| std::cmp::Reverse(file.metadata().unwrap().len()));
    for file in files.iter().take(12) {
        std::fs::copy(file, into.join(file.file_name().unwrap())).unwrap();
    }
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_killed_ends_as_if_it_had_not_been() {
    let installation = Installation::new().await;
    let data = installation.path("data");
    if !a_dozen(&data) {
        return;
    }
    let killed = installation.kill_in_the_middle(&data).await;
    assert!(installation.import(&data, None).await);
    let counts = installation.counts().await;
    assert!(killed.1 < counts.1, "{killed:?} of {counts:?}");

    let undisturbed = Installation::new().await;
    assert!(undisturbed.import(&data, None).await);
    assert_eq!(undisturbed.counts().await, counts);
    let mut both = Vec::new();
    for installation in [&installation, &undisturbed] {
        let mut all = Vec::new();
        for patient in installation.everybody().await {
            // Somebody of the practice each time: who has died signs in no more.
            let viewer = installation.clinician().await;
            all.push(installation.resources(&viewer, patient).await);
        }
        all.sort();
        both.push(all);
    }
    assert!(both[0] == both[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_out_is_named_with_line_and_reason_and_the_rest_is_in() {
    let installation = Installation::new().await;
    let data = installation.path("data");
    if some_patients(&data).is_none() {
        return;
    }
    installation.put("readme.txt", "From our practice system.");
    installation.put(
        "zz-cut.json",
        "{\"resourceType\":\"Bundle\",\n\"entry\":[{]}",
    );
    installation.put(
        "Patient.ndjson",
        "{\"resourceType\":\"Patient\",\"id\":\"9\",\"name\":[{\"family\":\"Hira\"}]}\n",
    );
    let (told, code) = installation.told(&data, &[]).await;
    assert_eq!(code, Some(1), "{told}");
    assert_eq!(installation.counts().await.0, 3);
    let lines: Vec<&str> = told.lines().collect();
    assert!(
        lines[0].starts_with("From Kauri Health: 3 patients are in, with "),
        "{told}"
    );
    for line in [
        "  readme.txt",
        "  zz-cut.json, line 2: not JSON: key must be a string at line 2 column 11",
        "  Patient.ndjson, line 1: the patient has no full birth date",
    ] {
        assert!(lines.contains(&line), "{line}\n{told}");
    }
    assert!(
        lines
            .last()
            .unwrap()
            .starts_with("2 things were left out; everything else is in."),
        "{told}"
    );
}
