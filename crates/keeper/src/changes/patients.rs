//! Proxies, enrolments and marks of patients.

use super::{Prepared, guard};
use crate::calls::id;
use crate::calls::reach::PatientView;
use crate::core::Core;
use crate::draft::Effect;
use crate::facts::{
    AddressProtection, End, Fact, PatientMarks, ProxiedBy, Proxy, ProxyMay, Used, is_before,
    is_scope,
};
use crate::identity::accounts::Account;
use crate::identity::secrets::{self, Secret};
use crate::keys::{IdKind, KeyedToken};
use crate::ledger::Refusal;
use candour_keeper_wire::wire;
use candour_keeper_wire::words::{ProxyKind, Reason, Role};
use candour_seal::{PatientId, PersonId, SystemRandom};
use jiff::Timestamp;

fn parties(
    core: &Core,
    change: &wire::ProxyChange,
) -> Result<(PersonId, KeyedToken, PatientId, KeyedToken), Reason> {
    let person = PersonId::try_from(change.person.as_slice()).map_err(|_| Reason::Invalid)?;
    let patient = PatientId::try_from(change.patient.as_slice()).map_err(|_| Reason::Invalid)?;
    Ok((
        person,
        core.keys.person(person),
        patient,
        core.keys.patient(patient),
    ))
}

/// Lets a person act for a patient: a fact on each side.
pub(super) async fn grant_proxy(
    core: &Core,
    change: &wire::ProxyChange,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let (person_id, person, patient_id, patient) = parties(core, change)?;
    if !is_scope(&change.sections, &change.may) || !is_before(change.until, now) {
        return Err(Reason::Invalid.into());
    }
    let account = Account::by_person(core, person_id)
        .await?
        .ok_or(Reason::NotFound)?;
    let patient_facts = core.facts.load(patient).await?;
    if account.own_patient(core) == Some(patient_id) {
        return Err(Reason::Invalid.into());
    }
    let fact = Fact::Proxy(Proxy {
        patient: patient.0.to_vec(),
        sections: change.sections.clone(),
        until: change.until,
        sealed_reason: secrets::seal(
            &core.keys,
            Secret::Reason,
            person,
            change.reason.as_bytes(),
            &mut SystemRandom,
        ),
        may: Some(ProxyMay {
            actions: change.may.clone(),
        }),
        kind: ProxyKind::Wish.into(),
        ..Proxy::default()
    });
    let mut prepared = Prepared::fact(person, fact);
    prepared.effects.push(Effect::fact(
        patient,
        Fact::ProxiedBy(ProxiedBy {
            person: person.0.to_vec(),
            until: change.until,
            kind: ProxyKind::Wish.into(),
        }),
    ));
    prepared.guards = vec![guard(&account.facts), guard(&patient_facts)];
    prepared.patient = Some(patient_id);
    Ok(prepared)
}

/// Ends it on both sides, at once.
pub(super) async fn end_proxy(
    core: &Core,
    change: &wire::ProxyChange,
) -> Result<Prepared, Refusal> {
    let (_, person, patient_id, patient) = parties(core, change)?;
    let facts = [
        core.facts.load(person).await?,
        core.facts.load(patient).await?,
    ];
    let mut prepared = Prepared {
        patient: Some(patient_id),
        ..Prepared::default()
    };
    for facts in &facts {
        for row in facts.live() {
            let concerns = match &row.fact {
                Fact::Proxy(proxy) => proxy.patient == patient.0,
                Fact::ProxiedBy(by) => by.person == person.0,
                _ => false,
            };
            if concerns {
                let fact = Fact::End(End {
                    version: row.version,
                });
                prepared.details.get_or_insert_with(|| fact.clone());
                prepared.effects.push(Effect::fact(facts.subject(), fact));
            }
        }
        prepared.guards.push(guard(facts));
    }
    if prepared.effects.is_empty() {
        return Err(Reason::NotFound.into());
    }
    Ok(prepared)
}

/// Nobody accepts any more what a practice invited to.
pub(super) async fn stop_invitation(
    core: &Core,
    change: &wire::StopInvitation,
) -> Result<Prepared, Refusal> {
    let patient = PatientId::try_from(change.patient.as_slice()).map_err(|_| Reason::Invalid)?;
    let facts = core.facts.load(core.keys.patient(patient)).await?;
    let invitation = core
        .keys
        .token(IdKind::Invitation, &id(&change.invitation)?);
    let version = facts
        .live()
        .find_map(|row| match &row.fact {
            Fact::ProxyInvited(held) if held.invitation == invitation.0 => Some(row.version),
            _ => None,
        })
        .ok_or(Reason::NotFound)?;
    let mut prepared = Prepared::fact(facts.subject(), Fact::End(End { version }));
    let used = Effect::fact(invitation, Fact::Used(Used::default()));
    prepared.effects.push(used);
    prepared.guards = vec![guard(&facts)];
    prepared.patient = Some(patient);
    Ok(prepared)
}

/// The patient left the practice.
pub(super) async fn end_enrolment(
    core: &Core,
    change: &wire::EnrolmentChange,
) -> Result<Prepared, Refusal> {
    let patient = PatientId::try_from(change.patient.as_slice()).map_err(|_| Reason::Invalid)?;
    let facts = core.facts.load(core.keys.patient(patient)).await?;
    let version = facts
        .live()
        .find_map(|row| match &row.fact {
            Fact::Enrolment(held) if held.practice == change.practice => Some(row.version),
            _ => None,
        })
        .ok_or(Reason::NotFound)?;
    let mut prepared = Prepared::fact(facts.subject(), Fact::End(End { version }));
    prepared.guards = vec![guard(&facts)];
    prepared.patient = Some(patient);
    Ok(prepared)
}

/// New marks replace those that stand. A program only adds to them: what it may read hangs on them.
pub(super) async fn mark(
    core: &Core,
    by: Role,
    change: &wire::MarkPatient,
) -> Result<Prepared, Refusal> {
    let patient = PatientId::try_from(change.patient.as_slice()).map_err(|_| Reason::Invalid)?;
    let facts = core.facts.load(core.keys.patient(patient)).await?;
    let stands = PatientView::marks(&facts);
    let takes_away = (stands.is_deceased && !change.is_deceased)
        || (stands.is_unsafe_to_write && !change.is_unsafe_to_write);
    if by == Role::PracticeClient && takes_away {
        return Err(Reason::NotAllowed.into());
    }
    let fact = Fact::PatientMarks(PatientMarks {
        is_deceased: change.is_deceased,
        is_unsafe_to_write: change.is_unsafe_to_write,
    });
    let mut prepared = Prepared::fact(facts.subject(), fact);
    prepared.guards = vec![guard(&facts)];
    prepared.patient = Some(patient);
    Ok(prepared)
}

/// Protects an address, or no longer: what was said last holds.
pub(super) async fn protect(
    core: &Core,
    change: &wire::ProtectAddress,
) -> Result<Prepared, Refusal> {
    let patient = PatientId::try_from(change.patient.as_slice()).map_err(|_| Reason::Invalid)?;
    let facts = core.facts.load(core.keys.patient(patient)).await?;
    let fact = Fact::AddressProtection(AddressProtection {
        is_protected: change.is_protected,
        by_account: change.practice.is_empty(),
    });
    let mut prepared = Prepared::fact(facts.subject(), fact);
    prepared.guards = vec![guard(&facts)];
    prepared.patient = Some(patient);
    Ok(prepared)
}
