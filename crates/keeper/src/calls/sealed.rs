//! Deposits that are stored become visible.

use super::deposit::depositor;
use super::{Caller, id};
use crate::core::Core;
use crate::draft::{Draft, Effect};
use crate::instances::Instance;
use crate::items::{ItemRow, SealedRow};
use crate::keys::KeyedToken;
use crate::ledger::{LedgerError, Refusal};
use crate::notifications::{self, Owes};
use candour_keeper_wire::wire::{self, Done, Reply};
use candour_keeper_wire::words::{EntryKind, ItemKind, Notification, Reason};
use candour_seal::{Digest, ItemId, PracticeId};
use std::collections::HashMap;
use std::sync::Arc;

/// Most items of one call.
const MOST: usize = 512;
/// How often the same call is tried when another one seals the same.
const TRIES: u32 = 3;

/// Makes stored deposits visible; all of them, or none when one does not fit.
pub async fn sealed(
    core: &Core,
    instance: &Instance,
    call: wire::Sealed,
) -> Result<Reply, Refusal> {
    let (caller, practice) = depositor(core, instance, &call.token).await?;
    if call.items.len() > MOST {
        return Err(Reason::Invalid.into());
    }
    for _ in 0..TRIES {
        let drafts = plan(core, &caller, practice, &call.items).await?;
        match core.ledger.append(drafts).await {
            Err(LedgerError::Conflict) => {}
            Err(error) => return Err(error.into()),
            Ok(outcomes) => {
                for outcome in outcomes {
                    if let Some(refusal) = outcome?.refused {
                        return Err(refusal);
                    }
                }
                return Ok(Reply::Done(Done {}));
            }
        }
    }
    Err(Reason::Invalid.into())
}

async fn plan(
    core: &Core,
    caller: &Caller,
    practice: PracticeId,
    items: &[wire::SealedItem],
) -> Result<Vec<Draft>, Refusal> {
    let tokens = items
        .iter()
        .map(|item| Ok(core.keys.item(ItemId::from_bytes(id(&item.item)?))))
        .collect::<Result<Vec<KeyedToken>, Reason>>()?;
    let rows = core.items.load_all(&tokens).await?;
    let rows: HashMap<KeyedToken, Arc<ItemRow>> =
        rows.into_iter().map(|row| (row.new.item, row)).collect();
    let mut drafts = Vec::with_capacity(items.len());
    for (item, token) in items.iter().zip(tokens) {
        let row = rows
            .get(&token)
            .filter(|row| row.new.practice == practice)
            .ok_or(Reason::NotFound)?;
        let digest: [u8; 32] = item
            .ciphertext_digest
            .as_slice()
            .try_into()
            .map_err(|_| Reason::Invalid)?;
        let plain: [u8; 32] = item
            .plaintext_digest
            .as_slice()
            .try_into()
            .map_err(|_| Reason::Invalid)?;
        let size = i64::try_from(item.sealed_size).map_err(|_| Reason::Invalid)?;
        if let Some(sealed) = row.sealed {
            if sealed.digest != digest || sealed.size != size {
                return Err(Reason::Invalid.into());
            }
            continue;
        }
        let mut draft = draft(core, caller, row, size, digest, plain);
        let (what, to) = (Notification::ContactChanged, row.new.patient);
        if row.new.kind == ItemKind::Contact && notifications::has_address(core, to).await? {
            Owes { what, to }.note(&mut draft.body);
        }
        drafts.push(draft);
    }
    Ok(drafts)
}

fn draft(
    core: &Core,
    caller: &Caller,
    row: &Arc<ItemRow>,
    size: i64,
    digest: [u8; 32],
    plain: [u8; 32],
) -> Draft {
    let new = &row.new;
    let mut draft = Draft::of_session(EntryKind::Sealed, &caller.session, Some(caller.purpose));
    draft.row.item = new.item.surrogate();
    draft.row.item_kind = Some(new.kind);
    draft.body.item = core.keys.item_id(new.item).as_bytes().to_vec();
    draft.body.section = new.section.into();
    draft.body.source_practice = new.practice.as_bytes().to_vec();
    draft.body.details = digest.to_vec();
    draft.body.match_value = core.keys.match_value(&Digest::from_bytes(plain)).to_vec();
    draft.effects.push(Effect::SealItem(Box::new(SealedRow {
        item: Arc::clone(row),
        size,
        digest,
    })));
    draft.about(core.keys.patient_id(new.patient), new.patient)
}
