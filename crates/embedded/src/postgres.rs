//! Finds the PostgreSQL that is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Problem;
use crate::account::last_words;

/// The oldest major version that works: `create database … strategy file_copy` came with it.
pub const OLDEST: u32 = 15;

/// The programs of one installed PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The folder that holds `postgres` and `initdb`.
    pub folder: PathBuf,
    /// The major version.
    pub major: u32,
}

impl Binaries {
    /// The newest installation that works; with `made_by`, exactly that major version, because a
    /// cluster can only be run by the version that made it.
    ///
    /// # Errors
    /// When none is installed, or only others.
    pub fn find(cluster: &Path, made_by: Option<u32>) -> Result<Self, Problem> {
        choose(installed(), cluster, made_by)
    }

    /// A program of this installation.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

fn choose(found: Vec<Binaries>, cluster: &Path, made_by: Option<u32>) -> Result<Binaries, Problem> {
    let newest = found
        .iter()
        .max_by_key(|binaries| binaries.major)
        .cloned()
        .ok_or(Problem::PostgresMissing { oldest: OLDEST })?;
    if let Some(made_by) = made_by {
        let majors: Vec<String> = found.iter().map(|one| one.major.to_string()).collect();
        return found
            .into_iter()
            .find(|binaries| binaries.major == made_by)
            .ok_or_else(|| Problem::PostgresOtherVersion {
                folder: cluster.to_path_buf(),
                made_by,
                found: majors.join(", "),
            });
    }
    if newest.major < OLDEST {
        return Err(Problem::PostgresTooOld {
            oldest: OLDEST,
            found: newest.major,
            folder: newest.folder,
        });
    }
    Ok(newest)
}

/// Every installation with a server: Debian's folders first, then the PATH.
fn installed() -> Vec<Binaries> {
    let debian = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"));
    #[expect(
        clippy::disallowed_methods,
        reason = "the PATH is where the system says that programs are; nothing is configured by it"
    )]
    let path = std::env::var("PATH").unwrap_or_default();
    let mut found: Vec<Binaries> = Vec::new();
    for folder in debian.chain(std::env::split_paths(&path)) {
        if let Some(binaries) = inspect(&folder)
            && found.iter().all(|known| known.major != binaries.major)
        {
            found.push(binaries);
        }
    }
    found
}

fn inspect(folder: &Path) -> Option<Binaries> {
    let server = folder.join("postgres");
    if !server.is_file() || !folder.join("initdb").is_file() {
        return None;
    }
    let output = Command::new(&server).arg("--version").output().ok()?;
    let major = major_version(&String::from_utf8_lossy(&output.stdout))
        .or_else(|| major_version(&last_words(&output)))?;
    Some(Binaries {
        folder: folder.to_path_buf(),
        major,
    })
}

/// Reads "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)".
fn major_version(text: &str) -> Option<u32> {
    let after = text.split("(PostgreSQL) ").nth(1)?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installation(major: u32) -> Binaries {
        Binaries {
            folder: PathBuf::from(format!("/opt/postgresql/{major}")),
            major,
        }
    }

    #[test]
    fn the_major_version_is_read_from_what_the_server_says() {
        assert_eq!(
            major_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_version("mysqld 8"), None);
    }

    #[test]
    fn a_new_cluster_takes_the_newest_version() {
        let chosen = choose(
            vec![installation(15), installation(17)],
            Path::new("/d"),
            None,
        );
        assert_eq!(chosen.unwrap().major, 17);
    }

    #[test]
    fn an_old_cluster_is_run_by_the_version_that_made_it() {
        let chosen = choose(
            vec![installation(15), installation(17)],
            Path::new("/d"),
            Some(15),
        );
        assert_eq!(chosen.unwrap().major, 15);
    }

    #[test]
    fn a_cluster_of_a_missing_version_names_both_versions() {
        let text = choose(vec![installation(15)], Path::new("/d"), Some(13))
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("PostgreSQL 13") && text.contains("found: 15"),
            "{text}"
        );
    }

    #[test]
    fn without_postgresql_the_next_step_is_named() {
        let text = choose(Vec::new(), Path::new("/d"), None)
            .unwrap_err()
            .to_string();
        assert!(text.contains("apt-get install postgresql"), "{text}");
    }

    #[test]
    fn a_version_that_is_too_old_is_named() {
        let text = choose(vec![installation(13)], Path::new("/d"), None)
            .unwrap_err()
            .to_string();
        assert!(text.contains("the newest one found is 13"), "{text}");
    }
}
