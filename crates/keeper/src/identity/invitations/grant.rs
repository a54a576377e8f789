//! What an accepted invitation gives: one's own record, a record one acts for, or a role.

use super::Held;
use crate::changes::guard;
use crate::core::Core;
use crate::draft::{Draft, Effect};
use crate::facts::{
    AccountHolder, End, Fact, FactBody, OperatorRole, ProxiedBy, Proxy, SelfPatient, StaffRole,
    SubjectFacts, is_before,
};
use crate::identity::recovery;
use crate::identity::secrets::{self, Secret};
use crate::keys::KeyedToken;
use crate::ledger::Refusal;
use crate::merges::{self, Records};
use crate::notifications::Owes;
use candour_keeper_wire::words::{Notification, Reason, Role};
use candour_seal::{SystemRandom, Zeroizing};
use jiff::Timestamp;
use prost::Message;

/// Adds the right to the draft: the facts on both sides, and what must still hold.
pub(super) async fn add(
    core: &Core,
    draft: &mut Draft,
    held: &Held,
    person: KeyedToken,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Some(patient) = held.patient.filter(|_| super::is_own_role(held.role)) else {
        if super::is_own_role(held.role) {
            return Err(Reason::SubjectClosed.into());
        }
        grants(draft, person, staff(core, held, person, held.role));
        return Ok(());
    };
    let records = merges::load(core, patient).await?;
    let about = &*records.facts;
    let limit = limit(core, held, &records, now)?;
    let (fact, mirror) = match held.role {
        Role::Patient => own_record(core, person, about, limit).await?,
        _ => acting_for(core, held, person, limit, now)?,
    };
    grants(draft, person, fact);
    draft.guards.push(guard(about));
    draft.effects.push(Effect::fact(patient, mirror));
    let accepted = about.live().find(|row| match &row.fact {
        Fact::ProxyInvited(invited) => invited.invitation == held.subject.0,
        _ => false,
    });
    draft.effects.extend(accepted.map(|row| {
        let version = row.version;
        Effect::fact(patient, Fact::End(End { version }))
    }));
    let id = core.keys.patient_id(patient);
    draft.row.patient = patient.surrogate();
    draft.body.patient = id.as_bytes().to_vec();
    draft.audit = crate::draft::Audit::Patient(id);
    let what = match held.role {
        Role::Patient => Notification::AccountMade,
        _ => Notification::ProxyBegan,
    };
    Owes { what, to: patient }.note(&mut draft.body);
    Ok(())
}

fn grants(draft: &mut Draft, person: KeyedToken, fact: Fact) {
    draft.body.details = FactBody {
        fact: Some(fact.clone()),
    }
    .encode_to_vec();
    draft.effects.push(Effect::fact(person, fact));
}

/// Whom staff let in reads for three days what their practice put in, as after a recovery: one person of staff can be
/// wrong, or charmed. Whom the patient invites does not wait, and in a demonstration nobody does.
fn limit(
    core: &Core,
    held: &Held,
    records: &Records,
    now: Timestamp,
) -> Result<(Vec<u8>, i64), Reason> {
    let inviter = KeyedToken::try_from(held.fact.invited_by.as_slice()).ok();
    let is_patient_s = inviter.is_some() && inviter == records.facts.account_holder();
    if !is_patient_s {
        still_stands(held, records, inviter)?;
    }
    if is_patient_s || core.config.is_demonstration {
        return Ok((Vec::new(), 0));
    }
    Ok((held.fact.practice.clone(), recovery::opens_from(now)?))
}

/// What a practice's invitation rests on must still be so when it is accepted: the patient is enrolled there, and keeps
/// nothing from whoever invited. Else it is a code that does not fit.
fn still_stands(held: &Held, records: &Records, inviter: Option<KeyedToken>) -> Result<(), Reason> {
    let practice = held.fact.practice.as_slice();
    let is_enrolled = records.facts.live().any(|row| match &row.fact {
        Fact::Enrolment(enrolment) => enrolment.practice == practice,
        _ => false,
    });
    let inviter = inviter.map_or_else(Vec::new, |inviter| vec![inviter]);
    if is_enrolled && !records.are_kept_from(&inviter, practice) {
        return Ok(());
    }
    Err(Reason::WrongCredentials)
}

/// A record has one account of its own, and an account is one patient.
async fn own_record(
    core: &Core,
    person: KeyedToken,
    about: &SubjectFacts,
    (invited_at, opens_from): (Vec<u8>, i64),
) -> Result<(Fact, Fact), Refusal> {
    let is_another = core
        .facts
        .load(person)
        .await?
        .live()
        .any(|row| matches!(row.fact, Fact::SelfPatient(_)));
    if about.account_holder().is_some() || is_another {
        return Err(Reason::Invalid.into());
    }
    Ok((
        Fact::SelfPatient(SelfPatient {
            patient: about.subject().0.to_vec(),
            invited_at,
            opens_from,
        }),
        Fact::AccountHolder(AccountHolder {
            person: person.0.to_vec(),
        }),
    ))
}

fn acting_for(
    core: &Core,
    held: &Held,
    person: KeyedToken,
    (invited_at, opens_from): (Vec<u8>, i64),
    now: Timestamp,
) -> Result<(Fact, Fact), Refusal> {
    let until = held.fact.proxy_until;
    if !is_before(until, now) {
        return Err(Reason::Invalid.into());
    }
    let reason = resealed(
        core,
        Secret::Reason,
        held.subject,
        person,
        &held.fact.sealed_reason,
    );
    Ok((
        Fact::Proxy(Proxy {
            patient: held.fact.patient.clone(),
            sections: held.fact.sections.clone(),
            until,
            sealed_reason: reason,
            invited_at,
            opens_from,
            may: held.fact.may.clone(),
            kind: held.fact.proxy_kind,
        }),
        Fact::ProxiedBy(ProxiedBy {
            person: person.0.to_vec(),
            until,
            kind: held.fact.proxy_kind,
        }),
    ))
}

fn staff(core: &Core, held: &Held, person: KeyedToken, role: Role) -> Fact {
    let sealed_name = resealed(
        core,
        Secret::Name,
        held.subject,
        person,
        &held.fact.sealed_name,
    );
    if held.fact.practice.is_empty() {
        return Fact::OperatorRole(OperatorRole {
            role: role.into(),
            until: 0,
            sealed_name,
        });
    }
    Fact::StaffRole(StaffRole {
        practice: held.fact.practice.clone(),
        role: role.into(),
        until: 0,
        sealed_name,
    })
}

/// A secret of the invitation, sealed for the person it now belongs to.
fn resealed(core: &Core, what: Secret, from: KeyedToken, to: KeyedToken, sealed: &[u8]) -> Vec<u8> {
    let plain: Zeroizing<Vec<u8>> =
        secrets::open(&core.keys, what, from, sealed).unwrap_or_default();
    secrets::seal(&core.keys, what, to, &plain, &mut SystemRandom)
}
