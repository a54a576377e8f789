//! Who reads a record beside its patient.

use super::changes::{is_theirs, sealed_words};
use crate::ages;
use crate::calls::reach::{Limit, Part, PatientView};
use crate::changes::{self, plan};
use crate::core::Core;
use crate::facts::{Fact, FactRow, ProxyInvited, SubjectFacts, is_before};
use crate::identity::secrets::{self, Secret};
use crate::identity::standing;
use crate::keys::{IdKind, KeyedToken};
use crate::ledger::Refusal;
use candour_keeper_wire::wire::{self, ChangeKind, InvitedProxy, ProxyView, SharingRuleView};
use candour_keeper_wire::words::{Age, ProxyKind, Reason, Role};
use candour_seal::{InstanceId, PatientId};
use jiff::Timestamp;

/// Of the asker's own record, to the patient. Of one for which the asker acts without bounds: what they keep from others
/// themself, and nobody who acts. It opens nothing.
pub async fn sharing(
    core: &Core,
    instance: InstanceId,
    call: &wire::SharingQuestion,
) -> Result<wire::Sharing, Refusal> {
    let now = core.clock.now();
    let found = standing::session(core, &call.token, instance, &call.network, now).await?;
    let (session, own_facts) = found;
    session.signed_by.refuse_new(now)?;
    let own = session
        .own_patient
        .filter(|_| session.role == Role::Patient);
    let patient = match call.patient.as_slice() {
        [] => core.keys.patient(own.ok_or(Reason::NotAllowed)?),
        asked => core
            .keys
            .patient(PatientId::try_from(asked).map_err(|_| Reason::Invalid)?),
    };
    let is_own = own.is_some_and(|own| core.keys.patient(own) == patient);
    let facts = core.facts.load(patient).await?;
    let age = ages::of_charge(core, &own_facts, &facts, now);
    if !is_own && (session.role != Role::Patient || age.is_none()) {
        return Err(Reason::NotFound.into());
    }
    // Who acts for somebody young is on the young person's own list too.
    let view = ages::aged(core, &facts, None, now);
    let limit = Limit::of(&session, &own_facts, patient, view, Part::whole(), now);
    Limit::refuse(limit, now)?;
    let mut list = wire::Sharing {
        may_keep: is_own || age == Some(Age::Child),
        is_address_protected: is_own && facts.address_protection() == Some(true),
        ..wire::Sharing::default()
    };
    for row in facts.live() {
        match &row.fact {
            Fact::Enrolment(held) => list.practices.push(held.practice.clone()),
            Fact::ProxiedBy(_) if is_own => {
                list.proxies
                    .extend(proxy(core, &facts, row, view, now).await?);
            }
            Fact::ProxyInvited(held) if is_own && is_before(held.until, now) => {
                list.invited.extend(invited(core, held, row.at).await?);
            }
            Fact::Share(share) if !is_before(share.until, now) => {}
            fact if is_theirs(&facts, fact, session.subject) => {
                if let Some(words) = sealed_words(fact) {
                    list.rules.push(SharingRuleView {
                        rule: row.version,
                        words: secrets::open_text(&core.keys, Secret::Reason, patient, words),
                        since: row.at.as_microsecond(),
                        ..rule(core, fact)
                    });
                }
            }
            _ => {}
        }
    }
    Ok(list)
}

fn rule(core: &Core, fact: &Fact) -> SharingRuleView {
    let (what, is_share, until, by) = match fact {
        Fact::Restriction(held) => (held.what.as_ref(), false, 0, held.by.as_slice()),
        Fact::Share(held) => (held.what.as_ref(), true, held.until, [].as_slice()),
        _ => (None, false, 0, [].as_slice()),
    };
    // Of a segment the words say all: it has no page.
    let document = what.filter(|what| what.section == 0);
    let item = document.and_then(|what| KeyedToken::try_from(what.item.as_slice()).ok());
    SharingRuleView {
        is_share,
        until,
        is_by_another: !by.is_empty(),
        item: item
            .map(|item| core.keys.item_id(item).as_bytes().to_vec())
            .unwrap_or_default(),
        ..SharingRuleView::default()
    }
}

/// An invitation, unless it ended by itself.
async fn invited(
    core: &Core,
    held: &ProxyInvited,
    at: Timestamp,
) -> Result<Option<InvitedProxy>, Refusal> {
    let subject = KeyedToken::try_from(held.invitation.as_slice());
    let subject = subject.map_err(|_| Reason::SubjectClosed)?;
    let facts = core.facts.load(subject).await?;
    let mut reason = None;
    for row in facts.live() {
        match &row.fact {
            Fact::Used(_) => return Ok(None),
            Fact::Invitation(fact) => reason = Some(&fact.sealed_reason),
            _ => {}
        }
    }
    Ok(reason.map(|sealed| InvitedProxy {
        invitation: core.keys.id(IdKind::Invitation, subject).to_vec(),
        practice: held.practice.clone(),
        since: at.as_microsecond(),
        until: held.until,
        reason: secrets::open_text(&core.keys, Secret::Reason, subject, sealed),
    }))
}

/// Who acts for a patient of the asker's practice, to whoever may end that.
pub async fn acting(
    core: &Core,
    instance: InstanceId,
    call: &wire::ActingQuestion,
) -> Result<wire::ActingList, Refusal> {
    let now = core.clock.now();
    let (session, _) = standing::session(core, &call.token, instance, "", now).await?;
    let kind = ChangeKind::EndProxy(wire::ProxyChange {
        patient: call.patient.clone(),
        ..wire::ProxyChange::default()
    });
    changes::authorize(core, &session, &kind, plan(&kind, session.role)?, now).await?;
    if session.practice.is_none() {
        return Err(Reason::NotAllowed.into());
    }
    let patient = PatientId::try_from(call.patient.as_slice()).map_err(|_| Reason::Invalid)?;
    let facts = core.facts.load(core.keys.patient(patient)).await?;
    let view = ages::aged(core, &facts, Some(&session), now);
    let mut answer = wire::ActingList {
        is_deceased: view.is_deceased,
        is_unsafe_to_write: view.is_unsafe_to_write,
        is_address_protected: facts.address_protection() == Some(true),
        ..wire::ActingList::default()
    };
    for row in facts.live() {
        let acts = proxy(core, &facts, row, view, now).await?;
        answer.people.extend(acts.map(|mut acts| {
            // What a patient said of whom they chose is not for the practice.
            if matches!(ProxyKind::try_from(acts.kind), Err(_) | Ok(ProxyKind::Wish)) {
                acts.reason.clear();
            }
            acts
        }));
    }
    Ok(answer)
}

/// Whoever acts by this row of the patient's, if somebody does now.
async fn proxy(
    core: &Core,
    patient: &SubjectFacts,
    row: &FactRow,
    view: PatientView,
    now: Timestamp,
) -> Result<Option<ProxyView>, Refusal> {
    let by = match &row.fact {
        Fact::ProxiedBy(by) if is_before(by.until, now) && view.lets_act(by.kind, row.at) => by,
        _ => return Ok(None),
    };
    let person = KeyedToken::try_from(by.person.as_slice()).map_err(|_| Reason::SubjectClosed)?;
    let facts = core.facts.load(person).await?;
    let held = facts.live().rev().find_map(|row| match &row.fact {
        Fact::Proxy(held) if held.patient == patient.subject().0 => Some((row.at, held)),
        _ => None,
    });
    let (since, held) = held.ok_or(Reason::SubjectClosed)?;
    let is_limited = held.opens_from > now.as_microsecond();
    Ok(Some(ProxyView {
        person: core.keys.person_id(person).as_bytes().to_vec(),
        sections: held.sections.clone(),
        until: held.until,
        may: held.actions(),
        kind: held.kind,
        since: since.as_microsecond(),
        reason: secrets::open_text(&core.keys, Secret::Reason, person, &held.sealed_reason),
        only_from: held.invited_at.clone(),
        opens_from: if is_limited { held.opens_from } else { 0 },
    }))
}
