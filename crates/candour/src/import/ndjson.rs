//! A folder of NDJSON files: resources of all patients, type by type.
//!
//! The first pass notes for each line whose it is (4 bytes a line) and how much each patient has; then patients are
//! taken in groups that fit the memory allowed, one pass over the files for each group. A spill file would be faster
//! for very large folders and would leave records in the clear on disk.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;

use candour_core::fhir::{Fault, Resource, Section, read_resource};

use super::bundle::spellings;
use super::{Found, LeftOut, Reader, Why, fault, unpack};

/// Marks of lines that belong to no patient's group.
const NOBODY: u32 = u32::MAX;
const DIRECTORY: u32 = u32::MAX - 1;

/// The longest line.
const LINE_BYTES: u64 = 64 << 20;

#[derive(Default)]
struct Patient {
    reference: String,
    bytes: u64,
}

/// A folder being read.
pub(super) struct Folder {
    /// Name below the root, and path.
    files: Vec<(PathBuf, PathBuf)>,
    bytes: u64,
    /// For each file, for each line, whose it is.
    whose: Vec<Vec<u32>>,
    groups: VecDeque<std::ops::Range<u32>>,
    patients: Vec<Patient>,
    is_indexed: bool,
}

impl Folder {
    pub(super) fn new(mut files: Vec<(PathBuf, PathBuf)>, bytes: u64) -> Self {
        // Patients first: every other line is looked up among them.
        files.sort_by_key(|(name, _)| {
            let file = name
                .file_name()
                .map(|file| file.to_string_lossy().to_lowercase())
                .unwrap_or_default();
            (!file.starts_with("patient."), file)
        });
        Self {
            files,
            bytes,
            whose: Vec::new(),
            groups: VecDeque::new(),
            patients: Vec::new(),
            is_indexed: false,
        }
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn is_done(&self) -> bool {
        self.is_indexed && self.groups.is_empty()
    }

    /// The next step: first the index with everything that is about nobody, then one group of patients at a time.
    pub(super) fn next_group(&mut self, reader: &mut Reader) -> Vec<Found> {
        if !self.is_indexed {
            self.is_indexed = true;
            return self.index(reader);
        }
        match self.groups.pop_front() {
            Some(group) => self.collect(&group, reader),
            None => Vec::new(),
        }
    }

    fn index(&mut self, reader: &mut Reader) -> Vec<Found> {
        let (mut found, mut directory, mut known) = (Vec::new(), Vec::new(), HashMap::new());
        // Patient files are read first, so that lines about them are known whatever their order.
        for (name, path) in self.files.clone() {
            let mut whose = Vec::new();
            let read = lines(&path, |number, line| {
                if line.trim_ascii().is_empty() {
                    whose.push(NOBODY);
                    return;
                }
                let mark = match read_resource(line) {
                    Err(reason) => {
                        found.push(fault(
                            &name,
                            Fault {
                                line: number,
                                reason,
                            },
                        ));
                        NOBODY
                    }
                    Ok(resource) if resource.section == Section::Directory => {
                        reader.directory.add(None, &resource);
                        directory.push(resource);
                        DIRECTORY
                    }
                    Ok(resource) => match self.owner(&resource, number, line.len(), &mut known) {
                        Ok(patient) => patient,
                        Err(why) => {
                            found.push(Found::LeftOut(LeftOut {
                                file: name.clone(),
                                line: Some(number),
                                why,
                            }));
                            NOBODY
                        }
                    },
                };
                whose.push(mark);
            });
            if let Err((line, why)) = read {
                found.push(Found::LeftOut(LeftOut {
                    file: name,
                    line: Some(line),
                    why,
                }));
            }
            self.whose.push(whose);
        }
        self.plan(reader.options.most_bytes);
        if !directory.is_empty() {
            found.push(Found::Directory(reader.keyed(b"directory", directory)));
        }
        found
    }

    /// Whose a resource is; a `Patient` becomes known here.
    fn owner(
        &mut self,
        resource: &Resource,
        line: usize,
        bytes: usize,
        known: &mut HashMap<String, u32>,
    ) -> Result<u32, Why> {
        if resource.is_patient() {
            let number = u32::try_from(self.patients.len()).unwrap_or(NOBODY);
            known.extend(
                spellings(None, resource)
                    .into_iter()
                    .map(|key| (key, number)),
            );
            let reference = resource
                .id
                .as_ref()
                .map_or_else(|| format!("line {line}"), |id| format!("Patient/{id}"));
            self.patients.push(Patient {
                reference,
                bytes: bytes as u64,
            });
            return Ok(number);
        }
        let owner = resource
            .patients
            .iter()
            .find_map(|reference| known.get(&reference.to_string()).copied());
        match owner {
            Some(number) => {
                if let Some(patient) = self.patients.get_mut(number as usize) {
                    patient.bytes += bytes as u64;
                }
                Ok(number)
            }
            None if resource.patients.is_empty() => Err(Why::NoPatient(resource.kind.clone())),
            None => Err(Why::UnknownPatient(resource.kind.clone())),
        }
    }

    /// Groups of neighbouring patients; a group takes about an eighth of the memory allowed as text, since read
    /// resources, segments and documents of it are held at the same time.
    fn plan(&mut self, most_bytes: u64) {
        let (mut from, mut bytes) = (0, 0);
        let count = u32::try_from(self.patients.len()).unwrap_or(0);
        for (number, patient) in (0..count).zip(&self.patients) {
            if bytes > 0 && bytes + patient.bytes > most_bytes / 8 {
                self.groups.push_back(from..number);
                (from, bytes) = (number, 0);
            }
            bytes += patient.bytes;
        }
        if from < count {
            self.groups.push_back(from..count);
        }
    }

    fn collect(&self, group: &std::ops::Range<u32>, reader: &mut Reader) -> Vec<Found> {
        let mut records: Vec<Vec<(usize, Resource)>> = group.clone().map(|_| Vec::new()).collect();
        let mut found = Vec::new();
        for ((name, path), whose) in self.files.iter().zip(&self.whose) {
            let read = lines(path, |number, line| {
                let Some(patient) = whose
                    .get(number - 1)
                    .filter(|patient| group.contains(patient))
                else {
                    return;
                };
                let place = (*patient - group.start) as usize;
                if let (Some(record), Ok(resource)) = (records.get_mut(place), read_resource(line))
                {
                    record.push((number, resource));
                }
            });
            // A file that read in the first pass and does not now has changed under us.
            if let Err((line, why)) = read
                && whose.len() >= line
            {
                found.push(Found::LeftOut(LeftOut {
                    file: name.clone(),
                    line: Some(line),
                    why,
                }));
            }
        }
        let source = self
            .files
            .first()
            .and_then(|(name, _)| name.parent())
            .map(ToOwned::to_owned)
            .unwrap_or_default();
        for (number, record) in group.clone().zip(records) {
            let Some(patient) = self.patients.get(number as usize) else {
                continue;
            };
            let (mut own, others): (Vec<_>, Vec<_>) = record
                .into_iter()
                .partition(|(_, resource)| resource.is_patient());
            let Some((line, resource)) = own.pop() else {
                continue;
            };
            let others = others.into_iter().map(|(_, resource)| resource).collect();
            match reader.batch(&source, patient.reference.clone(), resource, others) {
                Ok(batch) => found.push(Found::Patient(Box::new(batch))),
                Err(error) => {
                    let file = self
                        .files
                        .first()
                        .map(|(name, _)| name.clone())
                        .unwrap_or_default();
                    found.push(Found::LeftOut(LeftOut {
                        file,
                        line: Some(line),
                        why: Why::Patient(error),
                    }));
                }
            }
        }
        found
    }
}

/// Hands every line to `take`, blank ones too, with its number from 1: the number an editor shows.
fn lines(path: &std::path::Path, mut take: impl FnMut(usize, &[u8])) -> Result<(), (usize, Why)> {
    let mut stream = unpack::open(path).map_err(|why| (1, why))?;
    let mut line = Vec::new();
    let mut number = 1;
    while unpack::next_line(&mut *stream, &mut line, LINE_BYTES).map_err(|why| (number, why))? {
        take(number, &line);
        number += 1;
    }
    Ok(())
}
