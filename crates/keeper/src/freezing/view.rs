//! What is frozen, and what can be, for the officers in the room.

use super::rung::{practices, processes};
use crate::changes::{is_officer, waiting_on};
use crate::core::Core;
use crate::facts::{self, Fact, FactRow};
use crate::identity::secrets::{self, Secret};
use crate::identity::standing;
use crate::instances::Instances;
use crate::keys::{KeyedToken, OwnSubject, practice_number};
use crate::ledger::Refusal;
use candour_keeper_wire::wire::{self, NamedRung};
use candour_keeper_wire::words::{Level, Reason};
use candour_seal::InstanceId;

/// Answers an officer, also one who is frozen and while the ledger cannot be written: looking stops nobody.
pub(crate) async fn view(
    core: &Core,
    instances: &Instances,
    instance: InstanceId,
    call: &wire::WithToken,
) -> Result<wire::Freezes, Refusal> {
    let now = core.clock.now();
    let (session, _) = standing::session(core, &call.token, instance, "", now).await?;
    if !is_officer(session.role) {
        return Err(Reason::NotAllowed.into());
    }
    let subject = core.keys.own(OwnSubject::Freezes);
    let facts = core.facts.load(subject).await?;
    let known = known(core, instances).await?;
    let mut frozen: Vec<wire::FrozenRung> = Vec::new();
    for row in facts.live() {
        let Fact::Frozen(fact) = &row.fact else {
            continue;
        };
        let is_same = |rung: &wire::FrozenRung| {
            let what = rung.what.as_ref();
            what.is_some_and(|what| (what.level, what.surrogate) == (fact.level, fact.surrogate))
        };
        if !frozen.iter().any(is_same) {
            frozen.push(shown(core, subject, row, fact, &known).await?);
        }
    }
    let waiting = waiting_on(core, &session, subject, &[], now).await?;
    Ok(wire::Freezes {
        frozen,
        known,
        waiting,
    })
}

async fn shown(
    core: &Core,
    subject: KeyedToken,
    row: &FactRow,
    fact: &facts::Frozen,
    known: &[NamedRung],
) -> Result<wire::FrozenRung, Refusal> {
    // A process has one name, frozen or in proof mode.
    let level = match Level::try_from(fact.level) {
        Ok(Level::Proof) => Level::Instance.into(),
        _ => fact.level,
    };
    let is_this = |rung: &&NamedRung| (rung.level, rung.surrogate) == (level, fact.surrogate);
    let name = known.iter().find(is_this).map(|rung| rung.name.clone());
    let by = KeyedToken::try_from(fact.by.as_slice()).ok();
    let by_name = match by {
        Some(by) => crate::calls::history::staff_name(core, &[], by, false).await?,
        None => String::new(),
    };
    Ok(wire::FrozenRung {
        what: Some(NamedRung {
            level: fact.level,
            surrogate: fact.surrogate,
            name: name.unwrap_or_default(),
        }),
        since: row.at.as_microsecond(),
        reason: secrets::open_text(&core.keys, Secret::Reason, subject, &fact.sealed_reason),
        rule: fact.rule,
        is_by_session: by.is_some(),
        by_name,
    })
}

async fn known(core: &Core, instances: &Instances) -> Result<Vec<NamedRung>, Refusal> {
    let mut known: Vec<NamedRung> = Vec::new();
    for (process, line) in processes(core, instances) {
        known.push(NamedRung {
            level: Level::Instance.into(),
            surrogate: process.0,
            name: line.name,
        });
    }
    for (practice, name) in practices(core).await? {
        known.push(NamedRung {
            level: Level::Practice.into(),
            surrogate: practice_number(practice),
            name,
        });
    }
    Ok(known)
}
