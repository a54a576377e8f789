//! The affected people with their state: the one source of every list, message and count.

mod approved;
mod rows;
mod sources;
mod told;

pub use approved::{Version, approved_members, has_approved_list, keep_approved};
pub(crate) use rows::STATEMENTS;
pub use sources::{Seen, depositors, seen};
pub use told::{
    How, Mark, Told, mark, mark_practice, practices_reached, practices_told, still_to_ring, told,
};

pub use rows::{
    Counts, Member, MemberItem, MemberSection, counts, items, members, practices, register_hash,
    sections, version,
};

use crate::database::DatabaseError;
use crate::incidents::Incident;
use crate::scope::{self, Question, Release, Scope};
use crate::unlock::Unlocked;
use candour_keeper_api::wire::{self, Call, EntryBody, PatientFacts, Reply};
use candour_keeper_api::words::Section;
use candour_keeper_api::{CallError, Keeper};
use candour_seal::{ItemId, PatientId, PracticeId};
use deadpool_postgres::Pool;
use std::collections::{BTreeMap, BTreeSet};

/// Why the register could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The room's database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The keeper.
    #[error(transparent)]
    Keeper(#[from] CallError),
    /// Bodies that do not open; the register would not be whole.
    #[error("{0} entries of the scope do not open")]
    Unreadable(usize),
}

/// How sure we are that something was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// A first byte was sent, or it was seen in a leak.
    Confirmed,
    /// A key was released, and nothing more is known.
    Probable,
}

impl State {
    /// The word in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Probable => "probable",
        }
    }
}

/// How a person is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// A mail, with the same words waiting in the portal.
    Mail,
    /// The practice rings.
    Call,
    /// The patient has died: the practice finds a representative.
    Representative,
    /// The patient is under 16: the practice speaks with the guardian.
    Guardian,
    /// Nobody: the keeper's own canary.
    Canary,
}

impl Route {
    /// The word in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Call => "call",
            Self::Representative => "representative",
            Self::Guardian => "guardian",
            Self::Canary => "canary",
        }
    }

    /// The route that the keeper's facts leave open, with the reason as a fixed word; the first that fits wins.
    pub fn of(facts: &PatientFacts, year: i32) -> (Self, &'static str) {
        if facts.is_canary {
            (Self::Canary, "canary")
        } else if facts.is_deceased {
            (Self::Representative, "deceased")
        } else if facts.is_unsafe_to_write {
            (Self::Call, "unsafe_to_write")
        } else if facts.birth_year > 0 && year - facts.birth_year <= 16 {
            // The birth day is not known here: whoever turns 16 this year still counts as younger.
            (Self::Guardian, "under_16")
        } else {
            (Self::Mail, "mail")
        }
    }
}

/// One person as the ledger shows them, before facts are known.
#[derive(Debug, Default)]
struct Person {
    surrogate: i64,
    items: BTreeMap<ItemId, Loss>,
    sections: BTreeMap<Section, Part>,
    sources: BTreeSet<PracticeId>,
}

/// A part of the record that was opened as a whole.
#[derive(Debug, Clone, Copy)]
struct Part {
    items: usize,
    is_listing: bool,
    is_delivered: bool,
    source: Option<PracticeId>,
    first_grant: i64,
}

#[derive(Debug, Clone, Copy)]
struct Loss {
    section: Section,
    is_listing: bool,
    is_delivered: bool,
    source: Option<PracticeId>,
    first_grant: i64,
}

/// Reads what nobody has read yet of the entries that a question is about, and keeps what a scope needs of it.
pub async fn read_bodies(
    pool: &Pool,
    unlocked: &Unlocked,
    question: &Question,
    to_index: i64,
) -> Result<(), RegisterError> {
    let unread = scope::unread(pool, question, to_index).await?;
    if unread.is_empty() {
        return Ok(());
    }
    let bodies = read(pool, unlocked, &unread).await?;
    Ok(scope::keep_read(pool, &bodies).await?)
}

async fn read(
    pool: &Pool,
    unlocked: &Unlocked,
    indexes: &[i64],
) -> Result<BTreeMap<i64, EntryBody>, RegisterError> {
    let bodies = unlocked.bodies(pool, indexes).await?;
    if bodies.unreadable.is_empty() {
        Ok(bodies.read)
    } else {
        Err(RegisterError::Unreadable(bodies.unreadable.len()))
    }
}

/// Brings the register of an incident to a scope version. Safe to repeat.
pub async fn update(
    pool: &Pool,
    keeper: &Keeper,
    unlocked: &Unlocked,
    incident: &Incident,
    scope: &Scope,
    year: i32,
) -> Result<usize, RegisterError> {
    let releases = scope::releases(pool, incident.id, scope.version).await?;
    let indexes: Vec<i64> = releases.iter().map(|release| release.grant_index).collect();
    let bodies = read(pool, unlocked, &indexes).await?;
    let mut people: BTreeMap<PatientId, Person> = BTreeMap::new();
    for release in &releases {
        let Some(body) = bodies.get(&release.grant_index) else {
            continue;
        };
        let Ok(patient) = PatientId::try_from(body.patient.as_slice()) else {
            continue;
        };
        let person = people.entry(patient).or_default();
        person.surrogate = release.patient;
        match ItemId::try_from(body.item.as_slice()) {
            Ok(item) => add(person, item, release, body),
            Err(_) => {
                let items = items_of(keeper, release, body).await?;
                add_section(person, items.len(), release, body);
                for item in items {
                    add(person, item, release, body);
                }
            }
        }
    }
    let patients: Vec<PatientId> = people.keys().copied().collect();
    let facts = facts(keeper, &patients).await?;
    let mut client = pool.get().await.map_err(DatabaseError::from)?;
    let transaction = client.transaction().await.map_err(DatabaseError::from)?;
    rows::clear(&transaction, incident.id).await?;
    for (patient, person) in &people {
        let unknown = PatientFacts::default();
        let facts = facts.get(patient).unwrap_or(&unknown);
        rows::save(
            &transaction,
            incident.id,
            scope.version,
            *patient,
            person,
            facts,
            year,
        )
        .await?;
    }
    transaction.commit().await.map_err(DatabaseError::from)?;
    Ok(people.len())
}

/// The items that the opening of a section covered, as they were at that index.
async fn items_of(
    keeper: &Keeper,
    release: &Release,
    body: &EntryBody,
) -> Result<Vec<ItemId>, RegisterError> {
    let index = u64::try_from(release.grant_index).map_err(|_| DatabaseError::Row)?;
    match keeper
        .call(Call::SectionAt(wire::SectionAt {
            index,
            patient: body.patient.clone(),
        }))
        .await?
    {
        Reply::SectionAt(section) => section
            .items
            .iter()
            .map(|item| ItemId::try_from(item.as_slice()).map_err(|_| CallError::Unexpected.into()))
            .collect(),
        _ => Err(CallError::Unexpected.into()),
    }
}

fn add(person: &mut Person, item: ItemId, release: &Release, body: &EntryBody) {
    let source = PracticeId::try_from(body.source_practice.as_slice()).ok();
    person.sources.extend(source);
    let loss = person.items.entry(item).or_insert(Loss {
        section: Section::try_from(body.section).unwrap_or(Section::None),
        is_listing: release.is_listing,
        is_delivered: false,
        source,
        first_grant: release.grant_index,
    });
    loss.is_delivered |= release.is_delivered;
    loss.is_listing &= release.is_listing;
}

/// A part of a record counts as seen even when nothing stood in it: "no conditions" is an answer. A name line
/// without a name is none.
fn add_section(person: &mut Person, items: usize, release: &Release, body: &EntryBody) {
    let section = Section::try_from(body.section).unwrap_or(Section::None);
    if items == 0 && matches!(section, Section::Identity | Section::Contact) {
        return;
    }
    let source = PracticeId::try_from(body.source_practice.as_slice()).ok();
    let part = person.sections.entry(section).or_insert(Part {
        items,
        is_listing: release.is_listing,
        is_delivered: false,
        source,
        first_grant: release.grant_index,
    });
    // What came from several is not one practice's own.
    if part.source != source {
        part.source = None;
    }
    part.is_listing &= release.is_listing;
    part.items = part.items.max(items);
    part.is_delivered |= release.is_delivered;
}

async fn facts(
    keeper: &Keeper,
    patients: &[PatientId],
) -> Result<BTreeMap<PatientId, PatientFacts>, RegisterError> {
    let mut all = BTreeMap::new();
    for some in patients.chunks(1_000) {
        let question = wire::RoomFacts {
            patients: some
                .iter()
                .map(|patient| patient.as_bytes().to_vec())
                .collect(),
        };
        let Reply::RoomFacts(answer) = keeper.call(Call::RoomFacts(question)).await? else {
            return Err(CallError::Unexpected.into());
        };
        for facts in answer.patients {
            if let Ok(patient) = PatientId::try_from(facts.patient.as_slice()) {
                all.insert(patient, facts);
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_unsafe_to_write_is_on_the_route_of_mail() {
        let facts = PatientFacts {
            is_unsafe_to_write: true,
            birth_year: 1980,
            ..PatientFacts::default()
        };
        assert_eq!(Route::of(&facts, 2026), (Route::Call, "unsafe_to_write"));
    }

    #[test]
    fn somebody_who_turns_sixteen_this_year_is_told_through_a_guardian() {
        let facts = PatientFacts {
            birth_year: 2010,
            ..PatientFacts::default()
        };
        assert_eq!(Route::of(&facts, 2026).0, Route::Guardian);
        let older = PatientFacts {
            birth_year: 2009,
            ..facts
        };
        assert_eq!(Route::of(&older, 2026).0, Route::Mail);
    }

    #[test]
    fn a_death_counts_before_everything_but_a_canary() {
        let facts = PatientFacts {
            is_deceased: true,
            is_unsafe_to_write: true,
            ..PatientFacts::default()
        };
        assert_eq!(Route::of(&facts, 2026).0, Route::Representative);
        assert_eq!(
            Route::of(
                &PatientFacts {
                    is_canary: true,
                    ..facts
                },
                2026
            )
            .0,
            Route::Canary
        );
    }

    #[test]
    fn a_part_that_was_opened_of_two_practices_is_of_neither_and_more_than_a_listing() {
        let mut person = Person::default();
        let release = |grant_index, is_listing| Release {
            grant_index,
            granted_at: jiff::Timestamp::UNIX_EPOCH,
            patient: 1,
            item: 0,
            section: 0,
            is_listing,
            is_delivered: true,
        };
        let body = |practice| EntryBody {
            section: Section::Results.into(),
            source_practice: vec![practice; 16],
            ..EntryBody::default()
        };
        add_section(&mut person, 1, &release(1, true), &body(1));
        let part = person.sections[&Section::Results];
        assert_eq!(part.source, Some(PracticeId::from_bytes([1; 16])));
        assert!(part.is_listing);
        add_section(&mut person, 1, &release(2, false), &body(2));
        let part = person.sections[&Section::Results];
        assert_eq!((part.source, part.is_listing), (None, false));
    }
}
