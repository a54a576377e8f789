//! What must be there before anything is built: system packages, node packages, the Python oracle.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::debian::{self, Need};
use crate::{Stop, children, workspace};

/// Fails on a Node.js before 20.19, which the style compiler and the browser journeys need; Debian 12 has 18.
const OLD_NODE: &str = "const [major, minor] = process.versions.node.split('.').map(Number); \
                        process.exit(major < 20 || (major === 20 && minor < 19) ? 1 : 0)";

/// The independent implementation that sealed content is tested against.
const ORACLE: &str = "cryptography>=50";

/// Everything that demo and test need; the tests need what the demonstration does.
pub fn everything() -> Result<(), Stop> {
    for_test()
}

/// What the demonstration needs. Styles and scripts are committed as built, so Node.js is not among it.
pub fn for_demo() -> Result<(), Stop> {
    debian::provide(&[Need::Postgres])
}

/// What the tests need. Named in one list: whoever has to install by hand does it once.
pub fn for_test() -> Result<(), Stop> {
    let web = workspace::root().join("web");
    let journeys = workspace::root().join("e2e");
    let mut needs = vec![Need::Postgres, Need::Python, Need::SoftHsm];
    if has_packages(&web) || has_packages(&journeys) {
        needs.push(Need::Node);
    }
    if has_packages(&journeys) {
        needs.push(Need::Chromium);
    }
    debian::provide(&needs)?;
    if !children::succeeds(Command::new("node").args(["-e", OLD_NODE])) {
        node_packages(&newer_node())?;
    }
    node_packages(&web)?;
    node_packages(&journeys)?;
    oracle()
}

fn has_packages(folder: &Path) -> bool {
    folder.join("package.json").exists()
}

/// `npm ci`, only when the lock file is newer than what is installed.
fn node_packages(folder: &Path) -> Result<(), Stop> {
    if !has_packages(folder) {
        return Ok(());
    }
    if is_installed(folder) {
        return Ok(());
    }
    children::run(npm(folder).args(["ci", "--no-audit", "--no-fund"]))
}

/// Compares `web/dist` with what its sources build to: the binary embeds what is committed.
pub fn web_is_built() -> Result<(), Stop> {
    let web = workspace::root().join("web");
    children::run(npm(&web).args(["run", "check", "--silent"]))
}

fn is_installed(folder: &Path) -> bool {
    let modified = |file: PathBuf| fs::metadata(file).and_then(|found| found.modified()).ok();
    let installed = modified(folder.join("node_modules/.package-lock.json"));
    installed.is_some() && installed >= modified(folder.join("package-lock.json"))
}

/// npm in one of the folders with packages.
pub fn npm(folder: &Path) -> Command {
    let mut command = on_node("npm", folder);
    // The journeys run in the system's Chromium; npm must not fetch another browser.
    command.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    command
}

/// A program that runs on Node.js: on the system's, or on the newer one where that had to be fetched.
pub fn on_node(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    let fetched = fs::read_dir(newer_node().join("node_modules"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|package| package.path().join("bin"))
        .find(|folder| folder.join("node").exists());
    if let Some(fetched) = fetched {
        let path = workspace::variable("PATH").unwrap_or_default();
        let folders = std::iter::once(fetched).chain(std::env::split_paths(&path));
        // A folder whose name holds a colon cannot stand there; the system's Node.js then says what it lacks.
        if let Ok(path) = std::env::join_paths(folders) {
            command.env("PATH", path);
        }
    }
    command
}

/// The folder whose packages are Node.js itself.
fn newer_node() -> PathBuf {
    workspace::root().join("xtask/node")
}

/// A Python environment in the build folder with the oracle in it.
fn oracle() -> Result<(), Stop> {
    let folder = workspace::target()?.join("oracle");
    let python = folder.join("bin/python");
    let check =
        "import cryptography, sys; sys.exit(int(cryptography.__version__.split('.')[0]) < 50)";
    if children::succeeds(Command::new(&python).args(["-c", check])) {
        return Ok(());
    }
    children::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    children::run(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .arg(ORACLE),
    )
}
