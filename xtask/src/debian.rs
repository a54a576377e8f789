//! Packages of the operating system: installed on Debian as root, named elsewhere.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use crate::children;
use crate::{Stop, say};

/// Something the system must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// PostgreSQL 15 or newer.
    Postgres,
    /// Node.js with npm, of any age: a newer Node.js comes from npm where it is needed.
    Node,
    /// A Chromium for the browser journeys.
    Chromium,
    /// Python with virtual environments.
    Python,
    /// A PKCS#11 token in software, for the tests of a root key in a token.
    SoftHsm,
}

impl Need {
    /// What a reader calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL 15 or newer",
            Self::Node => "Node.js with npm",
            Self::Chromium => "Chromium",
            Self::Python => "Python 3 with venv",
            Self::SoftHsm => "SoftHSM 2",
        }
    }

    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Postgres => &["postgresql"],
            Self::Node => &["nodejs", "npm"],
            Self::Chromium => &["chromium"],
            Self::Python => &["python3", "python3-venv"],
            Self::SoftHsm => &["softhsm2"],
        }
    }

    fn is_there(self) -> bool {
        match self {
            Self::Postgres => has_postgres(),
            Self::Node => runs("npm", &["--version"]),
            Self::Chromium => runs("chromium", &["--version"]),
            Self::Python => runs("python3", &["-c", "import venv, ensurepip"]),
            Self::SoftHsm => runs("softhsm2-util", &["--version"]),
        }
    }
}

/// Installs what is missing on Debian as root; elsewhere names it and stops.
pub fn provide(needs: &[Need]) -> Result<(), Stop> {
    let missing: Vec<Need> = needs
        .iter()
        .copied()
        .filter(|need| !need.is_there())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !is_debian() || !is_root() {
        return Err(instructions(&missing, is_debian()));
    }
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|need| need.packages())
        .copied()
        .collect();
    say(&format!("installing {}", packages.join(", ")))?;
    children::run(apt().args(["--quiet", "update"]))?;
    children::run(
        apt()
            .args(["--quiet", "--yes", "--no-install-recommends", "install"])
            .args(&packages),
    )?;
    let still: Vec<Need> = missing
        .into_iter()
        .filter(|need| !need.is_there())
        .collect();
    if still.is_empty() {
        return Ok(());
    }
    Err(instructions(&still, false))
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn instructions(missing: &[Need], is_debian: bool) -> Stop {
    let titles: Vec<&str> = missing.iter().map(|need| need.title()).collect();
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|need| need.packages())
        .copied()
        .collect();
    let how = if is_debian {
        format!("as root with: apt-get install {}", packages.join(" "))
    } else {
        "with your system's package manager".to_owned()
    };
    format!(
        "This is missing: {}.\nInstall it {how}\nand start again.",
        titles.join("; ")
    )
}

fn is_debian() -> bool {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    release.lines().any(|line| {
        let names = line
            .strip_prefix("ID=")
            .or_else(|| line.strip_prefix("ID_LIKE="));
        names.is_some_and(|names| names.contains("debian"))
    })
}

/// By the owner of our own process, because a bare system may lack even `id`.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn has_postgres() -> bool {
    let mut folders: Vec<std::path::PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    let path = crate::workspace::variable("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    folders.iter().any(|folder| {
        folder.join("initdb").exists()
            && server_version(&folder.join("postgres")).is_some_and(|major| major >= 15)
    })
}

fn server_version(server: &Path) -> Option<u32> {
    let text = children::output(Command::new(server).arg("--version")).ok()?;
    let digits: String = text
        .split("(PostgreSQL) ")
        .nth(1)?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    children::succeeds(Command::new(program).args(arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_user_on_debian_is_told_the_command() {
        let text = instructions(&[Need::Postgres, Need::Chromium], true);
        assert!(
            text.ends_with("apt-get install postgresql chromium\nand start again."),
            "{text}"
        );
    }

    #[test]
    fn elsewhere_the_things_are_named_without_a_command() {
        let text = instructions(&[Need::Postgres], false);
        assert!(
            text.contains("PostgreSQL 15 or newer") && !text.contains("apt-get"),
            "{text}"
        );
    }
}
