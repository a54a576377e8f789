//! Where somebody is signed in, and ending it from elsewhere.

use crate::changes::assurance;
use crate::core::Core;
use crate::decision::Assurance;
use crate::draft::Draft;
use crate::identity::{commit, standing};
use crate::ledger::Refusal;
use crate::session::{Principal, Session, Way};
use candour_keeper_wire::wire;
use candour_keeper_wire::words::{EntryKind, Reason};
use candour_seal::InstanceId;
use jiff::Timestamp;

/// The running sessions of whoever asks, newest first.
pub async fn list(
    core: &Core,
    instance: InstanceId,
    call: &wire::WithToken,
) -> Result<wire::SessionList, Refusal> {
    let own = of_person(core, instance, &call.token, &call.network).await?;
    let mut running = core.sessions.of(own.principal, core.clock.now());
    running.sort_by_key(|session| std::cmp::Reverse(session.began_at));
    let sessions = running
        .iter()
        .map(|session| wire::RunningSession {
            session: session.surrogate,
            role: session.role.into(),
            began_at: session.began_at.as_microsecond(),
            used_at: session.used_at.as_microsecond(),
            by_passkey: session.by_passkey,
            is_own: session.surrogate == own.surrogate,
        })
        .collect();
    Ok(wire::SessionList { sessions })
}

/// Ends another running session of whoever asks, or all others. What is over already needs no ending.
///
/// It takes a fresh passkey or code: whoever found somebody's browser open does not sign its owner out everywhere else.
pub async fn end(
    core: &Core,
    instance: InstanceId,
    call: &wire::EndSessions,
) -> Result<(), Refusal> {
    let own = of_person(core, instance, &call.token, &call.network).await?;
    let proof = assurance(&own, core.clock.now());
    if !matches!(proof, Assurance::FreshPasskey | Assurance::FreshCode) {
        return Err(Reason::StepUpNeeded.into());
    }
    let ended = core.sessions.end_others(&own, call.session);
    write_ended(core, ended, "ended by the same person in another session").await
}

/// Ends every session of somebody that was signed in by one of these, which are gone. Whether this one is among them.
pub(crate) async fn end_signed_in_by(
    core: &Core,
    whose: Principal,
    gone: &[Way],
    own: i64,
) -> Result<bool, Refusal> {
    let ended = core.sessions.end_those(whose, |session| {
        let mut ways = session.signed_by.ways.iter().flatten();
        ways.any(|way| gone.contains(way))
    });
    let has_own = ended.iter().any(|session| session.surrogate == own);
    write_ended(core, ended, "the way it was signed in by is gone").await?;
    Ok(has_own)
}

/// Ends what a person has beyond the most, once another session began. That stands, whatever becomes of this.
pub(super) async fn end_beyond(core: &Core, own: &Session, now: Timestamp) {
    if !matches!(own.principal, Principal::Person(_)) {
        return;
    }
    let ended = core.sessions.end_beyond(own, now);
    if let Err(refusal) = write_ended(core, ended, "the same person had too many").await {
        tracing::error!(
            reason = refusal.reason.word(),
            "the end of a session was not written"
        );
    }
}

async fn write_ended(core: &Core, ended: Vec<Session>, why: &str) -> Result<(), Refusal> {
    for session in ended {
        let mut draft = Draft::of_session(EntryKind::SignOut, &session, None);
        draft.stops = None;
        why.clone_into(&mut draft.body.text);
        commit(core, draft).await?;
    }
    Ok(())
}

/// The session of a person: programs and runs have neither sessions to see nor ways of signing in.
pub(super) async fn of_person(
    core: &Core,
    instance: InstanceId,
    token: &[u8],
    network: &str,
) -> Result<Session, Refusal> {
    let now = core.clock.now();
    let (session, _) = standing::session(core, token, instance, network, now).await?;
    match session.principal {
        Principal::Person(_) => session.is_settled(now).map(|()| session),
        Principal::Client(_) | Principal::Run(_) => Err(Reason::NotAllowed.into()),
    }
}
