//! What the room reads and inserts in the portal's database: practices in public, blocks it can unlock, notices.

use crate::database::DatabaseError;
use crate::unlock::Unlocked;
use candour_core::block::Block;
use candour_core::people::{Contact, Identity};
use candour_keeper_api::ItemPermit;
use candour_keeper_api::bodies::open_block;
use candour_keeper_api::words::ItemKind;
use candour_seal::{Context, InstallationId, ItemId, PatientId, PracticeId};
use deadpool_postgres::Pool;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// A practice as it presents itself in public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Practice {
    /// Its id.
    pub id: PracticeId,
    /// Its name.
    pub name: String,
    /// Public mailbox; may be empty.
    pub email: String,
    /// Telephone number.
    pub phone: String,
}

/// The practices with these ids; those the portal does not know are left out.
pub async fn practices(portal: &Pool, ids: &[PracticeId]) -> Result<Vec<Practice>, DatabaseError> {
    let ids: Vec<&[u8]> = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
    let rows = portal.get().await?.query(PRACTICES, &[&ids]).await?;
    rows.iter()
        .map(|row| {
            let id: &[u8] = row.try_get("id")?;
            Ok(Practice {
                id: PracticeId::try_from(id).map_err(|_| DatabaseError::Row)?,
                name: row.try_get("name")?,
                email: row.try_get("email")?,
                phone: row.try_get("phone")?,
            })
        })
        .collect()
}

/// A person's name and ways to be reached, opened with the room's unlocked key.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// Who.
    pub identity: Option<Identity>,
    /// How to reach them.
    pub contact: Option<Contact>,
}

/// Opens identity and contact blocks of people; the newest block that opens counts. Works with the keeper down.
pub async fn people(
    portal: &Pool,
    unlocked: &Unlocked,
    installation: InstallationId,
    patients: &[PatientId],
) -> Result<BTreeMap<PatientId, Person>, DatabaseError> {
    let ids: Vec<&[u8]> = patients.iter().map(|id| id.as_bytes().as_slice()).collect();
    let mut people: BTreeMap<PatientId, Person> = BTreeMap::new();
    for row in portal.get().await?.query(BLOCKS, &[&ids]).await? {
        let (id, patient): (&[u8], &[u8]) = (row.try_get("id")?, row.try_get("patient")?);
        let kind: i16 = row.try_get("kind")?;
        let (sealed, wrap): (Option<&[u8]>, Option<&[u8]>) =
            (row.try_get("sealed")?, row.try_get("room_wrap")?);
        let (Some(sealed), Some(wrap)) = (sealed, wrap) else {
            continue;
        };
        let patient = PatientId::try_from(patient).map_err(|_| DatabaseError::Row)?;
        let context = Context {
            installation,
            subject: *patient.as_bytes(),
            item: ItemId::try_from(id).map_err(|_| DatabaseError::Row)?,
            version: 1,
        };
        let Ok(block) = open_block(sealed, wrap, &context, unlocked.key()) else {
            continue;
        };
        let person = people.entry(patient).or_default();
        if kind == i16::from(ItemKind::Identity.number()) && person.identity.is_none() {
            person.identity = Identity::from_block(&block).ok();
        }
        if kind == i16::from(ItemKind::Contact.number()) && person.contact.is_none() {
            person.contact = Contact::from_block(&block).ok();
        }
    }
    Ok(people)
}

/// The ciphertext of an identity or contact block that a permit names.
pub async fn sealed(portal: &Pool, permit: &ItemPermit) -> Result<Option<Vec<u8>>, DatabaseError> {
    let id = permit.item();
    let id = id.as_bytes().as_slice();
    let row = portal.get().await?.query_opt(SEALED, &[&id]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?.flatten())
}

/// A notice as it is to stand in the portal.
pub struct NewNotice<'a> {
    /// The item, given by the keeper.
    pub item: ItemId,
    /// For whom.
    pub patient: PatientId,
    /// Day (UTC).
    pub day: Date,
    /// The ciphertext.
    pub sealed: &'a [u8],
    /// Its key for the room.
    pub room_wrap: &'a [u8],
}

/// Inserts a notice and returns what stands there now: an earlier attempt's ciphertext stays as it is.
pub async fn keep_notice(portal: &Pool, notice: &NewNotice<'_>) -> Result<Vec<u8>, DatabaseError> {
    let client = portal.get().await?;
    let (id, patient) = (
        notice.item.as_bytes().as_slice(),
        notice.patient.as_bytes().as_slice(),
    );
    let size = i64::try_from(notice.sealed.len()).map_err(|_| DatabaseError::Row)?;
    let wrap = (!notice.room_wrap.is_empty()).then_some(notice.room_wrap);
    let kind = i16::from(ItemKind::Notice.number());
    client
        .execute(
            KEEP_NOTICE,
            &[
                &id,
                &patient,
                &kind,
                &notice.day,
                &size,
                &notice.sealed,
                &wrap,
            ],
        )
        .await?;
    let row = client.query_opt(SEALED, &[&id]).await?;
    row.map(|row| row.try_get(0))
        .transpose()?
        .flatten()
        .ok_or(DatabaseError::Row)
}

pub(crate) const PRACTICES: &str =
    "select id, name, email, phone from practice where id = any($1) order by name";

pub(crate) const BLOCKS: &str = "
    select id, patient, kind, sealed, room_wrap from room_item
    where patient = any($1) and kind in (3, 4) order by deposit_day desc, id";

pub(crate) const SEALED: &str = "select sealed from room_item where id = $1";

pub(crate) const KEEP_NOTICE: &str = "
    insert into room_notice (id, patient, kind, deposit_day, padded_size, stored, sealed, room_wrap)
    values ($1, $2, $3, $4, $5, 'row', $6, $7) on conflict do nothing";
