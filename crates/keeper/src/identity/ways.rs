//! By what somebody can sign in: the list, and what must be left when one goes.

use crate::changes::{address_views, pending};
use crate::core::Core;
use crate::facts::{Fact, FactRow, SubjectFacts};
use crate::identity::accounts::{Account, HeldPasskey};
use crate::identity::secrets::{self, Secret};
use crate::identity::sessions;
use crate::keys::LookupKind;
use crate::ledger::Refusal;
use crate::session::{SignedBy, Way};
use candour_keeper_wire::wire;
use candour_keeper_wire::words::{Origin, Reason};
use candour_seal::{InstanceId, PracticeId};
use jiff::{SignedDuration, Timestamp};
use webauthn_rs_core::proto::Credential;

/// Most passkeys of one account.
pub const MOST_PASSKEYS: usize = 10;

/// How long what was added to an account is new. Whoever adds something to somebody else's account reads nothing by it
/// before its holder had this time to find out, and cannot take the older ways away meanwhile.
pub const NEW_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The ways of whoever asks.
pub async fn list(
    core: &Core,
    instance: InstanceId,
    call: &wire::WithToken,
) -> Result<wire::SignInWays, Refusal> {
    let now = core.clock.now();
    let session = sessions::of_person(core, instance, &call.token, &call.network).await?;
    let account = Account::of(core, &session).await?;
    let passkeys = account.passkeys(core);
    let has = |is_it: fn(&Fact) -> bool| account.facts.live().any(|row| is_it(&row.fact));
    let (addresses, has_room_for_address) = address_views(core, &account, now);
    Ok(wire::SignInWays {
        addresses,
        has_room_for_address,
        has_room: passkeys.len() < MOST_PASSKEYS,
        has_password: has(|fact| matches!(fact, Fact::Password(_))),
        has_app: has(|fact| matches!(fact, Fact::Totp(_))),
        has_sheet: has(|fact| matches!(fact, Fact::CodeSheet(_))),
        codes_left: account.codes_left(now),
        passkeys_only: !account.roles(now).is_empty(),
        waiting: pending::waiting(core, &account, now).await?,
        passkeys: passkeys
            .iter()
            .map(|held| wire::PasskeyView {
                is_own: session.signed_by.ways.contains(&Some(held.way())),
                may_go: may_go(&account, &passkeys, held, now).is_ok(),
                opens_from: held.signed_by().is_new_until(now).unwrap_or(0),
                ..view(core, &account, held)
            })
            .collect(),
    })
}

/// Until when what is added now is new.
pub fn new_until(now: Timestamp) -> Result<i64, Reason> {
    after(now, NEW_FOR)
}

/// So long from now, in microseconds.
pub(crate) fn after(now: Timestamp, time: SignedDuration) -> Result<i64, Reason> {
    let then = now.checked_add(time).map_err(|_| Reason::Invalid)?;
    Ok(then.as_microsecond())
}

/// Something new is among somebody's ways, or a change of them waits: what every page of theirs points to.
pub fn has_changed(facts: &SubjectFacts, now: Timestamp) -> bool {
    facts.live().any(|row| match &row.fact {
        Fact::ActWaits(waits) => pending::is_alive(waits, now),
        // A recovery is told by itself.
        fact => fact.opens_from() > now.as_microsecond() && fact.recovered_at().is_empty(),
    })
}

fn view(core: &Core, account: &Account, held: &HeldPasskey) -> wire::PasskeyView {
    wire::PasskeyView {
        passkey: held.id.to_vec(),
        name: name(core, account, held),
        added_at: held.fact.added_at,
        origin: Origin::try_from(held.fact.origin)
            .unwrap_or(Origin::Account)
            .into(),
        ..wire::PasskeyView::default()
    }
}

/// What its owner calls it.
pub(crate) fn name(core: &Core, account: &Account, held: &HeldPasskey) -> String {
    secrets::open_text(
        &core.keys,
        Secret::Name,
        account.subject,
        &held.fact.sealed_name,
    )
}

/// The last-factor guard: who removes a passkey keeps another, or, as a patient, a password with a second factor. One
/// that is new does not count: somebody else may have added it.
pub(crate) fn may_go(
    account: &Account,
    passkeys: &[HeldPasskey],
    going: &HeldPasskey,
    now: Timestamp,
) -> Result<(), Refusal> {
    if account.has_typed_ways(now) && account.roles(now).is_empty() {
        return Ok(());
    }
    let others = passkeys.iter().filter(|held| held.id != going.id);
    match others.map(|held| held.fact.opens_from).min() {
        None => Err(Reason::NotAllowed.into()),
        Some(from) if from > now.as_microsecond() => {
            Err(Refusal::until(Reason::CredentialIsNew, from, now))
        }
        Some(_) => Ok(()),
    }
}

/// What a session remembers of a way of signing in; `None` for every other fact.
pub(crate) fn way_of(core: &Core, row: &FactRow) -> Option<Way> {
    match &row.fact {
        Fact::Passkey(fact) => {
            let credential: Credential = serde_json::from_str(&fact.credential_json).ok()?;
            let named = credential.cred_id.as_slice();
            Some(Way::Passkey(
                core.keys.lookup(LookupKind::Credential, named),
            ))
        }
        fact if fact.is_way() => Some(Way::Typed(row.version)),
        _ => None,
    }
}

impl HeldPasskey {
    /// What a session remembers of it.
    pub fn way(&self) -> Way {
        Way::Passkey(self.id)
    }

    /// Of a session that it alone signed in.
    pub fn signed_by(&self) -> SignedBy {
        SignedBy {
            ways: [Some(self.way()), None],
            opens_from: self.fact.opens_from,
            recovered_at: PracticeId::try_from(self.fact.recovered_at.as_slice()).ok(),
        }
    }
}
