//! Rows of the register.

use super::{Person, Route, State};
use crate::database::DatabaseError;
use candour_keeper_api::wire::PatientFacts;
use candour_keeper_api::words::Purpose;
use candour_seal::{Digest, Digester, IncidentId, ItemId, PatientId, PracticeId};
use deadpool_postgres::{GenericClient, Pool, Transaction};
use std::collections::BTreeSet;
use tokio_postgres::Row;

/// Takes everybody and everything back; what still stands is saved again in the same transaction. Whoever is not
/// was never shown anything: the keeper says that it held the release back.
pub(super) async fn clear(
    transaction: &Transaction<'_>,
    incident: IncidentId,
) -> Result<(), DatabaseError> {
    let id = incident.as_bytes().as_slice();
    for statement in [CLEAR, CLEAR_ITEMS, CLEAR_SECTIONS] {
        transaction.execute(statement, &[&id]).await?;
    }
    Ok(())
}

const fn state(is_delivered: bool) -> State {
    if is_delivered {
        State::Confirmed
    } else {
        State::Probable
    }
}

pub(super) async fn save(
    transaction: &Transaction<'_>,
    incident: IncidentId,
    scope_version: i32,
    patient: PatientId,
    person: &Person,
    facts: &PatientFacts,
    year: i32,
) -> Result<(), DatabaseError> {
    let (route, reason) = Route::of(facts, year);
    let is_confirmed = person.items.values().any(|loss| loss.is_delivered)
        || person.sections.values().any(|part| part.is_delivered);
    let enrolled = facts
        .practices
        .iter()
        .filter_map(|id| PracticeId::try_from(id.as_slice()).ok());
    let enrolled: BTreeSet<PracticeId> = enrolled.collect();
    let practices: BTreeSet<PracticeId> = enrolled.union(&person.sources).copied().collect();
    let (practices, enrolled) = (bytes(&practices), bytes(&enrolled));
    let (incident, patient) = (
        incident.as_bytes().as_slice(),
        patient.as_bytes().as_slice(),
    );
    transaction
        .execute(
            SAVE,
            &[
                &incident,
                &patient,
                &person.surrogate,
                &state(is_confirmed).word(),
                &route.word(),
                &reason,
                &practices,
                &facts.is_deceased,
                &facts.is_unsafe_to_write,
                &facts.birth_year,
                &facts.country,
                &scope_version,
                &enrolled,
            ],
        )
        .await?;
    save_seen(transaction, incident, patient, person).await
}

fn bytes(ids: &BTreeSet<PracticeId>) -> Vec<&[u8]> {
    ids.iter().map(|id| id.as_bytes().as_slice()).collect()
}

/// What was seen of one person: items, and parts of the record.
async fn save_seen(
    transaction: &Transaction<'_>,
    incident: &[u8],
    patient: &[u8],
    person: &Person,
) -> Result<(), DatabaseError> {
    let save_item = transaction.prepare_cached(SAVE_ITEM).await?;
    for (item, loss) in &person.items {
        let item = item.as_bytes().as_slice();
        let source = loss
            .source
            .as_ref()
            .map(|practice| practice.as_bytes().as_slice());
        transaction
            .execute(
                &save_item,
                &[
                    &incident,
                    &patient,
                    &item,
                    &i16::from(loss.section.number()),
                    &loss.is_listing,
                    &state(loss.is_delivered).word(),
                    &source,
                    &loss.first_grant,
                ],
            )
            .await?;
    }
    let save_section = transaction.prepare_cached(SAVE_SECTION).await?;
    for (section, part) in &person.sections {
        let items = i32::try_from(part.items).unwrap_or(i32::MAX);
        let source = part
            .source
            .as_ref()
            .map(|practice| practice.as_bytes().as_slice());
        transaction
            .execute(
                &save_section,
                &[
                    &incident,
                    &patient,
                    &i16::from(section.number()),
                    &items,
                    &part.is_listing,
                    &state(part.is_delivered).word(),
                    &part.first_grant,
                    &source,
                ],
            )
            .await?;
    }
    Ok(())
}

/// One affected person.
#[derive(Debug, Clone)]
pub struct Member {
    /// Who.
    pub patient: PatientId,
    /// `confirmed`, `probable`, `under_review` or `cleared`.
    pub state: String,
    /// How they are told: a word of [`Route`].
    pub route: String,
    /// Why so.
    pub reason: String,
    /// Practices concerned.
    pub practices: Vec<PracticeId>,
    /// Those of them where the person is enrolled now.
    pub enrolled: Vec<PracticeId>,
    /// Nothing may be sent to their address or mailbox.
    pub is_unsafe_to_write: bool,
    /// Their own sign-in was used: it opened their record as its owner's.
    pub is_holder: bool,
}

/// The affected people of an incident, by id.
pub async fn members(pool: &Pool, incident: IncidentId) -> Result<Vec<Member>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let own = i16::from(Purpose::OwnRecord.number());
    let rows = pool.get().await?.query(MEMBERS, &[&id, &own]).await?;
    read_members(&rows)
}

/// Members as their statements select them.
pub(super) fn read_members(rows: &[Row]) -> Result<Vec<Member>, DatabaseError> {
    rows.iter()
        .map(|row| {
            let patient: &[u8] = row.try_get("patient")?;
            Ok(Member {
                patient: PatientId::try_from(patient).map_err(|_| DatabaseError::Row)?,
                state: row.try_get("state")?,
                route: row.try_get("route")?,
                reason: row.try_get("reason")?,
                practices: practice_ids(row.try_get("practices")?)?,
                enrolled: practice_ids(row.try_get("enrolled")?)?,
                is_unsafe_to_write: row.try_get("is_unsafe_to_write")?,
                is_holder: row.try_get("is_holder")?,
            })
        })
        .collect()
}

fn practice_ids(ids: Vec<&[u8]>) -> Result<Vec<PracticeId>, DatabaseError> {
    ids.into_iter()
        .map(|id| PracticeId::try_from(id).map_err(|_| DatabaseError::Row))
        .collect()
}

/// What was opened of one person.
#[derive(Debug, Clone, Copy)]
pub struct MemberItem {
    /// The item.
    pub item: ItemId,
    /// Number of the section; 11 for a document.
    pub section: i16,
    /// Only a name line or shelf.
    pub is_listing: bool,
    /// A first byte was sent.
    pub is_confirmed: bool,
}

/// What was opened of one person, by the order of the releases.
pub async fn items(
    client: &impl GenericClient,
    incident: IncidentId,
    patient: PatientId,
) -> Result<Vec<MemberItem>, DatabaseError> {
    let (incident, patient) = (
        incident.as_bytes().as_slice(),
        patient.as_bytes().as_slice(),
    );
    let rows = client.query(ITEMS, &[&incident, &patient]).await?;
    rows.iter()
        .map(|row| {
            let item: &[u8] = row.try_get("item")?;
            Ok(MemberItem {
                item: ItemId::try_from(item).map_err(|_| DatabaseError::Row)?,
                section: row.try_get("section")?,
                is_listing: row.try_get("is_listing")?,
                is_confirmed: row.try_get("is_confirmed")?,
            })
        })
        .collect()
}

/// A part of one person's record that was opened as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberSection {
    /// Its number.
    pub section: i16,
    /// How many items it held.
    pub items: i32,
    /// Only a name line or shelf.
    pub is_listing: bool,
    /// A first byte was sent.
    pub is_confirmed: bool,
}

/// Which parts of one person's record were opened, by their numbers.
pub async fn sections(
    client: &impl GenericClient,
    incident: IncidentId,
    patient: PatientId,
) -> Result<Vec<MemberSection>, DatabaseError> {
    let (incident, patient) = (
        incident.as_bytes().as_slice(),
        patient.as_bytes().as_slice(),
    );
    let rows = client.query(SECTIONS, &[&incident, &patient]).await?;
    rows.iter()
        .map(|row| {
            Ok(MemberSection {
                section: row.try_get("section")?,
                items: row.try_get("items")?,
                is_listing: row.try_get("is_listing")?,
                is_confirmed: row.try_get("is_confirmed")?,
            })
        })
        .collect()
}

/// Numbers of the register, by route and state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// A word of [`Route`].
    pub route: String,
    /// How many people.
    pub people: i64,
    /// How many of them are confirmed.
    pub confirmed: i64,
}

/// Counts the register of an incident by route.
pub async fn counts(pool: &Pool, incident: IncidentId) -> Result<Vec<Counts>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let rows = pool.get().await?.query(COUNTS, &[&id]).await?;
    rows.iter()
        .map(|row| {
            Ok(Counts {
                route: row.try_get("route")?,
                people: row.try_get("people")?,
                confirmed: row.try_get("confirmed")?,
            })
        })
        .collect()
}

/// The scope version that the register holds; `None` before it was first made.
pub async fn version(pool: &Pool, incident: IncidentId) -> Result<Option<i32>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let row = pool
        .get()
        .await?
        .query_one(REGISTER_VERSION, &[&id])
        .await?;
    Ok(row.try_get(0)?)
}

/// The practices concerned, by id.
pub async fn practices(
    pool: &Pool,
    incident: IncidentId,
) -> Result<Vec<PracticeId>, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let rows = pool.get().await?.query(PRACTICES, &[&id]).await?;
    rows.iter()
        .map(|row| {
            let id: &[u8] = row.try_get(0)?;
            PracticeId::try_from(id).map_err(|_| DatabaseError::Row)
        })
        .collect()
}

/// SHA-256 over who is told how about what, in the order of ids: what officers put their names to.
pub async fn register_hash(pool: &Pool, incident: IncidentId) -> Result<Digest, DatabaseError> {
    let id = incident.as_bytes().as_slice();
    let client = pool.get().await?;
    let mut digester = Digester::new();
    digester.push(b"candour/v1/room/register");
    for row in client.query(HASHED_PEOPLE, &[&id]).await? {
        let (patient, practices): (&[u8], Vec<&[u8]>) =
            (row.try_get("patient")?, row.try_get("practices")?);
        let (state, route): (&str, &str) = (row.try_get("state")?, row.try_get("route")?);
        digester.push(patient);
        for part in [state, route] {
            digester.push(&(part.len() as u64).to_be_bytes());
            digester.push(part.as_bytes());
        }
        digester.push(&(practices.len() as u64).to_be_bytes());
        for practice in practices {
            digester.push(practice);
        }
    }
    for row in client.query(HASHED_ITEMS, &[&id]).await? {
        let (patient, item): (&[u8], &[u8]) = (row.try_get("patient")?, row.try_get("item")?);
        let (section, is_listing): (i16, bool) =
            (row.try_get("section")?, row.try_get("is_listing")?);
        let state: &str = row.try_get("state")?;
        digester.push(patient);
        digester.push(item);
        digester.push(&section.to_be_bytes());
        digester.push(&[u8::from(is_listing), u8::from(state == "confirmed")]);
    }
    for row in client.query(HASHED_SECTIONS, &[&id]).await? {
        let (patient, section): (&[u8], i16) = (row.try_get("patient")?, row.try_get("section")?);
        let (is_listing, is_confirmed): (bool, bool) =
            (row.try_get("is_listing")?, row.try_get("is_confirmed")?);
        digester.push(patient);
        digester.push(&section.to_be_bytes());
        digester.push(&[u8::from(is_listing), u8::from(is_confirmed)]);
    }
    Ok(digester.finish())
}

pub(crate) const REGISTER_VERSION: &str =
    "select max(scope_version) from register where incident = $1";

pub(crate) const PRACTICES: &str = "
    select distinct unnest(practices) as practice from register
    where incident = $1 and route <> 'canary' and state <> 'cleared' order by practice";

pub(crate) const HASHED_PEOPLE: &str = "
    select patient, state, route, practices from register
    where incident = $1 and state <> 'cleared' order by patient";

pub(crate) const HASHED_ITEMS: &str = "
    select patient, item, section, is_listing, state from register_item
    where incident = $1 and state <> 'cleared' order by patient, item";

pub(crate) const HASHED_SECTIONS: &str = "
    select patient, section, is_listing, state = 'confirmed' as is_confirmed from register_section
    where incident = $1 and state <> 'cleared' order by patient, section";

pub(crate) const CLEAR: &str = "update register set state = 'cleared' where incident = $1";

pub(crate) const CLEAR_ITEMS: &str =
    "update register_item set state = 'cleared' where incident = $1";

pub(crate) const CLEAR_SECTIONS: &str =
    "update register_section set state = 'cleared' where incident = $1";

pub(crate) const SAVE: &str = "
    insert into register (incident, patient, surrogate, state, route, reason, practices, is_deceased,
                          is_unsafe_to_write, birth_year, country, scope_version, enrolled)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    on conflict (incident, patient) do update set
        state = excluded.state, route = excluded.route, reason = excluded.reason,
        practices = excluded.practices, is_deceased = excluded.is_deceased,
        is_unsafe_to_write = excluded.is_unsafe_to_write, birth_year = excluded.birth_year,
        country = excluded.country, scope_version = excluded.scope_version,
        enrolled = excluded.enrolled";

pub(crate) const SAVE_ITEM: &str = "
    insert into register_item (incident, patient, item, section, is_listing, state, source_practice, first_grant)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
    on conflict (incident, patient, item) do update set
        is_listing = excluded.is_listing, state = excluded.state, section = excluded.section";

pub(crate) const SAVE_SECTION: &str = "
    insert into register_section (incident, patient, section, items, is_listing, state, first_grant, source_practice)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
    on conflict (incident, patient, section) do update set
        items = excluded.items, is_listing = excluded.is_listing, state = excluded.state,
        source_practice = excluded.source_practice";

/// What both lists of members say of a person in the same words: unsafe to write by the keeper's mark or by what the
/// contact said when the mail was to leave, and whether it is their own sign-in that was used ($2).
macro_rules! of_a_member {
    () => {
        "register.is_unsafe_to_write
               or exists (select 1 from notice
                          where notice.incident = register.incident and notice.recipient = 'patient'
                            and notice.recipient_id = register.patient
                            and notice.last_error = 'unsafe_to_write') as is_unsafe_to_write,
           exists (select 1 from scope_row release join entry on entry.index = release.grant_index
                   where release.incident = register.incident and release.version = register.scope_version
                     and release.patient = register.surrogate and entry.purpose = $2) as is_holder"
    };
}
pub(super) use of_a_member;

pub(crate) const MEMBERS: &str = concat!(
    "
    select register.patient, register.state, register.route, register.reason, register.practices, register.enrolled,
           ",
    of_a_member!(),
    "
    from register
    where register.incident = $1 and register.state <> 'cleared'
    order by register.patient"
);

pub(crate) const ITEMS: &str = "
    select item, section, approved_as_listing as is_listing, state = 'confirmed' as is_confirmed
    from register_item
    where incident = $1 and patient = $2 and state <> 'cleared' and approved_as_listing is not null
    order by first_grant, item";

pub(crate) const SECTIONS: &str = "
    select section, items, approved_as_listing as is_listing, state = 'confirmed' as is_confirmed
    from register_section
    where incident = $1 and patient = $2 and state <> 'cleared' and approved_as_listing is not null
    order by section";

pub(crate) const COUNTS: &str = "
    select route, count(*) as people, count(*) filter (where state = 'confirmed') as confirmed
    from register where incident = $1 and state <> 'cleared' group by route order by route";

pub(crate) const STATEMENTS: &[&str] = &[
    REGISTER_VERSION,
    PRACTICES,
    HASHED_PEOPLE,
    HASHED_ITEMS,
    HASHED_SECTIONS,
    CLEAR,
    CLEAR_ITEMS,
    CLEAR_SECTIONS,
    SAVE,
    SAVE_ITEM,
    SAVE_SECTION,
    MEMBERS,
    ITEMS,
    SECTIONS,
    COUNTS,
    super::approved::KEEP_PEOPLE,
    super::approved::KEEP_ITEMS,
    super::approved::KEEP_SECTIONS,
    super::approved::APPROVED_MEMBERS,
    super::approved::HAS_APPROVED_LIST,
    super::sources::SEEN,
    super::sources::BLOCK_ENTRIES,
    super::told::MARK,
    super::told::MARK_PRACTICE,
    super::told::PRACTICES_TOLD,
    super::told::PRACTICES_REACHED,
    super::told::TOLD,
    super::told::STILL_TO_RING,
];
