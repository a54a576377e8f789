//! What the keeper does by itself: its first entries, summaries, checkpoints, hourly keys, stale deposits.

use super::{Core, CoreError};
use crate::draft::{Draft, Effect};
use crate::epochs;
use crate::erasure;
use crate::identity::{summary, write_failures, write_minutes};
use crate::ledger::{Health, LedgerError};
use crate::loss;
use crate::policy;
use crate::recall;
use crate::root;
use crate::token;
use crate::volume::{Alarm, Volume};
use candour_keeper_wire::words::{EntryKind, Reason, Role};
use jiff::{SignedDuration, Timestamp};
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a deposit waits to be sealed.
const STALE: SignedDuration = SignedDuration::from_hours(24);
/// Most deposits dropped at once.
const AT_ONCE: i64 = 512;

/// Writes the first entries and begins what runs by itself.
pub(super) async fn begin(
    core: &Arc<Core>,
    epochs: usize,
    volume: Volume,
    (stop, last_of_all): (CancellationToken, CancellationToken),
    tasks: &TaskTracker,
) -> Result<(), CoreError> {
    if core.ledger.health() == Health::Well {
        loss::write(core).await?;
        let mut start = Draft::of_keeper(EntryKind::Start);
        start.body.policy_hash = core.policy.hash().to_vec();
        start.body.details = core.config.limits.digest.as_bytes().to_vec();
        start.body.text = core.config.limits.in_words() + &core.witnesses.in_words();
        let use_of_root = core.key_use(epochs);
        for outcome in core.ledger.append(vec![start, use_of_root]).await? {
            outcome?;
        }
        // Before anybody is known: from here on a ledger without a checkpoint of its entries is one that lost them.
        if core
            .checkpoints
            .last()?
            .is_none_or(|(size, _, _)| size == 0)
        {
            let frontier = core.ledger.durable().borrow().frontier.clone();
            let text = core.checkpoints.write(&frontier)?;
            *core
                .checkpoint
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = text;
        }
        // Before anybody is served: what a restore brought back is erased again.
        erasure::reconcile(core).await?;
        let (checkpoints, ledger) = (Arc::clone(&core.checkpoints), core.ledger.clone());
        let (held, ends) = (Arc::clone(core), last_of_all.clone());
        let (sender, signed) = watch::channel(core.last_checkpoint());
        tasks.spawn(Arc::clone(&core.tiles).run(signed));
        tasks.spawn(async move {
            let keep = |text: String| {
                sender.send_replace(text.clone());
                *held
                    .checkpoint
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = text;
            };
            checkpoints.run(ledger, ends, keep).await;
            drop(sender);
        });
    }
    if let Some(token) = &core.token {
        token.note_back();
        let (held, token) = (Arc::clone(core), Arc::clone(token));
        tasks.spawn(token::watch::run(held, token, stop.clone()));
    }
    tasks.spawn(each_second(Arc::clone(core), volume, stop, last_of_all));
    Ok(())
}

impl Core {
    /// The entry of one use of the root key, with how it was had.
    fn key_use(&self, epochs: usize) -> Draft {
        let mut draft = Draft::of_keeper(EntryKind::KeyUse);
        draft.body.count = u32::try_from(epochs).unwrap_or(u32::MAX);
        let how = match &self.token {
            Some(token) => format!(
                "token, use {} of this process (the token keeps no count), wrong PINs before: {}",
                token.uses(),
                token.wrong_pins()
            ),
            None => format!(
                "{}, wrong passphrases before: {}",
                self.config.root_kind, self.config.wrong_tries
            ),
        };
        // Whoever seals it anew does so past the keeper; from then on it is another file.
        let file = root::mark(&self.root_file).map(|mark| format!("; its sealed file is {mark}"));
        draft.body.text = format!(
            "the root key unwrapped the epoch keys; had by {how}{}",
            file.unwrap_or_default()
        );
        draft
    }

    /// Unwraps the epoch keys by the root key once more, and writes that down; whether both were done.
    pub(crate) async fn unwrap_epochs(&self) -> bool {
        let Ok(epochs) = self.subject_keys.read_epochs().await else {
            return false;
        };
        let written = self.ledger.append_one(self.key_use(epochs)).await;
        written.is_ok()
    }
}

async fn each_second(
    core: Arc<Core>,
    mut volume: Volume,
    stop: CancellationToken,
    last_of_all: CancellationToken,
) {
    let mut round = 0_u64;
    let mut alarms = VecDeque::new();
    loop {
        let ends = tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => false,
            () = stop.cancelled() => true,
        };
        let now = core.clock.now();
        let health = core.ledger.health();
        match volume.look(matches!(health, Health::Failing | Health::Unresolved)) {
            Ok(alarm) => alarms.extend(alarm),
            Err(error) => tracing::warn!(%error, "the ledger's volume cannot be looked at"),
        }
        let (witnesses, entries) = (Arc::clone(&core.witnesses), core.ledger.size());
        // It waits for the disk, and nobody who asks may wait for that.
        let looked = tokio::task::spawn_blocking(move || witnesses.look(entries)).await;
        if health == Health::Well {
            for alarm in looked.unwrap_or_default() {
                let _ = core.ledger.append_one(alarm).await;
            }
            tell(&core, &mut alarms).await;
            policy::settle(&core).await;
            // A minute that is not written now is written with the next.
            let _ = write_failures(&core, now, ends).await;
            let _ = write_frozen(&core, now, ends).await;
            let _ = write_strangers(&core, now, ends).await;
            if !core.is_sealed() && !ends {
                turn_epochs(&core, round).await;
                recall::tell_left(&core).await;
            }
        }
        if ends {
            last_of_all.cancel();
            return;
        }
        round += 1;
        if round.is_multiple_of(30) {
            core.sessions.sweep(now);
        }
        if round.is_multiple_of(600) {
            drop_stale(&core, now).await;
            bury_left(&core).await;
        }
        if round.is_multiple_of(3_600) && core.token.is_none() {
            core.unwrap_epochs().await;
        }
    }
}

/// What is due about epoch keys: a little each second, a look at the calendar every ten minutes.
async fn turn_epochs(core: &Core, round: u64) {
    let mut done = epochs::step(core).await.map(drop);
    if round % 600 == 599 {
        done = done
            .and(epochs::make_due(core).await)
            .and(epochs::destroy_due(core).await);
    }
    if let Err(error) = done
        && round % 60 == 59
    {
        tracing::error!(%error, "epoch keys are not replaced as they should be; it is tried again");
    }
}

/// Puts the tombstones that could not be put when they should have been.
async fn bury_left(core: &Core) {
    if !core.is_unburied.load(Ordering::Relaxed) {
        return;
    }
    match erasure::reconcile(core).await {
        Ok(()) => core.is_unburied.store(false, Ordering::Relaxed),
        Err(error) => tracing::error!(%error, "what was erased has no tombstone yet"),
    }
}

/// Writes the alarms in order; those that cannot be written now are written later.
async fn tell(core: &Core, alarms: &mut VecDeque<Alarm>) {
    while let Some(alarm) = alarms.front() {
        if core.ledger.append_one(alarm.draft()).await.is_err() {
            return;
        }
        alarms.pop_front();
    }
}

/// Refusals to what is frozen already: one entry for each network, principal and minute.
async fn write_frozen(core: &Core, now: Timestamp, all: bool) -> Result<(), LedgerError> {
    let over = core.refused_frozen.take_minutes(now, all);
    write_minutes(core, &core.refused_frozen, &over, |minute| {
        let mut draft = summary(minute, Reason::Frozen);
        draft.row.principal = crate::keys::KeyedToken(minute.tried.what).surrogate();
        draft
    })
    .await
}

/// Refusals to whoever is not signed in: one entry for each network and minute; too many networks share one.
async fn write_strangers(core: &Core, now: Timestamp, all: bool) -> Result<(), LedgerError> {
    let over = core.refused_strangers.take_minutes(now, all);
    write_minutes(core, &core.refused_strangers, &over, |minute| {
        let mut draft = summary(minute, Reason::SessionEnded);
        draft.row.role = Role::Anonymous;
        draft
    })
    .await
}

/// Deposits that were never sealed go after a day, key and all.
pub(crate) async fn drop_stale(core: &Core, now: Timestamp) {
    let before = now.saturating_sub(STALE).unwrap_or(now);
    let Ok(stale) = core.items.stale(before, AT_ONCE).await else {
        return;
    };
    let drafts = stale.into_iter().map(|item| {
        let mut draft = Draft::of_keeper(EntryKind::Shred);
        draft.row.item = item.new.item.surrogate();
        draft.row.item_kind = Some(item.new.kind);
        draft.body.item = core.keys.item_id(item.new.item).as_bytes().to_vec();
        "a deposit that was never sealed".clone_into(&mut draft.body.text);
        let patient = core.keys.patient_id(item.new.patient);
        let token = item.new.patient;
        draft.effects.push(Effect::DropItem { item });
        draft.about(patient, token)
    });
    if core.ledger.append(drafts.collect()).await.is_err() {
        tracing::warn!("stale deposits were not dropped; they will be");
    }
}
