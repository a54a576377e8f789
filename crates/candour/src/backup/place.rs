//! Where a backup or its key may go.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::problem::BackupProblem;
use crate::Problem;

/// Refuses a place that is taken, or in the data directory.
///
/// # Errors
/// [`BackupProblem::TargetExists`] or [`BackupProblem::InsideData`]; also when its folder cannot be found.
pub fn outside(data: &Path, to: &Path) -> Result<(), Problem> {
    let absolute = std::path::absolute(to).map_err(Problem::file("could not find", to))?;
    let folder = absolute.parent().unwrap_or(&absolute);
    let folder = folder
        .canonicalize()
        .map_err(Problem::file("could not find", folder))?;
    let data = data
        .canonicalize()
        .map_err(Problem::file("could not find", data))?;
    if folder.starts_with(&data) {
        return Err(BackupProblem::InsideData(to.to_path_buf()).into());
    }
    if absolute.symlink_metadata().is_ok() {
        return Err(BackupProblem::TargetExists(to.to_path_buf()).into());
    }
    Ok(())
}

/// The file of a new backup: `to` itself, or in the folder `to` under the time of its making.
///
/// # Errors
/// As [`outside`].
pub fn file(data: &Path, to: &Path, now: Timestamp) -> Result<PathBuf, Problem> {
    let file = if to.is_dir() {
        to.join(format!("candour-{}.backup", now.strftime("%Y%m%dT%H%M%SZ")))
    } else {
        to.to_path_buf()
    };
    outside(data, &file)?;
    Ok(file)
}
