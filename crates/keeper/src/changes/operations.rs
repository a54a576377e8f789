//! Freezes, programs, the room's key, and what people put their names to.

use super::Prepared;
use crate::core::Core;
use crate::draft::{Effect, Guard};
use crate::facts::{Client, End, Fact, Frozen};
use crate::freeze::rung;
use crate::identity::secrets::{self, Secret};
use crate::identity::sign_in::{random, random_id, secret_hash};
use crate::keys::OwnSubject;
use crate::ledger::Refusal;
use candour_keeper_wire::wire;
use candour_keeper_wire::words::{EntryKind, Level, Reason};
use candour_seal::{ClientId, PracticeId, SystemRandom, Zeroizing};

/// Longest name of a program in characters.
const LONGEST_NAME: usize = 100;
/// Longest reason in characters, with the name of what it is for.
const LONGEST_REASON: usize = 1_000;

/// Freezes a rung, requests on their way included. `by`: the person's token, or nothing.
pub(crate) fn freeze(
    core: &Core,
    change: &wire::FreezeChange,
    by: &[u8],
) -> Result<Prepared, Refusal> {
    let level = Level::try_from(change.level).map_err(|_| Reason::Invalid)?;
    if change.reason.chars().count() > LONGEST_REASON {
        return Err(Reason::Invalid.into());
    }
    // Once is enough, and rows are never deleted: whoever freezes on and on would hinder whoever lets go.
    if core.freezes.is_frozen(rung(level, change.surrogate)) {
        return Err(Reason::Invalid.into());
    }
    let subject = core.keys.own(OwnSubject::Freezes);
    let (reason, rng) = (change.reason.as_bytes(), &mut SystemRandom);
    let fact = Fact::Frozen(Frozen {
        level: change.level,
        surrogate: change.surrogate,
        sealed_reason: secrets::seal(&core.keys, Secret::Reason, subject, reason, rng),
        by: by.to_vec(),
        rule: 0,
    });
    let mut prepared = Prepared::fact(subject, fact);
    prepared
        .effects
        .push(Effect::Freeze(rung(level, change.surrogate)));
    prepared.kind = Some(EntryKind::Freeze);
    Ok(prepared)
}

/// Ends every freeze of exactly this rung.
pub(crate) async fn unfreeze(
    core: &Core,
    change: &wire::FreezeChange,
) -> Result<Prepared, Refusal> {
    let level = Level::try_from(change.level).map_err(|_| Reason::Invalid)?;
    let subject = core.keys.own(OwnSubject::Freezes);
    let facts = core.facts.load(subject).await?;
    let mut prepared = Prepared {
        kind: Some(EntryKind::Unfreeze),
        ..Prepared::default()
    };
    for row in facts.live() {
        let is_this = match &row.fact {
            Fact::Frozen(frozen) => {
                frozen.level == change.level && frozen.surrogate == change.surrogate
            }
            _ => false,
        };
        if is_this {
            let fact = Fact::End(End {
                version: row.version,
            });
            prepared.details = Some(fact.clone());
            prepared.effects.push(Effect::fact(subject, fact));
        }
    }
    if prepared.effects.is_empty() {
        return Err(Reason::NotFound.into());
    }
    prepared
        .effects
        .push(Effect::Unfreeze(rung(level, change.surrogate)));
    prepared.guards = vec![Guard::Facts {
        subject,
        version: facts.version(),
    }];
    Ok(prepared)
}

/// A credential for a practice's program; its secret is shown once.
pub(crate) async fn add_client(core: &Core, change: &wire::AddClient) -> Result<Prepared, Refusal> {
    let practice = PracticeId::try_from(change.practice.as_slice()).map_err(|_| Reason::Invalid)?;
    let name = change.name.trim();
    // No sign that turns the direction of writing, or a line, in a sentence that is signed.
    let is_plain = name
        .chars()
        .all(|sign| sign.is_alphanumeric() || " .,:&'()/+-_".contains(sign));
    if name.is_empty() || name.chars().count() > LONGEST_NAME || !is_plain {
        return Err(Reason::Invalid.into());
    }
    let exists = core.facts.load(core.keys.practice(practice)).await?;
    if exists.is_empty() {
        return Err(Reason::NotFound.into());
    }
    Ok(new_client(core, practice, name))
}

/// A new client of a practice; the reply's code is `ID:SECRET`, both in hexadecimal.
pub(crate) fn new_client(core: &Core, practice: PracticeId, name: &str) -> Prepared {
    let client = ClientId::from_bytes(random_id());
    let secret = Zeroizing::new(random::<32>());
    let fact = Fact::Client(Client {
        practice: practice.as_bytes().to_vec(),
        secret_hash: secret_hash(secret.as_slice()).to_vec(),
        name: name.to_owned(),
    });
    let mut prepared = Prepared::fact(core.keys.client(client), fact);
    let secret = base16ct::lower::encode_string(secret.as_slice());
    prepared.reply.code = format!("{client}:{secret}");
    prepared.reply.id = client.as_bytes().to_vec();
    prepared
}

/// The room's private key; `crate::acts` gives it to a connection of the room only.
pub(super) fn unlock_room(core: &Core) -> Result<Prepared, Refusal> {
    let key = core.room_key()?;
    let mut prepared = Prepared::default();
    prepared.reply.room_key = key.to_vec();
    Ok(prepared)
}

/// An entry and nothing else: what was signed stands in it.
pub(super) fn attest(change: &wire::Attest) -> Result<Prepared, Refusal> {
    if change.hash.len() != 32 || change.incident.len() != 16 || change.text.is_empty() {
        return Err(Reason::Invalid.into());
    }
    Ok(Prepared::default())
}
