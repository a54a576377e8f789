//! A witness of our own: keeps every checkpoint that the keeper ever signed, and notices when one is taken back.

use super::book::Book;
use crate::Problem;
use candour_keeper::checkpoint;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const ENDING: &str = "checkpoint";
/// How often it looks; the keeper signs once a second.
const PAUSE: Duration = Duration::from_millis(150);

/// Everything that was signed, by the size of the ledger.
pub struct Witness {
    from: PathBuf,
    kept: PathBuf,
    seen: BTreeMap<u64, Vec<u8>>,
}

impl Witness {
    /// Looks at the checkpoints of an installation, and keeps copies in a folder.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(data: &Path, kept: &Path) -> Result<Self, Problem> {
        std::fs::create_dir_all(kept).map_err(Problem::file("could not create", kept))?;
        Ok(Self {
            from: checkpoint::folder(&data.join("keeper")),
            kept: kept.to_path_buf(),
            seen: BTreeMap::new(),
        })
    }

    /// Looks again and again until `stop`.
    pub async fn watch(mut self, book: Arc<Book>, stop: CancellationToken) {
        loop {
            for finding in self.look() {
                book.find(finding);
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// Looks once; says what is wrong.
    pub fn look(&mut self) -> Vec<String> {
        let mut now = BTreeMap::new();
        for entry in std::fs::read_dir(&self.from)
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = entry.path();
            let is_one = path.extension().is_some_and(|ending| ending == ENDING);
            let size = path
                .file_stem()
                .and_then(|stem| stem.to_str()?.parse().ok());
            if let (true, Some(size), Ok(text)) = (is_one, size, std::fs::read(&path)) {
                now.insert(size, text);
            }
        }
        let mut wrong = compare(&self.seen, &now);
        for (size, text) in now {
            if self.seen.contains_key(&size) {
                continue;
            }
            let copy = self.kept.join(format!("{size:020}.{ENDING}"));
            if let Err(error) = std::fs::write(&copy, &text) {
                wrong.push(format!("a checkpoint cannot be kept: {error}"));
            }
            self.seen.insert(size, text);
        }
        wrong
    }
}

/// What is wrong with the checkpoints of now, after those that were seen.
fn compare(seen: &BTreeMap<u64, Vec<u8>>, now: &BTreeMap<u64, Vec<u8>>) -> Vec<String> {
    let mut wrong = Vec::new();
    let newest = |of: &BTreeMap<u64, Vec<u8>>| of.keys().next_back().copied();
    if let Some(before) = newest(seen)
        && newest(now).is_none_or(|now| now < before)
    {
        wrong.push(format!(
            "the newest checkpoint covers {:?} entries, and one over {before} was signed before",
            newest(now)
        ));
    }
    for (size, text) in now {
        if seen.get(size).is_some_and(|before| before != text) {
            wrong.push(format!(
                "the checkpoint over {size} entries was signed twice, differently"
            ));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(checkpoints: &[(u64, &str)]) -> BTreeMap<u64, Vec<u8>> {
        checkpoints
            .iter()
            .map(|(size, text)| (*size, text.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn checkpoints_that_grow_are_well_even_when_old_ones_go() {
        let seen = signed(&[(3, "a"), (9, "b")]);
        assert!(compare(&seen, &signed(&[(9, "b"), (12, "c")])).is_empty());
    }

    #[test]
    fn one_taken_back_and_one_signed_differently_are_named() {
        let seen = signed(&[(3, "a"), (9, "b")]);
        assert_eq!(compare(&seen, &signed(&[(3, "a")])).len(), 1);
        assert_eq!(compare(&seen, &signed(&[(3, "x"), (9, "b")])).len(), 1);
    }
}
