//! What survived of the old installation outside its databases: how long its ledger was, and what was erased since.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use candour_embedded::Account;
use candour_embedded::cluster::make_folder;
use candour_seal::ItemId;

use super::survey::{Signed, signed_size, tombstone};
use crate::Problem;
use crate::backup::problem::BackupProblem;

/// Checkpoints and tombstones of an old keeper's folder.
#[derive(Debug, Default)]
pub struct Survived {
    /// The newest checkpoint.
    pub checkpoint: Option<Signed>,
    /// What was erased.
    pub tombstones: BTreeSet<ItemId>,
    /// Where they were found.
    pub folder: PathBuf,
    files: Vec<PathBuf>,
    buried: Vec<PathBuf>,
}

impl Survived {
    /// Looks in a data directory, in its keeper's folder, or in a copy of that.
    ///
    /// # Errors
    /// When there are no checkpoints.
    pub fn in_folder(folder: &Path) -> Result<Self, Problem> {
        let keeper = [folder.join("keeper"), folder.to_path_buf()]
            .into_iter()
            .find(|place| place.join("checkpoints").is_dir());
        let Some(keeper) = keeper else {
            return Err(BackupProblem::NoCheckpoints(folder.to_path_buf()).into());
        };
        let mut survived = Self {
            folder: keeper.clone(),
            ..Self::default()
        };
        let checkpoints = keeper.join("checkpoints");
        for file in plain_files(&checkpoints)? {
            if let Some(size) = signed_size(&file, &checkpoints) {
                if survived
                    .checkpoint
                    .as_ref()
                    .is_none_or(|last| last.size < size)
                {
                    let note = fs::read_to_string(&file)
                        .map_err(Problem::file("could not read", &file))?;
                    survived.checkpoint = Some(Signed { size, note });
                }
                survived.files.push(file);
            }
        }
        let tombstones = keeper.join("tombstones");
        if tombstones.is_dir() {
            for file in plain_files(&tombstones)? {
                if let Some(item) = tombstone(&file, &tombstones) {
                    survived.tombstones.insert(item);
                    survived.buried.push(file);
                }
            }
        }
        if survived.checkpoint.is_none() {
            return Err(BackupProblem::NoCheckpoints(folder.to_path_buf()).into());
        }
        Ok(survived)
    }

    /// Puts them beside what the backup brought; whose signature it is the keeper checks at its start.
    ///
    /// # Errors
    /// When a file cannot be copied.
    pub fn keep(
        &self,
        checkpoints: &Path,
        tombstones: &Path,
        keeper: &Account,
    ) -> Result<(), Problem> {
        for (files, folder) in [(&self.files, checkpoints), (&self.buried, tombstones)] {
            if files.is_empty() {
                continue;
            }
            make_folder(folder, 0o755, keeper)?;
            for file in files {
                let to = folder.join(file.file_name().unwrap_or_default());
                if to.exists() {
                    continue;
                }
                fs::copy(file, &to).map_err(Problem::file("could not copy", file))?;
                keeper.own(&to)?;
            }
        }
        Ok(())
    }
}

fn plain_files(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let entries = fs::read_dir(folder).map_err(Problem::file("could not read", folder))?;
    Ok(entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .map(|entry| entry.path())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_and_its_keepers_folder_give_the_same() {
        let place = tempfile::tempdir().unwrap();
        let checkpoints = place.path().join("keeper/checkpoints");
        fs::create_dir_all(&checkpoints).unwrap();
        for size in [7, 12] {
            fs::write(checkpoints.join(format!("{size:020}.checkpoint")), "").unwrap();
        }
        for folder in [place.path().to_path_buf(), place.path().join("keeper")] {
            let newest = Survived::in_folder(&folder).unwrap().checkpoint;
            assert_eq!(newest.map(|signed| signed.size), Some(12));
        }
    }

    #[test]
    fn a_folder_without_checkpoints_is_refused_with_the_next_step() {
        let place = tempfile::tempdir().unwrap();
        let text = Survived::in_folder(place.path()).unwrap_err().to_string();
        assert!(text.contains("--nothing-survived"), "{text}");
    }
}
