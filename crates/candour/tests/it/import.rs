use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::path::Path;

use candour::import::{Found, Import, Options, PatientBatch, Why, read, read_document};
use candour_core::document::MediaType;
use candour_core::fhir::Section;
use candour_testkit::shared_data::shared_data;

fn options() -> Options {
    Options::new("Kererū Doctors".into(), true)
}

fn patients(import: Import) -> Vec<PatientBatch> {
    import
        .filter_map(|found| {
            if let Found::Patient(batch) = found {
                Some(*batch)
            } else {
                None
            }
        })
        .collect()
}

/// Highest memory of this process so far, in MiB.
fn peak_mebibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|number| number.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

#[test]
fn all_of_synthea_is_read_whole_in_bounded_memory() {
    let Some(path) = shared_data("synthea") else {
        return;
    };
    let index = std::fs::read_to_string(path.join("index.csv")).unwrap();
    let expected: usize = index
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(6).unwrap().parse::<usize>().unwrap())
        .sum();
    let import = read(&path, options()).unwrap();
    let total = import.total_bytes();
    let (mut count, mut resources, mut documents, mut faults, mut others) =
        (0, 0, 0, Vec::new(), Vec::new());
    let (mut keys, mut numbers) = (HashSet::new(), HashSet::new());
    let mut sections: BTreeMap<&str, usize> = BTreeMap::new();
    for found in import {
        match found {
            Found::Patient(batch) => {
                count += 1;
                resources += batch.resources;
                documents += batch.documents.len();
                let kept: usize = batch
                    .segments
                    .iter()
                    .map(|keyed| keyed.segment.resources.len())
                    .sum();
                let detached = batch
                    .documents
                    .iter()
                    .filter(|keyed| keyed.document.meta.envelope.is_some())
                    .count();
                assert_eq!(
                    kept + detached,
                    batch.resources,
                    "{}",
                    batch.source.display()
                );
                assert!(numbers.insert(batch.identity.nhi.unwrap()));
                for keyed in &batch.segments {
                    assert!(keys.insert(keyed.key));
                    *sections.entry(keyed.segment.section.as_str()).or_default() +=
                        keyed.segment.resources.len();
                }
                for keyed in &batch.documents {
                    assert!(keys.insert(keyed.key));
                    assert_eq!(keyed.document.meta.media_type, MediaType::Text);
                }
            }
            Found::Directory(segments) => {
                assert!(
                    segments
                        .iter()
                        .all(|keyed| keyed.segment.section == Section::Directory)
                );
                resources += segments
                    .iter()
                    .map(|keyed| keyed.segment.resources.len())
                    .sum::<usize>();
            }
            Found::LeftOut(left_out) if left_out.is_fault() => faults.push(left_out.to_string()),
            Found::LeftOut(left_out) => others.push(left_out.file),
        }
    }
    println!(
        "{count} patients, {resources} resources, {documents} documents, {total} bytes packed, peak {} MiB: {sections:?}",
        peak_mebibytes()
    );
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(others, [Path::new("SOURCE.md"), Path::new("index.csv")]);
    assert_eq!(count, 242);
    assert_eq!(documents, 2_684);
    assert_eq!(resources, expected);
    assert!(peak_mebibytes() < 1024);
}

#[test]
fn a_second_run_gives_the_same_keys_and_numbers() {
    let Some(path) = shared_data("synthea/bulk-2025") else {
        return;
    };
    let keys = || -> Vec<_> {
        let small = Options {
            most_bytes: 8 << 20,
            ..options()
        };
        patients(read(&path, small).unwrap())
            .into_iter()
            .map(|batch| {
                (
                    batch.key,
                    batch.identity.nhi,
                    batch
                        .segments
                        .iter()
                        .map(|keyed| keyed.key)
                        .collect::<Vec<_>>(),
                )
            })
            .collect()
    };
    let first = keys();
    assert_eq!(first.len(), 13);
    assert_eq!(first, keys());
}

#[test]
fn groups_of_patients_give_what_one_pass_gives() {
    let Some(path) = shared_data("synthea/bulk-2025") else {
        return;
    };
    let count = |most_bytes| -> Vec<(String, usize, usize)> {
        patients(
            read(
                &path,
                Options {
                    most_bytes,
                    ..options()
                },
            )
            .unwrap(),
        )
        .into_iter()
        .map(|batch| (batch.reference, batch.resources, batch.documents.len()))
        .collect()
    };
    assert_eq!(count(256 << 20), count(1 << 20));
}

fn packed(path: &Path, text: &[u8]) {
    let mut file = flate2::write::GzEncoder::new(
        std::fs::File::create(path).unwrap(),
        flate2::Compression::fast(),
    );
    file.write_all(text).unwrap();
    file.finish().unwrap();
}

fn left_out(folder: &Path, options: Options) -> Vec<(String, Option<usize>, Why)> {
    read(folder, options)
        .unwrap()
        .filter_map(|found| {
            if let Found::LeftOut(left) = found {
                Some((left.file.display().to_string(), left.line, left.why))
            } else {
                None
            }
        })
        .collect()
}

const GOOD: &str = "{\"resourceType\":\"Bundle\",\"entry\":[\n\
    {\"fullUrl\":\"urn:uuid:a\",\"resource\":{\"resourceType\":\"Patient\",\"id\":\"1\",\"name\":[{\"family\":\"Ngāta\"}],\"birthDate\":\"1980-02-01\"}},\n\
    {\"resource\":{\"resourceType\":\"Condition\",\"id\":\"2\",\"subject\":{\"reference\":\"urn:uuid:a\"}}},\n\
    {\"resource\":{\"resourceType\":\"Provenance\",\"target\":[{\"reference\":\"Condition/2\"}]}},\n\
    {\"resource\":{\"resourceType\":\"Condition\",\"subject\":{\"reference\":\"Patient/other\"}}}]}";

#[test]
fn what_cannot_be_taken_is_named_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("a-good.json"), GOOD).unwrap();
    packed(&at("b-cut.json.gz"), &GOOD.as_bytes()[..200]);
    std::fs::write(at("c-not-packed.json.gz"), GOOD).unwrap();
    packed(&at("d-bomb.json.gz"), &vec![b' '; 3 << 20]);
    std::fs::write(at("e-notes.txt"), "notes").unwrap();
    std::fs::write(
        at("f-no-birth-date.json"),
        GOOD.replace("1980-02-01", "1980"),
    )
    .unwrap();
    std::fs::write(at("Patient.ndjson"), "{\"resourceType\":\"Patient\",\"id\":\"9\",\"name\":[{\"family\":\"A\"}],\"birthDate\":\"1990-01-01\"}\n\n{\"resourceType\":\n").unwrap();
    std::fs::write(at("Condition.ndjson"), "{\"resourceType\":\"Condition\",\"subject\":{\"reference\":\"Patient/9\"}}\n{\"resourceType\":\"Group\"}").unwrap();
    let small = Options {
        most_bytes: 1 << 20,
        ..options()
    };
    let found = left_out(folder.path(), small.clone());
    let named: Vec<_> = found
        .iter()
        .map(|(file, line, _)| (file.as_str(), *line))
        .collect();
    assert_eq!(
        named,
        [
            ("e-notes.txt", None),
            ("a-good.json", Some(5)),
            ("b-cut.json.gz", Some(3)),
            ("c-not-packed.json.gz", None),
            ("d-bomb.json.gz", None),
            ("f-no-birth-date.json", Some(5)),
            ("f-no-birth-date.json", Some(2)),
            ("Patient.ndjson", Some(3)),
            ("Condition.ndjson", Some(2)),
        ]
    );
    assert_eq!(found[1].2, Why::UnknownPatient("Condition".into()));
    assert_eq!(found[4].2, Why::TooLarge(1 << 20));
    let batches = patients(read(folder.path(), small).unwrap());
    let taken: Vec<_> = batches
        .iter()
        .map(|batch| (batch.reference.as_str(), batch.resources))
        .collect();
    assert_eq!(taken, [("Patient/1", 3), ("Patient/9", 2)]);
}

#[test]
fn outside_a_demonstration_nobody_gets_a_test_number() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.json"), GOOD).unwrap();
    let real = Options {
        demonstration: false,
        ..options()
    };
    assert!(
        patients(read(folder.path(), real).unwrap())[0]
            .identity
            .nhi
            .is_none()
    );
    let number = patients(read(folder.path(), options()).unwrap())[0]
        .identity
        .nhi
        .unwrap();
    assert!(number.is_test());
}

#[test]
fn a_link_out_of_the_folder_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("a.json"), GOOD).unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).unwrap();
    assert_eq!(read(folder.path(), options()).unwrap().count(), 0);
}

#[test]
fn every_sample_file_can_be_taken_as_a_document() {
    let Some(folder) = shared_data("documents") else {
        return;
    };
    let mut taken = 0;
    for kind in std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().is_dir())
    {
        for file in std::fs::read_dir(kind.path()).unwrap().flatten() {
            let keyed = read_document(&file.path(), "Kererū Doctors", 64 << 20).unwrap();
            assert!(!keyed.document.meta.title.as_str().contains(['/', '\0']));
            taken += 1;
        }
    }
    assert_eq!(taken, 113);
}
