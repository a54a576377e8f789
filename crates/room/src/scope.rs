//! A scope: a saved query over the ledger with its answer. Computing it again gives the same answer, or a new
//! version whose difference is listed.

mod released;
mod sessions;

pub use sessions::{
    AccountSession, By, Released, Why, question_of, released_by, sessions, stop, take_in,
};

use crate::database::DatabaseError;
use crate::incidents::{Event, Incident, note};
use candour_keeper_api::wire::EntryBody;
use candour_keeper_api::words::EntryKind;
use candour_seal::{Digest, IncidentId};
use deadpool_postgres::Pool;
use jiff::Timestamp;
use released::{Known, Told, released};
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// What is asked of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Surrogates of sessions.
    pub sessions: Vec<i64>,
    /// Surrogates of principals: all their sessions.
    pub principals: Vec<i64>,
    /// First index asked about.
    pub from_index: i64,
}

/// One release of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// Ledger index.
    pub grant_index: i64,
    /// When, in microseconds since the Unix epoch.
    pub granted_at: Timestamp,
    /// Surrogate of the patient.
    pub patient: i64,
    /// Surrogate of the item, 0 for a section.
    pub item: i64,
    /// Number of the section; 0 for an item, or while the body is locked.
    pub section: i16,
    /// Only a name line or the shelf was shown.
    pub is_listing: bool,
    /// A first byte was sent, by the portal's word.
    pub is_delivered: bool,
}

/// A version of a scope.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The case.
    pub incident: IncidentId,
    /// From 1.
    pub version: i32,
    /// When it was computed.
    pub computed_at: Timestamp,
    /// What was asked.
    pub question: Question,
    /// Ledger size it covers.
    pub to_index: i64,
    /// SHA-256 over the rows.
    pub hash: Digest,
    /// The numbers.
    pub counts: Counts,
}

/// The numbers of a scope; computed from its rows, never typed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// People with a document or record section opened.
    pub people_opened: i32,
    /// People whose name line or shelf was shown and nothing more.
    pub people_listed: i32,
    /// Documents whose key was released.
    pub documents_granted: i32,
    /// Documents of which a first byte was sent.
    pub documents_delivered: i32,
}

impl Counts {
    /// Counts releases.
    pub fn of(releases: &[Release]) -> Self {
        let mut opened = BTreeSet::new();
        let mut listed = BTreeSet::new();
        let mut documents = BTreeMap::new();
        for release in releases {
            if release.is_listing {
                listed.insert(release.patient);
            } else {
                opened.insert(release.patient);
            }
            if release.item != 0 && !release.is_listing {
                *documents.entry(release.item).or_insert(false) |= release.is_delivered;
            }
        }
        Self {
            people_opened: count(opened.len()),
            people_listed: count(listed.difference(&opened).count()),
            documents_granted: count(documents.len()),
            documents_delivered: count(documents.values().filter(|delivered| **delivered).count()),
        }
    }
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The hash that names a scope's answer: SHA-256 over its rows in index order, each fixed-width big-endian.
pub fn hash(releases: &[Release]) -> Digest {
    let mut bytes = Vec::with_capacity(releases.len() * 36);
    for release in releases {
        bytes.extend_from_slice(&release.grant_index.to_be_bytes());
        bytes.extend_from_slice(&release.granted_at.as_microsecond().to_be_bytes());
        bytes.extend_from_slice(&release.patient.to_be_bytes());
        bytes.extend_from_slice(&release.item.to_be_bytes());
        bytes.extend_from_slice(&release.section.to_be_bytes());
        bytes.push(u8::from(release.is_listing));
        bytes.push(u8::from(release.is_delivered));
    }
    Digest::of(&bytes)
}

/// How much of the ledger the room has.
pub async fn ledger_size(pool: &Pool) -> Result<i64, DatabaseError> {
    let client = pool.get().await?;
    let row = client.query_one(crate::follower::NEXT_INDEX, &[]).await?;
    Ok(row.try_get(0)?)
}

/// The roles in which the releases of a scope were made, as numbers.
pub async fn roles(pool: &Pool, scope: &Scope) -> Result<Vec<i16>, DatabaseError> {
    let incident = scope.incident.as_bytes().as_slice();
    let rows = pool
        .get()
        .await?
        .query(ROLES, &[&incident, &scope.version])
        .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The kinds of entries that say something about releases.
fn kinds() -> [i16; 3] {
    [EntryKind::Open, EntryKind::Delivered, EntryKind::Withheld]
        .map(|kind| i16::from(kind.number()))
}

/// Puts a question to the entries that say something about releases.
async fn entries(
    pool: &Pool,
    statement: &str,
    question: &Question,
    to_index: i64,
) -> Result<Vec<Row>, DatabaseError> {
    let kinds = kinds();
    let values: [&(dyn ToSql + Sync); 6] = [
        &question.sessions,
        &question.principals,
        &question.from_index,
        &to_index,
        &kinds.as_slice(),
        &i16::from(EntryKind::Open.number()),
    ];
    Ok(pool.get().await?.query(statement, &values).await?)
}

/// Asks the ledger, with what was read in bodies so far.
pub async fn ask(
    pool: &Pool,
    question: &Question,
    to_index: i64,
) -> Result<Vec<Release>, DatabaseError> {
    let rows = entries(pool, TOLD, question, to_index).await?;
    let told = rows
        .iter()
        .map(|row| {
            let section: Option<i16> = row.try_get("section")?;
            let of_grant: Option<i64> = row.try_get("of_grant")?;
            Ok(Told {
                index: row.try_get("index")?,
                at: row.try_get("at")?,
                kind: row.try_get("kind")?,
                session: row.try_get("session")?,
                patient: row.try_get("patient")?,
                item: row.try_get("item")?,
                item_kind: row.try_get("item_kind")?,
                known: section
                    .zip(of_grant)
                    .map(|(section, of_grant)| Known { section, of_grant }),
            })
        })
        .collect::<Result<Vec<_>, DatabaseError>>()?;
    Ok(released(&told))
}

/// The entries of a question whose bodies nobody has read yet.
pub async fn unread(
    pool: &Pool,
    question: &Question,
    to_index: i64,
) -> Result<Vec<i64>, DatabaseError> {
    let rows = entries(pool, UNREAD, question, to_index).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Keeps of each body what a scope needs; a scope asked for after a restart, locked again, is then the same.
pub async fn keep_read(
    pool: &Pool,
    bodies: &BTreeMap<i64, EntryBody>,
) -> Result<(), DatabaseError> {
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    let insert = transaction.prepare_cached(KEEP_READ).await?;
    for (index, body) in bodies {
        let section = i16::try_from(body.section).map_err(|_| DatabaseError::Row)?;
        let of_grant = i64::try_from(body.of_grant).map_err(|_| DatabaseError::Row)?;
        transaction
            .execute(&insert, &[index, &section, &of_grant])
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Whether an answer differs from that of the last version.
pub async fn is_news(
    pool: &Pool,
    incident: IncidentId,
    releases: &[Release],
) -> Result<bool, DatabaseError> {
    let last = latest(pool, incident).await?;
    Ok(last.is_none_or(|last| last.hash != hash(releases)))
}

/// What was asked, and what the ledger says.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked.
    pub question: Question,
    /// Ledger size it covers.
    pub to_index: i64,
    /// The releases in ledger order.
    pub releases: Vec<Release>,
    /// The ledger's signed checkpoint at that time, as text.
    pub checkpoint: String,
}

/// Saves an answer as the next version of an incident's scope.
pub async fn save_next(
    pool: &Pool,
    incident: &Incident,
    answer: Answer,
    now: Timestamp,
) -> Result<Scope, DatabaseError> {
    let last = latest(pool, incident.id).await?;
    let scope = Scope {
        incident: incident.id,
        version: last.as_ref().map_or(1, |last| last.version + 1),
        computed_at: now,
        question: answer.question,
        to_index: answer.to_index,
        hash: hash(&answer.releases),
        counts: Counts::of(&answer.releases),
    };
    save(pool, &scope, &answer.releases, &answer.checkpoint).await?;
    if let (None, Some(first)) = (&last, answer.releases.first()) {
        let detail = "The first release of the session.";
        note(
            pool,
            incident.id,
            first.granted_at,
            Event::FirstGrant,
            "Candour",
            detail,
        )
        .await?;
    }
    let detail = format!(
        "Scope version {}: {} people opened, {} listed only, {} documents released, {} of them delivered.",
        scope.version,
        scope.counts.people_opened,
        scope.counts.people_listed,
        scope.counts.documents_granted,
        scope.counts.documents_delivered
    );
    note(pool, incident.id, now, Event::Scope, "Candour", &detail).await?;
    Ok(scope)
}

async fn save(
    pool: &Pool,
    scope: &Scope,
    releases: &[Release],
    checkpoint: &str,
) -> Result<(), DatabaseError> {
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    let incident = scope.incident.as_bytes().as_slice();
    let hash = scope.hash.as_bytes().as_slice();
    transaction
        .execute(
            INSERT_SCOPE,
            &[
                &incident,
                &scope.version,
                &scope.computed_at,
                &scope.question.sessions,
                &scope.question.principals,
                &scope.question.from_index,
                &scope.to_index,
                &checkpoint,
                &hash,
                &scope.counts.people_opened,
                &scope.counts.people_listed,
                &scope.counts.documents_granted,
                &scope.counts.documents_delivered,
            ],
        )
        .await?;
    let insert = transaction.prepare_cached(INSERT_ROW).await?;
    for release in releases {
        transaction
            .execute(
                &insert,
                &[
                    &incident,
                    &scope.version,
                    &release.patient,
                    &release.item,
                    &release.section,
                    &release.is_listing,
                    &release.grant_index,
                    &release.granted_at,
                    &release.is_delivered,
                ],
            )
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// The last version of an incident's scope.
pub async fn latest(pool: &Pool, incident: IncidentId) -> Result<Option<Scope>, DatabaseError> {
    Ok(versions(pool, incident).await?.pop())
}

/// Every version, oldest first.
pub async fn versions(pool: &Pool, incident: IncidentId) -> Result<Vec<Scope>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let rows = pool.get().await?.query(VERSIONS, &[&id]).await?;
    rows.iter()
        .map(|row| {
            let hash: &[u8] = row.try_get("hash")?;
            Ok(Scope {
                incident,
                version: row.try_get("version")?,
                computed_at: row.try_get("computed_at")?,
                question: Question {
                    sessions: row.try_get("sessions")?,
                    principals: row.try_get("principals")?,
                    from_index: row.try_get("from_index")?,
                },
                to_index: row.try_get("to_index")?,
                hash: Digest::from_bytes(hash.try_into().map_err(|_| DatabaseError::Row)?),
                counts: Counts {
                    people_opened: row.try_get("people_opened")?,
                    people_listed: row.try_get("people_listed")?,
                    documents_granted: row.try_get("documents_granted")?,
                    documents_delivered: row.try_get("documents_delivered")?,
                },
            })
        })
        .collect()
}

/// The releases of one version, in ledger order.
pub async fn releases(
    pool: &Pool,
    incident: IncidentId,
    version: i32,
) -> Result<Vec<Release>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let rows = pool.get().await?.query(ROWS, &[&id, &version]).await?;
    rows.iter()
        .map(|row| {
            Ok(Release {
                grant_index: row.try_get("grant_index")?,
                granted_at: row.try_get("granted_at")?,
                patient: row.try_get("patient")?,
                item: row.try_get("item")?,
                section: row.try_get("section")?,
                is_listing: row.try_get("is_listing")?,
                is_delivered: row.try_get("is_delivered")?,
            })
        })
        .collect()
}

/// What changed from one version to the next, by person and document (surrogates).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// (patient, item) that came in.
    pub added: BTreeSet<(i64, i64)>,
    /// (patient, item) that went out.
    pub removed: BTreeSet<(i64, i64)>,
}

/// The difference between two answers.
pub fn difference(before: &[Release], after: &[Release]) -> Difference {
    let pairs = |releases: &[Release]| -> BTreeSet<(i64, i64)> {
        releases
            .iter()
            .map(|release| (release.patient, release.item))
            .collect()
    };
    let (before, after) = (pairs(before), pairs(after));
    Difference {
        added: after.difference(&before).copied().collect(),
        removed: before.difference(&after).copied().collect(),
    }
}

pub(crate) const TOLD: &str = "
    select entry.index, entry.at, entry.kind, entry.session, entry.patient, entry.item, entry.item_kind,
           entry_read.section, entry_read.of_grant
    from entry left join entry_read on entry_read.index = entry.index
    where entry.index >= $3 and entry.index < $4 and entry.kind = any($5)
      and entry.patient <> 0 and (entry.kind <> $6 or entry.decision = 0)
      and (entry.session = any($1) or entry.principal = any($2))
    order by entry.index";

pub(crate) const UNREAD: &str = "
    select index from entry
    where index >= $3 and index < $4 and kind = any($5)
      and patient <> 0 and (kind <> $6 or decision = 0)
      and (session = any($1) or principal = any($2))
      and not exists (select 1 from entry_read where entry_read.index = entry.index)
    order by index";

pub(crate) const KEEP_READ: &str = "insert into entry_read (index, section, of_grant) values ($1, $2, $3) on conflict (index) do nothing";

pub(crate) const ROLES: &str = "
    select distinct entry.role from scope_row join entry on entry.index = scope_row.grant_index
    where scope_row.incident = $1 and scope_row.version = $2";

pub(crate) const INSERT_SCOPE: &str = "
    insert into scope (incident, version, computed_at, sessions, principals, from_index, to_index,
                       checkpoint, hash, people_opened, people_listed, documents_granted, documents_delivered)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

pub(crate) const INSERT_ROW: &str = "
    insert into scope_row (incident, version, patient, item, section, is_listing, grant_index, granted_at, is_delivered)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

pub(crate) const VERSIONS: &str = "
    select version, computed_at, sessions, principals, from_index, to_index, hash,
           people_opened, people_listed, documents_granted, documents_delivered
    from scope where incident = $1 order by version";

pub(crate) const ROWS: &str = "
    select grant_index, granted_at, patient, item, section, is_listing, is_delivered
    from scope_row where incident = $1 and version = $2 order by grant_index";

pub(crate) const STATEMENTS: &[&str] = &[
    sessions::SESSIONS,
    sessions::TOLD_AT,
    sessions::RELEASED_BY,
    sessions::TAKE_IN,
    sessions::STOP,
    TOLD,
    UNREAD,
    KEEP_READ,
    ROLES,
    INSERT_SCOPE,
    INSERT_ROW,
    VERSIONS,
    ROWS,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn release(
        grant_index: i64,
        patient: i64,
        item: i64,
        is_listing: bool,
        is_delivered: bool,
    ) -> Release {
        Release {
            grant_index,
            granted_at: Timestamp::UNIX_EPOCH,
            patient,
            item,
            section: 0,
            is_listing,
            is_delivered,
        }
    }

    #[test]
    fn a_document_counts_once_and_is_delivered_if_any_release_of_it_was() {
        let releases = [
            release(1, 7, 70, false, false),
            release(2, 7, 70, false, true),
        ];
        assert_eq!(
            Counts::of(&releases),
            Counts {
                people_opened: 1,
                people_listed: 0,
                documents_granted: 1,
                documents_delivered: 1
            }
        );
    }

    #[test]
    fn somebody_listed_and_opened_counts_as_opened_only() {
        let releases = [
            release(1, 7, 0, true, true),
            release(2, 7, 70, false, true),
            release(3, 8, 0, true, true),
        ];
        let counts = Counts::of(&releases);
        assert_eq!((counts.people_opened, counts.people_listed), (1, 1));
    }

    #[test]
    fn a_late_delivery_changes_the_hash_but_not_the_people() {
        let before = [release(1, 7, 70, false, false)];
        let after = [release(1, 7, 70, false, true)];
        assert_ne!(hash(&before), hash(&after));
        assert_eq!(difference(&before, &after), Difference::default());
    }
}
