//! Actions without content.

use super::reach::{self, Limit, Part};
use super::{Caller, id};
use crate::core::Core;
use crate::decision::{Action, Relation};
use crate::draft::Draft;
use crate::instances::Instance;
use crate::ledger::Refusal;
use crate::merges;
use candour_keeper_wire::wire::{self, Authorized, Reply};
use candour_keeper_wire::words::{self, EntryKind, ProxyAction, Reason, Role, Section};
use candour_rules::budget::Charge;
use candour_rules::decision::Lane;
use candour_rules::keys::Patient;
use candour_seal::PatientId;

/// Asks leave for an action; it is on the ledger before the answer.
pub async fn authorize(
    core: &Core,
    instance: &Instance,
    call: wire::Authorize,
) -> Result<Reply, Refusal> {
    let caller = Caller::of(core, instance, &call.token, call.purpose, "").await?;
    caller.refuse_new()?;
    let action = words::Action::try_from(call.action).map_err(|_| Reason::Invalid)?;
    let session = &caller.session;
    let mut draft = Draft::of_session(EntryKind::Authorize, session, Some(caller.purpose));
    call.detail.clone_into(&mut draft.body.text);
    let (relation, is_deceased) = if call.patient.is_empty() {
        (without_patient(&caller), false)
    } else {
        let patient = PatientId::from_bytes(id(&call.patient)?);
        let token = core.keys.patient(patient);
        let records = merges::load(core, token).await?;
        let view = records.view(core, session, caller.now);
        let part = match action {
            words::Action::Send => Part::to(ProxyAction::Write),
            words::Action::Book => Part::to(ProxyAction::Book),
            _ => Part::of(Section::Identity),
        };
        let limit = Limit::of(session, &caller.own, token, view, part, caller.now);
        Limit::refuse(limit, caller.now)?;
        if view.is_known {
            draft = draft.about(patient, token);
            let context = reach::budget_context(session, &caller.own, Lane::Ordinary, caller.now);
            if action == words::Action::Send {
                draft.charge = Some((Charge::Deposited(Patient(token.surrogate())), context));
            }
        }
        // By way of another record of theirs somebody reads, and acts by neither.
        let is_own_other = session.practice.is_some() && records.are_own(core, session);
        let relation = if view.is_canary || is_own_other {
            Relation::Stranger
        } else {
            reach::relation(session, &caller.own, token, patient, view, part, caller.now)
        };
        (relation, view.is_deceased)
    };
    let mut question = reach::decision_facts(
        session,
        caller.purpose,
        Action::Authorize(action),
        relation,
        caller.now,
    );
    question.is_deceased = is_deceased;
    let decision = core.policy.decide(&question);
    reach::decided(&mut draft, &decision);
    if !decision.is_allowed {
        return Err(reach::refused(core, draft, reach::refusal(relation)).await);
    }
    let appended = core.ledger.append_one(draft).await?;
    match appended.refused {
        Some(refusal) => Err(refusal),
        None => Ok(Reply::Authorized(Authorized {
            index: appended.index,
        })),
    }
}

fn without_patient(caller: &Caller) -> Relation {
    match caller.session.role {
        Role::PrivacyOfficer | Role::SecurityOfficer | Role::CommunicationsOfficer => {
            Relation::Installation
        }
        _ if caller.session.practice.is_some() => Relation::OwnPractice,
        _ => Relation::Stranger,
    }
}
