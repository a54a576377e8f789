//! What only the keeper's own command line makes: practices with their first manager and program, officers, canaries.

use super::order::Desk;
use crate::Problem;
use candour_embedded::Account;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The name of each practice's first manager.
pub(super) const MANAGER: &str = "Moana Reweti";

/// The keeper's program for one installation.
pub(crate) struct KeeperCommand {
    program: PathBuf,
    data: PathBuf,
    account: Account,
}

impl KeeperCommand {
    pub(crate) fn new(program: PathBuf, data: &Path, account: Account) -> Self {
        Self {
            program,
            data: data.to_path_buf(),
            account,
        }
    }

    /// Makes a practice; its first manager's invitation and its program's credential are shown once.
    pub(crate) fn add_practice(&self, name: &str, region: &str) -> Result<Desk, Problem> {
        let words = [
            "add-practice",
            "--name",
            name,
            "--region",
            region,
            "--manager",
            MANAGER,
        ];
        let said = self.run(&words)?;
        Ok(Desk {
            practice: field(&said, "practice")?,
            name: name.to_owned(),
            manager_invitation: field(&said, "invitation")?,
            client: field(&said, "client")?,
            client_secret: field(&said, "client secret")?,
        })
    }

    /// Invites an officer of the operator; `role` is the word of the role.
    pub(super) fn add_officer(&self, role: &str, name: &str) -> Result<String, Problem> {
        let said = self.run(&["add-operator", "--role", role, "--name", name])?;
        field(&said, "invitation")
    }

    /// Marks patients that nobody has a reason to open.
    pub(super) fn mark_canaries(&self, patients: &[&str]) -> Result<(), Problem> {
        for some in patients.chunks(50) {
            let mut words = vec!["mark-canaries"];
            words.extend(some.iter().flat_map(|patient| ["--patient", *patient]));
            self.run(&words)?;
        }
        Ok(())
    }

    fn run(&self, words: &[&str]) -> Result<String, Problem> {
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .arg("--data")
            .arg(&self.data)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir("/")
            .stdin(Stdio::null());
        self.account.run(&mut command);
        let output = command
            .output()
            .map_err(Problem::file("could not start", &self.program))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(said);
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(Problem::Child {
            name: format!("candour-keeper {}", words.first().unwrap_or(&"")),
            said: complaint.trim().to_owned(),
        })
    }
}

/// A line `name: value` of what the keeper printed.
fn field(said: &str, name: &str) -> Result<String, Problem> {
    said.lines()
        .find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then(|| value.trim().to_owned())
        })
        .ok_or_else(|| Problem::Unexpected(format!("candour-keeper printed no {name}")))
}
