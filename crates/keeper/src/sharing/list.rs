//! Who reads a record beside its patient.

use super::changes::sealed_words;
use crate::core::Core;
use crate::facts::{Fact, is_before};
use crate::identity::secrets::{self, Secret};
use crate::identity::standing;
use crate::keys::KeyedToken;
use crate::ledger::Refusal;
use candour_keeper_wire::wire::{self, ProxyView, SharingRuleView};
use candour_keeper_wire::words::{Reason, Role};
use candour_seal::InstanceId;

/// Of the asker's own record, to the patient alone. It opens nothing.
pub async fn sharing(
    core: &Core,
    instance: InstanceId,
    call: &wire::WithToken,
) -> Result<wire::Sharing, Refusal> {
    let now = core.clock.now();
    let found = standing::session(core, &call.token, instance, &call.network, now).await?;
    let session = found.0;
    if let Some(until) = session.signed_by.is_new_until(now) {
        return Err(Refusal::until(Reason::CredentialIsNew, until, now));
    }
    let own = session
        .own_patient
        .filter(|_| session.role == Role::Patient);
    let patient = core.keys.patient(own.ok_or(Reason::NotAllowed)?);
    let facts = core.facts.load(patient).await?;
    let mut list = wire::Sharing::default();
    for row in facts.live() {
        match &row.fact {
            Fact::Enrolment(held) => list.practices.push(held.practice.clone()),
            Fact::ProxiedBy(by) if is_before(by.until, now) => {
                let person = KeyedToken::try_from(by.person.as_slice());
                let person = person.map_err(|_| Reason::SubjectClosed)?;
                list.proxies.push(proxy(core, patient, person).await?);
            }
            Fact::Share(share) if !is_before(share.until, now) => {}
            fact => {
                if let Some(words) = sealed_words(fact) {
                    list.rules.push(SharingRuleView {
                        rule: row.version,
                        words: secrets::open_text(&core.keys, Secret::Reason, patient, words),
                        since: row.at.as_microsecond(),
                        ..rule(core, fact)
                    });
                }
            }
        }
    }
    Ok(list)
}

fn rule(core: &Core, fact: &Fact) -> SharingRuleView {
    let (what, is_share, until) = match fact {
        Fact::Restriction(held) => (held.what.as_ref(), false, 0),
        Fact::Share(held) => (held.what.as_ref(), true, held.until),
        _ => (None, false, 0),
    };
    let item = what.and_then(|what| KeyedToken::try_from(what.item.as_slice()).ok());
    SharingRuleView {
        is_share,
        until,
        item: item
            .map(|item| core.keys.item_id(item).as_bytes().to_vec())
            .unwrap_or_default(),
        ..SharingRuleView::default()
    }
}

async fn proxy(core: &Core, patient: KeyedToken, person: KeyedToken) -> Result<ProxyView, Refusal> {
    let facts = core.facts.load(person).await?;
    let held = facts.live().rev().find_map(|row| match &row.fact {
        Fact::Proxy(held) if held.patient == patient.0 => Some((row.at, held)),
        _ => None,
    });
    let (since, held) = held.ok_or(Reason::SubjectClosed)?;
    Ok(ProxyView {
        person: core.keys.person_id(person).as_bytes().to_vec(),
        sections: held.sections.clone(),
        until: held.until,
        may: held.actions(),
        since: since.as_microsecond(),
        reason: secrets::open_text(&core.keys, Secret::Reason, person, &held.sealed_reason),
    })
}
