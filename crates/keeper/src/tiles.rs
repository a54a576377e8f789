//! The ledger for outsiders: tiles, bundles and the newest checkpoint over them, as static files of a public folder.
//!
//! Made from what is durable already, beside the sequencer and after the keeper's own checkpoint: no opening waits for
//! it. Everything here follows from the ledger, so what is missing or not the ledger's is made anew.
//! Byte for byte: `docs/formats/tiles.md`.

use crate::checkpoint::{draft, keep};
use crate::export::{self, ExportError};
use crate::reader::{self, Unreadable};
use crate::sql::ledger as sql;
use candour_ledger::{
    Checkpoint, Entry, FromTiles, LogVerifier, Opening, ProofError, Receipt, Tile, Tiler,
    leaf_hash, prove_inclusion, verify_inclusion,
};
use candour_seal::MacKey;
use deadpool_postgres::Pool;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_postgres::Row;

/// Entries read at once.
const AT_ONCE: u64 = 8_192;

/// Why the public folder does not follow the ledger.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The folder or a file.
    #[error("the public folder cannot be read or written")]
    Io(#[from] io::Error),
    /// The database does not answer, or refuses.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// A row is not an entry.
    #[error(transparent)]
    Row(#[from] ExportError),
    /// Something there, or in the ledger, is not what was signed.
    #[error("the public tiles do not follow from the entries that were signed")]
    Disagrees,
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
        loop {
            let note = signed.borrow_and_update().clone();
            let mut published = self.publish(&note, &signed).await;
            if matches!(published, Err(PublishError::Disagrees)) {
                tracing::warn!("the public tiles are not the ledger's; they are made anew");
                let cleared = self.blocking(|this| Ok(this.clear()?)).await;
                published = match cleared {
                    Ok(()) => self.publish(&note, &signed).await,
                    Err(error) => Err(error),
                };
            }
            if let Err(error) = published {
                tracing::error!(%error, "outsiders see no newer checkpoint");
                if matches!(error, PublishError::Disagrees) {
                    return;
                }
            }
            if signed.changed().await.is_err() {
                return;
            }
        }
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
        let mut tiler = self.blocking(|this| this.resume()).await?;
        let mut full = Vec::new();
        while tiler.size() < target.size {
            if !full.is_empty() && signed.has_changed().is_err() {
                return Err(PublishError::Ended);
            }
            let to = target.size.min(tiler.size() + AT_ONCE);
            let range = [tiler.size(), to].map(|index| i64::try_from(index).unwrap_or(i64::MAX));
            let rows = reader::rows(&self.pool, sql::EXPORT, &[&range[0], &range[1]]).await?;
            let add = move |this: &Self| this.add(tiler, &rows);
            let (next, tiles) = self.blocking(add).await?;
            if next.size() != to {
                return Err(PublishError::Disagrees);
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
            .unwrap_or_else(|ended| Err(io::Error::other(ended).into()))
    }

    fn checkpoint(&self) -> PathBuf {
        self.folder.join("checkpoint")
    }

    /// The newest checkpoint whose tiles are all there: what it says, and its text.
    pub(crate) fn published(&self) -> Result<Option<(Checkpoint, String)>, PublishError> {
        match fs::read_to_string(self.checkpoint()) {
            Ok(note) => match self.verifier.open(&note) {
                Ok(checkpoint) => Ok(Some((checkpoint, note))),
                Err(_) => Err(PublishError::Disagrees),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A receipt of each of these entries that outsiders can see already, in the same order, under one checkpoint.
    pub(crate) async fn receipts(
        self: &Arc<Self>,
        entries: Vec<(Entry, Opening)>,
    ) -> Result<Vec<Receipt>, PublishError> {
        self.blocking(move |this| this.prove(&entries)).await
    }

    fn prove(&self, entries: &[(Entry, Opening)]) -> Result<Vec<Receipt>, PublishError> {
        let Some((Checkpoint { size, root, .. }, checkpoint)) = self.published()? else {
            return Ok(Vec::new());
        };
        let tiles = RefCell::new(BTreeMap::new());
        let read = |tile: &Tile| -> Result<Vec<u8>, PublishError> {
            if let Some(bytes) = tiles.borrow().get(tile) {
                return Ok(Vec::clone(bytes));
            }
            // A narrow one goes when the full one is there.
            let bytes = fs::read(self.folder.join(tile.to_string()))
                .or_else(|_| fs::read(self.folder.join(tile.filled().to_string())))?;
            tiles.borrow_mut().insert(*tile, bytes.clone());
            Ok(bytes)
        };
        let source = FromTiles { size, read };
        let seen = entries.iter().filter(|(entry, _)| entry.index < size);
        let receipt = |&(entry, opening): &(Entry, Opening)| -> Result<Receipt, PublishError> {
            let proof = prove_inclusion(entry.index, size, &source)?;
            let leaf = entry.leaf(&opening.salt());
            verify_inclusion(&leaf, entry.index, size, &proof, &root)?;
            let checkpoint = checkpoint.clone();
            Ok(Receipt {
                entry,
                opening,
                proof,
                checkpoint,
            })
        };
        seen.map(receipt).collect()
    }

    /// Goes on from what stands in the folder, once it gives the root that stands there signed.
    fn resume(&self) -> Result<Tiler, PublishError> {
        let Some((published, _)) = self.published()? else {
            return Ok(Tiler::default());
        };
        let read = |tile: &Tile| fs::read(self.folder.join(tile.to_string())).ok();
        Tiler::resume(published.size, read)
            .filter(|tiler| tiler.root() == published.root)
            .ok_or(PublishError::Disagrees)
    }

    /// Adds entries; tiles and bundles that became full are written and never again.
    fn add(&self, mut tiler: Tiler, rows: &[Row]) -> Result<(Tiler, Vec<Tile>), PublishError> {
        let mut full = Vec::new();
        for row in rows {
            let body = export::bytes(row, "body")?;
            let (entry, opening, leaf) = export::read(row, body, &self.salts)?;
            let commitment = entry.commitment(&opening.salt());
            if leaf_hash(&commitment) != leaf || entry.index != tiler.size() {
                return Err(PublishError::Disagrees);
            }
            tiler.append(&commitment, &mut full);
        }
        self.keep_tiles(&full)?;
        Ok((tiler, full.into_iter().map(|(tile, _)| tile).collect()))
    }

    fn finish(
        &self,
        tiler: &Tiler,
        target: &Checkpoint,
        note: &str,
        full: &[Tile],
    ) -> Result<(), PublishError> {
        if (tiler.size(), tiler.root()) != (target.size, target.root) {
            return Err(PublishError::Disagrees);
        }
        self.keep_tiles(&tiler.partial())?;
        fs::create_dir_all(&self.folder)?;
        keep(&self.checkpoint(), note.as_bytes())?;
        // Only now: until here a start would have gone on from them.
        for tile in full {
            match fs::remove_dir_all(self.folder.join(tile.path_of_partial())) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes tiles durably, each whole or not at all. One that is there already is not written again.
    fn keep_tiles(&self, tiles: &[(Tile, Vec<u8>)]) -> Result<(), PublishError> {
        let (mut drafts, mut folders) = (Vec::new(), BTreeSet::new());
        for (tile, bytes) in tiles {
            let path = self.folder.join(tile.to_string());
            match fs::read(&path) {
                Ok(there) if there == *bytes => continue,
                Ok(_) => return Err(PublishError::Disagrees),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                Err(_) => {}
            }
            let within = path.ancestors().skip(1);
            let within = within.take_while(|folder| folder.starts_with(&self.folder));
            folders.extend(within.map(Path::to_path_buf));
            fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
            drafts.push((draft(&path, bytes)?, path));
        }
        for (draft, path) in drafts {
            fs::rename(draft, path)?;
        }
        for folder in folders {
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    /// Takes everything away, first what says that the rest is there.
    fn clear(&self) -> io::Result<()> {
        for gone in [
            fs::remove_file(self.checkpoint()),
            fs::remove_dir_all(self.folder.join("tile")),
        ] {
            match gone {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}
