//! By what somebody can sign in: the list, and what must be left when one goes.

use crate::core::Core;
use crate::facts::Fact;
use crate::identity::accounts::{Account, HeldPasskey};
use crate::identity::secrets::{self, Secret};
use crate::identity::sessions;
use crate::ledger::Refusal;
use crate::session::Way;
use candour_keeper_wire::wire;
use candour_keeper_wire::words::{Origin, Reason};
use candour_seal::InstanceId;
use jiff::Timestamp;

/// Most passkeys of one account.
pub const MOST_PASSKEYS: usize = 10;

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
    Ok(wire::SignInWays {
        has_room: passkeys.len() < MOST_PASSKEYS,
        has_password: has(|fact| matches!(fact, Fact::Password(_))),
        has_app: has(|fact| matches!(fact, Fact::Totp(_))),
        has_sheet: has(|fact| matches!(fact, Fact::CodeSheet(_))),
        codes_left: account.codes_left(),
        passkeys_only: !account.roles(now).is_empty(),
        passkeys: passkeys
            .iter()
            .map(|held| wire::PasskeyView {
                is_own: session.signed_by.ways.contains(&Some(held.way())),
                may_go: may_go(&account, &passkeys, held, now).is_ok(),
                ..view(core, &account, held)
            })
            .collect(),
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

/// The last-factor guard: who removes a passkey keeps another, or, as a patient, a password with a second factor.
pub(crate) fn may_go(
    account: &Account,
    passkeys: &[HeldPasskey],
    going: &HeldPasskey,
    now: Timestamp,
) -> Result<(), Reason> {
    let is_left = passkeys.iter().any(|held| held.id != going.id)
        || (account.has_typed_ways() && account.roles(now).is_empty());
    if is_left {
        Ok(())
    } else {
        Err(Reason::NotAllowed)
    }
}

impl HeldPasskey {
    /// What a session remembers of it.
    pub fn way(&self) -> Way {
        Way::Passkey(self.id)
    }
}
