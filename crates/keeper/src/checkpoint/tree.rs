//! The tree of an earlier checkpoint, kept beside the folder of checkpoints.

use super::{CheckpointError, Checkpoints, keep, sync_folder};
use candour_ledger::Frontier;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{MutexGuard, PoisonError};

impl Checkpoints {
    /// The tree of an earlier checkpoint, from which a start goes on; `None` where there is none, or it is not that of any
    /// checkpoint that this keeper signed. Nobody need believe the file: its root is what was signed.
    pub fn tree(&self) -> Option<Frontier> {
        let tree = Frontier::from_bytes(&fs::read(self.tree_file()).ok()?).ok()?;
        let (size, root, _) = self.read(&self.file(tree.size())).ok()?;
        (size == tree.size() && root == tree.root()).then_some(tree)
    }

    /// The next start reads the whole ledger.
    pub fn forget_tree(&self) -> Result<(), CheckpointError> {
        let mut keeps_none = self.trees();
        *keeps_none = true;
        match fs::remove_file(self.tree_file()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(self.tree_file().parent().map_or(Ok(()), sync_folder)?),
        }
    }

    /// Whoever writes or removes the tree holds this.
    fn trees(&self) -> MutexGuard<'_, bool> {
        let held = self.keeps_no_tree.lock();
        held.unwrap_or_else(PoisonError::into_inner)
    }

    fn tree_file(&self) -> PathBuf {
        self.folder.with_file_name("ledger-tree")
    }

    /// Writes a checkpoint, and keeps its tree. Without one the next start only reads more.
    pub(super) fn write_with_tree(&self, frontier: &Frontier) -> Result<String, CheckpointError> {
        let text = self.write(frontier)?;
        let keeps_none = self.trees();
        if !*keeps_none && let Err(error) = keep(&self.tree_file(), &frontier.to_bytes()) {
            tracing::warn!(%error, "the ledger's tree could not be kept; the next start reads more of it");
        }
        Ok(text)
    }
}
