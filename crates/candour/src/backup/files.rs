//! Which files of a data directory a backup holds, and whose they are.

use std::fs;
use std::io;
use std::path::{Component, Path};

use candour_embedded::Account;
use rustix::fs::FileType;
use rustix::io::Errno;

use super::archive::LONGEST_NAME;
use super::held::{Held, Plain};
use super::manifest::names;
use crate::Problem;
use crate::accounts::Accounts;
use crate::room::OFFICERS;

/// Picks the account that something belongs to.
type Whose = fn(&Accounts) -> &Account;

/// What a backup holds besides databases and objects, and which account it belongs to.
const SAVED: &[(&str, Whose)] = &[
    ("candour.json", |accounts| &accounts.supervisor),
    ("accounts.json", |accounts| &accounts.portal),
    (OFFICERS, |accounts| &accounts.room),
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
    // The keeper makes it anew from its database.
    "ledger",
    "lock",
    "log",
    "objects",
    "postgres",
    "postgres.access",
    "processes",
    "run",
    // Witnesses are asked again.
    "witnesses",
];

/// The folder of the keeper's checkpoints.
pub const CHECKPOINTS: &str = "keeper/checkpoints";
/// The folder of tombstones: a file for each item that was erased, named by its id.
pub const TOMBSTONES: &str = "keeper/tombstones";
/// The keeper's root key, where it is a file.
pub const ROOT_KEY: &str = "keeper/root.key";

/// Folders deeper than this are nobody's; a chain of them must not end the backup.
const DEEPEST: usize = 16;
/// No part makes a file larger than this; one that says it is may hold nothing and fill the place of the backup.
const LARGEST: u64 = 4 << 30;
/// Nor more than this in the place that is its own.
const MOST_IN_A_PLACE: u64 = 4 * LARGEST;

/// A walk through everything that is saved.
pub struct Walk<'a> {
    accounts: &'a Accounts,
    take: &'a mut dyn FnMut(&Path, Plain) -> Result<(), Problem>,
    left_out: Vec<String>,
    /// Bytes taken below the place that is walked through.
    taken: u64,
}

impl<'a> Walk<'a> {
    /// Gives every file to be saved, open, to `take`; each with its path below the data directory.
    ///
    /// What is no plain file of the account that its place belongs to is not saved: a part that was taken over could
    /// have put it there to have something else copied. Gives what was left out for that, as words for the operator.
    ///
    /// # Errors
    /// When a folder cannot be read, and those of `take`.
    pub fn through(
        data: &Path,
        accounts: &'a Accounts,
        take: &'a mut dyn FnMut(&Path, Plain) -> Result<(), Problem>,
    ) -> Result<Vec<String>, Problem> {
        let of = Problem::file("could not open", data);
        let folder = Held::open(data).map_err(of)?;
        let mut walk = Self {
            accounts,
            take,
            left_out: Vec::new(),
            taken: 0,
        };
        for (name, owner) in SAVED {
            walk.taken = 0;
            walk.visit(&folder, Path::new(name), owner(walk.accounts))?;
        }
        Ok(walk.left_out)
    }

    fn visit(&mut self, folder: &Held, below: &Path, owner: &Account) -> Result<(), Problem> {
        let name = below.file_name().unwrap_or_default();
        if let Err(why) = name_of(below) {
            self.leave_out(below, why);
            return Ok(());
        }
        let found = match folder.kind(name) {
            Ok(FileType::Directory) if below.components().count() > DEEPEST => {
                self.leave_out(below, "folders in folders");
                return Ok(());
            }
            Ok(FileType::Directory) => {
                let inner = folder.folder(name);
                inner.and_then(|inner| Ok(Some((inner.names()?, inner))))
            }
            Ok(FileType::RegularFile) if is_saved(below) => {
                return self.plain(folder.file(name), below, owner);
            }
            // A file that is made anew, or the keeper's own way in: neither holds what a backup needs.
            Ok(FileType::RegularFile | FileType::Socket) => Ok(None),
            Ok(FileType::Symlink) => {
                self.leave_out(below, "a link");
                Ok(None)
            }
            Ok(_) => {
                self.leave_out(below, "neither file nor folder");
                Ok(None)
            }
            Err(error) => Err(error),
        };
        match found {
            Ok(None) => Ok(()),
            Ok(Some((names, inner))) => names
                .iter()
                .try_for_each(|name| self.visit(&inner, &below.join(name), owner)),
            Err(error) => self.unopened(error, below),
        }
    }

    fn plain(
        &mut self,
        opened: io::Result<Plain>,
        below: &Path,
        owner: &Account,
    ) -> Result<(), Problem> {
        match opened {
            Ok(plain) if plain.owner == owner.uid => {
                if plain.length > LARGEST || self.taken + plain.length > MOST_IN_A_PLACE {
                    self.leave_out(below, "larger than anything Candour keeps there");
                    return Ok(());
                }
                self.taken += plain.length;
                (self.take)(below, plain)
            }
            Ok(plain) => {
                let whose = format!("of user {} and not of {}", plain.owner, owner.name);
                self.leave_out(below, &whose);
                Ok(())
            }
            Err(error) => self.unopened(error, below),
        }
    }

    fn unopened(&mut self, error: io::Error, below: &Path) -> Result<(), Problem> {
        // Checkpoints are thinned out, mail is taken away: what is gone meanwhile is gone.
        if error.kind() == io::ErrorKind::NotFound {
            return Ok(());
        }
        let was_swapped = [Errno::LOOP, Errno::NOTDIR, Errno::NXIO]
            .iter()
            .any(|known| error.raw_os_error() == Some(known.raw_os_error()));
        if was_swapped || error.kind() == io::ErrorKind::InvalidInput {
            self.leave_out(below, "something else at each look");
            return Ok(());
        }
        Err(Problem::file("could not read", below)(error))
    }

    fn leave_out(&mut self, below: &Path, what: &str) {
        let name = below.to_string_lossy();
        self.left_out
            .push(format!("{} ({what})", name.escape_debug()));
    }
}

/// The name under which a backup holds a file; or why it cannot, such as one that no restore would read.
///
/// # Errors
/// The reason, in words.
pub fn name_of(below: &Path) -> Result<String, &'static str> {
    let path = below.to_str().ok_or("a name that is no text")?;
    if path.chars().any(char::is_control) {
        return Err("a name with control characters");
    }
    let name = format!("{}{path}", names::FILE);
    if name.len() > LONGEST_NAME {
        return Err("a name that is too long");
    }
    Ok(name)
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

/// Plain names below what is saved, and no secret that belongs elsewhere: passwords are drawn anew at each start,
/// and a backup with the root key in it would open by itself. Ballast is room and holds nothing.
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
    let is_ballast = below == Path::new("keeper/ledger.ballast");
    let is_drawn_anew = below.starts_with("secrets")
        && (below == Path::new("secrets/keeper.instances.json")
            || below.extension().is_some_and(|ending| {
                ending == "password" || ending == "database" || ending == "credential"
            }));
    is_plain && is_known && !is_half_written && !is_root && !is_ballast && !is_drawn_anew
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::io::Read;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{chown, symlink};

    use candour_testkit::skipped::skipped;
    use rustix::fs::{CWD, Mode, mknodat};

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
            "keeper/ledger.ballast",
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
            "officers.json",
        ] {
            assert!(is_saved(Path::new(path)), "{path}");
        }
    }

    /// What a walk saves of a data directory whose `room/` belongs to whoever runs the test, and what it leaves out.
    fn walked(data: &Path) -> (Vec<String>, Vec<String>) {
        let me = Account::current();
        let accounts = Accounts {
            supervisor: me.clone(),
            room: me,
            ..Accounts::ensure().unwrap()
        };
        let mut saved = Vec::new();
        let mut take = |below: &Path, plain: Plain| {
            let mut text = String::new();
            (&plain.file).read_to_string(&mut text).unwrap();
            saved.push(format!("{}: {text}", below.display()));
            Ok(())
        };
        let left_out = Walk::through(data, &accounts, &mut take).unwrap();
        (saved, left_out)
    }

    #[test]
    fn links_pipes_and_endless_folders_planted_by_a_part_are_left_out_and_named_and_the_rest_is_saved()
     {
        let place = tempfile::tempdir().unwrap();
        let data = place.path();
        for folder in ["keeper", "room/old"] {
            fs::create_dir_all(data.join(folder)).unwrap();
        }
        fs::write(data.join("keeper/root.key"), "secret").unwrap();
        fs::write(data.join("room/code.key"), "mine").unwrap();
        symlink("../keeper/root.key", data.join("room/a.key")).unwrap();
        symlink("../../keeper", data.join("room/old/keeper")).unwrap();
        mknodat(CWD, data.join("room/pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        fs::create_dir_all(data.join("room/x").join("x/".repeat(40))).unwrap();
        let (saved, left_out) = walked(data);
        assert_eq!(saved, ["room/code.key: mine"]);
        let endless = format!("room{} (folders in folders)", "/x".repeat(DEEPEST));
        assert_eq!(
            left_out,
            [
                "room/a.key (a link)",
                "room/old/keeper (a link)",
                "room/pipe (neither file nor folder)",
                &endless,
            ]
        );
    }

    #[test]
    fn names_that_no_restore_would_read_are_left_out_and_named_and_the_rest_is_saved() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path();
        let long = "a".repeat(250);
        let deep = data.join("room").join(&long).join(&long);
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("x"), "long").unwrap();
        fs::write(data.join("room/code.key"), "mine").unwrap();
        fs::write(data.join("room/a\n\u{1b}[2K"), "control").unwrap();
        fs::write(data.join("room").join(OsStr::from_bytes(b"b\xff")), "").unwrap();
        let (saved, left_out) = walked(data);
        assert_eq!(saved, ["room/code.key: mine"]);
        assert_eq!(
            left_out,
            [
                "room/a\\n\\u{1b}[2K (a name with control characters)".to_owned(),
                format!("room/{long}/{long}/x (a name that is too long)"),
                "room/b\u{fffd} (a name that is no text)".to_owned(),
            ]
        );
    }

    #[test]
    fn a_file_of_holes_larger_than_any_that_a_part_makes_is_left_out_and_named() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path();
        fs::create_dir(data.join("room")).unwrap();
        let file = fs::File::create(data.join("room/a")).unwrap();
        file.set_len(LARGEST + 1).unwrap();
        fs::write(data.join("room/code.key"), "mine").unwrap();
        let (saved, left_out) = walked(data);
        assert_eq!(saved, ["room/code.key: mine"]);
        assert_eq!(
            left_out,
            ["room/a (larger than anything Candour keeps there)"]
        );
    }

    #[test]
    fn a_hard_link_to_a_file_of_another_owner_is_left_out_and_named() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path();
        fs::create_dir(data.join("room")).unwrap();
        let theirs = data.join("shadow");
        fs::write(&theirs, "secret").unwrap();
        if !Account::may_separate() {
            skipped("only root can make a file of another owner");
            return;
        }
        chown(&theirs, Some(65_534), None).unwrap();
        fs::hard_link(&theirs, data.join("room/code.key")).unwrap();
        let (saved, left_out) = walked(data);
        assert!(saved.is_empty(), "{saved:?}");
        assert!(
            left_out[0].starts_with("room/code.key (of user 65534 and not of "),
            "{left_out:?}"
        );
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
