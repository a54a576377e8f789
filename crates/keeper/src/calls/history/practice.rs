//! What a practice's manager reads of its own people: which budgets were reopened, and what was erased.

use super::{MOST, ask, before, staff_name};
use crate::calls::{Caller, reach};
use crate::core::Core;
use crate::decision::{Action, Relation};
use crate::epochs;
use crate::facts::{Fact, FactBody};
use crate::keys::{KeyedToken, OwnSubject};
use crate::ledger::Refusal;
use crate::reader;
use crate::sql::calls as sql;
use candour_keeper_wire::wire::{self, EntryBody, HistoryEvent, HistoryPage};
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
    let is_of_erasures = match call.kind {
        0 => false,
        kind => match EntryKind::try_from(kind) {
            Ok(EntryKind::Reopening) => false,
            Ok(EntryKind::Shred) => true,
            _ => return Err(Reason::Invalid.into()),
        },
    };
    let (purpose, relation, now) = (caller.purpose, Relation::OwnPractice, caller.now);
    let question = reach::decision_facts(session, purpose, Action::History, relation, now);
    ask(core, caller, &question, None, None).await?;
    let limit = i64::from(call.limit.clamp(1, MOST));
    let practice = own.as_bytes().as_slice();
    let asked: [&(dyn ToSql + Sync); 3] = [&practice, &before(call), &(limit + 1)];
    let text = if is_of_erasures {
        sql::ERASURES
    } else {
        sql::REOPENINGS
    };
    let mut rows = reader::rows(&core.pool, text, &asked).await?;
    let has_more = rows.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        events.push(if is_of_erasures {
            erasure(core, caller, own, row).await?
        } else {
            reopening(core, caller, own, row).await?
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

async fn erasure(
    core: &Core,
    caller: &Caller,
    practice: PracticeId,
    row: &Row,
) -> Result<HistoryEvent, Refusal> {
    let subject = row.get::<_, Option<&[u8]>>(5).unwrap_or_default();
    let subject = KeyedToken::try_from(subject).map_err(|_| Reason::SubjectClosed)?;
    let body = body(core, subject, row).await?;
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
