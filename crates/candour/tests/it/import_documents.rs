//! The sample documents as documents of a patient: each as `index.csv` says it should end.

use crate::installation::{Installation, some_patients};
use candour_core::document::{Caution, MediaType, Showing, content_disposition, sniff};
use candour_testkit::shared_data::shared_data;
use std::collections::HashMap;
use std::path::Path;

/// What the index expects of one file.
struct Expected {
    file: String,
    class: String,
    outcome: String,
}

fn expected(folder: &Path) -> Vec<Expected> {
    let index = std::fs::read_to_string(folder.join("index.csv")).unwrap();
    let rows = index.lines().skip(1).map(|line| {
        let (mut fields, mut quoted) = (vec![String::new()], false);
        for character in line.chars() {
            match character {
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(String::new()),
                other => fields.last_mut().unwrap().push(other),
            }
        }
        Expected {
            file: fields[0].clone(),
            class: fields[1].clone(),
            outcome: fields[3].clone(),
        }
    });
    rows.collect()
}

/// What the portal does with a file, as the words of the index demand it; `None` for what it leaves open.
fn fault(
    expected: &Expected,
    showing: Showing,
    media_type: MediaType,
    cautions: &[Caution],
) -> Option<String> {
    let told = |caution| cautions.contains(&caution);
    let is_download = showing == Showing::Download;
    let demands = [
        ("active content", told(Caution::ActiveContent)),
        ("download", is_download),
        ("never serve", is_download),
        (
            "never resolved",
            is_download && told(Caution::LoadsFromElsewhere),
        ),
        (
            "never fetched",
            is_download && told(Caution::LoadsFromElsewhere),
        ),
        (
            "flag",
            told(Caution::Macros) || told(Caution::ActiveContent),
        ),
        ("opaque", told(Caution::Locked)),
        ("say so", told(Caution::Locked)),
        ("AV cannot see in", told(Caution::Locked)),
        ("scan embedded", is_download && told(Caution::FilesInside)),
        ("recursion limit", is_download && told(Caution::FilesInside)),
        ("location", told(Caution::Location)),
        ("no form action", is_download),
        ("no XFA run", is_download),
        ("preview", !is_download),
        ("with plain words", is_download),
        ("not by name", media_type == MediaType::Text),
    ];
    let unmet = demands
        .iter()
        .find(|(words, is_met)| expected.outcome.contains(words) && !is_met);
    if let Some((words, _)) = unmet {
        return Some(format!("{}: {words}", expected.file));
    }
    (expected.class == "hostile" && !is_download).then(|| format!("{}: hostile", expected.file))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_document_ends_on_the_shelf_as_the_index_says() {
    let Some(folder) = shared_data("documents") else {
        return;
    };
    let installation = Installation::new().await;
    let data = installation.path("data");
    if some_patients(&data).is_none() {
        return;
    }
    assert!(installation.import(&data, None).await);
    let patient = installation.everybody().await[0];
    let clinician = installation.clinician().await;
    let before = installation.shelf(&clinician, patient).await.len();

    let all = expected(&folder);
    assert_eq!(all.len(), 113);
    let id = patient.to_string();
    let mut faults = Vec::new();
    let mut total = before;
    for kind in ["archive", "ccda", "hl7v2", "image", "office", "pdf", "text"] {
        let files = folder.join(kind);
        let (told, code) = installation.told(&files, &["--patient", &id]).await;
        assert_eq!(code, Some(0), "{told}");
        assert!(told.contains("Nothing was left out"), "{told}");
        // Each is there as itself, byte for byte.
        let shelf = installation.shelf(&clinician, patient).await;
        let samples: Vec<_> = all
            .iter()
            .filter(|one| one.file.starts_with(kind))
            .collect();
        total += samples.len();
        assert_eq!(shelf.len(), total, "{kind}");
        let mut on_the_shelf = HashMap::new();
        for line in &shelf {
            on_the_shelf.insert((line.meta.title.to_string(), line.meta.media_type), line);
        }
        for expected in samples {
            let bytes = std::fs::read(folder.join(&expected.file)).unwrap();
            let name = expected.file.rsplit_once('/').unwrap().1;
            let title = name.rsplit_once('.').unwrap().0.replace(['_', '-'], " ");
            let line = on_the_shelf[&(title.clone(), sniff(&bytes))];
            let viewer = installation.patient(patient).await;
            let came_back = installation.document(&viewer, line.document).await;
            assert!(came_back == bytes, "{} came back otherwise", expected.file);
            let media_type = line.meta.media_type;
            faults.extend(fault(
                expected,
                media_type.showing(),
                media_type,
                &line.cautions,
            ));
            let header = content_disposition(&title, None, media_type);
            assert!(header.is_ascii() && !header.contains('#'), "{header}");
            if !line.cautions.is_empty() {
                assert!(told.contains(&format!("  {name}: ")), "{name} in\n{told}");
            }
        }
    }
    assert_eq!(faults, Vec::<String>::new());
    // Again: nothing is there twice.
    assert!(
        installation
            .import(&folder.join("pdf"), Some(patient))
            .await
    );
    assert_eq!(installation.shelf(&clinician, patient).await.len(), total);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_of_somebody_the_practice_does_not_know_are_refused_at_once() {
    let installation = Installation::new().await;
    installation.put("letter.txt", "Kia ora");
    let id = "0".repeat(32);
    let output = installation
        .command(&installation.path("data"), &["--patient", &id])
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("the practice has no patient with the id"),
        "{said}"
    );
    assert_eq!(installation.counts().await, (0, 0));
}
