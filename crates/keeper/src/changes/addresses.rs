//! Where somebody is told of changes of their own account: addresses that they gave themselves, beside those that their
//! practices have.

use super::{Prepared, unchanged};
use crate::core::Core;
use crate::draft::Effect;
use crate::facts::{End, Fact, NotificationAddress, SubjectFacts};
use crate::identity::accounts::Account;
use crate::identity::codes::{is_sent_code, sent_code};
use crate::identity::failures::Tried;
use crate::identity::secrets::{self, Secret};
use crate::identity::sign_in::{failed, may_try, random, random_id};
use crate::identity::ways::{NEW_FOR, after};
use crate::keys::{KeyedToken, Keys};
use crate::ledger::Refusal;
use crate::session::Session;
use candour_keeper_wire::wire;
use candour_keeper_wire::words::Reason;
use candour_seal::SystemRandom;
use jiff::Timestamp;

/// Most addresses of one account.
const MOST: usize = 3;
/// How often one is added in a day: each sends a mail to whomever it names.
const ADDED_A_DAY: usize = 5;
/// Most bytes of one (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const LONGEST: usize = 254;

/// An address of an account, now or once.
pub(crate) struct HeldAddress {
    version: i64,
    /// When it was written so.
    pub at: Timestamp,
    /// When it was taken away, or confirmed and so written anew.
    pub ended: Option<Timestamp>,
    pub fact: NotificationAddress,
    pub address: String,
}

impl HeldAddress {
    /// The code by which it is confirmed; empty for one that is.
    pub(crate) fn code(&self, keys: &Keys, account: KeyedToken) -> String {
        secrets::open_text(keys, Secret::Address, account, &self.fact.sealed_code)
    }

    /// Until when that code is taken; 0 where none is.
    fn code_until(&self, now: Timestamp) -> i64 {
        let until = after(self.at, NEW_FOR).unwrap_or_default();
        let is_waited_for = !self.fact.is_confirmed && now.as_microsecond() < until;
        if is_waited_for { until } else { 0 }
    }
}

/// The addresses that an account has, or had until `since` at least, oldest first.
pub(crate) fn held(keys: &Keys, facts: &SubjectFacts, since: Timestamp) -> Vec<HeldAddress> {
    let account = facts.subject();
    let held = facts.rows().iter().filter_map(|row| {
        let Fact::NotificationAddress(fact) = &row.fact else {
            return None;
        };
        let ended = facts.ended_at(row.version);
        ended
            .is_none_or(|ended| ended >= since)
            .then(|| HeldAddress {
                version: row.version,
                at: row.at,
                ended,
                address: secrets::open_text(keys, Secret::Address, account, &fact.sealed_address),
                fact: fact.clone(),
            })
    });
    held.collect()
}

fn live(core: &Core, account: &Account) -> Vec<HeldAddress> {
    held(&core.keys, &account.facts, Timestamp::MAX)
}

/// How often one was added within a day.
fn lately_added(account: &Account, now: Timestamp) -> usize {
    let since = now.saturating_sub(NEW_FOR).unwrap_or(Timestamp::MAX);
    let rows = account.facts.rows().iter();
    let added = rows.filter(|row| match &row.fact {
        Fact::NotificationAddress(fact) => !fact.is_confirmed && row.at > since,
        _ => false,
    });
    added.count()
}

/// Those of an account as its holder sees them, and whether there is room for one more.
pub(crate) fn views(
    core: &Core,
    account: &Account,
    now: Timestamp,
) -> (Vec<wire::NotificationAddressView>, bool) {
    let live = live(core, account);
    let views = live.iter().map(|held| wire::NotificationAddressView {
        id: held.fact.id.clone(),
        address: held.address.clone(),
        is_confirmed: held.fact.is_confirmed,
        code_until: held.code_until(now),
    });
    (views.collect(), live.len() < MOST)
}

/// The one of this name.
pub(super) fn named(core: &Core, account: &Account, id: &[u8]) -> Result<HeldAddress, Reason> {
    let mut live = live(core, account).into_iter();
    live.find(|held| held.fact.id == id).ok_or(Reason::NotFound)
}

/// The address as it is signed, once it is sure that it may be added.
pub(super) fn settled(
    core: &Core,
    account: &Account,
    add: &wire::AddNotificationAddress,
    now: Timestamp,
) -> Result<wire::AddNotificationAddress, Reason> {
    let address = add.address.trim().to_owned();
    let (name, domain) = address.rsplit_once('@').ok_or(Reason::Invalid)?;
    let is_plain = |c: char| c.is_ascii_graphic() && !"<>\"(),;:\\[]".contains(c);
    let is_address = !name.is_empty() && domain.contains('.') && address.chars().all(is_plain);
    if !is_address || address.len() > LONGEST {
        return Err(Reason::Invalid);
    }
    let live = live(core, account);
    let again = live.iter().find(|held| is_same(&held.address, &address));
    match again {
        Some(held) if held.fact.is_confirmed => Err(Reason::Invalid),
        None if live.len() >= MOST => Err(Reason::NotAllowed),
        _ if lately_added(account, now) >= ADDED_A_DAY => Err(Reason::TooMany),
        // One that was not confirmed gets another code.
        _ => Ok(wire::AddNotificationAddress { address }),
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Adds an address. Its fact stands in no entry, which is kept for good; the sentence that was signed does.
pub(super) fn add(
    core: &Core,
    account: &Account,
    add: &wire::AddNotificationAddress,
    now: Timestamp,
) -> Result<Prepared, Reason> {
    // A day may lie between what was signed and now.
    let wire::AddNotificationAddress { address } = settled(core, account, add, now)?;
    let seal = |plain: &[u8]| {
        let (keys, subject) = (&core.keys, account.subject);
        secrets::seal(keys, Secret::Address, subject, plain, &mut SystemRandom)
    };
    let fact = NotificationAddress {
        id: random_id().to_vec(),
        sealed_address: seal(address.as_bytes()),
        is_confirmed: false,
        sealed_code: seal(sent_code(&random()).as_bytes()),
    };
    let before = live(core, account).into_iter();
    let before = before.filter(|held| is_same(&held.address, &address));
    Ok(instead(account, before, Some(fact)))
}

/// Takes an address away.
pub(super) fn remove(
    core: &Core,
    account: &Account,
    gone: &wire::RemoveNotificationAddress,
) -> Result<Prepared, Reason> {
    let held = named(core, account, &gone.id)?;
    Ok(instead(account, std::iter::once(held), None))
}

/// The code that was sent to an address came back.
pub(super) fn confirm(
    core: &Core,
    session: &Session,
    account: &Account,
    sent: &wire::ConfirmNotificationAddress,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let held = named(core, account, &sent.id)?;
    if held.fact.is_confirmed {
        return Err(Reason::NotFound.into());
    }
    let tried = Tried::in_session(session);
    may_try(core, &tried, now)?;
    let code = held.code(&core.keys, account.subject);
    if held.code_until(now) == 0 || !is_sent_code(&code, &sent.code) {
        return Err(failed(core, tried, Reason::WrongCredentials.into(), now));
    }
    let fact = NotificationAddress {
        is_confirmed: true,
        sealed_code: Vec::new(),
        ..held.fact.clone()
    };
    Ok(instead(account, std::iter::once(held), Some(fact)))
}

/// One fact in the place of others.
fn instead(
    account: &Account,
    before: impl Iterator<Item = HeldAddress>,
    new: Option<NotificationAddress>,
) -> Prepared {
    let ends = before.map(|held| {
        let version = held.version;
        Fact::End(End { version })
    });
    let facts = ends.chain(new.map(Fact::NotificationAddress));
    Prepared {
        effects: facts
            .map(|fact| Effect::fact(account.subject, fact))
            .collect(),
        guards: vec![unchanged(account)],
        ..Prepared::default()
    }
}
