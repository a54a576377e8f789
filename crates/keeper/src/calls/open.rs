//! Opening: decide, write, look again, release.

mod plan;

pub(crate) use self::plan::Planned;
use self::plan::Release;
use super::Caller;
use super::delivered::Grant;
use super::emergency;
use super::reach;
use crate::core::Core;
use crate::draft::Draft;
use crate::erasure::Erasures;
use crate::instances::{Instance, InstanceKind};
use crate::items::ItemRow;
use crate::keys::KeyedToken;
use crate::ledger::{LedgerError, Outcome, Refusal};
use crate::merges;
use crate::notifications::{self, Owes};
use crate::recall::Recalls;
use candour_keeper_wire::wire::{self, ItemGrant, Reply};
use candour_keeper_wire::words::{EntryKind, Notification, Purpose, Reason};
use candour_rules::decision::Lane;
use candour_seal::PatientId;
use std::sync::Arc;

/// Most targets of one call.
const MOST: usize = 64;

/// Everything the planning of one call's targets needs.
pub(super) struct Ask<'a> {
    pub core: &'a Core,
    pub caller: &'a Caller,
    pub reason: &'a str,
    pub lane: Lane,
    /// Size of the ledger before anything was read: what became visible later is not released.
    pub as_of: u64,
    /// Number of this request, for detection.
    pub request: u64,
    pub network: i64,
    /// A fresh passkey or code is needed first.
    pub must_prove: bool,
    /// How many records the caller reaches by way of others.
    pub linked: u32,
    /// It comes through a process of the operator's for programs: a portal that kept a program's secret reads nothing by it.
    pub is_import: bool,
}

/// Opens a batch of targets: one commit, an answer for each.
pub async fn open(
    core: &Core,
    instance: &Instance,
    mut call: wire::Open,
) -> Result<Reply, Refusal> {
    let mut caller = Caller::read(core, instance, &call.token, call.purpose, &call.network).await?;
    let emergency = emergency::answered(core, &mut caller, &mut call);
    caller.refuse_frozen(core, emergency.is_some())?;
    // Openings of one entry are counted as they are committed, so the worker's come one by one.
    let is_mail = notifications::is_lane(caller.session.principal, caller.purpose);
    if call.targets.is_empty() || call.targets.len() > if is_mail { 1 } else { MOST } {
        return Err(Reason::Invalid.into());
    }
    let network = core.keys.network(&caller.network);
    let now = caller.now.as_microsecond();
    let ask = Ask {
        core,
        caller: &caller,
        reason: &call.reason,
        lane: plan::lane(&caller),
        as_of: core.ledger.size(),
        request: core.next_request(),
        network,
        must_prove: core.freezes.must_prove(&caller.session, network, now),
        linked: merges::count(core, caller.who()).await?,
        is_import: instance.kind == InstanceKind::Import,
    };
    // Members are counted by reading and writing back, so one batch of a run at a time.
    let _one_batch = match ask.lane {
        Lane::Run => Some(core.run_batches.lock().await),
        _ => None,
    };
    let mut planned = plan::plan_all(&ask, &call.targets).await?;
    if caller.purpose == Purpose::Emergency {
        emergency::allow(emergency, &caller, &mut planned);
        tell_of_emergency(&mut planned);
    }
    let drafts = planned.iter_mut().filter_map(|one| one.draft.take());
    let outcomes = match core.ledger.append(drafts.collect()).await {
        Ok(outcomes) => outcomes,
        Err(LedgerError::Frozen) => return Err(caller.is_frozen(core)),
        Err(error) => return Err(error.into()),
    };
    let mut withheld = Vec::new();
    let mut answers = Vec::with_capacity(planned.len());
    for (one, outcome) in planned.iter().zip(outcomes) {
        answers.push(answer(&ask, one, outcome, &mut withheld).await);
    }
    // The last look: after it nothing is waited for, so nothing is frozen between it and the release.
    loop {
        for (one, answer) in planned.iter().zip(&mut answers) {
            look_again(&ask, one, answer, &mut withheld);
        }
        if withheld.is_empty() {
            break;
        }
        let entries = std::mem::take(&mut withheld);
        if core.ledger.append(entries).await.is_err() {
            tracing::warn!("what was withheld after its entry has no entry of its own");
        }
    }
    for (one, answer) in planned.iter().zip(&answers) {
        if let Some(wire::Outcome::Granted(granted)) = &answer.outcome {
            let grant = Grant::to(&caller.session).of(&core.keys, one, caller.purpose);
            core.grants.remember(granted.index, grant);
        }
    }
    Ok(Reply::Opened(wire::Opened { answers }))
}

/// Withholds whatever was frozen since it was planned, lies further than witnesses let it, or was let through by a policy
/// set that is no longer in force.
fn look_again(
    ask: &Ask<'_>,
    one: &Planned,
    answer: &mut wire::TargetAnswer,
    withheld: &mut Vec<Draft>,
) {
    let Some(wire::Outcome::Granted(granted)) = &answer.outcome else {
        return;
    };
    let index = granted.index;
    let reason = if ask.core.freezes.is_stopped(&one.guards) {
        Reason::Frozen
    } else if ask.core.is_sealed() {
        Reason::Sealed
    } else if one.set == ask.core.policy.hash() && ask.core.witnesses.let_open(index) {
        return;
    } else {
        Reason::LedgerUnavailable
    };
    withheld.push(hold_back(ask, one, index, reason));
    *answer = denied(reason, 0, index);
}

fn denied(reason: Reason, retry_after_seconds: u32, index: u64) -> wire::TargetAnswer {
    wire::TargetAnswer {
        outcome: Some(wire::Outcome::Denied(wire::Refused {
            reason: reason.into(),
            retry_after_seconds,
            index: Some(index),
        })),
    }
}

/// The patient is told, once for each answer that the clinician gave.
fn tell_of_emergency(planned: &mut [Planned]) {
    let granted = planned.iter_mut().find(|one| one.is_granted());
    if let Some((draft, to)) = granted.and_then(|one| one.draft.as_mut().zip(one.token)) {
        let what = Notification::Emergency;
        Owes { what, to }.note(&mut draft.body);
    }
}

async fn answer(
    ask: &Ask<'_>,
    one: &Planned,
    outcome: Outcome,
    withheld: &mut Vec<Draft>,
) -> wire::TargetAnswer {
    let unwritten = |refused: wire::Refused| wire::TargetAnswer {
        outcome: Some(wire::Outcome::Denied(refused)),
    };
    let appended = match outcome {
        Ok(appended) => appended,
        Err(LedgerError::Frozen) => return unwritten(ask.caller.is_frozen(ask.core).into()),
        Err(error) => return unwritten(Refusal::from(error).into()),
    };
    let index = appended.index;
    let Some(release) = &one.release else {
        let retry = match (one.reason, one.new_until) {
            (Reason::CredentialIsNew, Some(at)) => {
                Refusal::until(one.reason, at, ask.caller.now).retry_after_seconds
            }
            _ => 0,
        };
        return denied(one.reason, retry, index);
    };
    if let Some(refusal) = appended.refused {
        if refusal.reason == Reason::Frozen {
            withheld.push(hold_back(ask, one, index, Reason::Frozen));
        }
        return denied(refusal.reason, refusal.retry_after_seconds, index);
    }
    match grant(ask, one, release, index).await {
        Ok(granted) => wire::TargetAnswer {
            outcome: Some(wire::Outcome::Granted(granted)),
        },
        Err(reason) => {
            withheld.push(hold_back(ask, one, index, reason));
            denied(reason, 0, index)
        }
    }
}

async fn grant(
    ask: &Ask<'_>,
    one: &Planned,
    release: &Release,
    index: u64,
) -> Result<wire::Granted, Reason> {
    let items = release.items();
    let mut granted = wire::Granted {
        index,
        items: Vec::with_capacity(items.len()),
        addresses: one.addresses.clone(),
    };
    let Some((patient, token)) = one.patient.zip(one.token) else {
        return Ok(granted);
    };
    if items.is_empty() {
        return Ok(granted);
    }
    let pair = ask
        .core
        .subject_keys
        .load(token)
        .await
        .map_err(Reason::from)?;
    // What was erased, taken back or kept from the viewer while the entry was written is not released either.
    let records = merges::load(ask.core, token)
        .await
        .map_err(|_| Reason::SubjectClosed)?;
    // Nor what two records were one person's for, and no longer are.
    if one.through.is_some_and(|other| !records.is_through(other)) {
        return Err(Reason::NotFound);
    }
    let erased = Erasures::of(&records.facts);
    let rules = plan::rules_of(ask, &records, one.only);
    let recalled = Recalls::of(ask.core, items.iter().map(|item| &**item));
    let recalled = recalled.await.map_err(|_| Reason::SubjectClosed)?;
    for item in items {
        if erased.cover(item) || recalled.cover(item) || !plan::is_visible(&rules, item) {
            return Err(Reason::NotFound);
        }
        granted
            .items
            .push(item_grant(ask.core, patient, token, item, &pair.reading).await?);
    }
    Ok(granted)
}

async fn item_grant(
    core: &Core,
    patient: PatientId,
    token: KeyedToken,
    item: &Arc<ItemRow>,
    reading: &candour_seal::SubjectKey,
) -> Result<ItemGrant, Reason> {
    let sealed = item.sealed.ok_or(Reason::NotFound)?;
    if item.new.patient != token {
        return Err(Reason::SubjectClosed);
    }
    let key = core.item_key(item, reading).await?;
    Ok(ItemGrant {
        item: core.keys.item_id(item.new.item).as_bytes().to_vec(),
        key: key.expose().to_vec(),
        subject: patient.as_bytes().to_vec(),
        version: 1,
        ciphertext_digest: sealed.digest.to_vec(),
        sealed_size: u64::try_from(sealed.size).unwrap_or_default(),
        source_practice: item.new.practice.as_bytes().to_vec(),
        kind: item.new.kind.into(),
    })
}

/// The entry that says: granted, written, and then not released.
fn hold_back(ask: &Ask<'_>, one: &Planned, index: u64, reason: Reason) -> Draft {
    let caller = ask.caller;
    let mut draft = Draft::of_session(EntryKind::Withheld, &caller.session, Some(caller.purpose));
    draft.row.decision = reason.number();
    draft.row.item = one.item.map_or(0, KeyedToken::surrogate);
    draft.row.item_kind = one.item_kind;
    draft.body.of_grant = index;
    draft.stops = None;
    if let Some((patient, token)) = one.patient.zip(one.token) {
        draft = draft.about(patient, token);
    }
    reach::from_network(draft, &caller.network)
}
