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

/// Reads and makes subject keys.
pub struct SubjectKeys {
    pool: Pool,
    keys: Arc<Keys>,
    foreign: ForeignRows,
    epochs: RwLock<EpochKeys>,
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
        let mut epochs = EpochKeys::new();
        for row in rows {
            let scope = array(row.get(0))?;
            let epoch: i32 = row.get(1);
            let wrapped: &[u8] = row.get(2);
            let key: EpochKey = unwrap(&root, &epoch_context(scope, epoch), wrapped)
                .map_err(|_| SubjectKeyError::Foreign)?;
            epochs.insert((scope, epoch), Arc::new(key));
        }
        let count = epochs.len();
        *self.epochs.write().unwrap_or_else(PoisonError::into_inner) = epochs;
        Ok(count)
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
            .clear();
        self.cache.clear();
        if let Some(pair) = kept {
            self.cache.fill(own, pair, self.cache.epoch());
        }
    }

    fn epoch(&self, scope: [u8; 16], epoch: i32) -> Result<Arc<EpochKey>, SubjectKeyError> {
        let epochs = self.epochs.read().unwrap_or_else(PoisonError::into_inner);
        epochs.get(&(scope, epoch)).cloned().ok_or(missing(&epochs))
    }

    fn newest_epoch(&self, scope: [u8; 16]) -> Result<(i32, Arc<EpochKey>), SubjectKeyError> {
        let epochs = self.epochs.read().unwrap_or_else(PoisonError::into_inner);
        epochs
            .iter()
            .filter(|((of, _), _)| *of == scope)
            .max_by_key(|((_, epoch), _)| *epoch)
            .map(|((_, epoch), key)| (*epoch, Arc::clone(key)))
            .ok_or(missing(&epochs))
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

    /// A subject's keys with another reading key, which nobody ever had, in the place of its own.
    pub async fn without_reading(
        &self,
        subject: KeyedToken,
    ) -> Result<NewSubjectKeys, SubjectKeyError> {
        let (epoch, key) = self.newest_epoch(PEOPLE)?;
        let audit = self.load(subject).await?.audit.clone();
        let reading = SubjectKey::generate(&mut SystemRandom);
        let pair = SubjectKeyPair { reading, audit };
        Ok(wrap_under(&key, subject, PEOPLE, epoch, &pair))
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
            let pair = self.pair(subject, &row).inspect_err(|error| {
                if matches!(error, SubjectKeyError::Foreign) {
                    self.foreign.note("subject_key", subject);
                }
            })?;
            let pair = Arc::new(pair);
            self.cache.fill(subject, Arc::clone(&pair), cache_epoch);
            found.insert(subject, pair);
        }
        Ok(found)
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

fn array(bytes: &[u8]) -> Result<[u8; 16], SubjectKeyError> {
    bytes.try_into().map_err(|_| SubjectKeyError::Foreign)
}
