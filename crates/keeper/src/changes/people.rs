//! Invitations and roles.

use super::Prepared;
use super::plan::is_officer;
use crate::acts::Doer;
use crate::ages;
use crate::calls::reach;
use crate::core::Core;
use crate::draft::{Effect, Guard};
use crate::facts::{
    End, Fact, Invitation, OperatorRole, ProxyInvited, ProxyMay, StaffRole, is_scope,
};
use crate::identity::accounts::{self, Account};
use crate::identity::codes::InvitationCode;
use crate::identity::recovery;
use crate::identity::secrets::{self, Secret};
use crate::identity::sign_in::{random, random_id};
use crate::identity::ways::after;
use crate::keys::{IdKind, KeyedToken, LookupKind};
use crate::ledger::Refusal;
use crate::merges;
use crate::session::Session;
use candour_keeper_wire::wire;
use candour_keeper_wire::words::{Age, ProxyKind, Reason, Role};
use candour_rules::budget::Charge;
use candour_seal::{PatientId, PersonId, PracticeId, SystemRandom};
use jiff::{SignedDuration, Timestamp};

/// How long an invitation may be used.
const INVITATION_LASTS: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Longest words for whom it is about, in characters.
const LONGEST_NAME: usize = 300;

/// A new invitation: its effects and its printed code.
pub(crate) fn invitation(
    core: &Core,
    invite: &wire::Invite,
    invited_by: &[u8],
    now: Timestamp,
) -> Result<(Prepared, KeyedToken, String), Refusal> {
    let patient = PatientId::try_from(invite.patient.as_slice()).ok();
    let secret = InvitationCode::from_random(&random());
    let subject = core.keys.token(IdKind::Invitation, &random_id());
    let until = after(now, INVITATION_LASTS)?;
    let seal = |what, text: &str| {
        secrets::seal(
            &core.keys,
            what,
            subject,
            text.as_bytes(),
            &mut SystemRandom,
        )
    };
    let fact = Fact::Invitation(Invitation {
        practice: invite.practice.clone(),
        role: invite.role,
        patient: patient
            .map(|patient| core.keys.patient(patient).0.to_vec())
            .unwrap_or_default(),
        sealed_name: seal(Secret::Name, &invite.staff_name),
        until,
        invited_by: invited_by.to_vec(),
        sections: invite.sections.clone(),
        proxy_until: invite.until,
        sealed_reason: seal(Secret::Reason, &invite.reason),
        recovers: Vec::new(),
        may: Some(ProxyMay {
            actions: invite.may.clone(),
        }),
        proxy_kind: invite.kind,
    });
    let mut prepared = Prepared::fact(subject, fact);
    prepared.effects.push(Effect::InsertLookup {
        kind: LookupKind::Invitation,
        token: core
            .keys
            .lookup(LookupKind::Invitation, secret.expose().as_bytes()),
        subject,
    });
    prepared.patient = patient;
    Ok((prepared, subject, secret.printed()))
}

/// Invites somebody; a practice may invite 20 patients a day.
pub(super) async fn invite(
    core: &Core,
    session: &Session,
    doer: &Doer,
    invite: &wire::Invite,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let role = Role::try_from(invite.role).map_err(|_| Reason::Invalid)?;
    let is_about_patient = matches!(role, Role::Patient | Role::Proxy);
    let is_known = is_scope(&invite.sections, &invite.may);
    if !is_known || is_about_patient != (invite.patient.len() == 16) {
        return Err(Reason::Invalid.into());
    }
    let mut asked = invite.clone();
    if asked.practice.is_empty() && is_about_patient {
        asked.practice = practice_of(core, &invite.patient).await?;
    }
    let practice = PracticeId::try_from(asked.practice.as_slice()).ok();
    if (practice.is_none() && !is_officer(role)) || asked.who.chars().count() > LONGEST_NAME {
        return Err(Reason::Invalid.into());
    }
    if let (true, Ok(patient)) = (
        session.practice.is_some(),
        PatientId::try_from(asked.patient.as_slice()),
    ) {
        let records = merges::load(core, core.keys.patient(patient)).await?;
        // From whom the patient keeps anything lets nobody in, nor does a practice from which they keep everything.
        if records.are_kept_from(&[doer.subject], &asked.practice) {
            return Err(Reason::NotAllowed.into());
        }
        let mut all = records.all();
        if role == Role::Patient && all.any(|facts| facts.account_holder().is_some()) {
            return Err(Reason::HasAccount.into());
        }
    }
    asked.kind = match PatientId::try_from(asked.patient.as_slice()) {
        Ok(patient) => kind_of(core, session, role, patient, now).await?,
        Err(_) => 0,
    };
    // Who speaks for the dead does so for a reason and not for ever.
    let is_representative = asked.kind == i32::from(ProxyKind::Representative);
    if is_representative && (asked.until == 0 || asked.reason.trim().is_empty()) {
        return Err(Reason::Invalid.into());
    }
    let (mut prepared, subject, printed) = invitation(core, &asked, &doer.subject.0, now)?;
    if let (Role::Proxy, Some(patient), true) = (role, prepared.patient, session.practice.is_some())
    {
        // The patient sees it, and can stop it.
        let invited = ProxyInvited {
            invitation: subject.0.to_vec(),
            practice: asked.practice.clone(),
            until: after(now, INVITATION_LASTS)?,
        };
        let patient = core.keys.patient(patient);
        let fact = Fact::ProxyInvited(invited);
        prepared.effects.push(Effect::fact(patient, fact));
    }
    if let (Some(practice), true) = (practice, is_about_patient) {
        prepared.charge = Some((Charge::Invitation, reach::context_of(session, practice)));
    }
    prepared.reply.code = printed;
    Ok(prepared)
}

/// As what somebody acts whom a session invites, which follows from who invites and whose record it is. A child has no
/// account of their own yet, and nobody is somebody who died.
async fn kind_of(
    core: &Core,
    session: &Session,
    role: Role,
    patient: PatientId,
    now: Timestamp,
) -> Result<i32, Refusal> {
    let facts = core.facts.load(core.keys.patient(patient)).await?;
    let about = ages::aged(core, &facts, None, now);
    Ok(match (role, about.is_deceased, about.age) {
        (Role::Patient, true, _) => return Err(Reason::Deceased.into()),
        (Role::Patient, false, Age::Child) => return Err(Reason::WrongAge.into()),
        (Role::Patient, ..) => 0,
        _ if session.own_patient == Some(patient) => ProxyKind::Wish.into(),
        (_, true, _) => ProxyKind::Representative.into(),
        (_, false, Age::Grown) => ProxyKind::Helper.into(),
        _ => ProxyKind::Guardian.into(),
    })
}

/// A practice the patient is enrolled at, for a patient who invites without naming one.
async fn practice_of(core: &Core, patient: &[u8]) -> Result<Vec<u8>, Refusal> {
    let patient = PatientId::try_from(patient).map_err(|_| Reason::Invalid)?;
    let facts = core.facts.load(core.keys.patient(patient)).await?;
    facts
        .live()
        .find_map(|row| match &row.fact {
            Fact::Enrolment(enrolment) => Some(enrolment.practice.clone()),
            _ => None,
        })
        .ok_or_else(|| Reason::NotFound.into())
}

/// Gives an existing person a role; only to somebody who signs in by passkey alone.
pub(super) async fn grant_role(
    core: &Core,
    change: &wire::RoleChange,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let person = PersonId::try_from(change.person.as_slice()).map_err(|_| Reason::Invalid)?;
    let role = Role::try_from(change.role).map_err(|_| Reason::Invalid)?;
    let account = Account::by_person(core, person)
        .await?
        .ok_or(Reason::NotFound)?;
    if recovery::is_running(&account.facts, now) {
        return Err(Reason::NotAllowed.into());
    }
    if !account.passwords().is_empty() || account.passkeys(core).is_empty() {
        return Err(Reason::NotAllowed.into());
    }
    let sealed_name = account
        .facts
        .rows()
        .iter()
        .rev()
        .find_map(|row| match &row.fact {
            Fact::StaffRole(held) => Some(held.sealed_name.clone()),
            Fact::OperatorRole(held) => Some(held.sealed_name.clone()),
            _ => None,
        })
        .unwrap_or_default();
    let fact = if is_officer(role) {
        Fact::OperatorRole(OperatorRole {
            role: change.role,
            until: change.until,
            sealed_name,
        })
    } else {
        PracticeId::try_from(change.practice.as_slice()).map_err(|_| Reason::Invalid)?;
        Fact::StaffRole(StaffRole {
            practice: change.practice.clone(),
            role: change.role,
            until: change.until,
            sealed_name,
        })
    };
    Ok(Prepared::fact(account.subject, fact))
}

/// Ends a role; the sessions that stand on it end with it.
pub(super) async fn end_role(
    core: &Core,
    change: &wire::RoleChange,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let person = PersonId::try_from(change.person.as_slice()).map_err(|_| Reason::Invalid)?;
    let subject: KeyedToken = core.keys.person(person);
    let facts = core.facts.load(subject).await?;
    let practice = PracticeId::try_from(change.practice.as_slice()).ok();
    let mut prepared = Prepared::default();
    for held in accounts::roles(&facts, now) {
        if held.role.number() == u8::try_from(change.role).unwrap_or(0) && held.practice == practice
        {
            let fact = Fact::End(End {
                version: held.version,
            });
            prepared.details = Some(fact.clone());
            prepared.effects.push(Effect::fact(subject, fact));
        }
    }
    if prepared.effects.is_empty() {
        return Err(Reason::NotFound.into());
    }
    prepared.guards = vec![Guard::Facts {
        subject,
        version: facts.version(),
    }];
    Ok(prepared)
}
