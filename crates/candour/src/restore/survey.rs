//! The first reading: is the backup whole, who made it, what is in it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use candour_ledger::LogSigner;
use candour_seal::{ItemId, MacKey, RootKey, Zeroizing};

use crate::backup::amount;
use crate::backup::archive::{self, ArchiveError, Reader};
use crate::backup::files::{CHECKPOINTS, TOMBSTONES};
use crate::backup::key::BackupKey;
use crate::backup::manifest::{Contents, Manifest, names};
use crate::backup::problem::BackupProblem;
use crate::data_folder::VERSION;
use crate::{Problem, configuration, terminal};

/// Manifests and configurations are short.
const MOST: usize = 64 << 20;

/// A checkpoint of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// How many entries it was signed over, by its name.
    pub size: u64,
    /// Its text.
    pub note: String,
}

impl Signed {
    /// Whether the keeper with this root key signed it.
    pub fn is_by(&self, root: &RootKey) -> bool {
        let name = self.note.lines().next().unwrap_or_default();
        // As the keeper derives it (`Keys::checkpoint_seed`); docs/formats/sealed.md has the rule.
        let seed: MacKey = root.derive(b"checkpoint");
        LogSigner::from_seed(name, seed.expose())
            .is_ok_and(|signer| signer.verifier().open(&self.note).is_ok())
    }
}

/// What a whole backup holds.
#[derive(Debug)]
pub struct Survey {
    /// How it was made.
    pub manifest: Manifest,
    /// What is in it.
    pub contents: Contents,
    /// The configuration of the installation.
    pub configuration: Zeroizing<Vec<u8>>,
    /// Its newest checkpoint.
    pub checkpoint: Option<Signed>,
    /// What was erased before it was made.
    pub tombstones: BTreeSet<ItemId>,
}

impl Survey {
    /// Reads a whole backup, opens all of it and keeps nothing.
    ///
    /// # Errors
    /// When it is no backup, a newer one, not whole, or the key is another.
    pub fn of(file: &Path, key_file: &Path, key: &BackupKey) -> Result<Self, Problem> {
        let place = Place { file, key_file };
        let opened = File::open(file).map_err(Problem::file("could not read", file))?;
        let mut reader = Reader::begin(opened, key).map_err(|error| place.problem(error))?;
        place.read(&mut reader)
    }

    /// What it is, for the operator.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn say(&self) -> Result<(), Problem> {
        let Manifest {
            begun_at, made_by, ..
        } = &self.manifest;
        terminal::say(&format!(
            "The backup is whole. It was begun at {begun_at} by Candour {made_by} and holds three databases and {} files \
             of content ({}).",
            self.contents.objects,
            amount(self.contents.object_bytes)
        ))?;
        if let Some(signed) = &self.checkpoint {
            terminal::say(&format!("Its ledger has {} entries at least.", signed.size))?;
        }
        if self.contents.missing.is_empty() {
            return Ok(());
        }
        terminal::say(&format!(
            "The content of {} items was missing already when it was made.",
            self.contents.missing.len()
        ))
    }
}

/// Which files are spoken of.
pub struct Place<'a> {
    /// The backup.
    pub file: &'a Path,
    /// The backup key.
    pub key_file: &'a Path,
}

impl Place<'_> {
    /// The sentence for a failure to read.
    pub fn problem(&self, error: ArchiveError) -> Problem {
        let file = self.file.to_path_buf();
        let known = archive::VERSION;
        match error {
            ArchiveError::Io(source) => return Problem::file("could not read", self.file)(source),
            ArchiveError::NotABackup => BackupProblem::NotABackup(file),
            ArchiveError::Newer(found) => BackupProblem::NewerBackup { file, found, known },
            ArchiveError::WrongKey => BackupProblem::WrongKey {
                file,
                key: self.key_file.to_path_buf(),
            },
            ArchiveError::Damaged(at) => BackupProblem::Damaged {
                length: file.metadata().map_or(at, |about| about.len()),
                file,
                at,
            },
        }
        .into()
    }

    fn unexpected(&self, what: impl Into<String>, made_by: Option<&Manifest>) -> Problem {
        BackupProblem::Unexpected {
            file: self.file.to_path_buf(),
            what: what.into(),
            made_by: made_by.map_or_else(|| "unknown".to_owned(), |one| one.made_by.clone()),
        }
        .into()
    }

    fn read<R: Read>(&self, reader: &mut Reader<R>) -> Result<Survey, Problem> {
        let (mut manifest, mut contents, mut configuration) = (None::<Manifest>, None, None);
        let (mut checkpoint, mut tombstones) = (None::<Signed>, BTreeSet::new());
        let (mut databases, mut objects) = (0, 0);
        while let Some(entry) = reader.next_entry().map_err(|error| self.problem(error))? {
            let whole =
                |reader: &mut Reader<R>| reader.whole(MOST).map_err(|error| self.problem(error));
            if manifest.is_none() && entry.name != names::MANIFEST {
                return Err(self.unexpected("it does not begin with its manifest", None));
            }
            if contents.is_some() {
                return Err(self.unexpected("something after its end", manifest.as_ref()));
            }
            if entry.name == names::MANIFEST {
                manifest = Some(self.manifest(&whole(reader)?)?);
            } else if entry.name == names::CONTENTS {
                contents = serde_json::from_slice::<Contents>(&whole(reader)?).ok();
            } else if entry.name.starts_with(names::DATABASE) {
                databases += 1;
            } else if entry.name.starts_with(names::OBJECT) {
                objects += 1;
            } else if let Some(below) = entry.name.strip_prefix(names::FILE) {
                let below = Path::new(below);
                if below == Path::new(configuration::FILE) {
                    configuration = Some(whole(reader)?);
                }
                let size = signed_size(below, Path::new(CHECKPOINTS));
                if let Some(size) =
                    size.filter(|size| checkpoint.as_ref().is_none_or(|last| last.size < *size))
                {
                    let note = String::from_utf8_lossy(&whole(reader)?).into_owned();
                    checkpoint = Some(Signed { size, note });
                }
                tombstones.extend(tombstone(below, Path::new(TOMBSTONES)));
            } else {
                return Err(self.unexpected(entry.name, manifest.as_ref()));
            }
        }
        let (Some(manifest), Some(contents), Some(configuration)) =
            (manifest, contents, configuration)
        else {
            return Err(self.unexpected("no manifest, configuration or list of contents", None));
        };
        if databases != 3 || objects != contents.objects {
            let what = format!("{databases} databases and {objects} files of content");
            return Err(self.unexpected(what, Some(&manifest)));
        }
        Ok(Survey {
            manifest,
            contents,
            configuration,
            checkpoint,
            tombstones,
        })
    }

    fn manifest(&self, text: &[u8]) -> Result<Manifest, Problem> {
        let manifest: Manifest = serde_json::from_slice(text)
            .map_err(|error| self.unexpected(format!("its manifest ({error})"), None))?;
        if manifest.data_version > VERSION {
            return Err(Problem::NewerVersion {
                folder: self.file.to_path_buf(),
                found: manifest.data_version,
                known: VERSION,
            });
        }
        Ok(manifest)
    }
}

/// How many entries a checkpoint was signed over, by its name; `None` for another file.
pub fn signed_size(file: &Path, folder: &Path) -> Option<u64> {
    let is_checkpoint = file.parent() == Some(folder)
        && file
            .extension()
            .is_some_and(|ending| ending == "checkpoint");
    is_checkpoint
        .then(|| file.file_stem()?.to_str()?.parse().ok())
        .flatten()
}

/// The item that a tombstone names; `None` for another file.
pub fn tombstone(file: &Path, folder: &Path) -> Option<ItemId> {
    let is_tombstone = file.parent() == Some(folder);
    is_tombstone
        .then(|| file.file_name()?.to_str()?.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_and_tombstones_are_known_by_their_names() {
        let folder = Path::new("keeper/checkpoints");
        let size = |name: &str| signed_size(&folder.join(name), folder);
        assert_eq!(size("00000000000000000117.checkpoint"), Some(117));
        assert_eq!(size("00000000000000000117.incoming"), None);
        assert_eq!(size("old/00000000000000000117.checkpoint"), None);
        let item = "00112233445566778899aabbccddeeff";
        let folder = Path::new("keeper/tombstones");
        assert_eq!(
            tombstone(&folder.join(item), folder).map(|item| item.to_string()),
            Some(item.to_owned())
        );
        assert_eq!(tombstone(&folder.join("README"), folder), None);
    }
}
