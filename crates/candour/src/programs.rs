//! The programs that belong together, and copies of them where other accounts may run them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use candour_embedded::Account;

use crate::data_folder::closed_to_others;
use crate::{DataFolder, Problem};

/// Where to find the programs that the parts run.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// The programs beside this one; copied into the data directory when the accounts of the parts could
    /// not get to them (a build folder below root's home).
    ///
    /// # Errors
    /// When a program is missing or cannot be copied.
    pub fn locate(data: &DataFolder, names: &[&'static str]) -> Result<Self, Problem> {
        let beside = folder_of_this_program()?;
        if let Some(name) = names.iter().find(|name| !beside.join(name).is_file()) {
            return Err(Problem::ProgramMissing { name, beside });
        }
        let everybody_may_run = closed_to_others(&beside).is_none()
            && names
                .iter()
                .all(|name| mode(&beside.join(name)) & 0o005 == 0o005);
        if everybody_may_run || !Account::may_separate() {
            return Ok(Self { folder: beside });
        }
        let folder = data.path().join("bin");
        fs::create_dir_all(&folder)
            .and_then(|()| fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)))
            .map_err(Problem::file("could not create", &folder))?;
        for name in names {
            copy(&beside.join(name), &folder.join(name))?;
        }
        Ok(Self { folder })
    }

    /// The path of a program.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// The folder that this program lies in.
///
/// # Errors
/// When the system does not tell.
pub fn folder_of_this_program() -> Result<PathBuf, Problem> {
    let program = std::env::current_exe().map_err(|error| {
        Problem::Machine(format!("this program does not know where it lies: {error}"))
    })?;
    Ok(program.parent().map(Path::to_path_buf).unwrap_or_default())
}

fn mode(file: &Path) -> u32 {
    file.metadata().map_or(0, |found| found.mode())
}

/// Copies when the copy is missing or older; a running program is replaced by name, not overwritten.
fn copy(from: &Path, to: &Path) -> Result<(), Problem> {
    let stamp = |file: &Path| {
        file.metadata()
            .ok()
            .map(|found| (found.len(), found.mtime()))
    };
    if stamp(from).is_some() && stamp(from) == stamp(to) {
        return Ok(());
    }
    let fresh = to.with_extension("new");
    let modified = from.metadata().and_then(|found| found.modified());
    fs::copy(from, &fresh)
        .and_then(|_| fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755)))
        .and_then(|()| {
            fs::File::options()
                .write(true)
                .open(&fresh)?
                .set_modified(modified?)
        })
        .and_then(|()| fs::rename(&fresh, to))
        .map_err(Problem::file("could not copy", from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_made_anew_only_when_the_program_changed() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        fs::write(&from, "one").unwrap();
        copy(&from, &to).unwrap();
        let first = to.metadata().unwrap().ino();
        copy(&from, &to).unwrap();
        assert_eq!(to.metadata().unwrap().ino(), first);
        fs::write(&from, "three").unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "three");
        assert_eq!(mode(&to) & 0o777, 0o755);
    }
}
