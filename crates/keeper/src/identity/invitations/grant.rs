//! What an accepted invitation gives: one's own record, a record one acts for, or a role.

use super::Held;
use crate::core::Core;
use crate::draft::{Draft, Effect, Guard};
use crate::facts::{
    AccountHolder, Fact, FactBody, OperatorRole, ProxiedBy, Proxy, SelfPatient, StaffRole,
    is_before,
};
use crate::identity::secrets::{self, Secret};
use crate::keys::KeyedToken;
use crate::ledger::Refusal;
use candour_keeper_wire::words::{Reason, Role};
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
    let (fact, mirror) = match (held.role, held.patient) {
        (Role::Patient, Some(patient)) => own_record(core, person, patient).await?,
        (Role::Proxy, Some(patient)) => acting_for(core, held, person, patient, now)?,
        (Role::Patient | Role::Proxy, None) => return Err(Reason::SubjectClosed.into()),
        (role, _) => (staff(core, held, person, role), None),
    };
    draft.body.details = FactBody {
        fact: Some(fact.clone()),
    }
    .encode_to_vec();
    draft.effects.push(Effect::fact(person, fact));
    if let (Some(patient), Some(mirror)) = (held.patient, mirror) {
        let version = core.facts.load(patient).await?.version();
        draft.guards.push(Guard::Facts {
            subject: patient,
            version,
        });
        draft.effects.push(Effect::fact(patient, mirror));
        let id = core.keys.patient_id(patient);
        draft.row.patient = patient.surrogate();
        draft.body.patient = id.as_bytes().to_vec();
        draft.audit = crate::draft::Audit::Patient(id);
    }
    Ok(())
}

/// A record has one account of its own, and an account is one patient.
async fn own_record(
    core: &Core,
    person: KeyedToken,
    patient: KeyedToken,
) -> Result<(Fact, Option<Fact>), Refusal> {
    let is_taken = core
        .facts
        .load(patient)
        .await?
        .live()
        .any(|row| matches!(row.fact, Fact::AccountHolder(_)));
    let is_another = core
        .facts
        .load(person)
        .await?
        .live()
        .any(|row| matches!(row.fact, Fact::SelfPatient(_)));
    if is_taken || is_another {
        return Err(Reason::Invalid.into());
    }
    Ok((
        Fact::SelfPatient(SelfPatient {
            patient: patient.0.to_vec(),
        }),
        Some(Fact::AccountHolder(AccountHolder {
            person: person.0.to_vec(),
        })),
    ))
}

fn acting_for(
    core: &Core,
    held: &Held,
    person: KeyedToken,
    patient: KeyedToken,
    now: Timestamp,
) -> Result<(Fact, Option<Fact>), Refusal> {
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
            patient: patient.0.to_vec(),
            sections: held.fact.sections.clone(),
            until,
            sealed_reason: reason,
            may: held.fact.may.clone(),
            kind: held.fact.proxy_kind,
        }),
        Some(Fact::ProxiedBy(ProxiedBy {
            person: person.0.to_vec(),
            until,
            kind: held.fact.proxy_kind,
        })),
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
