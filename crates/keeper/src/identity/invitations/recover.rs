//! Using a recovery's code: new ways to sign in to an account that exists, which open little for three days.

use super::{
    Added, Code, account_effects, check_birth_date, credential_effects, credentials, draft_of,
    offered,
};
use crate::changes::guard;
use crate::core::Core;
use crate::draft::Effect;
use crate::facts::{End, Fact, FactBody, Recovery, Used};
use crate::identity::accounts::{Account, normal_login};
use crate::identity::{commit, recovery};
use crate::ledger::Refusal;
use crate::network;
use crate::notifications::Owes;
use candour_keeper_wire::wire;
use candour_keeper_wire::words::{Notification, Origin, Reason};
use candour_seal::InstanceId;
use prost::Message;

/// Shows whose counter a code is from; with a sign-in name also what is needed to make new ways.
pub async fn open_recovery(
    core: &Core,
    instance: InstanceId,
    call: &wire::InvitationOpen,
) -> Result<wire::InvitationView, Refusal> {
    let now = core.clock.now();
    let network = network::of(&call.network);
    let held = Code::Recovers.find(core, &call.code, &network, now).await?;
    offered(core, instance, call, &held, now)
}

/// Makes new ways to sign in. The sign-in name may be the one that the account has, or another that nobody has.
pub async fn recover(
    core: &Core,
    instance: InstanceId,
    call: &wire::Register,
) -> Result<wire::Registered, Refusal> {
    let now = core.clock.now();
    let network = network::of(&call.network);
    let held = Code::Recovers.find(core, &call.code, &network, now).await?;
    check_birth_date(core, &held, &call.birth_date, now).await?;
    let person = held.recovers.ok_or(Reason::SubjectClosed)?;
    let account = Account::by_person(core, core.keys.person_id(person)).await?;
    let account = account.ok_or(Reason::NotFound)?;
    let allowed = recovery::held(&account.facts);
    let (version, allowed) = allowed
        .filter(|(_, allowed)| allowed.code == held.subject.0 && allowed.opens_from == 0)
        .ok_or(Reason::WrongCredentials)?;
    if !account.roles(now).is_empty() {
        return Err(Reason::NotAllowed.into());
    }
    let login = normal_login(&call.login).ok_or(Reason::Invalid)?;
    let named = Account::named(core, &login).await?;
    if named.as_ref().is_some_and(|named| named.subject != person) {
        return Err(Reason::Invalid.into());
    }
    let (_, made) = credentials(core, instance, call, &held, &login, now).await?;
    let opens_from = recovery::opens_from(now)?;
    let fact = Fact::Recovery(Recovery {
        opens_from,
        ..allowed.clone()
    });
    let mut effects = vec![
        Effect::fact(person, Fact::End(End { version })),
        Effect::fact(person, fact.clone()),
    ];
    if !account.has_login(core, &login) {
        let own = account_effects(core, person, &login).into_iter();
        // One that it had before is in the look-up still.
        let is_missing =
            |effect: &Effect| named.is_none() || !matches!(effect, Effect::InsertLookup { .. });
        effects.extend(own.filter(is_missing));
    }
    let added = Added {
        name: "passkey",
        origin: Origin::Recovery,
        at: now,
        opens_from,
        recovered_at: &allowed.practice,
    };
    let mut registered = wire::Registered {
        person: account.person.as_bytes().to_vec(),
        ..wire::Registered::default()
    };
    effects.extend(credential_effects(
        core,
        person,
        made,
        added,
        &mut registered,
    ));
    let used = Used {
        by: person.0.to_vec(),
    };
    effects.push(Effect::fact(held.subject, Fact::Used(used)));

    // It names no principal: whoever looks at who opened their record must not read that they did this themselves.
    let mut draft = draft_of(core, instance, &held, person);
    draft.body.network = network;
    "new ways to sign in were made with a code from the counter".clone_into(&mut draft.body.text);
    draft.body.details = FactBody { fact: Some(fact) }.encode_to_vec();
    draft.guards.push(guard(&account.facts));
    draft.effects = effects;
    let patient = held.patient.ok_or(Reason::SubjectClosed)?;
    let what = Notification::RecoveryUsed;
    Owes { what, to: patient }.note(&mut draft.body);
    let draft = draft.about(core.keys.patient_id(patient), patient);
    match commit(core, draft).await?.refused {
        Some(refusal) => Err(refusal),
        None => Ok(registered),
    }
}
