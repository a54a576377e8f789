//! A ledger that holds less than was signed: two operators accept the loss, and the ledger says so.
//!
//! Every missing index gets an entry that says it is lost, so that no index which a receipt or the incident room
//! has seen is ever given to something else. Then an alarm opens an incident.

use crate::checkpoint::{Accepted, Loss};
use crate::core::{Core, CoreError};
use crate::draft::Draft;
use crate::ledger::{LEDGER_LOSS, Refusal, own_alarm};
use candour_keeper_wire::wire::AlarmDetails;
use candour_keeper_wire::words::{EntryKind, Reason};

/// Entries written in one commit; the last one's alarm is committed with it.
const AT_ONCE: u64 = 256;

/// Two operators accept exactly this loss. The keeper ends, and goes on when it is started again.
pub(crate) fn accept(core: &Core, from: u64, to: u64) -> Result<(), Refusal> {
    let loss = core.ledger.loss().ok_or(Reason::NotFound)?;
    if !loss.is_whole || (loss.from, loss.to) != (from, to) {
        return Err(Reason::Invalid.into());
    }
    let root = core.ledger.durable().borrow().frontier.root();
    core.checkpoints
        .accept(loss, root)
        .map_err(|_| Reason::LedgerUnavailable)?;
    tracing::warn!(from, to, "two operators accepted that entries are lost");
    core.restart.cancel();
    Ok(())
}

/// Writes what was accepted, before anything else is written; goes on where an earlier start broke off.
pub(crate) async fn write(core: &Core) -> Result<(), CoreError> {
    let Some(Accepted { loss, .. }) = core.checkpoints.accepted()? else {
        return Ok(());
    };
    let end = loss.to.max(loss.from + 1);
    let mut next = core.ledger.size();
    while next < end {
        let after = end.min(next + AT_ONCE);
        let mut drafts: Vec<Draft> = (next..after).map(|index| lost(&loss, index)).collect();
        if after == end {
            drafts.push(alarm(&loss));
        }
        for outcome in core.ledger.append(drafts).await? {
            outcome?;
        }
        next = after;
    }
    Ok(core.checkpoints.settle(&loss)?)
}

fn lost(loss: &Loss, index: u64) -> Draft {
    let mut draft = Draft::of_keeper(EntryKind::LossAccepted);
    draft.body.text = if index < loss.to {
        format!("the entry at {index} is lost; two operators accepted that")
    } else if is_unknown(loss) {
        "no checkpoint was left, so nobody can know which entries are lost; two operators accepted that"
            .to_owned()
    } else {
        "the ledger is another one than was signed; two operators accepted that".to_owned()
    };
    draft
}

/// No checkpoint was left that the ledger could be held against.
fn is_unknown(loss: &Loss) -> bool {
    loss.contradicted.is_empty()
}

fn alarm(loss: &Loss) -> Draft {
    let (from, to) = (loss.from, loss.to);
    let text = if is_unknown(loss) {
        format!(
            "entries that were written after {from} others may be lost; nobody can know how many"
        )
    } else {
        format!("entries from {from} to before {to} are lost, or were replaced")
    };
    let details = AlarmDetails {
        counted: u32::try_from(loss.to.saturating_sub(loss.from).max(1)).unwrap_or(u32::MAX),
        threshold: 1,
        opens_incident: true,
        pages: true,
        ..AlarmDetails::default()
    };
    own_alarm(LEDGER_LOSS, "ledger_loss", text, &details)
}
