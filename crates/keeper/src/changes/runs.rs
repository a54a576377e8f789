//! Bulk lanes: opening one, and the tokens by which the worker works on those that are open.

use super::Prepared;
use crate::acts::Doer;
use crate::calls::reach::PatientView;
use crate::core::Core;
use crate::draft::Effect;
use crate::facts::{Approval, Fact, Run, RunOpened, is_before};
use crate::identity::sign_in::random_id;
use crate::keys::{IdKind, KeyedToken, OwnSubject};
use crate::ledger::{CANARY, Refusal, incident};
use crate::session::{NewSession, Principal, Session, SignedBy};
use candour_keeper_wire::words::{Purpose, Reason, Role, Section};
use candour_keeper_wire::{Token, wire};
use candour_rules::freeze::Guards;
use candour_seal::{Digester, InstanceId, PatientId, RunId, SystemRandom};
use jiff::Timestamp;
use std::sync::PoisonError;

/// Members whose facts are read at once.
const AT_ONCE: usize = 512;
/// A run's longest life.
const LONGEST_DAYS: i64 = 31;

/// Opens a lane for exactly these members; two people approved.
pub(super) async fn start(
    core: &Core,
    doer: &Doer,
    session: &Session,
    change: &wire::StartRun,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let mut members = change
        .members
        .iter()
        .map(|member| PatientId::try_from(member.as_slice()).map(|id| core.keys.patient(id)))
        .collect::<Result<Vec<KeyedToken>, _>>()
        .map_err(|_| Reason::Invalid)?;
    members.sort_unstable();
    members.dedup();
    let are_addresses = change.sections.iter().all(|section| {
        matches!(
            Section::try_from(*section),
            Ok(Section::Identity | Section::Contact)
        )
    });
    let longest = now.as_microsecond() + LONGEST_DAYS * 86_400_000_000;
    let is_notice = change.purpose == i32::from(Purpose::IncidentNotice);
    let ends_soon = change.until > now.as_microsecond() && change.until <= longest;
    if members.is_empty()
        || change.sections.is_empty()
        || !are_addresses
        || !is_notice
        || !ends_soon
    {
        return Err(Reason::Invalid.into());
    }
    only_people(core, doer, &members).await?;
    let mut digester = Digester::new();
    for member in &members {
        digester.push(&member.0);
    }
    let run = RunId::from_bytes(random_id());
    let subject = core.keys.run(run);
    let fact = Fact::Run(Run {
        purpose: change.purpose,
        members: u32::try_from(members.len()).map_err(|_| Reason::Invalid)?,
        members_digest: digester.finish().as_bytes().to_vec(),
        sections: change.sections.clone(),
        until: change.until,
        incident: change.incident.clone(),
        scope_hash: change.scope_hash.clone(),
    });
    let mut prepared = Prepared::fact(subject, fact);
    for (by, session) in [
        (doer.subject, doer.session),
        (session.subject, session.surrogate),
    ] {
        prepared.effects.push(Effect::fact(
            subject,
            Fact::Approval(Approval {
                by: by.0.to_vec(),
                session,
            }),
        ));
    }
    prepared.effects.push(Effect::InsertRunMembers {
        run: subject,
        patients: members,
    });
    prepared.effects.push(Effect::fact(
        core.keys.own(OwnSubject::Runs),
        Fact::RunOpened(RunOpened {
            run: subject.0.to_vec(),
            until: change.until,
        }),
    ));
    prepared.reply.id = run.as_bytes().to_vec();
    Ok(prepared)
}

/// Refuses a list that names a canary, or somebody who does not exist: it was made from something else than what
/// happened. Which of the two, and who, is said to nobody who could ask again with another list; officers are woken.
async fn only_people(core: &Core, doer: &Doer, members: &[KeyedToken]) -> Result<(), Refusal> {
    let mut are_known = true;
    let mut canaries = 0;
    for some in members.chunks(AT_ONCE) {
        let facts = core.facts.load_all(some).await?;
        for facts in facts.values().flatten() {
            let view = PatientView::of(facts, None);
            are_known &= view.is_known;
            canaries += u32::from(view.is_canary);
        }
    }
    if canaries > 0 {
        let text = "a list of members for a run names a canary; the run was not opened";
        let mut alarm = incident(CANARY, "canary", text.to_owned());
        alarm.row.principal = doer.subject.surrogate();
        alarm.row.session = doer.session;
        core.ledger.append_one(alarm).await?;
    }
    if are_known && canaries == 0 {
        Ok(())
    } else {
        Err(Reason::Invalid.into())
    }
}

/// The runs that live now, each with a token for this instance (a worker's or the room's; the caller checks that).
pub async fn runs(
    core: &Core,
    instance: InstanceId,
    question: &wire::RunsQuestion,
) -> Result<wire::Runs, Refusal> {
    let now = core.clock.now();
    let listed = core.facts.load(core.keys.own(OwnSubject::Runs)).await?;
    let mut answer = wire::Runs::default();
    for row in listed.live() {
        let Fact::RunOpened(opened) = &row.fact else {
            continue;
        };
        let Ok(subject) = KeyedToken::try_from(opened.run.as_slice()) else {
            continue;
        };
        let run = RunId::from_bytes(core.keys.id(IdKind::Run, subject));
        let is_asked = question.run.is_empty() || question.run == run.as_bytes();
        if is_asked && is_before(opened.until, now) {
            answer.runs.extend(view(core, instance, run, now).await?);
        }
    }
    Ok(answer)
}

async fn view(
    core: &Core,
    instance: InstanceId,
    run: RunId,
    now: Timestamp,
) -> Result<Option<wire::RunView>, Refusal> {
    let facts = core.facts.load(core.keys.run(run)).await?;
    let Some(fact) = facts.live().find_map(|row| match &row.fact {
        Fact::Run(fact) if is_before(fact.until, now) => Some(fact.clone()),
        _ => None,
    }) else {
        return Ok(None);
    };
    let purpose = Purpose::try_from(fact.purpose).ok();
    let Some((token, guards)) = token(core, instance, run, purpose, now) else {
        return Ok(None);
    };
    Ok((!core.freezes.is_stopped(&guards)).then(|| wire::RunView {
        run: run.as_bytes().to_vec(),
        token: token.expose().to_vec(),
        incident: fact.incident.clone(),
        until: fact.until,
    }))
}

/// The run's token for this instance; a new one when the last is over.
pub(crate) fn token(
    core: &Core,
    instance: InstanceId,
    run: RunId,
    purpose: Option<Purpose>,
    now: Timestamp,
) -> Option<(Token, Guards)> {
    let mut held = core
        .identity
        .run_tokens
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let place = (*run.as_bytes(), instance);
    if let Some(token) = held.get(&place)
        && let Ok(session) = core.sessions.look_up(token.expose(), instance, now)
    {
        return Some((token.clone(), session.freeze_guards(purpose)));
    }
    let new = NewSession {
        principal: Principal::Run(run),
        role: Role::Keeper,
        practice: None,
        instance,
        by_passkey: false,
        own_patient: None,
        signed_by: SignedBy::default(),
    };
    let (token, session) = core
        .sessions
        .begin(&core.keys, new, now, &mut SystemRandom)?;
    held.insert(place, token.clone());
    Some((token, session.freeze_guards(purpose)))
}
