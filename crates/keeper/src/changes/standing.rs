//! How the author of a change stands to whom or what it concerns.

use super::plan::{is_officer, patient_of};
use super::ways::is_about_ways;
use crate::ages;
use crate::calls::reach::{Limit, Part, PatientView};
use crate::core::Core;
use crate::decision::{Assurance, Relation};
use crate::facts::{Fact, SubjectFacts};
use crate::keys::KeyedToken;
use crate::ledger::Refusal;
use crate::merges;
use crate::session::{Principal, Session};
use candour_keeper_wire::wire::ChangeKind;
use candour_keeper_wire::words::{Age, Level, Role};
use candour_seal::{PatientId, PracticeId};
use jiff::{SignedDuration, Timestamp};

/// For how long a passkey answer or code counts as fresh.
const FRESH: SignedDuration = SignedDuration::from_mins(5);

/// How sure the keeper is of who this is.
pub(crate) fn assurance(session: &Session, now: Timestamp) -> Assurance {
    let is_fresh = now.duration_since(session.proved_at) < FRESH;
    match (session.principal, session.by_passkey, is_fresh) {
        (Principal::Client(_) | Principal::Run(_), _, _) => Assurance::Secret,
        (_, true, true) => Assurance::FreshPasskey,
        (_, true, false) => Assurance::Passkey,
        (_, false, true) => Assurance::FreshCode,
        (_, false, false) => Assurance::Code,
    }
}

/// The relation that the policies see, and the age of a patient for whom the author acts.
pub(super) async fn relation(
    core: &Core,
    session: &Session,
    kind: &ChangeKind,
    now: Timestamp,
) -> Result<(Relation, Age), Refusal> {
    match patient_of(kind) {
        Some(patient) => to_patient(core, session, patient, kind, now).await,
        None => Ok((without_patient(session, kind), Age::Grown)),
    }
}

fn without_patient(session: &Session, kind: &ChangeKind) -> Relation {
    let practice = match kind {
        _ if is_about_ways(kind) || matches!(kind, ChangeKind::StopRecovery(_)) => {
            return Relation::Own;
        }
        ChangeKind::Invite(invite) => &invite.practice,
        ChangeKind::GrantRole(role) | ChangeKind::EndRole(role) => &role.practice,
        ChangeKind::AddClient(client) => &client.practice,
        ChangeKind::LetClientRead(change) => &change.practice,
        ChangeKind::EndClient(change) => &change.practice,
        ChangeKind::Recall(recall) => &recall.practice,
        ChangeKind::EndRecall(ended) => &ended.practice,
        ChangeKind::Freeze(freeze) if !is_officer(session.role) => {
            let is_own = freeze.level == i32::from(Level::Practice)
                && session.practice_surrogate == Some(freeze.surrogate);
            return if is_own {
                Relation::OwnPractice
            } else {
                Relation::Stranger
            };
        }
        _ => return of_installation(session),
    };
    match (PracticeId::try_from(practice.as_slice()), session.practice) {
        (Ok(asked), Some(own)) if asked == own => Relation::OwnPractice,
        (Err(_), None) if practice.is_empty() => of_installation(session),
        _ => Relation::Stranger,
    }
}

/// An officer stands to everything as to the installation.
pub(super) fn of_installation(session: &Session) -> Relation {
    if is_officer(session.role) {
        Relation::Installation
    } else {
        Relation::Stranger
    }
}

async fn to_patient(
    core: &Core,
    session: &Session,
    patient: PatientId,
    kind: &ChangeKind,
    now: Timestamp,
) -> Result<(Relation, Age), Refusal> {
    let token = core.keys.patient(patient);
    if matches!(session.role, Role::Patient | Role::Proxy) {
        let facts = core.facts.load(session.subject).await?;
        if session.own_patient == Some(patient) {
            if matches!(kind, ChangeKind::EndMerge(_)) {
                // It takes reading away from nobody but themself.
                return Ok((Relation::Own, Age::Grown));
            }
            refuse_limited(session, &facts, token, PatientView::default(), now)?;
            return Ok((Relation::Own, Age::Grown));
        }
        if matches!(
            kind,
            ChangeKind::Restrict(_) | ChangeKind::EndRestriction(_)
        ) {
            // Only who acts for all of a record keeps anything of it from others.
            let about = core.facts.load(token).await?;
            let age = ages::of_charge(core, &facts, &about, now);
            let view = ages::view(core, &about, session, now);
            refuse_limited(session, &facts, token, view, now)?;
            return Ok(age.map_or((Relation::Stranger, Age::Grown), |age| {
                (Relation::Proxy, age)
            }));
        }
        // A proxy may stop acting, for themself and for nobody else.
        let is_about_self = match kind {
            ChangeKind::EndProxy(proxy) => proxy.person == session.principal.bytes(),
            _ => false,
        };
        let acts = facts.live().any(|row| match &row.fact {
            Fact::Proxy(proxy) => proxy.acts_for(token, now),
            _ => false,
        });
        let relation = if acts && is_about_self {
            Relation::Proxy
        } else {
            Relation::Stranger
        };
        return Ok((relation, Age::Grown));
    }
    let mut relation = to_practice_patient(core, session, patient, kind).await?;
    if let Some([_, other]) = merges::theirs(kind)
        && to_practice_patient(core, session, other, kind).await? != relation
    {
        relation = Relation::Stranger;
    }
    Ok((relation, Age::Grown))
}

/// Nobody says who reads a record before they read all of it themself.
fn refuse_limited(
    session: &Session,
    own: &SubjectFacts,
    patient: KeyedToken,
    view: PatientView,
    now: Timestamp,
) -> Result<(), Refusal> {
    let limit = Limit::of(session, own, patient, view, Part::whole(), now);
    Limit::refuse(limit, now)
}

async fn to_practice_patient(
    core: &Core,
    session: &Session,
    patient: PatientId,
    kind: &ChangeKind,
) -> Result<Relation, Refusal> {
    let records = merges::load(core, core.keys.patient(patient)).await?;
    // Staff rights never apply to one's own record.
    let (Some(practice), false) = (session.practice, records.are_own(core, session)) else {
        return Ok(Relation::Stranger);
    };
    let names_other_practice = match kind {
        ChangeKind::EndEnrolment(ended) => ended.practice != practice.as_bytes(),
        ChangeKind::Invite(invite) => invite.practice != practice.as_bytes(),
        ChangeKind::Erase(erase) => erase.practice != practice.as_bytes(),
        ChangeKind::Hold(hold) => hold.practice != practice.as_bytes(),
        ChangeKind::Recover(recover) => recover.practice != practice.as_bytes(),
        ChangeKind::Merge(merge) => merge.practice != practice.as_bytes(),
        ChangeKind::ProtectAddress(change) => change.practice != practice.as_bytes(),
        _ => false,
    };
    let view = records.view(core, session, core.clock.now());
    // What a practice put in stays its own to keep or erase after the patient left, and what it noted its own to end.
    let is_its_own = matches!(
        kind,
        ChangeKind::Erase(_) | ChangeKind::Hold(_) | ChangeKind::EndMerge(_)
    );
    let was_theirs = is_its_own && view.was_enrolled && !view.is_canary;
    let lets_in = matches!(
        kind,
        ChangeKind::Recover(_) | ChangeKind::Invite(_) | ChangeKind::Merge(_)
    );
    if view.is_canary && lets_in {
        return Ok(Relation::Stranger);
    }
    Ok(match (names_other_practice, view.is_enrolled) {
        (false, true) => Relation::Enrolled,
        (false, false) if was_theirs => Relation::FormerSource,
        _ => Relation::Stranger,
    })
}
