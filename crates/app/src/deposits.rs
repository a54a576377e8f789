//! Putting sealed things in: ask for keys, seal, make durable, then say that they are there.
//!
//! Nothing is visible before the last step, and every step may be repeated: the same deposit key gives the same
//! item again, and what is stored already is compared instead of replaced.

use crate::{App, DepositError, Refusal, words};
use candour_keeper_api::wire::{Call, NewItem, Reply, Sealed, SealedItem};
use candour_keeper_api::words::ItemKind;
use candour_keeper_api::{CallError, DepositOutcome, DepositPermit, Token};
use candour_seal::{DepositKey, Digest, Digester, ItemId, SystemRandom};
use candour_store::Kept;
use jiff::Timestamp;
use std::collections::HashMap;
use zeroize::Zeroizing;

/// Most items in one call to the keeper.
pub const MOST_TOGETHER: usize = 512;

/// The deposit key of a content that its depositor knows under a name of its own: the same thing deposited twice is
/// one item, and a changed one is another.
///
/// `parts` are hashed with their lengths; begin them with what kind of thing it is.
pub fn key(parts: &[&[u8]]) -> DepositKey {
    let mut digester = Digester::new();
    digester.push(b"candour/v1/deposit-key");
    for part in parts {
        digester.push(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digester.push(part);
    }
    let digest = digester.finish();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    DepositKey::from_bytes(bytes)
}

/// A content with the keeper's leave to seal it.
pub(crate) struct Granted {
    pub permit: DepositPermit,
    pub kind: ItemKind,
    pub content: Zeroizing<Vec<u8>>,
    /// SHA-256 of what a leaked copy would be: for a document, the file without our face before it.
    pub plaintext_digest: Digest,
}

/// Asks for keys, in calls of at most [`MOST_TOGETHER`]; one answer for each item.
///
/// The second of two items with one deposit key is answered as sealed already: it is what the first one is about to be.
pub(crate) async fn ask(
    app: &App,
    token: &Token,
    items: Vec<NewItem>,
) -> Result<Vec<Result<DepositOutcome, Refusal>>, DepositError> {
    let mut first = HashMap::with_capacity(items.len());
    let (mut places, mut asked) = (Vec::with_capacity(items.len()), Vec::new());
    for item in items {
        let place = *first.entry(item.deposit_key.clone()).or_insert(asked.len());
        places.push(place);
        if place == asked.len() {
            asked.push(item);
        }
    }
    let mut outcomes = Vec::with_capacity(asked.len());
    let mut asked = asked.into_iter().peekable();
    while asked.peek().is_some() {
        let together = asked.by_ref().take(MOST_TOGETHER).collect();
        let some = app.keeper.deposit(token, together).await?;
        outcomes.extend(
            some.into_iter()
                .map(|outcome| outcome.map_err(Refusal::from)),
        );
    }
    let again: Vec<Result<ItemId, Refusal>> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Ok(DepositOutcome::New(permit)) => Ok(permit.item()),
            Ok(DepositOutcome::AlreadySealed(item)) => Ok(*item),
            Err(refusal) => Err(*refusal),
        })
        .collect();
    let mut outcomes: Vec<_> = outcomes.into_iter().map(Some).collect();
    Ok(places
        .into_iter()
        .map(|place| match outcomes[place].take() {
            Some(outcome) => outcome,
            None => again[place].map(DepositOutcome::AlreadySealed),
        })
        .collect())
}

/// Seals, makes durable, and tells the keeper; in calls of at most [`MOST_TOGETHER`].
pub(crate) async fn finish(
    app: &App,
    token: &Token,
    granted: Vec<Granted>,
    now: Timestamp,
) -> Result<(), DepositError> {
    let mut granted = granted.into_iter().peekable();
    while granted.peek().is_some() {
        let together = granted.by_ref().take(MOST_TOGETHER).collect();
        finish_some(app, token, together, now).await?;
    }
    Ok(())
}

async fn finish_some(
    app: &App,
    token: &Token,
    granted: Vec<Granted>,
    now: Timestamp,
) -> Result<(), DepositError> {
    let (granted, items) = tokio::task::spawn_blocking(move || {
        let items: Vec<_> = granted
            .iter()
            .map(|one| {
                let sealed = one.permit.seal(&one.content, &mut SystemRandom);
                candour_store::NewItem::of(&one.permit, one.kind, sealed)
            })
            .collect();
        (granted, items)
    })
    .await
    .map_err(|error| candour_store::StoreError::File(std::io::Error::other(error)))?;
    let kept = app.store.keep(&items, words::day(now)).await?;
    let mut sealed_items = Vec::with_capacity(granted.len());
    for ((one, item), kept) in granted.iter().zip(&items).zip(&kept) {
        let sealed = match kept {
            Kept::New => item.sealed(),
            Kept::Already(stored) if one.permit.is_sealing_of(stored, &one.content) => stored,
            Kept::Already(_) => return Err(DepositError::OtherContent),
        };
        sealed_items.push(SealedItem {
            item: one.permit.item().as_bytes().to_vec(),
            sealed_size: u64::try_from(sealed.len()).unwrap_or(u64::MAX),
            ciphertext_digest: Digest::of(sealed).as_bytes().to_vec(),
            plaintext_digest: one.plaintext_digest.as_bytes().to_vec(),
        });
    }
    let call = Call::Sealed(Sealed {
        token: token.expose().to_vec(),
        items: sealed_items,
    });
    match app.keeper.call(call).await? {
        Reply::Done(_) => Ok(()),
        _ => Err(CallError::Unexpected.into()),
    }
}

/// One block to be deposited, before the keeper was asked.
pub(crate) struct NewBlock {
    pub item: NewItem,
    pub kind: ItemKind,
    pub content: Zeroizing<Vec<u8>>,
}

/// Deposits blocks (segments, identity, contact): both steps. One answer for each.
pub(crate) async fn blocks(
    app: &App,
    token: &Token,
    blocks: Vec<NewBlock>,
    now: Timestamp,
) -> Result<Vec<Result<ItemId, Refusal>>, DepositError> {
    let asked = blocks.iter().map(|block| block.item.clone()).collect();
    let outcomes = ask(app, token, asked).await?;
    let mut answers = Vec::with_capacity(blocks.len());
    let mut granted = Vec::new();
    for (block, outcome) in blocks.into_iter().zip(outcomes) {
        match outcome {
            Ok(DepositOutcome::AlreadySealed(item)) => answers.push(Ok(item)),
            Err(refusal) => answers.push(Err(refusal)),
            Ok(DepositOutcome::New(permit)) => {
                answers.push(Ok(permit.item()));
                granted.push(Granted {
                    permit,
                    kind: block.kind,
                    plaintext_digest: Digest::of(&block.content),
                    content: block.content,
                });
            }
        }
    }
    finish(app, token, granted, now).await?;
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deposit_key_depends_on_every_part_and_on_where_it_ends() {
        let keys = [
            key(&[b"segment", b"ab", b"c"]),
            key(&[b"segment", b"a", b"bc"]),
            key(&[b"segment", b"abc"]),
            key(&[b"contact", b"ab", b"c"]),
        ];
        for (number, one) in keys.iter().enumerate() {
            assert!(keys[number + 1..].iter().all(|other| other != one));
        }
        assert_eq!(keys[0], key(&[b"segment", b"ab", b"c"]));
    }
}
