//! Accounts of the operating system: each part runs under its own where that can be done.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::Problem;

/// An account of the operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The login name.
    pub name: String,
    /// The user number.
    pub uid: u32,
    /// The number of its own group.
    pub gid: u32,
}

impl Account {
    /// The account this process runs under.
    pub fn current() -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let gid = rustix::process::getegid().as_raw();
        let name = look_up(&uid.to_string()).map_or_else(|| uid.to_string(), |found| found.name);
        Self { name, uid, gid }
    }

    /// True when this process may start others under their own account.
    pub fn may_separate() -> bool {
        rustix::process::geteuid().is_root()
    }

    /// The account of that name, if the system has one.
    pub fn find(name: &str) -> Option<Self> {
        look_up(name)
    }

    /// The account of that name; made as a system account without login when missing.
    ///
    /// # Errors
    /// When `useradd` is missing or refuses.
    pub fn ensure(name: &str) -> Result<Self, Problem> {
        if let Some(found) = look_up(name) {
            return Ok(found);
        }
        // Whoever was started with little of an environment has no PATH to where it lies.
        let added = Command::new("useradd")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .args(["--system", "--user-group", "--no-create-home"])
            .args([
                "--home-dir",
                "/nonexistent",
                "--shell",
                "/usr/sbin/nologin",
                name,
            ])
            .output()
            .map_err(|error| {
                Problem::Machine(format!(
                    "the account {name} could not be made because useradd did not run ({error}); make it by hand"
                ))
            })?;
        // Two starts side by side may both try; what counts is that the account is there.
        look_up(name).ok_or_else(|| Problem::Program {
            program: format!("useradd {name}"),
            said: last_words(&added),
        })
    }

    /// True when this is the account the process already runs under.
    pub fn is_current(&self) -> bool {
        self.uid == rustix::process::geteuid().as_raw()
    }

    /// Makes `command` run as this account, in its own group only.
    pub fn run(&self, command: &mut Command) {
        if !self.is_current() {
            // std also empties the list of supplementary groups when root gives up its user.
            command.uid(self.uid).gid(self.gid);
        }
    }

    /// Gives a file or folder to this account; a link is given away itself, not followed.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn own(&self, path: &Path) -> Result<(), Problem> {
        let is_mine = path
            .symlink_metadata()
            .map_err(Problem::file("could not look at", path))?
            .uid()
            == self.uid;
        if is_mine {
            return Ok(());
        }
        chown(path, Some(self.uid), Some(self.gid))
            .map_err(Problem::file("could not give away", path))
    }
}

/// Asks the system's own directory of accounts, which may be more than a file.
fn look_up(key: &str) -> Option<Account> {
    let line = Command::new("getent")
        .args(["passwd", key])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .or_else(|| in_file(key))?;
    parse(line.trim_end())
}

/// Systems without `getent` keep their accounts in the file alone.
fn in_file(key: &str) -> Option<String> {
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    accounts
        .lines()
        .find(|line| {
            let mut fields = line.split(':');
            fields.next() == Some(key) || fields.nth(1) == Some(key)
        })
        .map(str::to_owned)
}

fn parse(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    Some(Account {
        name: fields.next()?.to_owned(),
        uid: fields.nth(1)?.parse().ok()?,
        gid: fields.next()?.parse().ok()?,
    })
}

/// The last lines a program wrote, for an error text.
pub(crate) fn last_words(output: &Output) -> String {
    let text = if output.stderr.is_empty() {
        &output.stdout
    } else {
        &output.stderr
    };
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let tail = lines.len().saturating_sub(4);
    lines
        .get(tail..)
        .unwrap_or_default()
        .join("; ")
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_from_its_line() {
        let line = "postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash";
        let account = parse(line).unwrap();
        assert_eq!(
            (account.name.as_str(), account.uid, account.gid),
            ("postgres", 101, 104)
        );
    }

    #[test]
    fn the_current_account_is_itself() {
        assert!(Account::current().is_current());
    }

    #[test]
    fn an_account_that_nobody_made_is_not_found() {
        assert_eq!(Account::find("candour-nobody-made-this"), None);
    }
}
