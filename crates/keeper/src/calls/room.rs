//! What the incident room asks: committed entries, what a section's opening covered, facts for routing notices.

use crate::core::Core;
use crate::facts::{Fact, SubjectFacts};
use crate::keys::KeyedToken;
use crate::reader;
use crate::sql::calls as sql;
use candour_keeper_wire::wire::{
    Entries, EntriesAfter, EntryBody, EntryRow, PatientFacts, Reply, RoomFacts, RoomFactsAnswer,
    RoomHourKey, SectionAt, SectionItems, SectionScope,
};
use candour_keeper_wire::words::{Reason, Section};
use candour_seal::PatientId;
use prost::Message;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_postgres::Row;

/// Most entries in one answer.
const MOST_ENTRIES: u32 = 2_000;
/// Longest wait in milliseconds.
const LONGEST_WAIT: u32 = 10_000;
/// Most patients in one question.
const MOST_PATIENTS: usize = 1_000;

/// The committed entries from an index on; waits for the first when there are none.
pub async fn entries_after(core: &Core, question: EntriesAfter) -> Result<Reply, Reason> {
    let wait = Duration::from_millis(u64::from(question.wait_ms.min(LONGEST_WAIT)));
    let mut durable = core.ledger.durable();
    let is_there = durable.wait_for(|durable| durable.frontier.size() > question.from);
    if tokio::time::timeout(wait, is_there).await.is_err() && core.ledger.size() <= question.from {
        return Ok(Reply::Entries(Entries::default()));
    }
    let limit = question.limit.clamp(1, MOST_ENTRIES);
    // Nothing beyond what is durable by this process's knowledge is given out.
    let limit = u64::from(limit).min(core.ledger.size().saturating_sub(question.from));
    let (from, limit) = (number(question.from)?, number(limit)?);
    let rows = reader::rows(&core.pool, sql::ENTRIES_FROM, &[&from, &limit]).await?;
    let entries = rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    let hours: Vec<i32> = rows
        .iter()
        .map(|row| row.get("hour"))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let keys = reader::rows(&core.pool, sql::HOUR_KEYS, &[&hours]).await?;
    let keys = keys
        .iter()
        .map(|row| RoomHourKey {
            hour: u32::try_from(row.get::<_, i32>("hour")).unwrap_or_default(),
            sealed: row.get("sealed"),
        })
        .collect();
    Ok(Reply::Entries(Entries { entries, keys }))
}

fn entry(row: &Row) -> Result<EntryRow, Reason> {
    let small = |name: &str| i32::from(row.get::<_, i16>(name));
    Ok(EntryRow {
        index: u64::try_from(row.get::<_, i64>("index")).map_err(|_| Reason::LedgerUnavailable)?,
        at: row.get("at"),
        kind: small("kind"),
        decision: small("decision"),
        purpose: small("purpose"),
        role: small("role"),
        practice: row
            .get::<_, Option<Vec<u8>>>("practice")
            .unwrap_or_default(),
        item_kind: small("item_kind"),
        session: row.get("session"),
        principal: row.get("principal"),
        patient: row.get("patient"),
        item: row.get("item"),
        leaf: row.get("leaf"),
        body: row.get("body"),
        room_wrap: row.get("room_wrap"),
        hour: u32::try_from(row.get::<_, i32>("hour")).unwrap_or_default(),
    })
}

fn number(value: u64) -> Result<i64, Reason> {
    i64::try_from(value).map_err(|_| Reason::Invalid)
}

/// The items that the section opening at an index covered; the room says whose it was, which it read in the body.
pub async fn section_at(core: &Core, question: SectionAt) -> Result<Reply, Reason> {
    let patient = PatientId::try_from(question.patient.as_slice()).map_err(|_| Reason::Invalid)?;
    let token = core.keys.patient(patient);
    let index = number(question.index)?;
    let row = reader::rows(&core.pool, sql::ENTRY, &[&index])
        .await?
        .pop()
        .filter(|row| row.get::<_, i64>("patient") == token.surrogate())
        .ok_or(Reason::NotFound)?;
    let body = core
        .open_body(
            token,
            question.index,
            row.get("body"),
            row.get("audit_wrap"),
        )
        .await?;
    let items = covered(core, token, &body).await?;
    Ok(Reply::SectionAt(SectionItems { items }))
}

/// The ids of the items that the opening of a section of this patient covered, as its entry says.
pub(crate) async fn covered(
    core: &Core,
    token: KeyedToken,
    body: &EntryBody,
) -> Result<Vec<Vec<u8>>, Reason> {
    let section = Section::try_from(body.section).map_err(|_| Reason::NotFound)?;
    let scope = SectionScope::decode(body.details.as_slice()).map_err(|_| Reason::NotFound)?;
    if scope.is_by_rules {
        return Ok(scope.items);
    }
    let items = core
        .items
        .section(token, section)
        .await
        .map_err(|_| Reason::LedgerUnavailable)?;
    let mut items: Vec<Vec<u8>> = items
        .iter()
        .filter(|item| item.visible_from < scope.as_of)
        // What was erased later was there then.
        .filter(|item| item.row.erased.is_none_or(|index| index >= scope.as_of))
        .filter(|item| {
            scope.practice.is_empty()
                || item.row.new.practice.as_bytes().as_slice() == scope.practice
        })
        .filter(|item| !scope.hidden_tags.contains(&u32::from(item.row.new.tags)))
        .map(|item| core.keys.item_id(item.row.new.item).as_bytes().to_vec())
        .collect();
    items.sort_unstable();
    Ok(items)
}

/// What the keeper knows in clear about patients, for routing notices.
pub async fn facts(core: &Core, question: RoomFacts) -> Result<Reply, Reason> {
    if question.patients.len() > MOST_PATIENTS {
        return Err(Reason::Invalid);
    }
    let mut answers = Vec::with_capacity(question.patients.len());
    for id in question.patients {
        let patient = PatientId::try_from(id.as_slice()).map_err(|_| Reason::Invalid)?;
        let facts = core.facts.load(core.keys.patient(patient)).await;
        let answer = match facts {
            Ok(facts) if !facts.is_empty() => facts_of(core, id, &facts),
            // A closed subject is told by a human: nothing about it can be trusted.
            Ok(_) | Err(_) => PatientFacts::default(),
        };
        answers.push(answer);
    }
    Ok(Reply::RoomFacts(RoomFactsAnswer { patients: answers }))
}

fn facts_of(core: &Core, patient: Vec<u8>, facts: &SubjectFacts) -> PatientFacts {
    let mut answer = PatientFacts {
        patient,
        ..PatientFacts::default()
    };
    for row in facts.live() {
        match &row.fact {
            Fact::Patient(known) => {
                answer.birth_year = known.birth_year;
                answer.region.clone_from(&known.region);
                answer.country.clone_from(&known.country);
                answer.is_deceased |= known.is_deceased;
                answer.is_unsafe_to_write |= known.is_unsafe_to_write;
            }
            Fact::PatientMarks(marks) => {
                answer.is_deceased = marks.is_deceased;
                answer.is_unsafe_to_write = marks.is_unsafe_to_write;
            }
            Fact::Enrolment(enrolment) => answer.practices.push(enrolment.practice.clone()),
            Fact::Canary(_) => answer.is_canary = true,
            Fact::AccountHolder(_) => answer.has_account = true,
            Fact::ProxiedBy(proxy) => {
                if let Ok(token) = KeyedToken::try_from(proxy.person.as_slice()) {
                    answer
                        .proxies
                        .push(core.keys.person_id(token).as_bytes().to_vec());
                }
            }
            _ => {}
        }
    }
    answer
}
