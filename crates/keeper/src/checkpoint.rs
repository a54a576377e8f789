//! Signed checkpoints outside the database, and the check against the last one at start.

use crate::ledger::LedgerHandle;
use candour_ledger::{Frontier, Hash, LogSigner, LogVerifier};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The checkpoints of the last hour are all kept; of older ones, one for each hour of their writing.
const KEPT: usize = 3_600;
const ENDING: &str = "checkpoint";

/// Why checkpoints cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The folder or a file.
    #[error("checkpoints cannot be read or written")]
    Io(#[from] io::Error),
    /// A file in the folder is not a checkpoint of this ledger.
    #[error("the file {0} is not a checkpoint signed by this keeper")]
    Foreign(String),
}

/// What the start check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AtStart {
    /// The ledger continues what was signed last (or nothing was signed yet).
    Continues,
    /// The ledger is shorter than what was signed, or not the same: entries from `have` to before `signed` are missing.
    RolledBack {
        /// Entries that the ledger has.
        have: u64,
        /// Entries that were signed.
        signed: u64,
    },
}

/// The folder of checkpoints and the key that signs them.
pub struct Checkpoints {
    folder: PathBuf,
    signer: LogSigner,
}

impl Checkpoints {
    /// Over this folder, which is made when it is missing.
    pub fn new(folder: PathBuf, signer: LogSigner) -> Result<Self, CheckpointError> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, signer })
    }

    /// The key that checks the signatures.
    pub fn verifier(&self) -> LogVerifier {
        self.signer.verifier()
    }

    /// The newest checkpoint: its size, root and text.
    pub fn last(&self) -> Result<Option<(u64, Hash, String)>, CheckpointError> {
        let Some(path) = self.files()?.pop() else {
            return Ok(None);
        };
        let text = fs::read_to_string(&path)?;
        let checkpoint = self.verifier().open(&text).map_err(|_| {
            let name = path.file_name().unwrap_or_default();
            CheckpointError::Foreign(name.to_string_lossy().into_owned())
        })?;
        Ok(Some((checkpoint.size, checkpoint.root, text)))
    }

    /// Holds the ledger against the newest checkpoint. `root_at` gives the ledger's root at a size it has.
    pub async fn check<E>(
        &self,
        have: u64,
        root_at: impl AsyncFnOnce(u64) -> Result<Hash, E>,
    ) -> Result<AtStart, E>
    where
        E: From<CheckpointError>,
    {
        let Some((signed, root, _)) = self.last()? else {
            return Ok(AtStart::Continues);
        };
        if have < signed || root_at(signed).await? != root {
            return Ok(AtStart::RolledBack { have, signed });
        }
        Ok(AtStart::Continues)
    }

    /// Signs and writes one checkpoint durably; answers its text.
    pub fn write(&self, frontier: &Frontier) -> Result<String, CheckpointError> {
        let text = self.signer.sign(frontier.size(), frontier.root());
        let path = self
            .folder
            .join(format!("{:020}.{ENDING}", frontier.size()));
        let draft = path.with_extension("incoming");
        let mut file = fs::File::create(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, &path)?;
        fs::File::open(&self.folder)?.sync_all()?;
        Ok(text)
    }

    /// Drops what is older than the last hour's, but for one of each hour.
    pub fn thin(&self) -> Result<(), CheckpointError> {
        let files = self.files()?;
        let older = files.len().saturating_sub(KEPT);
        let mut hour_kept = None;
        for path in files.iter().take(older) {
            let written = fs::metadata(path)?.modified()?;
            let hour = written
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |since| since.as_secs() / 3_600);
            if hour_kept == Some(hour) {
                fs::remove_file(path)?;
            }
            hour_kept = Some(hour);
        }
        Ok(())
    }

    /// Every checkpoint file, smallest ledger first.
    fn files(&self) -> Result<Vec<PathBuf>, CheckpointError> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == ENDING) {
                files.push(path);
            }
        }
        files.sort_unstable();
        Ok(files)
    }

    /// Writes a checkpoint each second while there are new entries, and a last one at the end.
    ///
    /// `written` gets each text. A checkpoint that cannot be written is tried again the next second.
    pub async fn run(
        &self,
        ledger: LedgerHandle,
        stop: CancellationToken,
        written: impl Fn(String),
    ) {
        let mut durable = ledger.durable();
        let mut last = self.last().ok().flatten().map_or(0, |(size, _, _)| size);
        let mut rounds = 0_u32;
        loop {
            let ends = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(Duration::from_secs(1)) => false,
            };
            let frontier = durable.borrow_and_update().frontier.clone();
            if frontier.size() > last {
                match self.write(&frontier) {
                    Ok(text) => {
                        last = frontier.size();
                        written(text);
                    }
                    Err(error) => tracing::error!(%error, "a checkpoint could not be written"),
                }
            }
            rounds = rounds.wrapping_add(1);
            if rounds.is_multiple_of(600)
                && let Err(error) = self.thin()
            {
                tracing::warn!(%error, "old checkpoints could not be thinned out");
            }
            if ends {
                return;
            }
        }
    }
}

/// The folder of checkpoints within the keeper's folder.
pub fn folder(keeper: &Path) -> PathBuf {
    keeper.join("checkpoints")
}

#[cfg(test)]
mod tests {
    use super::*;
    use candour_ledger::leaf_hash;

    fn frontier(entries: u8) -> Frontier {
        let mut frontier = Frontier::new();
        for entry in 0..entries {
            frontier.append(leaf_hash(&[entry]));
        }
        frontier
    }

    fn checkpoints(folder: &Path) -> Checkpoints {
        let signer = LogSigner::from_seed("candour.example/ledger", &[7; 32]).unwrap();
        Checkpoints::new(folder.to_owned(), signer).unwrap()
    }

    async fn check(checkpoints: &Checkpoints, ledger: &Frontier, at: &Frontier) -> AtStart {
        let root = at.root();
        let found: Result<AtStart, CheckpointError> =
            checkpoints.check(ledger.size(), async |_| Ok(root)).await;
        found.unwrap()
    }

    #[tokio::test]
    async fn a_ledger_that_goes_on_from_the_last_checkpoint_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = checkpoints(folder.path());
        checkpoints.write(&frontier(3)).unwrap();
        checkpoints.write(&frontier(11)).unwrap();
        assert_eq!(checkpoints.last().unwrap().unwrap().0, 11);
        assert_eq!(
            check(&checkpoints, &frontier(12), &frontier(11)).await,
            AtStart::Continues
        );
    }

    #[tokio::test]
    async fn a_ledger_rolled_back_to_yesterday_is_named_with_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = checkpoints(folder.path());
        checkpoints.write(&frontier(11)).unwrap();
        let found = check(&checkpoints, &frontier(9), &frontier(9)).await;
        assert_eq!(
            found,
            AtStart::RolledBack {
                have: 9,
                signed: 11
            }
        );
    }

    #[tokio::test]
    async fn a_longer_ledger_with_another_past_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = checkpoints(folder.path());
        checkpoints.write(&frontier(11)).unwrap();
        let found = check(&checkpoints, &frontier(20), &frontier(12)).await;
        assert_eq!(
            found,
            AtStart::RolledBack {
                have: 20,
                signed: 11
            }
        );
    }

    #[test]
    fn somebody_else_s_checkpoint_is_not_taken_for_ours() {
        let folder = tempfile::tempdir().unwrap();
        let other = LogSigner::from_seed("candour.example/ledger", &[8; 32]).unwrap();
        Checkpoints::new(folder.path().to_owned(), other)
            .unwrap()
            .write(&frontier(2))
            .unwrap();
        assert!(matches!(
            checkpoints(folder.path()).last(),
            Err(CheckpointError::Foreign(_))
        ));
    }
}
