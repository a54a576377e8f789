//! The ledger for outsiders: tiles, bundles and the newest checkpoint over them, as static files of a public folder.
//!
//! Made from what is durable already, beside the sequencer and after the keeper's own checkpoint: no opening waits for
//! it. Everything here follows from the ledger, so what is missing or not the ledger's is made anew; but only once the
//! ledger itself gives what was signed, for else the tiles are the good ones.
//! Byte for byte: `docs/formats/tiles.md`.

use crate::checkpoint::{draft, keep, sync_folder};
use crate::export::{self, ExportError};
use crate::reader::{self, Unreadable};
use crate::sql::ledger as sql;
use candour_ledger::{
    Checkpoint, Entry, FromTiles, Frontier, Hash, LogVerifier, Opening, ProofError, Receipt, Tile,
    Tiler, continued, leaf_hash, prove_inclusion, verify_inclusion,
};
use candour_seal::MacKey;
use deadpool_postgres::Pool;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_postgres::Row;

/// The newest checkpoint that enough witnesses cosigned, in the public folder.
pub(crate) const COSIGNED: &str = "cosigned";
/// Entries read at once.
const AT_ONCE: u64 = 8_192;
/// How long after a failure it is tried again; each time may read the whole ledger.
const RETRY: Duration = Duration::from_secs(30);

/// Why the public folder does not follow the ledger.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The folder or a file.
    #[error("{path} cannot be read or written: {source}", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database does not answer, or refuses.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// A row is not an entry.
    #[error(transparent)]
    Row(#[from] ExportError),
    /// Rows are missing or do not give what was signed: what stands in the folder may be the last good copy.
    #[error("the ledger's rows do not give what was signed; the public tiles stay as they are")]
    Ledger,
    /// What stands in the folder does not lead to what was signed.
    #[error("what stands in the public folder does not lead to what was signed")]
    Folder,
    /// Nothing is public, or not yet.
    #[error("the public folder has no checkpoint")]
    Missing,
    /// What stands there gives no proof.
    #[error("the public tiles do not prove an entry")]
    Unproved(#[from] ProofError),
    /// The keeper ends; the next start goes on.
    #[error("the keeper ended before all tiles were written")]
    Ended,
}

/// The public folder and what its files follow from.
pub struct PublicTiles {
    /// Where the files are.
    pub folder: PathBuf,
    /// The log's public key.
    pub verifier: LogVerifier,
    pub(crate) pool: Pool,
    pub(crate) salts: MacKey,
}

impl PublicTiles {
    /// Publishes each checkpoint that is signed, as far as it keeps pace; the last one too.
    pub async fn run(self: Arc<Self>, mut signed: watch::Receiver<String>) {
        let (mut ends, mut known) = (false, String::new());
        while !ends {
            let note = signed.borrow_and_update().clone();
            let failed = self.follow(&note, &signed).await.err();
            let error = failed.map(|error| error.to_string()).unwrap_or_default();
            let has_failed = !error.is_empty();
            if error != known && has_failed {
                tracing::error!(%error, "outsiders see no newer checkpoint");
            } else if error != known {
                tracing::info!("outsiders see the newest checkpoint again");
            }
            known = error;
            ends = if has_failed {
                self.waits(&mut signed).await
            } else {
                signed.changed().await.is_err()
            };
        }
    }

    /// Waits until it is time to try again. When nothing more will be signed, it tries once more and says so.
    async fn waits(self: &Arc<Self>, signed: &mut watch::Receiver<String>) -> bool {
        let end = async { while signed.changed().await.is_ok() {} };
        if tokio::time::timeout(RETRY, end).await.is_err() {
            return false;
        }
        let note = signed.borrow().clone();
        if let Err(error) = self.follow(&note, signed).await {
            tracing::error!(%error, "outsiders do not see the last checkpoint");
        }
        true
    }

    /// Publishes. A folder that is not the ledger's is made anew, once the ledger itself gives what was signed.
    async fn follow(
        self: &Arc<Self>,
        note: &str,
        signed: &watch::Receiver<String>,
    ) -> Result<(), PublishError> {
        match self.publish(note, signed).await {
            Err(PublishError::Folder) => {}
            published => return published,
        }
        let Ok(target) = self.verifier.open(note) else {
            return Err(PublishError::Folder);
        };
        let evidence = self.contradicts(&target, signed).await?;
        tracing::warn!("the public tiles are not the ledger's; they are made anew");
        if let Some(size) = evidence {
            tracing::error!(size, "a checkpoint was public that the ledger contradicts");
        }
        self.blocking(move |this| this.clear(evidence)).await?;
        self.publish(note, signed).await
    }

    /// Sees that the ledger alone gives what was signed. Answers the size of the checkpoint that stands in the folder,
    /// signed by this log, where it is of another past or a longer one.
    async fn contradicts(
        self: &Arc<Self>,
        target: &Checkpoint,
        signed: &watch::Receiver<String>,
    ) -> Result<Option<u64>, PublishError> {
        let stands = self
            .blocking(|this| Ok(this.published().ok().flatten()))
            .await?;
        let at = stands.map(|(checkpoint, _)| (checkpoint.size, checkpoint.root));
        let (mut frontier, mut agrees) = (Frontier::new(), at.is_some_and(|(size, _)| size == 0));
        while frontier.size() < target.size {
            if frontier.size() > 0 && signed.has_changed().is_err() {
                return Err(PublishError::Ended);
            }
            let to = target.size.min(frontier.size() + AT_ONCE);
            let rows = self.rows(frontier.size(), to).await?;
            let add = move |this: &Self| this.hold(frontier, &rows, at);
            let (next, has_agreed) = self.blocking(add).await?;
            (frontier, agrees) = (next, agrees || has_agreed);
            if frontier.size() != to {
                return Err(PublishError::Ledger);
            }
        }
        if frontier.root() != target.root {
            return Err(PublishError::Ledger);
        }
        Ok(at.map(|(size, _)| size).filter(|_| !agrees))
    }

    /// Adds entries; says whether the tree had this root at this size on the way.
    fn hold(
        &self,
        mut frontier: Frontier,
        rows: &[Row],
        at: Option<(u64, Hash)>,
    ) -> Result<(Frontier, bool), PublishError> {
        let mut agrees = false;
        for row in rows {
            let commitment = self.commitment(row, frontier.size())?;
            frontier.append(leaf_hash(&commitment));
            agrees |=
                at.is_some_and(|(size, root)| size == frontier.size() && root == frontier.root());
        }
        Ok((frontier, agrees))
    }

    async fn rows(&self, from: u64, to: u64) -> Result<Vec<Row>, PublishError> {
        let range = [from, to].map(|index| i64::try_from(index).unwrap_or(i64::MAX));
        Ok(reader::rows(&self.pool, sql::EXPORT, &[&range[0], &range[1]]).await?)
    }

    /// Writes what is missing up to a signed checkpoint, and then the checkpoint.
    async fn publish(
        self: &Arc<Self>,
        note: &str,
        signed: &watch::Receiver<String>,
    ) -> Result<(), PublishError> {
        let Ok(target) = self.verifier.open(note) else {
            // None was signed yet.
            return Ok(());
        };
        let mut tiler = self.blocking(Self::resume).await?;
        let mut full = Vec::new();
        while tiler.size() < target.size {
            if !full.is_empty() && signed.has_changed().is_err() {
                return Err(PublishError::Ended);
            }
            let to = target.size.min(tiler.size() + AT_ONCE);
            let rows = self.rows(tiler.size(), to).await?;
            let add = move |this: &Self| this.add(tiler, &rows);
            let (next, tiles) = self.blocking(add).await?;
            if next.size() != to {
                return Err(PublishError::Ledger);
            }
            full.extend(tiles);
            tiler = next;
        }
        let note = note.to_owned();
        self.blocking(move |this| this.finish(&tiler, &target, &note, &full))
            .await
    }

    /// It waits for the disk, and nobody who asks may wait for that.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, PublishError> + Send + 'static,
    ) -> Result<T, PublishError> {
        let this = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&this))
            .await
            .unwrap_or_else(|ended| Err(failed(&self.folder, io::Error::other(ended))))
    }

    fn checkpoint(&self) -> PathBuf {
        self.folder.join("checkpoint")
    }

    /// The newest checkpoint whose tiles are all there: what it says, and its text.
    pub(crate) fn published(&self) -> Result<Option<(Checkpoint, String)>, PublishError> {
        self.note(&self.checkpoint())
    }

    fn note(&self, path: &Path) -> Result<Option<(Checkpoint, String)>, PublishError> {
        match fs::read_to_string(path) {
            Ok(note) => match self.verifier.open(&note) {
                Ok(checkpoint) => Ok(Some((checkpoint, note))),
                Err(_) => Err(PublishError::Folder),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(path, error)),
        }
    }

    /// A receipt of each of these entries that outsiders can see already, in the same order: under the newest checkpoint that
    /// enough witnesses cosigned where it is old enough to hold the entry, else under the newest.
    pub(crate) async fn receipts(
        self: &Arc<Self>,
        entries: Vec<(Entry, Opening)>,
    ) -> Result<Vec<Receipt>, PublishError> {
        self.blocking(move |this| this.prove(&entries)).await
    }

    fn prove(&self, entries: &[(Entry, Opening)]) -> Result<Vec<Receipt>, PublishError> {
        let Some(newest) = self.published()? else {
            // Whoever asks was written down under a checkpoint, so this is not the beginning.
            return Err(PublishError::Missing);
        };
        let most = newest.0.size;
        // One that cannot be read is replaced by the next that is brought; the newest proves as much of the log.
        let cosigned = self.note(&self.folder.join(COSIGNED)).ok().flatten();
        let cosigned = cosigned.filter(|(cosigned, _)| cosigned.size <= most);
        // The widest tiles hold the older tree too; its own narrow ones may be gone.
        let (size, read) = (most, self.tiles());
        let source = FromTiles { size, read };
        let seen = entries.iter().filter(|(entry, _)| entry.index < most);
        let receipt = |&(entry, opening): &(Entry, Opening)| -> Result<Receipt, PublishError> {
            let holds = |under: &&(Checkpoint, String)| entry.index < under.0.size;
            let (signed, note) = cosigned.as_ref().filter(holds).unwrap_or(&newest);
            let size = signed.size;
            let proof = prove_inclusion(entry.index, size, &source)?;
            let leaf = entry.leaf(&opening.salt());
            verify_inclusion(&leaf, entry.index, size, &proof, &signed.root)?;
            let checkpoint = note.clone();
            Ok(Receipt {
                entry,
                opening,
                proof,
                checkpoint,
            })
        };
        seen.map(receipt).collect()
    }

    /// Gives the folder's tiles; each is read once.
    fn tiles(&self) -> impl Fn(&Tile) -> Result<Vec<u8>, PublishError> {
        let tiles = RefCell::new(BTreeMap::new());
        move |tile: &Tile| {
            if let Some(bytes) = tiles.borrow().get(tile) {
                return Ok(Vec::clone(bytes));
            }
            // A narrow one goes when the full one is there.
            let filled = self.folder.join(tile.filled().to_string());
            let bytes = fs::read(self.folder.join(tile.to_string()))
                .or_else(|_| fs::read(&filled))
                .map_err(|error| failed(&filled, error))?;
            tiles.borrow_mut().insert(*tile, bytes.clone());
            Ok(bytes)
        }
    }

    /// Whether what outsiders see of the ledger continues this checkpoint, which may be of another past.
    pub(crate) fn continues(&self, older: &Checkpoint) -> Result<bool, PublishError> {
        let (newest, _) = self.published()?.ok_or(PublishError::Missing)?;
        if older.size == 0 || older.size > newest.size {
            return Ok(older.size == 0);
        }
        let (size, read) = (newest.size, self.tiles());
        let (root, _) = continued(older.size, size, &newest.root, &FromTiles { size, read })?;
        Ok(root == older.root)
    }

    /// Goes on from what stands in the folder, once it gives the root that stands there signed.
    fn resume(&self) -> Result<Tiler, PublishError> {
        let Some((published, _)) = self.published()? else {
            return Ok(Tiler::default());
        };
        let read = |tile: &Tile| fs::read(self.folder.join(tile.to_string())).ok();
        Tiler::resume(published.size, read)
            .filter(|tiler| tiler.root() == published.root)
            .ok_or(PublishError::Folder)
    }

    /// Adds entries; tiles and bundles that became full are written and never again.
    fn add(&self, mut tiler: Tiler, rows: &[Row]) -> Result<(Tiler, Vec<Tile>), PublishError> {
        let mut full = Vec::new();
        for row in rows {
            let commitment = self.commitment(row, tiler.size())?;
            tiler.append(&commitment, &mut full);
        }
        self.keep_tiles(&full)?;
        Ok((tiler, full.into_iter().map(|(tile, _)| tile).collect()))
    }

    /// The commitment of the entry at this index, once its row gives the leaf that was written.
    fn commitment(&self, row: &Row, index: u64) -> Result<[u8; 32], PublishError> {
        let body = export::bytes(row, "body")?;
        let (entry, opening, leaf) = export::read(row, body, &self.salts)?;
        let commitment = entry.commitment(&opening.salt());
        if leaf_hash(&commitment) != leaf || entry.index != index {
            return Err(PublishError::Ledger);
        }
        Ok(commitment)
    }

    fn finish(
        &self,
        tiler: &Tiler,
        target: &Checkpoint,
        note: &str,
        full: &[Tile],
    ) -> Result<(), PublishError> {
        if (tiler.size(), tiler.root()) != (target.size, target.root) {
            return Err(PublishError::Folder);
        }
        self.keep_tiles(&tiler.partial())?;
        let checkpoint = self.checkpoint();
        fs::create_dir_all(&self.folder).map_err(|error| failed(&self.folder, error))?;
        // One that is ahead by now is never taken back.
        if matches!(self.published(), Ok(Some((ahead, _))) if ahead.size > target.size) {
            return Ok(());
        }
        keep(&checkpoint, note.as_bytes()).map_err(|error| failed(&checkpoint, error))?;
        // Only now: until here a start would have gone on from them.
        for tile in full {
            let partial = self.folder.join(tile.path_of_partial());
            gone(&partial, fs::remove_dir_all(&partial))?;
        }
        Ok(())
    }

    /// Writes tiles durably, each whole or not at all. One that is there already is not written again.
    fn keep_tiles(&self, tiles: &[(Tile, Vec<u8>)]) -> Result<(), PublishError> {
        let (mut drafts, mut folders) = (Vec::new(), BTreeSet::new());
        for (tile, bytes) in tiles {
            let path = self.folder.join(tile.to_string());
            // Each that gives a name. One that is there may be so since a try whose names were not kept.
            for folder in path.ancestors().skip(1) {
                folders.insert(folder.to_path_buf());
                if folder == self.folder {
                    break;
                }
            }
            match fs::read(&path) {
                Ok(there) if there == *bytes => continue,
                Ok(_) => return Err(PublishError::Folder),
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed(&path, error));
                }
                Err(_) => {}
            }
            fs::create_dir_all(path.parent().unwrap_or(&self.folder))
                .map_err(|error| failed(&path, error))?;
            let draft = draft(&path, bytes).map_err(|error| failed(&path, error))?;
            drafts.push((draft, path));
        }
        for (draft, path) in drafts {
            fs::rename(draft, &path).map_err(|error| failed(&path, error))?;
        }
        for folder in folders {
            sync_folder(&folder).map_err(|error| failed(&folder, error))?;
        }
        Ok(())
    }

    /// Takes everything away, first what says that the rest is there. A checkpoint of this size that the ledger
    /// contradicts is evidence, so it is only set aside.
    fn clear(&self, evidence: Option<u64>) -> Result<(), PublishError> {
        if let Some(size) = evidence {
            set_aside(&self.folder, "checkpoint", size)?;
        }
        let (checkpoint, tiles) = (self.checkpoint(), self.folder.join("tile"));
        gone(&checkpoint, fs::remove_file(&checkpoint))?;
        gone(&tiles, fs::remove_dir_all(&tiles))
    }
}

pub(crate) fn failed(path: &Path, source: io::Error) -> PublishError {
    let path = path.to_path_buf();
    PublishError::Io { path, source }
}

/// Moves a checkpoint of the public folder that the ledger contradicts to where nobody serves it.
pub(crate) fn set_aside(folder: &Path, name: &str, size: u64) -> Result<(), PublishError> {
    let lost = folder.join("lost");
    let kept = lost.join(format!("{size:020}.{name}"));
    let moved = fs::create_dir_all(&lost).and_then(|()| fs::rename(folder.join(name), kept));
    moved.map_err(|error| failed(&lost, error))?;
    for folder in [lost.as_path(), folder] {
        sync_folder(folder).map_err(|error| failed(folder, error))?;
    }
    Ok(())
}

/// What was taken away may have been gone already.
pub(crate) fn gone(path: &Path, removed: io::Result<()>) -> Result<(), PublishError> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, error)),
        _ => Ok(()),
    }
}
