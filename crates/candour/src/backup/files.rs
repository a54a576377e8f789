//! Which files of a data directory a backup holds, and whose they are.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use candour_embedded::Account;

use crate::Problem;
use crate::accounts::Accounts;

/// Picks the account that something belongs to.
type Whose = fn(&Accounts) -> &Account;

/// What a backup holds besides databases and objects, and which account it belongs to.
const SAVED: &[(&str, Whose)] = &[
    ("candour.json", |accounts| &accounts.supervisor),
    ("accounts.json", |accounts| &accounts.portal),
    ("keeper-is-initialised", |accounts| &accounts.supervisor),
    ("people-are-settled", |accounts| &accounts.supervisor),
    ("secrets", |accounts| &accounts.supervisor),
    ("keeper", |accounts| &accounts.keeper),
    ("room", |accounts| &accounts.room),
    ("status", |accounts| &accounts.room),
    ("mailbox", |accounts| &accounts.mailbox),
];

/// What a backup leaves out: made anew at a start, or in the backup in another form.
const LEFT_OUT: &[&str] = &[
    "CANDOUR_VERSION",
    "bin",
    "lock",
    "log",
    "objects",
    "postgres",
    "postgres.access",
    "processes",
    "run",
];

/// The folder of the keeper's checkpoints.
pub const CHECKPOINTS: &str = "keeper/checkpoints";
/// The folder of tombstones: a file for each item that was erased, named by its id.
pub const TOMBSTONES: &str = "keeper/tombstones";
/// The keeper's root key, where it is a file.
pub const ROOT_KEY: &str = "keeper/root.key";

/// A file to be saved: its path below the data directory.
pub type Below = PathBuf;

/// Every file to be saved, in order.
///
/// # Errors
/// When a folder cannot be read.
pub fn to_save(data: &Path) -> Result<Vec<Below>, Problem> {
    let mut found = Vec::new();
    for (name, _) in SAVED {
        collect(data, Path::new(name), &mut found)?;
    }
    found.sort();
    Ok(found)
}

/// What lies in a data directory that nobody has said whether to save.
///
/// # Errors
/// When it cannot be read.
pub fn unknown(data: &Path) -> Result<Vec<String>, Problem> {
    let entries = fs::read_dir(data).map_err(Problem::file("could not read", data))?;
    let mut unknown: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            !LEFT_OUT.contains(&name.as_str()) && SAVED.iter().all(|(saved, _)| saved != name)
        })
        .collect();
    unknown.sort();
    Ok(unknown)
}

/// Whose a saved file is; `None` for a path that no backup holds, such as one that leads out of the directory.
pub fn owner<'a>(below: &Path, accounts: &'a Accounts) -> Option<&'a Account> {
    if !is_saved(below) {
        return None;
    }
    let Component::Normal(first) = below.components().next()? else {
        return None;
    };
    let (_, owner) = SAVED.iter().find(|(name, _)| *name == first)?;
    Some(owner(accounts))
}

fn collect(data: &Path, below: &Path, found: &mut Vec<Below>) -> Result<(), Problem> {
    let path = data.join(below);
    let kind = match path.symlink_metadata() {
        Ok(about) => about.file_type(),
        // Checkpoints are thinned out, mail is taken away: what is gone meanwhile is gone.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Problem::file("could not look at", path)(error)),
    };
    if kind.is_file() && is_saved(below) {
        found.push(below.to_path_buf());
    }
    if kind.is_dir() {
        let entries = fs::read_dir(&path).map_err(Problem::file("could not read", &path))?;
        for entry in entries {
            let entry = entry.map_err(Problem::file("could not read", &path))?;
            collect(data, &below.join(entry.file_name()), found)?;
        }
    }
    Ok(())
}

/// Plain names below what is saved, and no secret that belongs elsewhere: passwords are drawn anew at each start,
/// and a backup with the root key in it would open by itself.
fn is_saved(below: &Path) -> bool {
    let is_plain = below
        .components()
        .all(|component| matches!(component, Component::Normal(_)));
    let is_known = SAVED.iter().any(|(name, _)| below.starts_with(name));
    let is_half_written = below
        .extension()
        .is_some_and(|ending| ending == "new" || ending == "incoming" || ending == "part");
    let is_root = below.starts_with("keeper")
        && below
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"root"));
    let is_drawn_anew = below.starts_with("secrets")
        && (below == Path::new("secrets/keeper.instances.json")
            || below.extension().is_some_and(|ending| {
                ending == "password" || ending == "database" || ending == "credential"
            }));
    is_plain && is_known && !is_half_written && !is_root && !is_drawn_anew
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_root_key_nor_passwords_are_saved() {
        for path in [
            "keeper/root.key",
            "keeper/root.sealed",
            "secrets/postgres.password",
            "secrets/keeper.database",
            "secrets/import.credential",
            "keeper/checkpoints/0001.incoming",
            "log/portal.log",
        ] {
            assert!(!is_saved(Path::new(path)), "{path}");
        }
        for path in [
            "keeper/checkpoints/00000000000000000011.checkpoint",
            "secrets/portal.instance",
            "secrets/backup.seal",
            "room/code.key",
            "candour.json",
        ] {
            assert!(is_saved(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn a_path_that_leads_out_of_the_directory_belongs_to_nobody() {
        let accounts = Accounts::ensure().unwrap();
        for path in ["/etc/passwd", "keeper/../../x", "../x", "bin/candour", ""] {
            assert_eq!(owner(Path::new(path), &accounts), None, "{path}");
        }
        assert!(owner(Path::new("room/code.key"), &accounts).is_some());
    }
}
