//! What a session stands on: the facts that gave it its role. When they end, it ends.

use crate::ages;
use crate::calls::reach::{Limit, PatientView};
use crate::core::Core;
use crate::draft::Draft;
use crate::facts::{Fact, FactsError, SubjectFacts, is_before};
use crate::identity::accounts::{self, Account, HeldRole};
use crate::identity::commit;
use crate::identity::failures::Tried;
use crate::identity::recovery;
use crate::identity::secrets::{self, Secret};
use crate::identity::ways;
use crate::keys::KeyedToken;
use crate::ledger::Refusal;
use crate::merges::{self, Who};
use crate::network;
use crate::notifications::LANE;
use crate::session::{LIFE, Principal, Session, Way};
use candour_keeper_wire::wire;
use candour_keeper_wire::words::{EntryKind, Reason, Role};
use candour_seal::{InstanceId, PatientId, PracticeId};
use jiff::Timestamp;
use std::sync::Arc;

/// The session of a token, with its facts read again: a role or client that ended ends the session.
///
/// Whoever has none is counted with their network, and written with the minute: who needs no sign-in for it could
/// else fill the ledger. Calls that name no network share a row.
pub async fn session(
    core: &Core,
    token: &[u8],
    instance: InstanceId,
    network: &str,
    now: Timestamp,
) -> Result<(Session, Arc<SubjectFacts>), Refusal> {
    let found = found(core, token, instance, now).await;
    if let Err(refusal) = &found
        && refusal.reason == Reason::SessionEnded
    {
        count_stranger(core, network, now);
    }
    found
}

/// Counts somebody who is not signed in.
pub(super) fn count_stranger(core: &Core, network: &str, now: Timestamp) {
    let tried = Tried {
        network: network::of(network),
        what: [0; 16],
    };
    core.refused_strangers.failed(tried, now);
}

async fn found(
    core: &Core,
    token: &[u8],
    instance: InstanceId,
    now: Timestamp,
) -> Result<(Session, Arc<SubjectFacts>), Refusal> {
    if let Some(session) = core
        .sessions
        .end_of_another_client(&core.keys, token, instance)
    {
        let why = Reason::SessionEnded;
        let mut draft = Draft::of_session(EntryKind::SignOut, &session, None).refused(why);
        "another browser came with the token".clone_into(&mut draft.body.text);
        commit(core, draft).await?;
        return Err(why.into());
    }
    let session = core.sessions.look_up(token, instance, now)?;
    let read = core.facts.load(session.subject).await?;
    let facts = recovery::settled(core, Arc::clone(&read)).await?;
    if facts.version() != read.version() {
        // The session may have ended with the ways that a recovery ended.
        core.sessions.look_up(token, instance, now)?;
    }
    if !still_stands(&session, &facts, now) {
        core.sessions.end(token);
        return Err(Reason::SessionEnded.into());
    }
    if has_died(core, session.role, session.own_patient).await? {
        return Err(Reason::Deceased.into());
    }
    Ok((session, facts))
}

/// Whether somebody who is a patient, and acts as one, was marked as having died. Taking the mark away lets them in again.
pub async fn has_died(core: &Core, role: Role, own: Option<PatientId>) -> Result<bool, Refusal> {
    let Some(own) = own.filter(|_| role == Role::Patient) else {
        return Ok(false);
    };
    match core.facts.load(core.keys.patient(own)).await {
        Ok(facts) => Ok(PatientView::of(&facts, None).is_deceased),
        // What is closed opens nothing either; the person goes on acting for others.
        Err(FactsError::Closed(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether the facts still give the session its role.
pub fn still_stands(session: &Session, facts: &SubjectFacts, now: Timestamp) -> bool {
    match session.principal {
        Principal::Person(_) if matches!(session.role, Role::Patient | Role::Proxy) => {
            facts.live().any(|row| matches!(row.fact, Fact::Account(_)))
        }
        Principal::Person(_) => accounts::roles(facts, now)
            .iter()
            .any(|held| held.role == session.role && held.practice == session.practice),
        Principal::Client(_) => facts.live().any(|row| matches!(row.fact, Fact::Client(_))),
        Principal::Run(run) if run == LANE => true,
        Principal::Run(_) => facts
            .live()
            .any(|row| matches!(&row.fact, Fact::Run(run) if is_before(run.until, now))),
    }
}

/// Whether what the session was signed in by is still there. Asked once, after the sign-in is written: whoever removes
/// a way later ends its sessions.
pub fn has_ways(core: &Core, session: &Session, facts: &Arc<SubjectFacts>) -> bool {
    let Principal::Person(person) = session.principal else {
        return true;
    };
    let account = Account {
        person,
        subject: session.subject,
        facts: Arc::clone(facts),
    };
    let ways = session.signed_by.ways.iter().flatten();
    ways.into_iter().all(|way| match way {
        Way::Passkey(id) => account.passkeys(core).iter().any(|held| held.id == *id),
        Way::Typed(version) => facts.live().any(|row| row.version == *version),
    })
}

/// The one role a session with `acting` takes; asking without naming one works where there is one.
pub fn chosen_role(roles: &[HeldRole], acting: &wire::Acting) -> Result<HeldRole, Reason> {
    let practice = match acting.practice.as_slice() {
        [] => None,
        bytes => Some(PracticeId::try_from(bytes).map_err(|_| Reason::Invalid)?),
    };
    let mut fitting = roles
        .iter()
        .filter(|held| practice.is_none() || held.practice == practice);
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one.clone()),
        (Some(_), Some(_)) => Err(Reason::Invalid),
        (None, _) => Err(Reason::NotAllowed),
    }
}

/// What the portal may know about a session.
pub async fn view(
    core: &Core,
    session: &Session,
    facts: &SubjectFacts,
    now: Timestamp,
) -> Result<wire::SessionView, Refusal> {
    let is_own = matches!(session.role, Role::Patient | Role::Proxy);
    let is_settled = session.is_settled(now).is_ok();
    let staff_name = accounts::roles(facts, now)
        .iter()
        .find(|held| !is_own && held.role == session.role && held.practice == session.practice)
        .map(|held| {
            secrets::open_text(&core.keys, Secret::Name, session.subject, &held.sealed_name)
        })
        .unwrap_or_default();
    Ok(wire::SessionView {
        principal: session.principal.bytes().to_vec(),
        role: session.role.into(),
        practice: session
            .practice
            .map(|practice| practice.as_bytes().to_vec())
            .unwrap_or_default(),
        patients: if is_own {
            let within = reachable(core, session, facts, now).await?.into_iter();
            // Whoever comes by a recovery that is not over sees nobody else.
            let within = within.filter(|reachable| is_settled || !reachable.is_proxied);
            within.collect()
        } else {
            Vec::new()
        },
        proved_at: session.proved_at.as_microsecond(),
        by_passkey: session.by_passkey,
        ends_at: session
            .began_at
            .saturating_add(LIFE)
            .map_or(i64::MAX, Timestamp::as_microsecond),
        session: session.surrogate,
        staff_name,
        // Of a recovery it is said with it: some things open.
        opens_from: session
            .signed_by
            .is_new_until(now)
            .filter(|_| is_settled)
            .unwrap_or(0),
        ways_changed: ways::has_changed(facts, now),
        recovery: recovery::view(session, facts, now),
    })
}

async fn reachable(
    core: &Core,
    session: &Session,
    facts: &SubjectFacts,
    now: Timestamp,
) -> Result<Vec<wire::Reachable>, Refusal> {
    let within_reach = |patient, invited_at: &[u8], opens_from| {
        let limit = Limit::of_right(session, invited_at, opens_from, now);
        wire::Reachable {
            patient: core.keys.patient_id(patient).as_bytes().to_vec(),
            only_from: limit.map_or_else(Vec::new, |limit| limit.practice.as_bytes().to_vec()),
            opens_from: limit.map_or(0, |limit| limit.until),
            ..wire::Reachable::default()
        }
    };
    let who = Who {
        session,
        own: facts,
        now,
    };
    let token = |patient: &[u8]| KeyedToken::try_from(patient).map_err(|_| Reason::SubjectClosed);
    let mut within = Vec::new();
    for row in facts.live() {
        match &row.fact {
            Fact::SelfPatient(own) => {
                let patient = token(&own.patient)?;
                let about = core.facts.load(patient).await;
                let protection = about.ok().and_then(|about| about.address_protection());
                within.push(wire::Reachable {
                    is_address_protected: protection == Some(true),
                    ..within_reach(patient, &own.invited_at, own.opens_from)
                });
                within.extend(merges::reachable(core, who, patient).await?);
            }
            Fact::Proxy(proxy) if is_before(proxy.until, now) => {
                let patient = token(&proxy.patient)?;
                let about = match core.facts.load(patient).await {
                    Err(FactsError::Closed(_)) => continue,
                    about => about?,
                };
                let view = ages::view(core, &about, session, now);
                if view.lets_act(proxy.kind, row.at) {
                    within.push(wire::Reachable {
                        is_proxied: true,
                        sections: proxy.sections.clone(),
                        until: proxy.until,
                        may: proxy.actions(),
                        age: view.age.into(),
                        grown_from: core.config.ages.grown.into(),
                        ..within_reach(patient, &proxy.invited_at, proxy.opens_from)
                    });
                    within.extend(merges::reachable(core, who, patient).await?);
                }
            }
            _ => {}
        }
    }
    Ok(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(role: Role, practice: Option<u8>) -> HeldRole {
        HeldRole {
            version: 1,
            role,
            practice: practice.map(|byte| PracticeId::from_bytes([byte; 16])),
            sealed_name: Vec::new(),
        }
    }

    fn acting(practice: Option<u8>) -> wire::Acting {
        wire::Acting {
            as_staff: true,
            practice: practice.map(|byte| vec![byte; 16]).unwrap_or_default(),
        }
    }

    #[test]
    fn a_session_acts_in_exactly_one_role() {
        let both = [held(Role::Clinician, Some(1)), held(Role::Manager, Some(2))];
        assert_eq!(chosen_role(&both, &acting(None)), Err(Reason::Invalid));
        assert_eq!(chosen_role(&both, &acting(Some(2))), Ok(both[1].clone()));
        assert_eq!(
            chosen_role(&both, &acting(Some(3))),
            Err(Reason::NotAllowed)
        );
        assert_eq!(chosen_role(&[], &acting(None)), Err(Reason::NotAllowed));
        assert_eq!(chosen_role(&both[..1], &acting(None)), Ok(both[0].clone()));
    }
}
