//! One Bundle: its patients, and which of its resources are about whom.

use std::collections::HashMap;
use std::path::Path;

use candour_core::fhir::{Entry, Reference, Resource, Section, read_bundle};
use serde_json::Value;

use super::{Found, LeftOut, Reader, Why, fault, unpack};

pub(super) fn read(path: &Path, name: &Path, reader: &mut Reader) -> Vec<Found> {
    let left_out = |line, why| {
        Found::LeftOut(LeftOut {
            file: name.to_owned(),
            line,
            why,
        })
    };
    let bytes = match unpack::whole(path, reader.options.most_bytes) {
        Ok(bytes) => bytes,
        Err(why) => return vec![left_out(None, why)],
    };
    let (entries, faults) = match read_bundle(&bytes) {
        Ok(read) => read,
        Err(error) => return vec![fault(name, error)],
    };
    drop(bytes);
    let mut found: Vec<Found> = faults.into_iter().map(|error| fault(name, error)).collect();
    let sorted = sort(entries);
    for (line, kind, is_named) in sorted.nobody {
        let why = if is_named {
            Why::UnknownPatient(kind)
        } else {
            Why::NoPatient(kind)
        };
        found.push(left_out(Some(line), why));
    }
    for (full_url, resource) in &sorted.directory {
        reader.directory.add(full_url.as_deref(), resource);
    }
    let directory: Vec<Resource> = sorted
        .directory
        .into_iter()
        .map(|(_, resource)| resource)
        .collect();
    if !directory.is_empty() {
        found.push(Found::Directory(reader.keyed(b"directory", directory)));
    }
    for (reference, patient, line, others) in sorted.patients {
        match reader.batch(name, reference, patient, others) {
            Ok(batch) => found.push(Found::Patient(Box::new(batch))),
            Err(error) => found.push(left_out(Some(line), Why::Patient(error))),
        }
    }
    found
}

/// A Bundle's entries by whom they are about.
struct Sorted {
    /// Reference, `Patient`, its line, and the other resources about them.
    patients: Vec<(String, Resource, usize, Vec<Resource>)>,
    directory: Vec<(Option<String>, Resource)>,
    /// Line, type, and whether a patient was named at all.
    nobody: Vec<(usize, String, bool)>,
}

/// Every spelling under which other resources may point to an entry.
pub(super) fn spellings(full_url: Option<&str>, resource: &Resource) -> Vec<String> {
    let mut keys: Vec<String> = full_url
        .map(|url| Reference::parse(url).to_string())
        .into_iter()
        .collect();
    if let Some(id) = &resource.id {
        keys.push(format!("{}/{id}", resource.kind));
        keys.push(format!("urn:uuid:{id}"));
    }
    if resource.is_patient() {
        let read: Value = serde_json::from_str(resource.raw.get()).unwrap_or_default();
        for identifier in read["identifier"].as_array().into_iter().flatten() {
            if let Some(value) = identifier["value"].as_str() {
                let system = identifier["system"].as_str().unwrap_or_default();
                keys.push(Reference::identifier("Patient", system, value).to_string());
            }
        }
    }
    keys
}

fn sort(entries: Vec<Entry>) -> Sorted {
    let mut sorted = Sorted {
        patients: Vec::new(),
        directory: Vec::new(),
        nobody: Vec::new(),
    };
    let (mut whose, mut rest) = (HashMap::new(), Vec::new());
    for entry in entries {
        let keys = spellings(entry.full_url.as_deref(), &entry.resource);
        if entry.resource.is_patient() {
            let place = sorted.patients.len();
            whose.extend(keys.into_iter().map(|key| (key, place)));
            let reference = match (&entry.resource.id, &entry.full_url) {
                (Some(id), _) => format!("Patient/{id}"),
                (None, Some(url)) => url.clone(),
                (None, None) => format!("line {}", entry.line),
            };
            sorted
                .patients
                .push((reference, entry.resource, entry.line, Vec::new()));
        } else if entry.resource.section == Section::Directory {
            sorted.directory.push((entry.full_url, entry.resource));
        } else {
            rest.push((entry, keys));
        }
    }
    // What points to a patient first; then what points to something of a patient, such as a Provenance.
    for _ in 0..2 {
        let mut unplaced = Vec::new();
        for (entry, keys) in rest {
            let place = entry
                .resource
                .patients
                .iter()
                .find_map(|reference| whose.get(&reference.to_string()).copied());
            match place {
                Some(place) => {
                    whose.extend(keys.into_iter().map(|key| (key, place)));
                    sorted.patients[place].3.push(entry.resource);
                }
                None => unplaced.push((entry, keys)),
            }
        }
        rest = unplaced;
    }
    for (entry, _) in rest {
        sorted.nobody.push((
            entry.line,
            entry.resource.kind.clone(),
            !entry.resource.patients.is_empty(),
        ));
    }
    sorted
}
