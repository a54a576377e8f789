//! Who somebody is: passkeys, passwords, codes, sessions, invitations.

pub mod accounts;
pub mod ceremonies;
pub mod codes;
pub mod failures;
pub mod invitations;
pub mod passkeys;
pub mod passwords;
pub(crate) mod recovery;
mod refusal;
pub mod secrets;
pub mod sessions;
pub(crate) mod sheets;
pub mod sign_in;
pub mod standing;
pub mod ways;

use crate::acts::Act;
use crate::calls::emergency::Emergency;
use crate::core::{Core, KeeperConfig};
use crate::draft::Draft;
use crate::keys::{KeyedToken, Keys};
use crate::ledger::{Appended, LedgerError, Outcome};
use candour_keeper_wire::Token;
use candour_keeper_wire::words::{EntryKind, Reason, Role};
use candour_seal::{InstanceId, MacKey, PersonId};
use ceremonies::Ceremonies;
use failures::{Failures, Minute};
use invitations::NewAccount;
use jiff::Timestamp;
use passkeys::Passkeys;
use passwords::Passwords;
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use webauthn_rs_core::proto::AuthenticationState;

/// Most summaries in one append: the ledger has room for everybody else's entries beside them.
const AT_ONCE: usize = 256;

/// What was asked and is not answered yet.
pub enum Waiting {
    /// A sign-in or step-up by passkey.
    SignIn {
        /// What the answer is checked against.
        state: Box<AuthenticationState>,
        /// Who was asked; `None` for a discoverable passkey, and for a login that nobody has.
        person: Option<PersonId>,
        /// The passkey names its person itself.
        is_discoverable: bool,
        /// Through which instance.
        instance: InstanceId,
    },
    /// A new account.
    Register(Box<NewAccount>),
    /// An act.
    Act(Box<Act>),
    /// An emergency opening.
    Emergency(Box<Emergency>),
}

/// What signing in needs and keeps in memory; a restart forgets it, and signs everybody out.
pub struct Identity {
    /// The relying party.
    pub passkeys: Passkeys,
    /// The password queue.
    pub passwords: Passwords,
    /// Ceremonies under way.
    pub ceremonies: Ceremonies<Waiting>,
    /// Failed tries.
    pub failures: Failures,
    /// Hashes sheet codes and makes up credentials.
    pub codes_key: MacKey,
    /// Wrong birth dates by invitation.
    pub(crate) wrong_birth_dates: Mutex<HashMap<[u8; 16], u32>>,
    /// Who is setting a password now: one at a time each, so that nobody fills the queue of those who sign in.
    pub(crate) slow_work: Mutex<HashSet<KeyedToken>>,
    /// Tokens of runs by run and instance.
    pub(crate) run_tokens: Mutex<HashMap<([u8; 16], InstanceId), Token>>,
}

impl Identity {
    /// For this installation.
    pub fn new(config: &KeeperConfig, keys: &Keys) -> Self {
        Self {
            passkeys: Passkeys::new(&config.relying_party, config.origins.clone()),
            passwords: Passwords::new(keys.passwords().clone()),
            ceremonies: Ceremonies::default(),
            failures: Failures::default(),
            codes_key: keys.codes().clone(),
            wrong_birth_dates: Mutex::default(),
            slow_work: Mutex::default(),
            run_tokens: Mutex::default(),
        }
    }
}

/// Appends one draft.
pub(crate) async fn commit(core: &Core, draft: Draft) -> Result<Appended, LedgerError> {
    core.ledger.append_one(draft).await
}

/// Writes the failures of minutes that are over, one entry for each network, account and minute.
///
/// To be called every second or so, and with `all` when the keeper stops.
pub async fn write_failures(core: &Core, now: Timestamp, all: bool) -> Result<(), LedgerError> {
    let failures = &core.identity.failures;
    let over = failures.take_minutes(now, all);
    write_minutes(core, failures, &over, |minute| {
        let mut draft = summary(minute, Reason::WrongCredentials);
        draft.row.role = Role::Anonymous;
        draft.body.details = minute.tried.what.to_vec();
        draft.body.text = format!("minute {}", minute.minute);
        draft
    })
    .await
}

/// A summary of one minute's refusals.
pub(crate) fn summary(minute: &Minute, reason: Reason) -> Draft {
    let mut draft = Draft::of_keeper(EntryKind::Summary);
    draft.row.decision = reason.number();
    draft.body.network.clone_from(&minute.tried.network);
    draft.body.count = minute.count;
    draft
}

/// Writes minutes that were taken, some at a time; what is not written is counted in again.
///
/// A minute whose writing did not answer in time may be written twice, never not at all.
pub(crate) async fn write_minutes(
    core: &Core,
    failures: &Failures,
    over: &[Minute],
    draft: fn(&Minute) -> Draft,
) -> Result<(), LedgerError> {
    let mut chunks = over.chunks(AT_ONCE);
    while let Some(chunk) = chunks.next() {
        let appended = core.ledger.append(chunk.iter().map(draft).collect()).await;
        if let Err(error) = count_in_again(failures, chunk, appended) {
            failures.put_back(chunks.flatten().cloned());
            return Err(error);
        }
    }
    Ok(())
}

/// Counts in again what of a chunk was not written.
fn count_in_again(
    failures: &Failures,
    chunk: &[Minute],
    appended: Result<Vec<Outcome>, LedgerError>,
) -> Result<(), LedgerError> {
    let outcomes = appended.inspect_err(|_| failures.put_back(chunk.iter().cloned()))?;
    let mut last = Ok(());
    for (minute, outcome) in chunk.iter().zip(outcomes) {
        if let Err(error) = outcome {
            failures.put_back([minute.clone()]);
            last = Err(error);
        }
    }
    last
}

#[cfg(test)]
mod tests;
