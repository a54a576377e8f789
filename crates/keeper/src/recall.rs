//! Taking back what one of a practice's people or programs put in, as one batch, and putting it back.
//!
//! One fact on the practice says it, by the ledger indexes at which the items became visible; every opening asks for it
//! where it asks for what was erased. The items stay as they are: nothing is destroyed, and what was opened before is
//! answered as before. Names and addresses are not taken back: nobody could be told of anything any more.

mod batch;
mod told;

pub(crate) use told::{recalled, tell_at_once, tell_left};

use crate::calls::{Caller, history, reach};
use crate::changes::{Prepared, guard};
use crate::core::Core;
use crate::decision::{Action, ChangeAction, Relation};
use crate::erasure::reason;
use crate::facts::{End, Fact, FactsError, Recalled, SubjectFacts};
use crate::instances::Instance;
use crate::items::ItemRow;
use crate::ledger::Refusal;
use batch::{Batch, Span};
use candour_keeper_wire::wire::{self, BatchesQuestion};
use candour_keeper_wire::words::{EntryKind, ItemKind, Purpose, Reason};
use candour_seal::PracticeId;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Most recalls of a practice in a day: each keeps its list of entries for good.
const MOST_A_DAY: usize = 24;

/// One counts at a time: it is much to read, and openings go on beside it. One tells at a time: nobody is told twice.
#[derive(Default)]
pub(crate) struct Turns {
    counting: Mutex<()>,
    /// Everybody was told.
    is_told: Mutex<bool>,
}

/// What the practices took back that put some items in: gathered once, and nothing for nearly everybody.
pub(crate) struct Recalls(Vec<(PracticeId, Option<Arc<SubjectFacts>>)>);

impl Recalls {
    /// Of these items. Whose practice's facts do not verify are all away.
    pub async fn of(
        core: &Core,
        items: impl IntoIterator<Item = &ItemRow>,
    ) -> Result<Self, FactsError> {
        let mut practices: Vec<PracticeId> = Vec::new();
        for item in items.into_iter().filter(|item| can_be(item)) {
            if !practices.contains(&item.new.practice) {
                practices.push(item.new.practice);
            }
        }
        let mut held = Vec::new();
        for practice in practices {
            match core.facts.load(core.keys.practice(practice)).await {
                Ok(facts) if facts.recalled().next().is_none() => {}
                Ok(facts) => held.push((practice, Some(facts))),
                Err(FactsError::Closed(_)) => held.push((practice, None)),
                Err(error) => return Err(error),
            }
        }
        Ok(Self(held))
    }

    /// Whether an item was taken back and not put back.
    pub fn cover(&self, item: &ItemRow) -> bool {
        let of = |practice: &PracticeId| can_be(item) && *practice == item.new.practice;
        self.0
            .iter()
            .filter(|(practice, _)| of(practice))
            .any(|(_, facts)| facts.as_ref().is_none_or(|facts| is_away(facts, item)))
    }
}

/// Whether these facts of its practice say that an item was taken back.
fn is_away(practice: &SubjectFacts, item: &ItemRow) -> bool {
    item.sealed
        .is_some_and(|sealed| practice.recalled().any(|held| held.covers(sealed.index)))
}

/// Whether an item is of a kind that is taken back.
fn can_be(item: &ItemRow) -> bool {
    let kind = item.new.kind;
    let is_content = matches!(
        kind,
        ItemKind::Document | ItemKind::Segment | ItemKind::Notice
    );
    is_content && !item.new.is_canary
}

/// What was put in at the session's own practice within a time, by whom; looking is itself an entry.
pub async fn batches(
    core: &Core,
    instance: &Instance,
    call: &BatchesQuestion,
) -> Result<wire::Batches, Refusal> {
    let purpose = i32::from(Purpose::AccountCare);
    let caller = Caller::of(core, instance, &call.token, purpose, &call.network).await?;
    caller.refuse_new()?;
    let (session, now) = (&caller.session, caller.now);
    let practice = session.practice.ok_or(Reason::NotAllowed)?;
    let action = Action::Change(ChangeAction::Recall);
    let relation = Relation::OwnPractice;
    let question = reach::decision_facts(session, caller.purpose, action, relation, now);
    history::ask(core, &caller, &question, None, None).await?;
    let span = Span::new(practice, call.from, call.until, core.ledger.size())?;
    let _one = core.recalls.counting.lock().await;
    let mut batches = Vec::new();
    for batch in batch::put_in(core, &span).await? {
        batches.push(batch.view(core, &span).await?);
    }
    batches.sort_by_key(|batch| std::cmp::Reverse(batch.items));
    Ok(wire::Batches {
        as_of: span.as_of,
        batches,
    })
}

/// The batch of a change as it is now, with the facts by which that was found; refused where it is not what was shown.
async fn found(
    core: &Core,
    change: &wire::Recall,
) -> Result<(Batch, wire::Batch, Arc<SubjectFacts>), Refusal> {
    reason(&change.reason)?;
    let practice = PracticeId::try_from(change.practice.as_slice()).map_err(|_| Reason::Invalid)?;
    let asked = change.batch.as_ref().ok_or(Reason::Invalid)?;
    let span = Span::new(practice, change.from, change.until, change.as_of)?;
    if change.as_of > core.ledger.size() {
        return Err(Reason::NotAsShown.into());
    }
    let _one = core.recalls.counting.lock().await;
    // Whatever changes from here on is found by the guard.
    let facts = core.facts.load(core.keys.practice(practice)).await?;
    let all = batch::put_in(core, &span).await?;
    let batch = all
        .into_iter()
        .find(|batch| batch.is_of(&asked.depositor))
        .ok_or(Reason::NotAsShown)?;
    let view = batch.view(core, &span).await?;
    if view.digest != asked.digest {
        return Err(Reason::NotAsShown.into());
    }
    Ok((batch, view, facts))
}

/// The change with the numbers that are signed.
pub(crate) async fn counted(core: &Core, change: wire::Recall) -> Result<wire::Recall, Refusal> {
    let (_, view, _) = found(core, &change).await?;
    Ok(wire::Recall {
        batch: Some(view),
        ..change
    })
}

/// Takes back exactly the batch that was signed.
pub(crate) async fn take_back(
    core: &Core,
    change: &wire::Recall,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let (batch, view, facts) = found(core, change).await?;
    let day = SignedDuration::from_hours(24);
    let of_a_day = facts
        .rows()
        .iter()
        .filter(|row| matches!(row.fact, Fact::Recalled(_)) && now.duration_since(row.at) < day);
    if of_a_day.count() >= MOST_A_DAY {
        return Err(Reason::TooMany.into());
    }
    if change.batch.as_ref() != Some(&view) {
        return Err(Reason::NotAsShown.into());
    }
    let mut recalled = Recalled {
        depositor: batch.depositor().0.to_vec(),
        digest: view.digest,
        as_of: change.as_of,
        ..Recalled::default()
    };
    recalled.note(batch.indexes());
    let mut prepared = Prepared::fact(facts.subject(), Fact::Recalled(recalled));
    prepared.kind = Some(EntryKind::Recall);
    prepared.count = view.patients;
    prepared.guards = vec![guard(&facts)];
    Ok(prepared)
}

/// The change with the sentence of what is put back.
pub(crate) async fn named(
    core: &Core,
    change: wire::EndRecall,
) -> Result<wire::EndRecall, Refusal> {
    reason(&change.reason)?;
    let practice = PracticeId::try_from(change.practice.as_slice()).map_err(|_| Reason::Invalid)?;
    let act = told::recall_at(core, practice, change.recall).await?;
    Ok(wire::EndRecall {
        text: act.body.text,
        ..change
    })
}

/// Puts back what was taken back.
pub(crate) async fn put_back(core: &Core, change: &wire::EndRecall) -> Result<Prepared, Refusal> {
    reason(&change.reason)?;
    let practice = PracticeId::try_from(change.practice.as_slice()).map_err(|_| Reason::Invalid)?;
    let act = told::recall_at(core, practice, change.recall).await?;
    let facts = core.facts.load(core.keys.practice(practice)).await?;
    let is_it = |fact: &Fact| matches!(fact, Fact::Recalled(held) if *held == act.recalled);
    let version = facts
        .live()
        .find_map(|row| is_it(&row.fact).then_some(row.version))
        .ok_or(Reason::NotAsShown)?;
    let mut prepared = Prepared::fact(facts.subject(), Fact::End(End { version }));
    prepared.kind = Some(EntryKind::RecallEnded);
    prepared.count = act.body.count;
    prepared.guards = vec![guard(&facts)];
    Ok(prepared)
}

/// Whether what an entry's fact took back is away still.
pub(crate) fn is_still(practice: &SubjectFacts, recalled: &Recalled) -> bool {
    practice.recalled().any(|held| held == recalled)
}
