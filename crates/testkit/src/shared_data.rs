//! Test data that is not in the repository.
//!
//! Crates that may not depend on this one take the file in by its path.

use super::skipped::skipped;
use std::path::PathBuf;

/// The folder or file under `../shared/data`; where it is not there, `None`, and the test is counted as skipped.
pub fn shared_data(path: &str) -> Option<PathBuf> {
    let path =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(path);
    if path.exists() {
        return Some(path);
    }
    skipped(format_args!("{} is not there", path.display()));
    None
}
