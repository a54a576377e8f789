//! Changes of the ways by which somebody signs in.

use super::pending::{self, HeldPending};
use super::{Prepared, addresses, sentence};
use crate::core::Core;
use crate::draft::{Effect, Guard};
use crate::facts::{CodeSheet, End, Fact, Password, Totp, Used, kind_number};
use crate::identity::accounts::{Account, HeldPasskey, normal_login};
use crate::identity::codes::TotpSecret;
use crate::identity::passwords::acceptable;
use crate::identity::secrets::{self, Secret};
use crate::identity::sheets::{new_sheet, one_at_a_time};
use crate::identity::sign_in::{random, random_id};
use crate::identity::ways::{MOST_PASSKEYS, may_go, name};
use crate::keys::LookupKind;
use crate::ledger::Refusal;
use crate::recall;
use crate::session::{Session, Way};
use crate::sharing;
use candour_keeper_wire::wire::{self, ChangeKind};
use candour_keeper_wire::words::Reason;
use candour_seal::SystemRandom;
use jiff::Timestamp;

/// Most characters of a passkey's name.
const LONGEST_NAME: usize = 40;

/// It changes how its author signs in, and nothing else.
pub(crate) fn is_about_ways(kind: &ChangeKind) -> bool {
    matches!(
        kind,
        ChangeKind::AddPasskey(_)
            | ChangeKind::RemovePasskey(_)
            | ChangeKind::SetPassword(_)
            | ChangeKind::SetApp(_)
            | ChangeKind::NewSheet(_)
            | ChangeKind::StopWaiting(_)
            | ChangeKind::AddNotificationAddress(_)
            | ChangeKind::RemoveNotificationAddress(_)
            | ChangeKind::ConfirmNotificationAddress(_)
    )
}

/// The change as it is signed: what the asker cannot know or must not choose is filled in, what cannot be is refused
/// before anybody is asked for an answer.
pub(crate) async fn settled(
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
            let held = removable(core, account, &asked, now)?;
            ChangeKind::RemovePasskey(wire::RemovePasskey {
                name: name(core, account, &held),
                ..asked
            })
        }
        ChangeKind::SetPassword(asked) => {
            may_type(account, now)?;
            ChangeKind::SetPassword(wire::SetPassword {
                hash: hashed(core, account, &asked.password).await?,
                password: String::new(),
            })
        }
        ChangeKind::SetApp(_) => {
            may_type(account, now)?;
            let secret = random::<20>().to_vec();
            ChangeKind::SetApp(wire::SetApp { secret })
        }
        ChangeKind::NewSheet(_) => {
            may_type(account, now)?;
            kind
        }
        ChangeKind::AddNotificationAddress(add) => {
            ChangeKind::AddNotificationAddress(addresses::settled(core, account, &add, now)?)
        }
        ChangeKind::RemoveNotificationAddress(asked) => {
            let held = addresses::named(core, account, &asked.id)?;
            ChangeKind::RemoveNotificationAddress(wire::RemoveNotificationAddress {
                address: held.address,
                ..asked
            })
        }
        ChangeKind::StopWaiting(asked) => {
            let held = own_waiting(core, account, &asked.pending, now).await?;
            ChangeKind::StopWaiting(wire::StopWaiting {
                text: sentence(&held.kind),
                ..asked
            })
        }
        ChangeKind::Recall(change) => ChangeKind::Recall(recall::counted(core, change).await?),
        ChangeKind::EndRecall(ended) => ChangeKind::EndRecall(recall::named(core, ended).await?),
        other => sharing::settled(core, account, other, now).await?,
    })
}

/// Passwords and codes are for patients and proxies. Whoever has a role of staff or officer has passkeys only.
fn may_type(account: &Account, now: Timestamp) -> Result<(), Reason> {
    if account.roles(now).is_empty() {
        Ok(())
    } else {
        Err(Reason::NotAllowed)
    }
}

async fn hashed(core: &Core, account: &Account, password: &str) -> Result<String, Refusal> {
    acceptable(password, "")?;
    let as_login =
        normal_login(password).map(|login| core.keys.lookup(LookupKind::Login, login.as_bytes()));
    let is_login = account.facts.live().any(|row| match &row.fact {
        Fact::Account(known) => as_login.is_some_and(|login| known.login == login),
        _ => false,
    });
    if is_login {
        return Err(Reason::Invalid.into());
    }
    let hash = core.identity.passwords.hash(password, random_id());
    let hash = one_at_a_time(core, account.subject, hash).await?;
    Ok(hash?.to_phc())
}

async fn own_waiting(
    core: &Core,
    account: &Account,
    id: &[u8],
    now: Timestamp,
) -> Result<HeldPending, Refusal> {
    let held = pending::load(core, id, now).await?;
    if held.author.subject == account.subject && held.not_before != 0 {
        Ok(held)
    } else {
        Err(Reason::NotFound.into())
    }
}

/// What a change of one's ways writes. `opens_from`: until when what is added is new.
pub(super) async fn prepare(
    core: &Core,
    session: &Session,
    kind: &ChangeKind,
    opens_from: i64,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let account = Account::of(core, session).await?;
    match kind {
        ChangeKind::RemovePasskey(asked) => return remove_passkey(core, &account, asked, now),
        ChangeKind::StopWaiting(asked) => return stop(core, &account, &asked.pending, now).await,
        ChangeKind::AddNotificationAddress(add) => {
            return Ok(addresses::add(core, &account, add, now)?);
        }
        ChangeKind::RemoveNotificationAddress(gone) => {
            return Ok(addresses::remove(core, &account, gone)?);
        }
        ChangeKind::ConfirmNotificationAddress(sent) => {
            return addresses::confirm(core, session, &account, sent, now);
        }
        _ => may_type(&account, now)?,
    }
    Ok(match kind {
        ChangeKind::SetPassword(asked) => {
            let password = Fact::Password(Password {
                phc: asked.hash.clone(),
                opens_from,
                ..Password::default()
            });
            replaced(&account, password)
        }
        ChangeKind::SetApp(asked) => {
            let (keys, rng) = (&core.keys, &mut SystemRandom);
            let subject = account.subject;
            let app = Fact::Totp(Totp {
                sealed_secret: secrets::seal(keys, Secret::Totp, subject, &asked.secret, rng),
                opens_from,
                ..Totp::default()
            });
            replaced(&account, app)
        }
        ChangeKind::NewSheet(_) => {
            let made = new_sheet(core, account.subject, Some(&account.facts));
            let (sheet, printed) = made.await?;
            let fact = Fact::CodeSheet(CodeSheet {
                opens_from,
                ..sheet
            });
            let mut prepared = replaced(&account, fact);
            prepared.reply.sheet = printed;
            prepared
        }
        _ => return Err(Reason::Invalid.into()),
    })
}

/// A way that takes the place of the one of its kind. Its fact stands in no entry, which is kept for good.
fn replaced(account: &Account, new: Fact) -> Prepared {
    let mut prepared = Prepared {
        guards: vec![unchanged(account)],
        ..Prepared::default()
    };
    for row in account.facts.live() {
        if kind_number(&row.fact) == kind_number(&new) {
            let version = row.version;
            let end = Effect::fact(account.subject, Fact::End(End { version }));
            prepared.effects.push(end);
            prepared.ended.push(Way::Typed(version));
        }
    }
    prepared.effects.push(Effect::fact(account.subject, new));
    prepared
}

/// The act will not be done.
async fn stop(
    core: &Core,
    account: &Account,
    id: &[u8],
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let held = own_waiting(core, account, id, now).await?;
    let used = Used {
        by: account.subject.0.to_vec(),
    };
    let mut prepared = Prepared::fact(held.subject, Fact::Used(used));
    prepared
        .effects
        .extend(pending::waits_no_more(account, &held));
    prepared.guards = vec![held.unchanged(), unchanged(account)];
    Ok(prepared)
}

/// Whether a new authenticator app shows what it should.
pub(crate) fn shows(app: &wire::SetApp, typed: &str, now: Timestamp) -> bool {
    let secret = <[u8; 20]>::try_from(app.secret.as_slice()).map(TotpSecret::from_bytes);
    secret.is_ok_and(|secret| secret.step_of(typed, now).is_some())
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

/// The passkey that is to go, once it is sure that it may.
fn removable(
    core: &Core,
    account: &Account,
    asked: &wire::RemovePasskey,
    now: Timestamp,
) -> Result<HeldPasskey, Refusal> {
    let mut passkeys = account.passkeys(core);
    let place = passkeys
        .iter()
        .position(|held| held.id.as_slice() == asked.passkey)
        .ok_or(Reason::NotFound)?;
    may_go(account, &passkeys, &passkeys[place], now)?;
    Ok(passkeys.swap_remove(place))
}

/// Takes a passkey away; whoever is signed in by it is signed out.
fn remove_passkey(
    core: &Core,
    account: &Account,
    asked: &wire::RemovePasskey,
    now: Timestamp,
) -> Result<Prepared, Refusal> {
    let held = removable(core, account, asked, now)?;
    let fact = Fact::End(End {
        version: held.version,
    });
    let mut prepared = Prepared::fact(account.subject, fact);
    prepared.guards.push(unchanged(account));
    prepared.ended.push(held.way());
    Ok(prepared)
}
