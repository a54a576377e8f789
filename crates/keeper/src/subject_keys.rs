//! Subject keys: the reading and the audit key of a patient, of a practice or of the installation.

use crate::cache::Cache;
use crate::foreign::ForeignRows;
use crate::keys::{KeyedToken, Keys, OwnSubject};
use crate::reader::{self, Unreadable};
use crate::sql::{calls, making};
use candour_keeper_wire::words::Reason;
use candour_seal::{AuditKey, EpochKey, MacKey, SubjectKey, SystemRandom, Wrapped, unwrap, wrap};
use deadpool_postgres::Pool;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// How many subjects' keys are held unwrapped; they are wiped when they are forgotten.
const REMEMBERED: usize = 50_000;
/// The scope of the epoch keys for people.
pub const PEOPLE: [u8; 16] = [0; 16];

/// New keys of one subject, wrapped by an epoch key.
pub struct NewSubjectKeys {
    /// Whose.
    pub subject: KeyedToken,
    /// The epoch key's scope: [`PEOPLE`] or a practice's token.
    pub scope: [u8; 16],
    /// The epoch key's number.
    pub epoch: i32,
    /// Wraps item keys.
    pub reading: Wrapped,
    /// Wraps the keys of entry bodies.
    pub audit: Wrapped,
}

/// Keys of a subject that are to hang on another epoch key; the keys themselves stay.
pub struct RewrappedSubject {
    /// As they are to be.
    pub new: NewSubjectKeys,
    /// The wrapped reading key as it was read: what changed meanwhile is left alone.
    pub was: Wrapped,
}

/// A new epoch key, wrapped by the root.
pub struct NewEpochKey {
    /// For people, or for one practice.
    pub scope: [u8; 16],
    /// Its number.
    pub epoch: i32,
    /// The key.
    pub wrapped: Wrapped,
}

/// An epoch key as its row says; times are microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    /// For people, or for one practice.
    pub scope: [u8; 16],
    /// Its number.
    pub epoch: i32,
    /// When it was made.
    pub made_at: i64,
    /// Since when nothing hangs on it.
    pub left_at: Option<i64>,
    /// When it was destroyed.
    pub destroyed_at: Option<i64>,
}

/// The unwrapped keys of one subject.
pub struct SubjectKeyPair {
    /// Wraps item keys.
    pub reading: SubjectKey,
    /// Wraps the keys of entry bodies.
    pub audit: AuditKey,
}

/// Why a subject's keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SubjectKeyError {
    /// There are none: nobody by that token, or erased.
    #[error("the subject has no keys")]
    Absent,
    /// They do not unwrap: changed past the keeper.
    #[error("the subject's keys do not unwrap")]
    Foreign,
    /// The token without which no key unwraps is away.
    #[error("the root key is not at hand")]
    Sealed,
    /// The database does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unreadable),
}

impl From<SubjectKeyError> for Reason {
    fn from(error: SubjectKeyError) -> Self {
        match error {
            SubjectKeyError::Absent | SubjectKeyError::Foreign => Self::SubjectClosed,
            SubjectKeyError::Sealed => Self::Sealed,
            SubjectKeyError::Unavailable(unreadable) => unreadable.into(),
        }
    }
}

type EpochKeys = HashMap<([u8; 16], i32), Arc<EpochKey>>;

/// Every epoch key there ever was, and those that are there, unwrapped.
#[derive(Default)]
struct Epochs {
    all: Arc<[Epoch]>,
    keys: EpochKeys,
}

/// Reads and makes subject keys.
pub struct SubjectKeys {
    pool: Pool,
    keys: Arc<Keys>,
    foreign: ForeignRows,
    epochs: RwLock<Epochs>,
    cache: Cache<KeyedToken, Arc<SubjectKeyPair>>,
}

/// The place an epoch key is wrapped for.
pub(crate) fn epoch_context(scope: [u8; 16], epoch: i32) -> Vec<u8> {
    [b"epoch".as_slice(), &scope, &epoch.to_be_bytes()].concat()
}

fn subject_context(subject: KeyedToken, scope: [u8; 16], epoch: i32) -> Vec<u8> {
    [
        b"subject".as_slice(),
        &subject.0,
        &scope,
        &epoch.to_be_bytes(),
    ]
    .concat()
}

impl SubjectKeys {
    /// Over this database; no epoch key is held yet.
    pub fn new(pool: Pool, keys: Arc<Keys>, foreign: ForeignRows) -> Self {
        Self {
            pool,
            keys,
            foreign,
            epochs: RwLock::default(),
            cache: Cache::new(REMEMBERED),
        }
    }

    /// Unwraps every epoch key by the root; the caller writes that as an entry. Answers how many.
    pub async fn read_epochs(&self) -> Result<usize, SubjectKeyError> {
        let rows = reader::rows(&self.pool, making::SELECT_EPOCH_KEYS, &[]).await?;
        let root = self.keys.root().ok_or(SubjectKeyError::Sealed)?;
        let mut keys = EpochKeys::new();
        for row in &rows {
            let Some(wrapped) = row.get::<_, Option<&[u8]>>(5) else {
                continue;
            };
            let Epoch { scope, epoch, .. } = epoch_of(row)?;
            let key: EpochKey = unwrap(&root, &epoch_context(scope, epoch), wrapped)
                .map_err(|_| SubjectKeyError::Foreign)?;
            keys.insert((scope, epoch), Arc::new(key));
        }
        let count = keys.len();
        let all = rows.iter().map(epoch_of).collect::<Result<_, _>>()?;
        let mut epochs = self.epochs.write().unwrap_or_else(PoisonError::into_inner);
        // Whoever sealed meanwhile has cleared them, and they stay cleared.
        if self.keys.root().is_none() {
            return Err(SubjectKeyError::Sealed);
        }
        *epochs = Epochs { all, keys };
        Ok(count)
    }

    /// Reads again what became of the epoch keys, and forgets those that were destroyed. Unwraps none.
    pub(crate) async fn look_at_epochs(&self) -> Result<(), SubjectKeyError> {
        let rows = reader::rows(&self.pool, making::SELECT_EPOCH_KEYS, &[]).await?;
        let all: Arc<[Epoch]> = rows.iter().map(epoch_of).collect::<Result<_, _>>()?;
        let mut epochs = self.epochs.write().unwrap_or_else(PoisonError::into_inner);
        for gone in all.iter().filter(|epoch| epoch.destroyed_at.is_some()) {
            epochs.keys.remove(&(gone.scope, gone.epoch));
        }
        epochs.all = all;
        Ok(())
    }

    /// Every epoch key there ever was.
    pub fn epochs(&self) -> Arc<[Epoch]> {
        let epochs = self.epochs.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&epochs.all)
    }

    /// A new epoch key for the same scope, under the root.
    pub(crate) fn next_epoch(&self, last: &Epoch) -> Result<NewEpochKey, SubjectKeyError> {
        let root = self.keys.root().ok_or(SubjectKeyError::Sealed)?;
        let (scope, epoch) = (last.scope, last.epoch.saturating_add(1));
        let rng = &mut SystemRandom;
        let key = EpochKey::generate(rng);
        Ok(NewEpochKey {
            scope,
            epoch,
            wrapped: wrap(&root, &epoch_context(scope, epoch), &key, rng),
        })
    }

    /// So many subjects at most that hang on older epoch keys than the newest of their scope, with their keys as they are
    /// to be. What does not unwrap is told of and left as it is.
    pub(crate) async fn left_behind(
        &self,
        scope: [u8; 16],
        most: i64,
    ) -> Result<Vec<RewrappedSubject>, SubjectKeyError> {
        let (epoch, key) = self.newest_epoch(scope)?;
        let asked: [&(dyn ToSql + Sync); 3] = [&scope.as_slice(), &epoch, &most];
        let rows = reader::rows(&self.pool, calls::SUBJECTS_LEFT_BEHIND, &asked).await?;
        let mut left = Vec::with_capacity(rows.len());
        let (count, mut foreign) = (rows.len(), 0);
        for (number, row) in rows.into_iter().enumerate() {
            // Nobody waits for all of it.
            if number % 32 == 31 {
                tokio::task::yield_now().await;
            }
            let subject = KeyedToken(array(row.get(0))?);
            match self.verified(subject, &row) {
                Ok(pair) => left.push(RewrappedSubject {
                    new: wrap_under(&key, subject, scope, epoch, &pair),
                    was: wrapped(row.get(3))?,
                }),
                Err(SubjectKeyError::Foreign) => foreign += 1,
                Err(error) => return Err(error),
            }
        }
        if count > 0 && count == foreign {
            return Err(SubjectKeyError::Foreign);
        }
        Ok(left)
    }

    /// Forgets the root and every key that opens something about people. What seals entries about nobody stays: the
    /// ledger goes on, and says that nothing opens.
    pub(crate) fn seal(&self) {
        // From memory, where nearly every entry has it: a database that does not answer must not keep the others alive.
        let own = self.keys.own(OwnSubject::Installation);
        let kept = self.cache.get(&own);
        self.keys.forget_root();
        self.epochs
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .keys
            .clear();
        self.cache.clear();
        if let Some(pair) = kept {
            self.cache.fill(own, pair, self.cache.epoch());
        }
    }

    fn epoch(&self, scope: [u8; 16], epoch: i32) -> Result<Arc<EpochKey>, SubjectKeyError> {
        let epochs = self.epochs.read().unwrap_or_else(PoisonError::into_inner);
        let key = epochs.keys.get(&(scope, epoch)).cloned();
        key.ok_or(missing(&epochs.keys))
    }

    fn newest_epoch(&self, scope: [u8; 16]) -> Result<(i32, Arc<EpochKey>), SubjectKeyError> {
        let epochs = self.epochs.read().unwrap_or_else(PoisonError::into_inner);
        let keys = epochs.keys.iter();
        keys.filter(|((of, _), _)| *of == scope)
            .max_by_key(|((_, epoch), _)| *epoch)
            .map(|((_, epoch), key)| (*epoch, Arc::clone(key)))
            .ok_or(missing(&epochs.keys))
    }

    /// Makes a subject's keys, under the newest epoch key for people, and remembers them. They exist once
    /// [`crate::draft::Effect::InsertSubjectKeys`] is committed.
    pub fn make(
        &self,
        subject: KeyedToken,
    ) -> Result<(NewSubjectKeys, Arc<SubjectKeyPair>), SubjectKeyError> {
        let (epoch, key) = self.newest_epoch(PEOPLE)?;
        let (new, pair) = make_under(&key, subject, PEOPLE, epoch);
        let pair = Arc::new(pair);
        self.cache
            .fill(subject, Arc::clone(&pair), self.cache.epoch());
        Ok((new, pair))
    }

    /// Forgets keys that were made and not committed, or erased.
    pub fn forget(&self, subject: KeyedToken) {
        self.cache.forget([&subject]);
    }

    /// The wrapped reading keys of subjects as they stand in the database.
    pub(crate) async fn standing(
        &self,
        subjects: &[KeyedToken],
    ) -> Result<HashMap<KeyedToken, Wrapped>, SubjectKeyError> {
        let subjects: Vec<&[u8]> = subjects
            .iter()
            .map(|subject| subject.0.as_slice())
            .collect();
        let rows = reader::rows(&self.pool, calls::SUBJECT_KEYS, &[&subjects]).await?;
        let read = |row: &Row| Ok((KeyedToken(array(row.get(0))?), wrapped(row.get(3))?));
        rows.iter().map(read).collect()
    }

    /// A subject's keys with a new reading key in the place of its own, under the newest epoch key: as they are, as they
    /// are to be, and wrapped.
    pub(crate) async fn renewed(
        &self,
        subject: KeyedToken,
    ) -> Result<(Arc<SubjectKeyPair>, SubjectKey, NewSubjectKeys), SubjectKeyError> {
        let (epoch, key) = self.newest_epoch(PEOPLE)?;
        let old = self.load(subject).await?;
        let pair = SubjectKeyPair {
            reading: SubjectKey::generate(&mut SystemRandom),
            audit: old.audit.clone(),
        };
        let new = wrap_under(&key, subject, PEOPLE, epoch, &pair);
        Ok((old, pair.reading, new))
    }

    /// The reading key of an item's patient and the item's wrapped key, both as they stand in the database at one instant.
    /// For an opening that came upon one from before and the other from after a new reading key.
    pub(crate) async fn of_item(
        &self,
        item: KeyedToken,
    ) -> Result<(Arc<SubjectKeyPair>, Wrapped), SubjectKeyError> {
        let asked = reader::rows(&self.pool, calls::KEYS_OF_ITEM, &[&item.0.as_slice()]).await?;
        let row = asked.first().ok_or(SubjectKeyError::Absent)?;
        let subject = KeyedToken(array(row.get(0))?);
        let pair = self.verified(subject, row)?;
        Ok((Arc::new(pair), wrapped(row.get(5))?))
    }

    /// A subject's keys.
    pub async fn load(&self, subject: KeyedToken) -> Result<Arc<SubjectKeyPair>, SubjectKeyError> {
        if let Some(pair) = self.cache.get(&subject) {
            return Ok(pair);
        }
        self.load_all(&[subject])
            .await?
            .remove(&subject)
            .ok_or(SubjectKeyError::Absent)
    }

    /// The installation's keys.
    pub async fn installation(&self) -> Result<Arc<SubjectKeyPair>, SubjectKeyError> {
        self.load(self.keys.own(OwnSubject::Installation)).await
    }

    /// The keys of several subjects in one round trip; those without are not in the answer.
    pub async fn load_all(
        &self,
        subjects: &[KeyedToken],
    ) -> Result<HashMap<KeyedToken, Arc<SubjectKeyPair>>, SubjectKeyError> {
        let cache_epoch = self.cache.epoch();
        let mut found = HashMap::new();
        let mut missing: Vec<&[u8]> = Vec::new();
        for subject in subjects {
            match self.cache.get(subject) {
                Some(pair) => drop(found.insert(*subject, pair)),
                None => missing.push(subject.as_bytes()),
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let rows = reader::rows(&self.pool, calls::SUBJECT_KEYS, &[&missing]).await?;
        for row in rows {
            let subject = KeyedToken(array(row.get(0))?);
            let pair = Arc::new(self.verified(subject, &row)?);
            self.cache.fill(subject, Arc::clone(&pair), cache_epoch);
            found.insert(subject, pair);
        }
        Ok(found)
    }

    fn verified(&self, subject: KeyedToken, row: &Row) -> Result<SubjectKeyPair, SubjectKeyError> {
        self.pair(subject, row).inspect_err(|error| {
            if matches!(error, SubjectKeyError::Foreign) {
                self.foreign.note("subject_key", subject);
            }
        })
    }

    fn pair(&self, subject: KeyedToken, row: &Row) -> Result<SubjectKeyPair, SubjectKeyError> {
        let (scope, epoch) = (array(row.get(1))?, row.get(2));
        let key = self.epoch(scope, epoch)?;
        let context = subject_context(subject, scope, epoch);
        let foreign = |_| SubjectKeyError::Foreign;
        Ok(SubjectKeyPair {
            reading: unwrap(&*key, &context, row.get(3)).map_err(foreign)?,
            audit: unwrap(&*key, &context, row.get(4)).map_err(foreign)?,
        })
    }

    /// The key under which a practice's name index is hashed.
    pub fn names_key(&self, practice: KeyedToken) -> Result<MacKey, SubjectKeyError> {
        let label = [b"names".as_slice(), &practice.0].concat();
        let root = self.keys.root().ok_or(SubjectKeyError::Sealed)?;
        Ok(root.derive(&label))
    }
}

/// Why an epoch key is not there: where none is, the root is away.
fn missing(epochs: &EpochKeys) -> SubjectKeyError {
    if epochs.is_empty() {
        SubjectKeyError::Sealed
    } else {
        SubjectKeyError::Foreign
    }
}

/// Makes keys under a given epoch key.
pub(crate) fn make_under(
    key: &EpochKey,
    subject: KeyedToken,
    scope: [u8; 16],
    epoch: i32,
) -> (NewSubjectKeys, SubjectKeyPair) {
    let rng = &mut SystemRandom;
    let pair = SubjectKeyPair {
        reading: SubjectKey::generate(rng),
        audit: AuditKey::generate(rng),
    };
    (wrap_under(key, subject, scope, epoch, &pair), pair)
}

fn wrap_under(
    key: &EpochKey,
    subject: KeyedToken,
    scope: [u8; 16],
    epoch: i32,
    pair: &SubjectKeyPair,
) -> NewSubjectKeys {
    let rng = &mut SystemRandom;
    let context = subject_context(subject, scope, epoch);
    NewSubjectKeys {
        subject,
        scope,
        epoch,
        reading: wrap(key, &context, &pair.reading, rng),
        audit: wrap(key, &context, &pair.audit, rng),
    }
}

fn epoch_of(row: &Row) -> Result<Epoch, SubjectKeyError> {
    Ok(Epoch {
        scope: array(row.get(0))?,
        epoch: row.get(1),
        made_at: row.get(2),
        left_at: row.get(3),
        destroyed_at: row.get(4),
    })
}

fn wrapped(bytes: &[u8]) -> Result<Wrapped, SubjectKeyError> {
    bytes.try_into().map_err(|_| SubjectKeyError::Foreign)
}

fn array(bytes: &[u8]) -> Result<[u8; 16], SubjectKeyError> {
    bytes.try_into().map_err(|_| SubjectKeyError::Foreign)
}
