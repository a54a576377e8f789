//! Every resource of every Synthea file comes back equal in meaning from the segments and documents it was put into.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use candour_core::block::Block;
use candour_core::fhir::{
    Directory, Entry, Resource, SEGMENT_BYTES, Section, Segment, attach, detach, read_bundle,
    read_resource, segments,
};
use candour_core::record::rows;
use serde_json::Value;

use crate::shared::data;

fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

fn files(folder: &str) -> Vec<std::path::PathBuf> {
    let Some(folder) = data(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// How often each JSON value occurs, as text with sorted keys.
fn counted(values: impl Iterator<Item = String>) -> HashMap<String, i64> {
    let mut counts = HashMap::new();
    for text in values {
        let value: Value = serde_json::from_str(&text).unwrap();
        *counts.entry(value.to_string()).or_default() += 1;
    }
    counts
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

fn every_resource_comes_back(folder: &str) -> usize {
    let mut count = 0;
    for path in files(folder) {
        let bytes = unpacked(&path);
        let (entries, faults) =
            read_bundle(&bytes).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
        assert!(faults.is_empty());
        let bundle: Value = serde_json::from_slice(&bytes).unwrap();
        let sent = counted(
            bundle["entry"]
                .as_array()
                .unwrap()
                .iter()
                .map(|entry| entry["resource"].to_string()),
        );
        count += entries.len();
        let back = through_segments(
            entries
                .into_iter()
                .map(|Entry { resource, .. }| resource)
                .collect(),
        );
        assert!(
            sent == counted(back.into_iter()),
            "{} did not come back",
            path.display()
        );
    }
    count
}

#[test]
fn every_resource_of_the_2019_bundles_comes_back() {
    let count = every_resource_comes_back("synthea/r4-2019");
    assert!(count == 0 || count > 50_000, "{count}");
}

#[test]
fn every_resource_of_the_2021_bundles_comes_back() {
    let count = every_resource_comes_back("synthea/r4-2021-notes");
    assert!(count == 0 || count > 10_000, "{count}");
}

#[test]
fn every_resource_of_the_bulk_files_comes_back() {
    for path in files("synthea/bulk-2025") {
        let bytes = unpacked(&path);
        let lines: Vec<_> = bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .collect();
        let resources: Vec<_> = lines
            .iter()
            .map(|line| read_resource(line).unwrap())
            .collect();
        assert!(resources.iter().all(
            |resource| resource.section == Section::Directory || !resource.patients.is_empty()
        ));
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
}
