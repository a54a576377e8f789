//! The entries by which each patient learns that something of theirs was taken back, or put back.
//!
//! They follow the act, in as many commits as it takes; what a crash leaves out is written later. Each names the act, so
//! that nobody is told twice.

use super::batch::{self, Share};
use crate::core::Core;
use crate::draft::Draft;
use crate::facts::{Fact, FactBody, Recalled};
use crate::keys::{KeyedToken, OwnSubject};
use crate::ledger::{LedgerError, Refusal};
use crate::reader;
use crate::sql::calls as sql;
use candour_keeper_wire::wire::{EntryBody, RecalledParts};
use candour_keeper_wire::words::{EntryKind, Reason, Role};
use candour_seal::PracticeId;
use prost::Message;
use std::collections::HashSet;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// Most entries written at once.
const AT_ONCE: usize = 256;

/// An entry by which a practice took something back.
pub(super) struct Act {
    pub body: EntryBody,
    pub recalled: Recalled,
}

/// The entry of a recall of a practice.
pub(super) async fn recall_at(
    core: &Core,
    practice: PracticeId,
    index: u64,
) -> Result<Act, Refusal> {
    let number = i64::try_from(index).map_err(|_| Reason::Invalid)?;
    let asked: [&(dyn ToSql + Sync); 2] = [&practice.as_bytes().as_slice(), &number];
    let rows = reader::rows(&core.pool, sql::RECALL_AT, &asked).await?;
    let row = rows.first().ok_or(Reason::NotFound)?;
    let body = body(core, row).await?;
    let recalled = recalled(&body).ok_or(Reason::NotFound)?;
    Ok(Act { body, recalled })
}

/// What an entry says was taken back.
pub(crate) fn recalled(body: &EntryBody) -> Option<Recalled> {
    match FactBody::decode(body.details.as_slice()).ok()?.fact? {
        Fact::Recalled(recalled) => Some(recalled),
        _ => None,
    }
}

async fn body(core: &Core, row: &Row) -> Result<EntryBody, Reason> {
    let index = u64::try_from(row.get::<_, i64>("index")).unwrap_or_default();
    let nobody = core.keys.own(OwnSubject::Installation);
    core.open_body(nobody, index, row.get("body"), row.get("audit_wrap"))
        .await
}

/// Tells everybody after an act; where that does not come to its end, [`tell_left`] goes on.
pub(crate) async fn tell_at_once(core: &Core) {
    *core.recalls.is_told.lock().await = false;
    tell_left(core).await;
}

/// Tells whoever was not told yet.
pub(crate) async fn tell_left(core: &Core) {
    let mut is_told = core.recalls.is_told.lock().await;
    if *is_told {
        return;
    }
    match tell_all(core).await {
        Ok(()) => *is_told = true,
        Err(refusal) => tracing::error!(
            reason = refusal.reason.word(),
            "not everybody was told of what was taken back; it is tried again"
        ),
    }
}

async fn tell_all(core: &Core) -> Result<(), Refusal> {
    for row in reader::rows(&core.pool, sql::RECALLS_TOLD, &[]).await? {
        let body = body(core, &row).await?;
        if row.get::<_, i64>("told") < i64::from(body.count) {
            tell(core, &row, &body).await?;
        }
    }
    Ok(())
}

/// Writes the entries of one act that are not there yet.
async fn tell(core: &Core, act: &Row, body: &EntryBody) -> Result<(), Refusal> {
    let practice = PracticeId::try_from(act.get::<_, &[u8]>("practice"));
    let practice = practice.map_err(|_| Reason::SubjectClosed)?;
    let recalled = match recalled(body) {
        Some(recalled) => recalled,
        None => ended(core, practice, body).await?,
    };
    let index: i64 = act.get("index");
    let told = reader::rows(&core.pool, sql::TOLD, &[&index]).await?;
    let told: HashSet<i64> = told.iter().map(|row| row.get(0)).collect();
    let rows = batch::of(core, &recalled).await?;
    let shares = batch::shares(core, &rows, recalled.as_of).await?;
    let mut untold: Vec<(KeyedToken, Share)> = shares.into_iter().collect();
    untold.retain(|(patient, _)| !told.contains(&patient.surrogate()));
    for some in untold.chunks(AT_ONCE) {
        let drafts = || {
            some.iter()
                .map(|one| draft(core, (act, practice), body, one))
        };
        let drafts = |of: Option<usize>| -> Vec<Draft> {
            match of {
                None => drafts().collect(),
                Some(at) => drafts().skip(at).take(1).collect(),
            }
        };
        match core.ledger.append(drafts(None)).await {
            Ok(outcomes) => outcomes.into_iter().try_for_each(|one| one.map(drop))?,
            // Whose keys do not verify are told of nothing, and hinder nobody else.
            Err(LedgerError::Closed) => {
                for at in 0..some.len() {
                    match core.ledger.append(drafts(Some(at))).await {
                        Ok(_) | Err(LedgerError::Closed) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// What the fact that an entry ended had taken back.
async fn ended(core: &Core, practice: PracticeId, body: &EntryBody) -> Result<Recalled, Refusal> {
    let facts = core.facts.load(core.keys.practice(practice)).await?;
    let version = match FactBody::decode(body.details.as_slice()) {
        Ok(FactBody {
            fact: Some(Fact::End(end)),
        }) => end.version,
        _ => return Err(Reason::SubjectClosed.into()),
    };
    let row = facts.rows().iter().find(|row| row.version == version);
    match row.map(|row| &row.fact) {
        Some(Fact::Recalled(recalled)) => Ok(recalled.clone()),
        _ => Err(Reason::SubjectClosed.into()),
    }
}

fn draft(
    core: &Core,
    (act, practice): (&Row, PracticeId),
    of: &EntryBody,
    (patient, share): &(KeyedToken, Share),
) -> Draft {
    let is_end = act.get::<_, i16>("kind") == i16::from(EntryKind::RecallEnded.number());
    let mut draft = Draft::of_keeper(if is_end {
        EntryKind::RecallEnded
    } else {
        EntryKind::Recall
    });
    draft.row.role = Role::try_from(i32::from(act.get::<_, i16>("role"))).unwrap_or(Role::Keeper);
    draft.row.practice = Some(practice);
    draft.row.session = act.get("session");
    draft.row.principal = act.get("principal");
    draft.body.principal.clone_from(&of.principal);
    draft.body.instance.clone_from(&of.instance);
    draft.body.source_practice = practice.as_bytes().to_vec();
    draft.body.of_grant = u64::try_from(act.get::<_, i64>("index")).unwrap_or_default();
    draft.body.count = share.items;
    draft.body.details = RecalledParts {
        parts: share.parts.clone(),
        opened: share.opened,
        listed: share.listed,
    }
    .encode_to_vec();
    draft.about(core.keys.patient_id(*patient), *patient)
}
