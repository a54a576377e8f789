//! Changes of the ways by which somebody signs in.

use super::Prepared;
use crate::core::Core;
use crate::draft::Guard;
use crate::facts::{End, Fact};
use crate::identity::accounts::Account;
use crate::identity::ways::{MOST_PASSKEYS, may_go, name};
use crate::ledger::Refusal;
use crate::session::Session;
use candour_keeper_wire::wire::{self, ChangeKind};
use candour_keeper_wire::words::Reason;
use jiff::Timestamp;

/// Most characters of a passkey's name.
const LONGEST_NAME: usize = 40;

/// It changes how its author signs in, and nothing else.
pub(crate) fn is_about_ways(kind: &ChangeKind) -> bool {
    matches!(
        kind,
        ChangeKind::AddPasskey(_) | ChangeKind::RemovePasskey(_)
    )
}

/// The change as it is signed: what the asker cannot know or must not choose is filled in, what cannot be is refused
/// before anybody is asked for an answer.
pub(crate) fn settled(
    core: &Core,
    account: &Account,
    kind: ChangeKind,
    now: Timestamp,
) -> Result<ChangeKind, Refusal> {
    Ok(match kind {
        ChangeKind::AddPasskey(passkey) => {
            let name = passkey.name.trim().to_owned();
            let is_name = !name.is_empty()
                && name.chars().count() <= LONGEST_NAME
                && !name.chars().any(char::is_control);
            if !is_name {
                return Err(Reason::Invalid.into());
            }
            has_room(core, account)?;
            ChangeKind::AddPasskey(wire::AddPasskey { name })
        }
        ChangeKind::RemovePasskey(asked) => {
            let passkeys = account.passkeys(core);
            let held = passkeys
                .iter()
                .find(|held| held.id.as_slice() == asked.passkey)
                .ok_or(Reason::NotFound)?;
            may_go(account, &passkeys, held, now)?;
            ChangeKind::RemovePasskey(wire::RemovePasskey {
                name: name(core, account, held),
                ..asked
            })
        }
        other => other,
    })
}

/// There is room for one more passkey.
pub(crate) fn has_room(core: &Core, account: &Account) -> Result<(), Reason> {
    if account.passkeys(core).len() < MOST_PASSKEYS {
        Ok(())
    } else {
        Err(Reason::NotAllowed)
    }
}

/// The facts that a change of one's ways was decided by must be those it is written on.
pub(crate) fn unchanged(account: &Account) -> Guard {
    Guard::Facts {
        subject: account.subject,
        version: account.facts.version(),
    }
}

/// Takes a passkey away; whoever is signed in by it is signed out.
pub(super) async fn remove_passkey(
    core: &Core,
    session: &Session,
    asked: &wire::RemovePasskey,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let account = Account::of(core, session).await?;
    let passkeys = account.passkeys(core);
    let held = passkeys
        .iter()
        .find(|held| held.id.as_slice() == asked.passkey)
        .ok_or(Reason::NotFound)?;
    may_go(&account, &passkeys, held, now)?;
    let fact = Fact::End(End {
        version: held.version,
    });
    let mut prepared = Prepared::fact(account.subject, fact);
    prepared.guards.push(unchanged(&account));
    prepared.ended.push(held.way());
    Ok(prepared)
}
