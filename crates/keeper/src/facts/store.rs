//! Loading facts: rows and head from the database, every MAC and version checked, verified subjects remembered.

use super::{FactBody, FactRow, SubjectFacts};
use crate::cache::Cache;
use crate::foreign::ForeignRows;
use crate::keys::{KeyedToken, Keys};
use crate::reader::{self, Unreadable};
use crate::sql::facts as sql;
use deadpool_postgres::Pool;
use jiff::Timestamp;
use prost::Message;
use std::collections::HashMap;
use std::sync::Arc;

/// How many subjects are remembered.
const REMEMBERED: usize = 100_000;

/// Why a subject's facts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// A row does not verify, is missing, or was put in past the keeper: the subject is closed.
    #[error("the facts of a subject do not verify")]
    Closed(KeyedToken),
    /// The database does not answer.
    #[error("facts cannot be read")]
    Unavailable,
}

impl From<Unreadable> for FactsError {
    fn from(_: Unreadable) -> Self {
        Self::Unavailable
    }
}

/// Verified facts by subject.
pub struct FactStore {
    pool: Pool,
    keys: Arc<Keys>,
    foreign: ForeignRows,
    cache: Cache<KeyedToken, Arc<SubjectFacts>>,
}

/// What the database holds about one subject.
#[derive(Default)]
struct Stored {
    head: Option<(i64, Vec<u8>)>,
    rows: Vec<StoredFact>,
}

struct StoredFact {
    version: i64,
    at: i64,
    kind: i16,
    body: Vec<u8>,
    mac: Vec<u8>,
}

impl FactStore {
    /// A store over this database.
    pub fn new(pool: Pool, keys: Arc<Keys>, foreign: ForeignRows) -> Self {
        Self {
            pool,
            keys,
            foreign,
            cache: Cache::new(REMEMBERED),
        }
    }

    /// All facts of one subject; those of a subject nobody knows are empty.
    pub async fn load(&self, subject: KeyedToken) -> Result<Arc<SubjectFacts>, FactsError> {
        if let Some(facts) = self.cache.get(&subject) {
            return Ok(facts);
        }
        match self.load_all(&[subject]).await?.remove(&subject) {
            Some(Some(facts)) => Ok(facts),
            _ => Err(FactsError::Closed(subject)),
        }
    }

    /// All facts of several subjects in one round trip; `None` for one that is closed.
    pub async fn load_all(
        &self,
        subjects: &[KeyedToken],
    ) -> Result<HashMap<KeyedToken, Option<Arc<SubjectFacts>>>, FactsError> {
        let epoch = self.cache.epoch();
        let mut found = HashMap::new();
        let mut missing = Vec::new();
        for subject in subjects {
            match self.cache.get(subject) {
                Some(facts) => drop(found.insert(*subject, Some(facts))),
                None => missing.push(*subject),
            }
        }
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Ok(found);
        }
        let mut stored = self.read(&missing).await?;
        for subject in missing {
            let verified = verify(
                &self.keys,
                subject,
                stored.remove(&subject).unwrap_or_default(),
            );
            match verified {
                Some(facts) => {
                    let facts = Arc::new(facts);
                    self.cache.fill(subject, Arc::clone(&facts), epoch);
                    found.insert(subject, Some(facts));
                }
                None => {
                    self.foreign.note("fact", subject);
                    found.insert(subject, None);
                }
            }
        }
        Ok(found)
    }

    /// Forgets subjects whose facts a commit changed.
    pub fn forget<'a>(&self, subjects: impl IntoIterator<Item = &'a KeyedToken>) {
        self.cache.forget(subjects);
    }

    async fn read(
        &self,
        subjects: &[KeyedToken],
    ) -> Result<HashMap<KeyedToken, Stored>, Unreadable> {
        let names: Vec<&[u8]> = subjects.iter().map(|s| s.as_bytes().as_slice()).collect();
        // One statement, so that head and rows are of one snapshot.
        let rows = reader::rows(&self.pool, sql::LOAD, &[&names]).await?;
        let mut stored: HashMap<KeyedToken, Stored> = HashMap::new();
        for row in rows {
            let subject: &[u8] = row.get(0);
            let subject = KeyedToken::try_from(subject).map_err(|_| Unreadable)?;
            let stored = stored.entry(subject).or_default();
            if let Some(version) = row.get(1) {
                stored.head = Some((version, row.get(2)));
            }
            if let Some(version) = row.get(3) {
                stored.rows.push(StoredFact {
                    version,
                    at: row.get(4),
                    kind: row.get(5),
                    body: row.get(6),
                    mac: row.get(7),
                });
            }
        }
        Ok(stored)
    }
}

/// The bytes a fact row's MAC is over.
pub(crate) fn fact_mac_data(
    subject: KeyedToken,
    version: i64,
    at: i64,
    kind: i16,
    body: &[u8],
) -> Vec<u8> {
    [
        subject.as_bytes().as_slice(),
        &version.to_be_bytes(),
        &at.to_be_bytes(),
        &kind.to_be_bytes(),
        body,
    ]
    .concat()
}

/// The bytes a subject head's MAC is over.
pub(crate) fn head_mac_data(subject: KeyedToken, version: i64) -> Vec<u8> {
    [subject.as_bytes().as_slice(), &version.to_be_bytes()].concat()
}

fn verify(keys: &Keys, subject: KeyedToken, mut stored: Stored) -> Option<SubjectFacts> {
    let (count, mac) = match stored.head {
        Some(head) => head,
        None if stored.rows.is_empty() => return Some(SubjectFacts::new(subject, Vec::new())),
        None => return None,
    };
    if !keys.mac_fits("subject_head", &head_mac_data(subject, count), &mac)
        || i64::try_from(stored.rows.len()).ok() != Some(count)
    {
        return None;
    }
    stored.rows.sort_unstable_by_key(|row| row.version);
    let mut rows = Vec::with_capacity(stored.rows.len());
    for (expected, row) in (1..).zip(stored.rows) {
        let data = fact_mac_data(subject, row.version, row.at, row.kind, &row.body);
        if row.version != expected || !keys.mac_fits("fact", &data, &row.mac) {
            return None;
        }
        let fact = FactBody::decode(row.body.as_slice()).ok()?.fact?;
        if super::kind_number(&fact) != row.kind {
            return None;
        }
        let at = Timestamp::from_microsecond(row.at).ok()?;
        rows.push(FactRow {
            version: row.version,
            at,
            fact,
        });
    }
    Some(SubjectFacts::new(subject, rows))
}
