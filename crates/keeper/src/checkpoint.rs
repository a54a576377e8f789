//! Signed checkpoints outside the database, and the check against the last one at start.

mod tree;

use crate::keys::Keys;
use crate::ledger::LedgerHandle;
use candour_ledger::{Frontier, Hash, LogSigner, LogVerifier};
use candour_seal::{MacKey, hmac, hmac_matches};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The checkpoints of the last hour are all kept; of older ones, one for each hour of their writing.
const KEPT: usize = 3_600;
const ENDING: &str = "checkpoint";
/// Rounds of a second from one tree that is kept to the next.
const TREE_ROUNDS: u32 = 60;

/// Why checkpoints cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The folder or a file.
    #[error("checkpoints cannot be read or written")]
    Io(#[from] io::Error),
    /// A file in the folder is not a checkpoint of this ledger.
    #[error("the file {0} is not a checkpoint signed by this keeper")]
    Foreign(String),
    /// What lies there as accepted was not accepted, or for another ledger.
    #[error(
        "accepted-loss.json was not written by this keeper for the ledger as it is. Move it away and start again; if \
         entries are lost, two operators accept that: candour-keeper accept-loss"
    )]
    NotAccepted,
}

/// What the start check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AtStart {
    /// The ledger continues what was signed last (or nothing was signed yet).
    Continues,
    /// The ledger is shorter than what was signed, or not the same.
    RolledBack(Loss),
}

/// What of a signed ledger is missing; once two operators accepted it, what the keeper goes on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Entries that the ledger has: the first missing index.
    pub from: u64,
    /// Entries that were signed. Less than `from` where the ledger is long enough and another one; as much where no
    /// checkpoint is left, so that nobody can know.
    pub to: u64,
    /// Files of the checkpoints that the ledger contradicts.
    pub contradicted: Vec<String>,
    /// The ledger is whole in itself: its head follows from its leaves. Any other cannot be gone on from.
    pub is_whole: bool,
}

/// A loss that two operators accepted, as it waits beside the checkpoints for the next start.
#[derive(Serialize, Deserialize)]
pub struct Accepted {
    /// What they accepted.
    pub loss: Loss,
    /// The root of the ledger they accepted it for.
    root: [u8; 32],
    /// HMAC over both.
    mac: [u8; 32],
}

impl Accepted {
    /// The ledger is the one it was accepted for, or that with the entries that say what is lost.
    pub fn is_of(
        &self,
        have: u64,
        roots: Option<&BTreeMap<u64, Hash>>,
    ) -> Result<(), CheckpointError> {
        let Loss { from, to, .. } = self.loss;
        let root = roots.and_then(|roots| roots.get(&from));
        // An entry for each that is lost, and an alarm.
        let is_under_way = (from..=to.max(from + 1) + 1).contains(&have);
        if is_under_way && root.is_some_and(|root| *root.as_bytes() == self.root) {
            return Ok(());
        }
        Err(CheckpointError::NotAccepted)
    }
}

/// The ledger's roots at the sizes asked for and reached; `None` when its head is not the one of its leaves.
pub type Roots = Option<BTreeMap<u64, Hash>>;

/// The folder of checkpoints and the key that signs them.
pub struct Checkpoints {
    folder: PathBuf,
    signer: LogSigner,
    acceptance: MacKey,
    /// The kept tree was not the ledger's: this process keeps none any more.
    keeps_no_tree: Mutex<bool>,
}

/// The checkpoints of a folder, the newest last.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Whether the keeper with these keys signed the newest checkpoint of its folder. Where there is none, nobody can tell.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn was_signed_by(keeper: &Path, keys: &Keys) -> io::Result<bool> {
    let path = match files(&folder(keeper)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        found => found.ok().and_then(|mut files| files.pop()),
    };
    let Some(path) = path else { return Ok(true) };
    let text = fs::read_to_string(path)?;
    let name = text.lines().next().unwrap_or_default();
    let signer = LogSigner::from_seed(name, keys.checkpoint_seed().expose());
    Ok(signer.is_ok_and(|signer| signer.verifier().open(&text).is_ok()))
}

impl Checkpoints {
    /// Over this folder, which is made when it is missing.
    pub fn new(
        folder: PathBuf,
        signer: LogSigner,
        acceptance: MacKey,
    ) -> Result<Self, CheckpointError> {
        fs::create_dir_all(&folder)?;
        Ok(Self {
            folder,
            signer,
            acceptance,
            keeps_no_tree: Mutex::new(false),
        })
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
        self.read(&path).map(Some)
    }

    fn read(&self, path: &Path) -> Result<(u64, Hash, String), CheckpointError> {
        let text = fs::read_to_string(path)?;
        let checkpoint = self
            .verifier()
            .open(&text)
            .map_err(|_| CheckpointError::Foreign(name_of(path)))?;
        Ok((checkpoint.size, checkpoint.root, text))
    }

    /// Holds the ledger against the newest checkpoint. `roots_at` gives the ledger's roots at some sizes.
    ///
    /// A ledger of which no checkpoint is left may be one of any length, rolled back to any day: unless it is known to
    /// go on (new, or accepted), it is not gone on from until two operators accepted that nobody can know. The one over
    /// the empty ledger fits every ledger, so it says nothing.
    pub async fn check<E>(
        &self,
        have: u64,
        goes_on: bool,
        roots_at: impl AsyncFn(BTreeSet<u64>) -> Result<Roots, E>,
    ) -> Result<AtStart, E>
    where
        E: From<CheckpointError>,
    {
        if let Some((signed, root, _)) = self.last()?.filter(|(signed, _, _)| *signed > 0) {
            let roots = roots_at(BTreeSet::from([signed])).await?;
            if roots.is_some_and(|roots| roots.get(&signed) == Some(&root)) {
                return Ok(AtStart::Continues);
            }
        } else if goes_on {
            return Ok(AtStart::Continues);
        }
        let mut all = Vec::new();
        for path in self.files()? {
            let (size, root, _) = self.read(&path)?;
            if size > 0 {
                all.push((size, root, name_of(&path)));
            }
        }
        let roots = roots_at(all.iter().map(|(size, _, _)| *size).collect()).await?;
        let agrees = |size, root| roots.as_ref().and_then(|roots| roots.get(size)) == Some(root);
        Ok(AtStart::RolledBack(Loss {
            from: have,
            to: all.last().map_or(have, |(size, _, _)| *size),
            contradicted: all
                .iter()
                .filter(|(size, root, _)| !agrees(size, root))
                .map(|(_, _, name)| name.clone())
                .collect(),
            is_whole: roots.is_some(),
        }))
    }

    /// The loss that two operators accepted and that is not written to the ledger yet.
    pub fn accepted(&self) -> Result<Option<Accepted>, CheckpointError> {
        let bytes = match fs::read(self.acceptance()) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let accepted: Accepted =
            serde_json::from_slice(&bytes).map_err(|_| CheckpointError::NotAccepted)?;
        let text = accepted_text(&accepted.loss, &accepted.root)?;
        if !hmac_matches(&self.acceptance, &text, &accepted.mac) {
            return Err(CheckpointError::NotAccepted);
        }
        Ok(Some(accepted))
    }

    /// Two operators accept the loss of the ledger with this root; it takes effect when the keeper starts again.
    pub fn accept(&self, loss: &Loss, root: Hash) -> Result<(), CheckpointError> {
        let root = *root.as_bytes();
        let mac = hmac(&self.acceptance, &accepted_text(loss, &root)?);
        let loss = loss.clone();
        let accepted = Accepted { loss, root, mac };
        let text = serde_json::to_vec_pretty(&accepted).map_err(io::Error::from)?;
        Ok(keep(&self.acceptance(), &text)?)
    }

    /// Moves the checkpoints that an accepted ledger contradicts out of the way. They are evidence, so they stay.
    pub fn set_aside(&self, loss: &Loss) -> Result<(), CheckpointError> {
        let lost = self.folder.join("lost");
        fs::create_dir_all(&lost)?;
        for name in &loss.contradicted {
            match fs::rename(self.folder.join(name), lost.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        sync_folder(&self.folder)?;
        Ok(())
    }

    /// The accepted loss stands in the ledger: what was accepted lies with the checkpoints that were set aside, without
    /// what would let it be accepted again.
    pub fn settle(&self, loss: &Loss) -> Result<(), CheckpointError> {
        let name = format!("{:020}.accepted", loss.to);
        let text = serde_json::to_vec_pretty(loss).map_err(io::Error::from)?;
        keep(&self.folder.join("lost").join(name), &text)?;
        fs::remove_file(self.acceptance())?;
        Ok(())
    }

    /// Beside the folder and not in it: `candour-verify` takes whatever lies there for a checkpoint.
    fn acceptance(&self) -> PathBuf {
        self.folder.with_file_name("accepted-loss.json")
    }

    /// Signs and writes one checkpoint durably; answers its text.
    pub fn write(&self, frontier: &Frontier) -> Result<String, CheckpointError> {
        let text = self.signer.sign(frontier.size(), frontier.root());
        keep(&self.file(frontier.size()), text.as_bytes())?;
        Ok(text)
    }

    fn file(&self, size: u64) -> PathBuf {
        self.folder.join(format!("{size:020}.{ENDING}"))
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
        Ok(files(&self.folder)?)
    }

    /// Writes a checkpoint each second while there are new entries, and a last one at the end.
    ///
    /// `written` gets each text. A checkpoint that cannot be written is tried again the next second.
    pub async fn run(
        self: Arc<Self>,
        ledger: LedgerHandle,
        stop: CancellationToken,
        written: impl Fn(String),
    ) {
        let mut durable = ledger.durable();
        let mut last = self.last().ok().flatten().map_or(0, |(size, _, _)| size);
        let (mut rounds, mut kept) = (0_u32, 0);
        loop {
            let ends = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(Duration::from_secs(1)) => false,
            };
            let frontier = durable.borrow_and_update().frontier.clone();
            if frontier.size() > last {
                let size = frontier.size();
                let this = Arc::clone(&self);
                let keeps_tree = ends || rounds.wrapping_sub(kept) >= TREE_ROUNDS;
                if keeps_tree {
                    kept = rounds;
                }
                // It waits for the disk, and nobody who asks may wait for that.
                let wrote = tokio::task::spawn_blocking(move || {
                    if keeps_tree {
                        this.write_with_tree(&frontier)
                    } else {
                        this.write(&frontier)
                    }
                })
                .await;
                match wrote.unwrap_or_else(|ended| Err(io::Error::other(ended).into())) {
                    Ok(text) => {
                        last = size;
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

/// Writes a file durably, whole or not at all.
pub(crate) fn keep(path: &Path, text: &[u8]) -> io::Result<()> {
    let draft = draft(path, text)?;
    fs::rename(&draft, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Writes a file's content durably beside it, to be renamed; answers where.
pub(crate) fn draft(path: &Path, text: &[u8]) -> io::Result<PathBuf> {
    let draft = path.with_extension("incoming");
    let mut file = fs::File::create(&draft)?;
    file.write_all(text)?;
    file.sync_all()?;
    Ok(draft)
}

/// What the acceptance is authenticated as.
fn accepted_text(loss: &Loss, root: &[u8; 32]) -> Result<Vec<u8>, CheckpointError> {
    Ok(serde_json::to_vec(&(loss, root)).map_err(io::Error::from)?)
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
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

    fn acceptance() -> MacKey {
        candour_seal::RootKey::from_bytes(&[7; 32]).derive(b"accepted loss")
    }

    fn checkpoints(folder: &Path) -> Checkpoints {
        let signer = LogSigner::from_seed("candour.example/ledger", &[7; 32]).unwrap();
        Checkpoints::new(folder.join("checkpoints"), signer, acceptance()).unwrap()
    }

    /// A ledger of this many entries; from `other` on they are not the ones that were signed.
    async fn check(checkpoints: &Checkpoints, entries: u8, other: u8) -> AtStart {
        check_of(checkpoints, entries, other, false).await
    }

    async fn check_of(checkpoints: &Checkpoints, entries: u8, other: u8, goes_on: bool) -> AtStart {
        let roots = async |sizes: BTreeSet<u64>| -> Result<Roots, CheckpointError> {
            let mut frontier = Frontier::new();
            let mut roots = BTreeMap::new();
            for entry in 0..entries {
                let leaf = if entry < other { entry } else { entry + 100 };
                frontier.append(leaf_hash(&[leaf]));
                if sizes.contains(&frontier.size()) {
                    roots.insert(frontier.size(), frontier.root());
                }
            }
            Ok(Some(roots))
        };
        checkpoints
            .check(entries.into(), goes_on, roots)
            .await
            .unwrap()
    }

    fn loss(from: u64, to: u64, contradicted: &[u64]) -> AtStart {
        let name = |size: &u64| format!("{size:020}.checkpoint");
        AtStart::RolledBack(Loss {
            from,
            to,
            contradicted: contradicted.iter().map(name).collect(),
            is_whole: true,
        })
    }

    #[tokio::test]
    async fn a_ledger_that_goes_on_from_the_last_checkpoint_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = checkpoints(folder.path());
        checkpoints.write(&frontier(3)).unwrap();
        checkpoints.write(&frontier(11)).unwrap();
        assert_eq!(checkpoints.last().unwrap().unwrap().0, 11);
        assert_eq!(check(&checkpoints, 12, 12).await, AtStart::Continues);
    }

    #[tokio::test]
    async fn a_ledger_rolled_back_to_yesterday_is_named_with_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = checkpoints(folder.path());
        for size in [3, 10, 11] {
            checkpoints.write(&frontier(size)).unwrap();
        }
        let found = check(&checkpoints, 9, 9).await;
        assert_eq!(found, loss(9, 11, &[10, 11]));
        let AtStart::RolledBack(loss) = found else {
            panic!("accepted")
        };
        checkpoints.accept(&loss, frontier(9).root()).unwrap();
        let accepted = checkpoints.accepted().unwrap().unwrap();
        assert_eq!(accepted.loss, loss);
        checkpoints.set_aside(&loss).unwrap();
        assert_eq!(checkpoints.last().unwrap().unwrap().0, 3);
        checkpoints.settle(&loss).unwrap();
        assert!(checkpoints.accepted().unwrap().is_none());
        let kept = fs::read_dir(folder.path().join("checkpoints/lost")).unwrap();
        assert_eq!(kept.count(), 3);
    }

    #[tokio::test]
    async fn a_longer_ledger_with_another_past_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = checkpoints(folder.path());
        checkpoints.write(&frontier(11)).unwrap();
        assert_eq!(check(&checkpoints, 20, 5).await, loss(20, 11, &[11]));
    }

    #[tokio::test]
    async fn a_ledger_of_which_no_checkpoint_is_left_waits_for_two_people_and_a_new_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = checkpoints(folder.path());
        assert_eq!(check_of(&checkpoints, 0, 0, true).await, AtStart::Continues);
        assert_eq!(check(&checkpoints, 0, 0).await, loss(0, 0, &[]));
        assert_eq!(check(&checkpoints, 9, 9).await, loss(9, 9, &[]));
        assert_eq!(check_of(&checkpoints, 9, 9, true).await, AtStart::Continues);
    }

    #[tokio::test]
    async fn the_checkpoint_over_the_empty_ledger_is_none_for_one_with_entries() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = checkpoints(folder.path());
        checkpoints.write(&frontier(0)).unwrap();
        assert_eq!(check(&checkpoints, 9, 9).await, loss(9, 9, &[]));
        checkpoints.write(&frontier(8)).unwrap();
        assert_eq!(check(&checkpoints, 9, 9).await, AtStart::Continues);
    }

    #[test]
    fn an_acceptance_that_nobody_gave_or_that_was_changed_is_refused_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = checkpoints(folder.path());
        let AtStart::RolledBack(loss) = loss(9, 11, &[10, 11]) else {
            panic!("no loss")
        };
        let path = folder.path().join("accepted-loss.json");
        checkpoints.accept(&loss, frontier(9).root()).unwrap();
        let given = fs::read_to_string(&path).unwrap();
        for forged in [
            serde_json::to_string(&loss).unwrap(),
            given.replace("\"to\": 11", "\"to\": 12"),
            given.replace("\"from\": 9", "\"from\": 3"),
        ] {
            assert_ne!(forged, given);
            fs::write(&path, forged).unwrap();
            let refused = checkpoints.accepted().err().unwrap().to_string();
            assert!(refused.contains("Move it away"), "{refused}");
        }
    }

    #[test]
    fn an_acceptance_is_of_the_ledger_it_was_given_for_and_of_no_later_one() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = checkpoints(folder.path());
        let AtStart::RolledBack(loss) = loss(9, 11, &[10, 11]) else {
            panic!("no loss")
        };
        checkpoints.accept(&loss, frontier(9).root()).unwrap();
        let accepted = checkpoints.accepted().unwrap().unwrap();
        let roots = |size| BTreeMap::from([(9, frontier(size).root())]);
        // As it was, while the lost entries are written, and with the alarm.
        for have in [9, 10, 12] {
            assert!(accepted.is_of(have, Some(&roots(9))).is_ok(), "{have}");
        }
        for (have, root) in [(8, 9), (13, 9), (9, 8)] {
            assert!(accepted.is_of(have, Some(&roots(root))).is_err(), "{have}");
        }
        assert!(accepted.is_of(9, None).is_err());
    }

    #[test]
    fn somebody_else_s_checkpoint_is_not_taken_for_ours() {
        let folder = tempfile::tempdir().unwrap();
        let other = LogSigner::from_seed("candour.example/ledger", &[8; 32]).unwrap();
        Checkpoints::new(folder.path().join("checkpoints"), other, acceptance())
            .unwrap()
            .write(&frontier(2))
            .unwrap();
        assert!(matches!(
            checkpoints(folder.path()).last(),
            Err(CheckpointError::Foreign(_))
        ));
    }
}
