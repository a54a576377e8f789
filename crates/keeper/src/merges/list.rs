//! What a practice noted about a patient's other record, and once that is ended, what was opened by way of it.

use super::{id, link_of, opened};
use crate::changes::{self, plan};
use crate::core::Core;
use crate::facts::{Fact, MergeEnded, Merged, SubjectFacts};
use crate::identity::secrets::{self, Secret};
use crate::identity::standing;
use crate::keys::KeyedToken;
use crate::ledger::Refusal;
use candour_keeper_wire::wire::{self, ChangeKind, MergeView, OpenedByMerge};
use candour_keeper_wire::words::Reason;
use candour_seal::{InstanceId, PatientId, PracticeId};
use jiff::Timestamp;

/// To the people of the practice that noted it, who may end it. What others put in is theirs to tell.
pub async fn list(
    core: &Core,
    instance: InstanceId,
    call: &wire::MergesQuestion,
) -> Result<wire::Merges, Refusal> {
    let now = core.clock.now();
    let (session, _) = standing::session(core, &call.token, instance, "", now).await?;
    let kind = ChangeKind::EndMerge(wire::EndMerge {
        patient: call.patient.clone(),
        ..wire::EndMerge::default()
    });
    changes::authorize(core, &session, &kind, plan(&kind, session.role)?, now).await?;
    let practice = session.practice.ok_or(Reason::NotAllowed)?;
    let patient = PatientId::try_from(call.patient.as_slice()).map_err(|_| Reason::Invalid)?;
    let facts = core.facts.load(core.keys.patient(patient)).await?;
    let mut answer = wire::Merges::default();
    let is_theirs = |link: &Merged| link.practice == practice.as_bytes();
    if let Some((row, link)) = link_of(&facts).filter(|(_, link)| is_theirs(link)) {
        answer.merges.push(view(core, &facts, link, row.at, now)?);
    }
    for row in facts.live().rev() {
        if let Fact::MergeEnded(ended) = &row.fact
            && let Some(link) = ended.merged.as_ref().filter(|link| is_theirs(link))
        {
            let view = ended_view(core, &facts, (ended, link), row.at, practice);
            answer.merges.push(view.await?);
        }
    }
    Ok(answer)
}

fn other(link: &Merged) -> Result<KeyedToken, Reason> {
    KeyedToken::try_from(link.other.as_slice()).map_err(|_| Reason::SubjectClosed)
}

fn view(
    core: &Core,
    facts: &SubjectFacts,
    link: &Merged,
    since: Timestamp,
    now: Timestamp,
) -> Result<MergeView, Reason> {
    let reason = &link.sealed_reason;
    let waits = link.opens_from > now.as_microsecond();
    Ok(MergeView {
        other: id(core, other(link)?),
        stays: link.stays,
        since: since.as_microsecond(),
        reason: secrets::open_text(&core.keys, Secret::Reason, facts.subject(), reason),
        opens_from: if waits { link.opens_from } else { 0 },
        ..MergeView::default()
    })
}

async fn ended_view(
    core: &Core,
    facts: &SubjectFacts,
    (ended, link): (&MergeEnded, &Merged),
    ended_at: Timestamp,
    practice: PracticeId,
) -> Result<MergeView, Refusal> {
    let since = Timestamp::from_microsecond(ended.since).map_err(|_| Reason::SubjectClosed)?;
    // What was opened by way of a later link of the two comes after that began.
    let later = facts.rows().iter().filter_map(|row| match &row.fact {
        Fact::Merged(later) if later.from > link.from => Some(later.from),
        _ => None,
    });
    let span = link.from..later.min().unwrap_or(u64::MAX);
    let found = opened::between(core, [facts.subject(), other(link)?], span).await?;
    let own = found
        .items
        .values()
        .filter(|item| item.row.new.practice == practice);
    let opened = own.map(|item| OpenedByMerge {
        patient: id(core, item.row.new.patient),
        item: core.keys.item_id(item.row.new.item).as_bytes().to_vec(),
        kind: item.row.new.kind.into(),
        section: item.row.new.section.into(),
        month: u32::try_from(item.row.new.month).unwrap_or_default(),
        first_at: item.first_at,
        times: u32::try_from(item.grants.len()).unwrap_or(u32::MAX),
        by_proxy: item.by_proxy,
        is_delivered: !item.grants.is_disjoint(&found.delivered),
    });
    let mut opened: Vec<OpenedByMerge> = opened.collect();
    opened.sort_by_key(|item| item.first_at);
    let reason = &ended.sealed_reason;
    Ok(MergeView {
        ended_at: ended_at.as_microsecond(),
        are_two_people: ended.are_two_people,
        by_patient: ended.by_patient,
        end_reason: secrets::open_text(&core.keys, Secret::Reason, facts.subject(), reason),
        opened,
        histories: found.histories,
        is_partial: found.is_partial,
        ..view(core, facts, link, since, ended_at)?
    })
}
