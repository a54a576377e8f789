//! What a practice's manager reads of its own people: which budgets were reopened, what was erased, and what was taken
//! back of whom.

use super::{MOST, ask, before, staff_name};
use crate::calls::{Caller, reach};
use crate::core::Core;
use crate::decision::{Action, Relation};
use crate::epochs;
use crate::facts::{Fact, FactBody};
use crate::keys::{KeyedToken, OwnSubject};
use crate::ledger::Refusal;
use crate::reader;
use crate::recall;
use crate::sql::calls as sql;
use candour_keeper_wire::wire::{self, EntryBody, HistoryEvent, HistoryPage, RecalledParts};
use candour_keeper_wire::words::{EntryKind, Reason};
use candour_seal::{PersonId, PracticeId};
use prost::Message;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// One list of the session's own practice, newest first.
pub(super) async fn list(
    core: &Core,
    caller: &Caller,
    call: &wire::History,
) -> Result<HistoryPage, Refusal> {
    let session = &caller.session;
    let own = session.practice.ok_or(Reason::NotFound)?;
    let kind = match call.kind {
        0 => EntryKind::Reopening,
        kind => EntryKind::try_from(kind).map_err(|_| Reason::Invalid)?,
    };
    let text = match (kind, call.of) {
        (EntryKind::Reopening, None) => sql::REOPENINGS,
        (EntryKind::Shred, None) => sql::ERASURES,
        (EntryKind::Recall, None) => sql::RECALLS,
        (EntryKind::Recall, Some(_)) => sql::RECALLED_OF,
        _ => return Err(Reason::Invalid.into()),
    };
    let (purpose, relation, now) = (caller.purpose, Relation::OwnPractice, caller.now);
    let question = reach::decision_facts(session, purpose, Action::History, relation, now);
    ask(core, caller, &question, None, None).await?;
    let limit = i64::from(call.limit.clamp(1, MOST));
    let practice = own.as_bytes().as_slice();
    let (of, before, most) = (call.of.map(i64::try_from), before(call), limit + 1);
    let of = of.transpose().map_err(|_| Reason::Invalid)?;
    let mut asked: Vec<&(dyn ToSql + Sync)> = vec![&practice];
    asked.extend(of.as_ref().map(|of| of as &(dyn ToSql + Sync)));
    asked.extend([&before as &(dyn ToSql + Sync), &most]);
    let mut rows = reader::rows(&core.pool, text, &asked).await?;
    let has_more = rows.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        events.push(match (kind, of) {
            (EntryKind::Shred, _) => erasure(core, caller, own, row).await?,
            (EntryKind::Recall, None) => recall(core, caller, own, row).await?,
            (EntryKind::Recall, Some(_)) => recalled(core, caller, own, row).await?,
            _ => reopening(core, caller, own, row).await?,
        });
    }
    Ok(HistoryPage { events, has_more })
}

async fn reopening(
    core: &Core,
    caller: &Caller,
    practice: PracticeId,
    row: &Row,
) -> Result<HistoryEvent, Refusal> {
    let subject = core.keys.own(OwnSubject::Installation);
    let body = body(core, subject, row).await?;
    Ok(HistoryEvent {
        kind: EntryKind::Reopening.into(),
        count: u32::try_from(row.get::<_, i64>(6)).unwrap_or(u32::MAX),
        ..event(core, caller, practice, row, body).await?
    })
}

/// An act by which something was taken back or put back.
async fn recall(
    core: &Core,
    caller: &Caller,
    practice: PracticeId,
    row: &Row,
) -> Result<HistoryEvent, Refusal> {
    let body = body(core, core.keys.own(OwnSubject::Installation), row).await?;
    let facts = core.facts.load(core.keys.practice(practice)).await?;
    let is_away = recall::recalled(&body).is_some_and(|held| recall::is_still(&facts, &held));
    Ok(HistoryEvent {
        kind: i32::from(row.get::<_, i16>("kind")),
        is_away,
        count: body.count,
        ..event(core, caller, practice, row, body).await?
    })
}

/// What of one patient was taken back.
async fn recalled(
    core: &Core,
    caller: &Caller,
    practice: PracticeId,
    row: &Row,
) -> Result<HistoryEvent, Refusal> {
    let body = body(core, subject(row)?, row).await?;
    let parts = RecalledParts::decode(body.details.as_slice());
    let parts = parts.map_err(|_| Reason::SubjectClosed)?;
    Ok(HistoryEvent {
        kind: EntryKind::Recall.into(),
        patient: body.patient.clone(),
        count: body.count,
        opened: parts.opened,
        listed: parts.listed,
        ..event(core, caller, practice, row, body).await?
    })
}

/// Under whose audit key an entry about a patient is.
fn subject(row: &Row) -> Result<KeyedToken, Reason> {
    let subject = row.get::<_, Option<&[u8]>>(5).unwrap_or_default();
    KeyedToken::try_from(subject).map_err(|_| Reason::SubjectClosed)
}

async fn erasure(
    core: &Core,
    caller: &Caller,
    practice: PracticeId,
    row: &Row,
) -> Result<HistoryEvent, Refusal> {
    let body = body(core, subject(row)?, row).await?;
    let author = match FactBody::decode(body.details.as_slice()) {
        Ok(FactBody {
            fact: Some(Fact::Erased(erased)),
        }) => KeyedToken::try_from(erased.begun_by.as_slice()).ok(),
        _ => None,
    };
    let author_name = match author {
        Some(author) => staff_name(core, practice.as_bytes(), author, false).await?,
        None => String::new(),
    };
    let (all, at, now) = (core.subject_keys.epochs(), row.get("at"), caller.now);
    let (final_at, is_final) = epochs::final_at(&all, core.config.life, at, now.as_microsecond());
    Ok(HistoryEvent {
        kind: EntryKind::Shred.into(),
        final_at,
        is_final,
        count: body.count,
        patient: body.patient.clone(),
        item: body.item.clone(),
        author_name,
        ..event(core, caller, practice, row, body).await?
    })
}

async fn body(core: &Core, subject: KeyedToken, row: &Row) -> Result<EntryBody, Reason> {
    let index = u64::try_from(row.get::<_, i64>("index")).unwrap_or_default();
    core.open_body(subject, index, row.get("body"), row.get("audit_wrap"))
        .await
}

async fn event(
    core: &Core,
    caller: &Caller,
    practice: PracticeId,
    row: &Row,
    body: EntryBody,
) -> Result<HistoryEvent, Refusal> {
    let actor_name = match PersonId::try_from(body.principal.as_slice()) {
        Ok(person) => {
            staff_name(core, practice.as_bytes(), core.keys.person(person), false).await?
        }
        Err(_) => String::new(),
    };
    Ok(HistoryEvent {
        index: u64::try_from(row.get::<_, i64>("index")).unwrap_or_default(),
        at: row.get("at"),
        is_granted: true,
        role: i32::from(row.get::<_, i16>("role")),
        practice: practice.as_bytes().to_vec(),
        actor_name,
        is_viewer: body.principal == caller.session.principal.bytes(),
        reason: body.text,
        ..HistoryEvent::default()
    })
}
