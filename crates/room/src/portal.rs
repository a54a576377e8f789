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

/// Whose blocks one practice reads.
pub struct Reader<'a> {
    /// The practice.
    pub practice: PracticeId,
    /// Who deposited which block.
    pub depositors: &'a BTreeMap<ItemId, PracticeId>,
}

impl Reader<'_> {
    fn is_own(&self, item: ItemId) -> bool {
        self.depositors.get(&item) == Some(&self.practice)
    }
}

/// Opens identity and contact blocks of people for one practice. Works with the keeper down.
pub async fn people(
    portal: &Pool,
    unlocked: &Unlocked,
    installation: InstallationId,
    patients: &[PatientId],
    reader: &Reader<'_>,
) -> Result<BTreeMap<PatientId, Person>, DatabaseError> {
    let ids: Vec<&[u8]> = patients.iter().map(|id| id.as_bytes().as_slice()).collect();
    let mut found = Found::default();
    for row in portal.get().await?.query(BLOCKS, &[&ids]).await? {
        let (id, patient): (&[u8], &[u8]) = (row.try_get("id")?, row.try_get("patient")?);
        let (sealed, wrap): (Option<&[u8]>, Option<&[u8]>) =
            (row.try_get("sealed")?, row.try_get("room_wrap")?);
        let (Some(sealed), Some(wrap)) = (sealed, wrap) else {
            continue;
        };
        let patient = PatientId::try_from(patient).map_err(|_| DatabaseError::Row)?;
        let item = ItemId::try_from(id).map_err(|_| DatabaseError::Row)?;
        let context = Context {
            installation,
            subject: *patient.as_bytes(),
            item,
            version: 1,
        };
        if let Ok(block) = open_block(sealed, wrap, &context, unlocked.key()) {
            found.take(patient, &block, reader.is_own(item));
        }
    }
    Ok(found.people())
}

/// What was found in blocks, the newest first: the newest of the practice's own counts, and of no other practice's.
/// Only the name of somebody of whom it has none is another's: a list without names could not be used.
#[derive(Default)]
struct Found {
    own: BTreeMap<PatientId, Person>,
    others: BTreeMap<PatientId, Identity>,
}

impl Found {
    fn take(&mut self, patient: PatientId, block: &[u8], is_own: bool) {
        let identity = Identity::from_block(block).ok();
        if is_own {
            let person = self.own.entry(patient).or_default();
            person.identity = person.identity.take().or(identity);
            let contact = || Contact::from_block(block).ok();
            person.contact = person.contact.take().or_else(contact);
        } else if let Some(identity) = identity {
            self.others.entry(patient).or_insert(identity);
        }
    }

    fn people(mut self) -> BTreeMap<PatientId, Person> {
        for (patient, identity) in self.others {
            let person = self.own.entry(patient).or_default();
            person.identity.get_or_insert(identity);
        }
        self.own
    }
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
    select id, patient, sealed, room_wrap from room_item
    where patient = any($1) and kind in (3, 4) order by deposit_day desc, id";

pub(crate) const SEALED: &str = "select sealed from room_item where id = $1";

pub(crate) const KEEP_NOTICE: &str = "
    insert into room_notice (id, patient, kind, deposit_day, padded_size, stored, sealed, room_wrap)
    values ($1, $2, $3, $4, $5, 'row', $6, $7) on conflict do nothing";

#[cfg(test)]
mod tests {
    use super::*;
    use candour_core::people::PhoneNumber;

    const PERSON: PatientId = PatientId::from_bytes([1; 16]);

    fn with_number(number: &str) -> Vec<u8> {
        let mut contact = Contact::unknown("NZ");
        contact.mobile = PhoneNumber::parse(number).ok();
        contact.to_block().unwrap()
    }

    fn number(found: Found) -> Option<PhoneNumber> {
        let person = found.people().remove(&PERSON)?;
        person.contact?.mobile
    }

    #[test]
    fn a_practice_sees_its_own_older_number_and_never_another_practice_s_newer_one() {
        let mut found = Found::default();
        found.take(PERSON, &with_number("021 999 9999"), false);
        found.take(PERSON, &with_number("021 123 4567"), true);
        found.take(PERSON, &with_number("021 000 0000"), true);
        assert_eq!(number(found), PhoneNumber::parse("021 123 4567").ok());
        let mut found = Found::default();
        found.take(PERSON, &with_number("021 999 9999"), false);
        assert_eq!(number(found), None);
    }
}
