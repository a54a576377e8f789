//! Saved texts, the list that officers approve, and their approvals.

use super::{Draft, TextKind};
use crate::database::DatabaseError;
use candour_seal::{Digest, IncidentId, PersonId};
use deadpool_postgres::{GenericClient, Pool};
use jiff::Timestamp;

/// A saved text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The text.
    pub draft: Draft,
    /// When it was published or first sent.
    pub published_at: Option<Timestamp>,
}

/// The newest version of each text of a case's list, in the order of [`TextKind::ALL`].
pub async fn newest(pool: &Pool, incident: IncidentId) -> Result<Vec<Saved>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let rows = pool.get().await?.query(NEWEST, &[&id]).await?;
    let mut texts = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    texts.sort_by_key(|saved| saved.draft.kind);
    Ok(texts)
}

/// One version of a text.
pub async fn version(
    pool: &Pool,
    incident: IncidentId,
    kind: TextKind,
    version: i32,
) -> Result<Option<Saved>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let row = pool
        .get()
        .await?
        .query_opt(VERSION, &[&id, &kind.word(), &version])
        .await?;
    row.as_ref().map(read).transpose()
}

/// Every version of a text, the newest first.
pub async fn versions(
    pool: &Pool,
    incident: IncidentId,
    kind: TextKind,
) -> Result<Vec<Saved>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let rows = pool
        .get()
        .await?
        .query(VERSIONS, &[&id, &kind.word()])
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &tokio_postgres::Row) -> Result<Saved, DatabaseError> {
    let kind: &str = row.try_get("kind")?;
    Ok(Saved {
        draft: Draft {
            kind: TextKind::from_word(kind).ok_or(DatabaseError::Row)?,
            version: row.try_get("version")?,
            scope_version: row.try_get("scope_version")?,
            subject: row.try_get("subject")?,
            words: row.try_get("words")?,
        },
        published_at: row.try_get("published_at")?,
    })
}

/// Saves a drafted text as a new version; one with the words of the last version is not saved again.
///
/// Returns whether it is new.
pub async fn save(
    pool: &Pool,
    incident: IncidentId,
    draft: &Draft,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let hash = draft.hash();
    let hash = hash.as_bytes().as_slice();
    let count = pool
        .get()
        .await?
        .execute(
            SAVE,
            &[
                &id,
                &draft.kind.word(),
                &draft.version,
                &draft.scope_version,
                &draft.subject,
                &draft.words,
                &hash,
                &now,
            ],
        )
        .await?;
    Ok(count == 1)
}

/// Marks the texts of a list as published.
pub async fn mark_published(
    pool: &Pool,
    incident: IncidentId,
    texts: &[Saved],
    now: Timestamp,
) -> Result<(), DatabaseError> {
    for text in texts {
        mark(pool, incident, (text.draft.kind, text.draft.version), now).await?;
    }
    Ok(())
}

/// Marks one version of a text as published.
pub async fn mark(
    pool: &Pool,
    incident: IncidentId,
    (kind, version): (TextKind, i32),
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let id = incident.as_bytes().as_slice();
    pool.get()
        .await?
        .execute(MARK_PUBLISHED, &[&id, &kind.word(), &version, &now])
        .await?;
    Ok(())
}

/// What officers approve in one act: every text of the case, and who is told how.
#[derive(Debug, Clone)]
pub struct List {
    /// The texts.
    pub texts: Vec<Saved>,
    /// SHA-256 over the register's rows in canonical order.
    pub register: Digest,
}

impl List {
    /// SHA-256 over the texts' hashes in order, then the register's.
    pub fn hash(&self) -> Digest {
        let mut bytes = b"candour/v1/room/list".to_vec();
        for text in &self.texts {
            bytes.extend_from_slice(text.draft.hash().as_bytes());
        }
        bytes.extend_from_slice(self.register.as_bytes());
        Digest::of(&bytes)
    }

    /// The text of a kind.
    pub fn text(&self, kind: TextKind) -> Option<&Saved> {
        self.texts.iter().find(|text| text.draft.kind == kind)
    }

    /// The sentence that an officer sees and signs.
    pub fn sentence(&self, people: i32) -> String {
        format!(
            "I approve {} texts and the list of {people} people of this incident, exactly as shown: {}",
            self.texts.len(),
            self.hash()
        )
    }
}

/// One officer's approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Who.
    pub officer: PersonId,
    /// Number of the officer's role.
    pub role: i16,
    /// When.
    pub at: Timestamp,
    /// The keeper's ledger entry.
    pub entry_index: i64,
}

/// The approvals of exactly this hash, oldest first.
pub async fn approvals(
    pool: &Pool,
    incident: IncidentId,
    hash: Digest,
) -> Result<Vec<Approval>, DatabaseError> {
    let (id, hash) = (incident.as_bytes().as_slice(), hash.as_bytes().as_slice());
    let rows = pool.get().await?.query(APPROVALS, &[&id, &hash]).await?;
    rows.iter()
        .map(|row| {
            let officer: &[u8] = row.try_get("officer")?;
            Ok(Approval {
                officer: PersonId::try_from(officer).map_err(|_| DatabaseError::Row)?,
                role: row.try_get("role")?,
                at: row.try_get("at")?,
                entry_index: row.try_get("entry_index")?,
            })
        })
        .collect()
}

/// Keeps an officer's approval. Safe to repeat.
pub async fn approve(
    pool: &Pool,
    incident: IncidentId,
    hash: Digest,
    approval: &Approval,
) -> Result<(), DatabaseError> {
    approve_in(&pool.get().await?, incident, hash, approval).await
}

/// The same within a transaction.
pub async fn approve_in(
    client: &impl GenericClient,
    incident: IncidentId,
    hash: Digest,
    approval: &Approval,
) -> Result<(), DatabaseError> {
    let (id, hash) = (incident.as_bytes().as_slice(), hash.as_bytes().as_slice());
    let officer = approval.officer.as_bytes().as_slice();
    client
        .execute(
            APPROVE,
            &[
                &id,
                &hash,
                &officer,
                &approval.role,
                &approval.at,
                &approval.entry_index,
            ],
        )
        .await?;
    Ok(())
}

pub(crate) const NEWEST: &str = "
    select distinct on (kind) kind, version, scope_version, subject, words, published_at
    from text_version where incident = $1 and kind <> 'update' order by kind, version desc";

pub(crate) const VERSION: &str = "
    select kind, version, scope_version, subject, words, published_at
    from text_version where incident = $1 and kind = $2 and version = $3";

pub(crate) const VERSIONS: &str = "
    select kind, version, scope_version, subject, words, published_at
    from text_version where incident = $1 and kind = $2 order by version desc";

pub(crate) const SAVE: &str = "
    insert into text_version (incident, kind, version, scope_version, subject, words, hash, made_at)
    select $1, $2, $3, $4, $5, $6, $7, $8
    where not exists (
        select 1 from text_version last
        where last.incident = $1 and last.kind = $2 and last.version = $3 - 1
          and last.subject = $5 and last.words = $6)
    on conflict (incident, kind, version) do nothing";

pub(crate) const MARK_PUBLISHED: &str = "
    update text_version set published_at = $4
    where incident = $1 and kind = $2 and version = $3 and published_at is null";

pub(crate) const APPROVALS: &str = "
    select officer, role, at, entry_index from approval
    where incident = $1 and hash = $2 order by at, officer";

pub(crate) const APPROVE: &str = "
    insert into approval (incident, hash, officer, role, at, entry_index)
    values ($1, $2, $3, $4, $5, $6) on conflict do nothing";

pub(crate) const STATEMENTS: &[&str] = &[
    NEWEST,
    VERSION,
    VERSIONS,
    SAVE,
    MARK_PUBLISHED,
    APPROVALS,
    APPROVE,
];
