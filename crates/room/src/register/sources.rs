//! What was seen of a person, by the practice that deposited it: a practice is told of its own and of nobody else's.

use super::approved::Version;
use crate::database::DatabaseError;
use crate::unlock::Unlocked;
use candour_keeper_api::words::EntryKind;
use candour_seal::{IncidentId, ItemId, PatientId, PracticeId};
use deadpool_postgres::Pool;
use std::collections::BTreeMap;

/// What was seen of one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// How many documents were opened.
    pub documents: i64,
    /// Parts of the record were opened.
    pub has_parts: bool,
    /// A name line or a list of titles was shown.
    pub has_lines: bool,
}

/// What was seen of the people of a case, as one practice may know it: documents that it deposited, and parts and
/// lines that are its own or of which the ledger names no depositor, because the patient's own page shows those of
/// all practices as one.
pub async fn seen(
    pool: &Pool,
    incident: IncidentId,
    practice: PracticeId,
    version: Version,
) -> Result<BTreeMap<PatientId, Seen>, DatabaseError> {
    let (incident, practice) = (
        incident.as_bytes().as_slice(),
        practice.as_bytes().as_slice(),
    );
    let is_approved = version == Version::Approved;
    let rows = pool
        .get()
        .await?
        .query(SEEN, &[&incident, &practice, &is_approved])
        .await?;
    rows.iter()
        .map(|row| {
            let patient: &[u8] = row.try_get("patient")?;
            let patient = PatientId::try_from(patient).map_err(|_| DatabaseError::Row)?;
            let seen = Seen {
                documents: row.try_get("documents")?,
                has_parts: row.try_get("has_parts")?,
                has_lines: row.try_get("has_lines")?,
            };
            Ok((patient, seen))
        })
        .collect()
}

/// Which practice deposited which name or contact block of the people on one practice's list, by the keeper's word.
pub async fn depositors(
    pool: &Pool,
    unlocked: &Unlocked,
    incident: IncidentId,
    practice: PracticeId,
) -> Result<BTreeMap<ItemId, PracticeId>, DatabaseError> {
    let (incident, practice) = (
        incident.as_bytes().as_slice(),
        practice.as_bytes().as_slice(),
    );
    let sealed = i16::from(EntryKind::Sealed.number());
    let rows = pool
        .get()
        .await?
        .query(BLOCK_ENTRIES, &[&incident, &sealed, &practice])
        .await?;
    let indexes = rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<Vec<i64>, _>>()?;
    let bodies = unlocked.bodies(pool, &indexes).await?;
    let known = bodies.read.values().filter_map(|body| {
        let item = ItemId::try_from(body.item.as_slice()).ok()?;
        let practice = PracticeId::try_from(body.source_practice.as_slice()).ok()?;
        Some((item, practice))
    });
    Ok(known.collect())
}

pub(crate) const SEEN: &str = "
    select patient, sum(documents)::bigint as documents, bool_or(is_part) as has_parts, bool_or(is_line) as has_lines
    from (
        select patient, case when section = 11 and not is_line and source_practice = $2 then 1 else 0 end as documents,
               section <> 11 and not is_line as is_part, is_line
        from (select *, is_listing or ($3 and approved_as_listing) as is_line from register_item) item
        where incident = $1 and state <> 'cleared' and (not $3 or approved_as_listing is not null)
          and (source_practice = $2 or (source_practice is null and section <> 11))
        union all
        select patient, 0, not is_line, is_line
        from (select *, is_listing or ($3 and approved_as_listing) as is_line from register_section) part
        where incident = $1 and state <> 'cleared' and (not $3 or approved_as_listing is not null)
          and (source_practice = $2 or source_practice is null)
    ) seen
    group by patient";

pub(crate) const BLOCK_ENTRIES: &str = "
    select index from entry
    where kind = $2 and kind = 4 and item_kind in (3, 4) and decision = 0
      and patient in (select surrogate from register where incident = $1 and $3 = any(practices))";
