//! Where the project is, and what is in it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Stop;

/// The folder of the repository.
pub fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// The cargo that runs us.
pub fn cargo() -> Command {
    let program = variable("CARGO").unwrap_or_else(|| "cargo".to_owned());
    let mut command = Command::new(program);
    command.current_dir(root());
    if variable("CARGO_BUILD_JOBS").is_none() {
        // Also caps how many linkers run at once: each takes a gigabyte.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        command.env("CARGO_BUILD_JOBS", cores.to_string());
    }
    if is_ci() {
        command.env("CARGO_TERM_COLOR", "never");
    }
    command
}

/// True where nobody looks at the terminal.
pub fn is_ci() -> bool {
    variable("CI").is_some_and(|value| value != "false" && !value.is_empty())
}

/// A variable of the environment.
pub fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a task runner is configured by its environment; this is the one place that reads it"
    )]
    env::var(name).ok()
}

/// What cargo says about the workspace, for the platform that Candour is built for.
pub fn metadata() -> Result<Value, Stop> {
    let output = cargo()
        .args(["metadata", "--format-version", "1"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .output()
        .map_err(|error| format!("cargo metadata did not run: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata was not understood: {error}"))
}

/// The folder that cargo builds into.
pub fn target() -> Result<PathBuf, Stop> {
    let metadata = metadata()?;
    let folder = metadata.get("target_directory").and_then(Value::as_str);
    folder
        .map(PathBuf::from)
        .ok_or_else(|| "cargo metadata names no target directory".to_owned())
}

/// Every file below `folder` whose name ends with `ending`, in order; nothing that was built or installed.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let is_built = matches!(
                name.as_ref(),
                "target"
                    | "node_modules"
                    | ".git"
                    | "test-results"
                    | "playwright-report"
                    | ".candour"
            );
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !is_built => folders.push(entry.path()),
                Ok(kind) if kind.is_file() && name.ends_with(ending) => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    found
}
