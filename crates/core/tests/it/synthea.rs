//! Every resource of every Synthea file comes back byte for byte from the segments and documents it was put into.

use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};

use candour_core::block::Block;
use candour_core::fhir::{
    Directory, Entry, Resource, SEGMENT_BYTES, Section, Segment, attach, detach, read_bundle,
    read_resource, segments,
};
use candour_core::record::rows;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::csv::rows as rows_of;
use crate::shared_data::shared_data;

const KINDS_2019: &[&str] = &[
    "AllergyIntolerance",
    "CarePlan",
    "Claim",
    "Condition",
    "DiagnosticReport",
    "Encounter",
    "ExplanationOfBenefit",
    "Goal",
    "ImagingStudy",
    "Immunization",
    "MedicationRequest",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "Procedure",
];
const KINDS_2021: &[&str] = &[
    "Claim",
    "Condition",
    "Device",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "ExplanationOfBenefit",
    "Immunization",
    "Location",
    "MedicationRequest",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
    "Provenance",
];
const KINDS_2025: &[&str] = &[
    "AllergyIntolerance",
    "Condition",
    "Device",
    "DocumentReference",
    "Encounter",
    "Immunization",
    "Location",
    "MedicationRequest",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
];

fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

/// The files of a folder with the number of resources that the index says each has; all of them, and no other.
fn files(folder: &str) -> Vec<(PathBuf, usize)> {
    let Some(root) = shared_data("synthea") else {
        return Vec::new();
    };
    let index = std::fs::read_to_string(root.join("index.csv")).unwrap();
    let listed: Vec<_> = rows_of(&index)
        .into_iter()
        .filter(|row| row[0].starts_with(folder))
        .map(|row| (root.join(&row[0]), row[6].parse().unwrap()))
        .collect();
    let there = std::fs::read_dir(root.join(folder)).unwrap().count();
    assert_eq!(listed.len(), there, "{folder} is not as its index says");
    listed
}

/// How often each resource occurs, byte for byte.
fn counted(resources: impl Iterator<Item = String>) -> HashMap<String, i64> {
    let mut counts = HashMap::new();
    for resource in resources {
        *counts.entry(resource).or_default() += 1;
    }
    counts
}

/// The resources of a Bundle as they stand in it, read without our reader.
fn entries(text: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Bundle<'a> {
        #[serde(borrow)]
        entry: Vec<WithResource<'a>>,
    }
    #[derive(Deserialize)]
    struct WithResource<'a> {
        #[serde(borrow)]
        resource: &'a RawValue,
    }
    let bundle: Bundle<'_> = serde_json::from_str(text).unwrap();
    let resources = bundle.entry.iter().map(|entry| entry.resource.get());
    resources.map(str::to_owned).collect()
}

/// What a deposit seals and a reader opens again: blocks out, blocks in.
fn through_segments(resources: Vec<Resource>) -> Vec<String> {
    let mut back = Vec::new();
    let mut kept = Vec::new();
    for resource in resources {
        match detach(&resource.raw).filter(|_| resource.section == Section::Documents) {
            Some(detached) => {
                let documents: Vec<_> = detached
                    .attachments
                    .iter()
                    .map(|attachment| (attachment.index, attachment.bytes.as_slice()))
                    .collect();
                back.push(
                    attach(&detached.envelope, &documents)
                        .unwrap()
                        .get()
                        .to_owned(),
                );
            }
            None => kept.push(resource),
        }
    }
    for segment in segments(kept, &Directory::default(), SEGMENT_BYTES) {
        let bytes: usize = segment.resources.iter().map(|raw| raw.get().len()).sum();
        assert!(bytes <= SEGMENT_BYTES || segment.resources.len() == 1);
        let opened = Segment::from_block(&segment.to_block().unwrap()).unwrap();
        if Section::SHOWN.contains(&opened.section) && opened.section != Section::Documents {
            let shown = rows(&opened);
            assert_eq!(shown.len(), opened.resources.len());
            assert!(
                shown
                    .iter()
                    .all(|row| !row.title.is_empty() && row.date.is_some())
            );
        }
        back.extend(opened.resources.iter().map(|raw| raw.get().to_owned()));
    }
    back
}

fn every_resource_comes_back(folder: &str) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    for (path, expected) in files(folder) {
        let bytes = unpacked(&path);
        let (entries, faults) =
            read_bundle(&bytes).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
        assert!(faults.is_empty());
        let sent = self::entries(std::str::from_utf8(&bytes).unwrap());
        assert_eq!(sent.len(), expected, "{}", path.display());
        kinds.extend(entries.iter().map(|entry| entry.resource.kind.clone()));
        let resources = entries.into_iter().map(|Entry { resource, .. }| resource);
        let back = through_segments(resources.collect());
        assert!(
            counted(sent.into_iter()) == counted(back.into_iter()),
            "{} did not come back",
            path.display()
        );
    }
    kinds
}

/// So that a type which the files lose one day is missed.
fn are(kinds: &BTreeSet<String>, expected: &[&str]) {
    if shared_data("synthea").is_some() {
        let kinds: Vec<_> = kinds.iter().map(String::as_str).collect();
        assert_eq!(kinds, expected);
    }
}

#[test]
fn every_resource_of_the_2019_bundles_comes_back() {
    are(&every_resource_comes_back("r4-2019"), KINDS_2019);
}

#[test]
fn every_resource_of_the_2021_bundles_comes_back() {
    are(&every_resource_comes_back("r4-2021-notes"), KINDS_2021);
}

#[test]
fn every_resource_of_the_bulk_files_comes_back() {
    let mut kinds = BTreeSet::new();
    for (path, expected) in files("bulk-2025") {
        let bytes = unpacked(&path);
        let lines: Vec<_> = bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .collect();
        assert_eq!(lines.len(), expected, "{}", path.display());
        let resources: Vec<_> = lines
            .iter()
            .map(|line| read_resource(line).unwrap())
            .collect();
        assert!(resources.iter().all(
            |resource| resource.section == Section::Directory || !resource.patients.is_empty()
        ));
        kinds.extend(resources.iter().map(|resource| resource.kind.clone()));
        let sent = counted(
            lines
                .iter()
                .map(|line| String::from_utf8(line.to_vec()).unwrap()),
        );
        assert!(
            sent == counted(through_segments(resources).into_iter()),
            "{} did not come back",
            path.display()
        );
    }
    are(&kinds, KINDS_2025);
}
