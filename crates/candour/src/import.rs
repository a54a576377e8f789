//! Reading FHIR R4 Bundles and NDJSON folders, patient by patient, in bounded memory.
//!
//! Reading is pure; `deposit` alone talks to the installation. Nothing unpacked is ever written to disk:
//! it would be other people's health records in the clear.

mod bundle;
mod deposit;
mod ndjson;
mod sources;
mod unpack;

use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use candour_app::Refusal;
use candour_core::document::{NewDocument, Shelved, shelve};
use candour_core::fhir::{
    Directory, Fault, PatientError, Reason, Resource, SEGMENT_BYTES, Segment, contact, identity,
    segments,
};
use candour_core::nhi::{Nhi, NhiFormat};
use candour_core::people::{Contact, Identity};
use candour_seal::DepositKey;

pub use deposit::{Wishes, import};
pub use sources::read_document;

/// How to read.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name of the practice the data come from, as readers will see it.
    pub practice: String,
    /// In a demonstration installation a patient without an NHI number gets a test number; elsewhere they are listed.
    pub demonstration: bool,
    /// The largest Bundle, unpacked, and how much NDJSON is held at once; in bytes.
    pub most_bytes: u64,
}

impl Options {
    /// 256 MiB at once.
    pub const fn new(practice: String, demonstration: bool) -> Self {
        Self {
            practice,
            demonstration,
            most_bytes: 256 << 20,
        }
    }
}

/// A segment with the key that makes depositing it twice equal to once.
#[derive(Debug, Clone)]
pub struct KeyedSegment {
    /// Follows from the patient's own key and from the exact resources.
    pub key: DepositKey,
    /// The segment.
    pub segment: Segment,
}

/// A document with the key that makes depositing it twice equal to once.
#[derive(Debug, Clone)]
pub struct KeyedDocument {
    /// Follows from the patient's own key, the shelf entry and the bytes.
    pub key: DepositKey,
    /// The document.
    pub document: NewDocument,
}

/// One patient with everything one file or folder says about them.
#[derive(Debug, Clone)]
pub struct PatientBatch {
    /// The file or folder, below the path that was given.
    pub source: PathBuf,
    /// How the sender names the patient, for example `Patient/7`.
    pub reference: String,
    /// Follows from the sender's reference, the birth date and the NHI number that was sent: makes enrolling twice
    /// equal to once, and keeps two people apart whom two exports both call `Patient/1`.
    pub key: DepositKey,
    /// Who they are; without an NHI number only outside a demonstration.
    pub identity: Identity,
    /// The NHI number is a test number, given because none was sent.
    pub has_test_number: bool,
    /// How they are reached.
    pub contact: Contact,
    /// Their record.
    pub segments: Vec<KeyedSegment>,
    /// Their documents.
    pub documents: Vec<KeyedDocument>,
    /// How many resources all this came from.
    pub resources: usize,
}

/// Why something was left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Not a file this reads, by its name.
    #[error("not a FHIR file by its name (.json, .ndjson, each also .gz)")]
    NotFhir,
    /// It cannot be read or unpacked.
    #[error("cannot be read or unpacked: {0}")]
    Unreadable(String),
    /// Larger than what is read at once.
    #[error("larger than {} MiB when unpacked", .0.div_ceil(1 << 20))]
    TooLarge(u64),
    /// Not FHIR in JSON.
    #[error(transparent)]
    Malformed(Reason),
    /// A `Patient` that cannot be one of ours.
    #[error(transparent)]
    Patient(PatientError),
    /// It names no patient.
    #[error("a {0} that names no patient")]
    NoPatient(String),
    /// It names a patient who is not there.
    #[error("a {0} about a patient who is not in the same file or folder")]
    UnknownPatient(String),
    /// The keeper refused it.
    #[error("{}", deposit::refusal_words(*.0))]
    Refused(Refusal),
}

/// Something that was left out, by file and line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The file, below the path that was given.
    pub file: PathBuf,
    /// The line, from 1, where there is one.
    pub line: Option<usize>,
    /// Why.
    pub why: Why,
}

impl LeftOut {
    /// Whether the import as a whole was not clean; a file of another kind beside the data is no fault.
    pub fn is_fault(&self) -> bool {
        self.why != Why::NotFhir
    }
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(out, "{}, line {line}: {}", self.file.display(), self.why),
            None => write!(out, "{}: {}", self.file.display(), self.why),
        }
    }
}

/// What the reader comes upon.
#[derive(Debug, Clone)]
pub enum Found {
    /// A patient with their record and documents.
    Patient(Box<PatientBatch>),
    /// Organisations, health workers and places of one file or folder: about nobody, to be kept with the practice.
    Directory(Vec<KeyedSegment>),
    /// Something left out.
    LeftOut(LeftOut),
}

/// Why an import cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The path cannot be read.
    #[error("cannot read {path}")]
    Path {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// An import being read; an iterator of what it finds, directories first.
pub struct Import {
    root: PathBuf,
    reader: Reader,
    sources: VecDeque<sources::Source>,
    folder: Option<ndjson::Folder>,
    ready: VecDeque<Found>,
    total_bytes: u64,
    read_bytes: u64,
}

/// What all files of an import share.
pub(crate) struct Reader {
    options: Options,
    directory: Directory,
    taken: HashSet<Nhi>,
}

/// Finds the files under a path, in their load order; nothing of them is read yet.
///
/// # Errors
/// [`ImportError::Path`] when the path is not there or cannot be read.
pub fn read(path: &Path, options: Options) -> Result<Import, ImportError> {
    let found = sources::find(path)?;
    let reader = Reader {
        options,
        directory: Directory::default(),
        taken: HashSet::new(),
    };
    let root = if path.is_dir() {
        path
    } else {
        path.parent().unwrap_or(path)
    };
    let mut import = Import {
        root: root.to_owned(),
        reader,
        sources: found.in_order.into(),
        folder: None,
        ready: VecDeque::new(),
        total_bytes: found.bytes,
        read_bytes: 0,
    };
    import.ready = found
        .others
        .into_iter()
        .map(|file| {
            Found::LeftOut(LeftOut {
                file: import.below_root(&file),
                line: None,
                why: Why::NotFhir,
            })
        })
        .collect();
    Ok(import)
}

impl Import {
    /// Size of all files that will be read, as they lie on disk, in bytes.
    pub const fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// How much of [`Import::total_bytes`] was read so far.
    pub const fn read_bytes(&self) -> u64 {
        self.read_bytes
    }

    fn below_root(&self, file: &Path) -> PathBuf {
        file.strip_prefix(&self.root).unwrap_or(file).to_owned()
    }

    fn step(&mut self) -> bool {
        if let Some(mut folder) = self.folder.take() {
            self.ready.extend(folder.next_group(&mut self.reader));
            if folder.is_done() {
                self.read_bytes += folder.bytes();
            } else {
                self.folder = Some(folder);
            }
            return true;
        }
        match self.sources.pop_front() {
            None => false,
            Some(sources::Source::Bundle { path, bytes }) => {
                let name = self.below_root(&path);
                self.ready
                    .extend(bundle::read(&path, &name, &mut self.reader));
                self.read_bytes += bytes;
                true
            }
            Some(sources::Source::Folder { files, bytes }) => {
                let files = files
                    .into_iter()
                    .map(|path| (self.below_root(&path), path))
                    .collect();
                self.folder = Some(ndjson::Folder::new(files, bytes));
                true
            }
        }
    }
}

impl Iterator for Import {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            if let Some(found) = self.ready.pop_front() {
                return Some(found);
            }
            if !self.step() {
                return None;
            }
        }
    }
}

impl Reader {
    /// Makes a patient's batch of their `Patient` and the other resources about them.
    pub(crate) fn batch(
        &mut self,
        source: &Path,
        reference: String,
        patient: Resource,
        others: Vec<Resource>,
    ) -> Result<PatientBatch, PatientError> {
        let mut identity = identity(&patient)?;
        let contact = contact(&patient)?;
        let birth_date = identity.birth_date.to_string();
        let sent = identity
            .nhi
            .map(|nhi| nhi.as_str().to_owned())
            .unwrap_or_default();
        let has_test_number = identity.nhi.is_none() && self.options.demonstration;
        if has_test_number {
            identity.nhi = self.test_number(&reference, &birth_date);
        }
        self.taken.extend(identity.nhi);
        let own = key(
            "patient",
            &[reference.as_bytes(), birth_date.as_bytes(), sent.as_bytes()],
        );
        let count = others.len() + 1;
        let (mut kept, mut documents) = (vec![patient], Vec::new());
        for resource in others {
            match shelve(resource, &self.options.practice) {
                Shelved::Documents(found) => {
                    documents.extend(found.into_iter().map(|document| KeyedDocument {
                        key: document_key(own.as_bytes(), &document),
                        document,
                    }));
                }
                Shelved::Whole(resource) => kept.push(*resource),
            }
        }
        Ok(PatientBatch {
            source: source.to_owned(),
            key: own,
            segments: self.keyed(own.as_bytes(), kept),
            reference,
            identity,
            has_test_number,
            contact,
            documents,
            resources: count,
        })
    }

    pub(crate) fn keyed(&self, about: &[u8], resources: Vec<Resource>) -> Vec<KeyedSegment> {
        segments(resources, &self.directory, SEGMENT_BYTES)
            .into_iter()
            .map(|segment| {
                // Names come from other files and may change; the resources alone decide what is the same deposit.
                let mut parts = vec![about, segment.section.as_str().as_bytes()];
                parts.extend(segment.resources.iter().map(|raw| raw.get().as_bytes()));
                KeyedSegment {
                    key: key("segment", &parts),
                    segment,
                }
            })
            .collect()
    }

    /// A test number that follows from how the sender names the patient and from the birth date, so that a second
    /// import gives the same, and two senders' `Patient/1` are not taken for one. Made-up populations leave this range
    /// of numbers to imports.
    fn test_number(&self, reference: &str, birth_date: &str) -> Option<Nhi> {
        let range = Nhi::IMPORTED_TEST_NUMBERS;
        let size = u64::from(range.end - range.start);
        let key = key("nhi", &[reference.as_bytes(), birth_date.as_bytes()]);
        let first = key.as_bytes().iter().fold(0_u64, |number, byte| {
            (number * 256 + u64::from(*byte)) % size
        });
        (first..first + size)
            .filter_map(|place| u32::try_from(place % size).ok())
            .filter_map(|place| Nhi::test_number(NhiFormat::Letters, range.start + place))
            .find(|number| !self.taken.contains(number))
    }
}

fn document_key(about: &[u8], document: &NewDocument) -> DepositKey {
    let meta = &document.meta;
    let envelope = meta
        .envelope
        .as_ref()
        .map_or("", |envelope| envelope.resource.get());
    key(
        "document",
        &[
            about,
            meta.title.as_str().as_bytes(),
            envelope.as_bytes(),
            &document.bytes,
        ],
    )
}

/// The first 16 bytes of SHA-256 over a label and length-prefixed parts.
pub(crate) fn key(label: &str, parts: &[&[u8]]) -> DepositKey {
    let mut context = Context::new(&SHA256);
    context.update(b"candour/v1/import/");
    context.update(label.as_bytes());
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let digest = context.finish();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_ref()[..16]);
    DepositKey::from_bytes(bytes)
}

pub(crate) fn fault(file: &Path, fault: Fault) -> Found {
    Found::LeftOut(LeftOut {
        file: file.to_owned(),
        line: Some(fault.line),
        why: Why::Malformed(fault.reason),
    })
}
