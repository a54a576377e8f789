//! Which files there are, and in which order they are read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candour_core::document::{DocumentKind, DocumentMeta, NewDocument, Title, sniff};
use candour_core::fhir::Sensitivities;

use super::{ImportError, KeyedDocument, LeftOut, Why, document_key, unpack};

pub(super) enum Source {
    /// One Bundle.
    Bundle { path: PathBuf, bytes: u64 },
    /// NDJSON files of one folder: they are about the same patients.
    Folder { files: Vec<PathBuf>, bytes: u64 },
}

pub(super) struct Sources {
    pub in_order: Vec<Source>,
    pub others: Vec<PathBuf>,
    pub bytes: u64,
}

enum Kind {
    Json,
    Ndjson,
    Other,
}

fn kind(path: &Path) -> Kind {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit_once('.') {
        Some((_, "json")) => Kind::Json,
        Some((_, "ndjson" | "jsonl")) => Kind::Ndjson,
        _ => Kind::Other,
    }
}

/// Beginnings of names under which Synthea and others write Bundles of organisations and health workers. Such a file
/// that comes late costs nothing but the names in segments made before it.
const DIRECTORY_NAMES: &[&str] = &[
    "hospital",
    "practitioner",
    "organization",
    "organisation",
    "location",
    "directory",
    "provider",
];

fn is_directory(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    DIRECTORY_NAMES
        .iter()
        .any(|beginning| name.starts_with(beginning))
}

pub(super) fn find(path: &Path) -> Result<Sources, ImportError> {
    let files = files(path)?;
    let (mut directories, mut bundles, mut folders, mut others) =
        (Vec::new(), Vec::new(), BTreeMap::new(), Vec::new());
    let mut bytes = 0;
    for (path, size) in files {
        match kind(&path) {
            Kind::Json if is_directory(&path) => {
                directories.push(Source::Bundle { path, bytes: size });
            }
            Kind::Json => bundles.push(Source::Bundle { path, bytes: size }),
            Kind::Ndjson => {
                let folder = path.parent().unwrap_or(&path).to_owned();
                let (files, sizes) = folders.entry(folder).or_insert_with(|| (Vec::new(), 0));
                files.push(path);
                *sizes += size;
            }
            Kind::Other => {
                others.push(path);
                continue;
            }
        }
        bytes += size;
    }
    directories.append(&mut bundles);
    directories.extend(
        folders
            .into_values()
            .map(|(files, bytes)| Source::Folder { files, bytes }),
    );
    Ok(Sources {
        in_order: directories,
        others,
        bytes,
    })
}

/// Every file under a path; links are not followed, since they may lead out of it or round in circles.
fn collect(path: &Path, files: &mut Vec<(PathBuf, u64)>) -> Result<(), ImportError> {
    let failed = |source| ImportError::Path {
        path: path.to_owned(),
        source,
    };
    let about = std::fs::symlink_metadata(path).map_err(failed)?;
    if about.is_dir() {
        for entry in std::fs::read_dir(path).map_err(failed)? {
            collect(&entry.map_err(failed)?.path(), files)?;
        }
    } else if about.is_file() {
        files.push((path.to_owned(), about.len()));
    }
    Ok(())
}

/// Every file under a path with its size. Names decide the order, so that a second run reads the same in the same
/// order.
pub(super) fn files(path: &Path) -> Result<Vec<(PathBuf, u64)>, ImportError> {
    let mut files = Vec::new();
    collect(path, &mut files)?;
    files.sort();
    Ok(files)
}

/// Reads a single file of any type as a document; its title is its name without the ending.
///
/// # Errors
/// [`LeftOut`] when it cannot be read, is empty or larger than `most_bytes`.
pub fn read_document(
    path: &Path,
    practice: &str,
    most_bytes: u64,
) -> Result<KeyedDocument, LeftOut> {
    let left_out = |why| LeftOut {
        file: path.to_owned(),
        line: None,
        why,
    };
    let size = std::fs::metadata(path)
        .map_err(|error| left_out(unpack::unreadable(&error)))?
        .len();
    if size > most_bytes {
        return Err(left_out(Why::TooLarge(most_bytes)));
    }
    let bytes = std::fs::read(path).map_err(|error| left_out(unpack::unreadable(&error)))?;
    if bytes.is_empty() {
        return Err(left_out(Why::Unreadable("the file is empty".into())));
    }
    let stem = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().replace(['_', '-'], " "))
        .unwrap_or_default();
    let document = NewDocument {
        meta: DocumentMeta {
            title: Title::of(&stem),
            kind: DocumentKind::Other,
            date: None,
            media_type: sniff(&bytes),
            size_bytes: bytes.len() as u64,
            source: practice.to_owned(),
            author: None,
            envelope: None,
        },
        tags: Sensitivities::NONE,
        bytes,
    };
    Ok(KeyedDocument {
        key: document_key(b"", &document),
        document,
    })
}
