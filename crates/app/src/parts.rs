//! Sealed blocks of one kind, opened together.

use crate::{App, ReadError};
use candour_core::block::Block;
use candour_keeper_api::{ItemPermit, Opened};
use candour_seal::{ItemId, PracticeId};

/// One opened block and where it came from.
#[derive(Debug, Clone)]
pub struct Part<B> {
    /// The item it was sealed in.
    pub item: ItemId,
    /// The practice that deposited it.
    pub source: Option<PracticeId>,
    /// What it says.
    pub block: B,
}

/// Everything of one section that could be read, in the order of the deposits.
#[derive(Debug, Clone)]
pub struct Parts<B> {
    /// What could be read.
    pub parts: Vec<Part<B>>,
    /// How many more there are whose content is missing or was altered. A page must say so: an incomplete record
    /// that looks complete is dangerous.
    pub unreadable: usize,
}

/// Opens what the permits name. One that does not open does not hide the others.
pub(crate) async fn open_all<B: Block>(
    app: &App,
    permits: Vec<ItemPermit>,
) -> Result<Opened<Parts<B>>, ReadError> {
    let mut sealed = app.store.sealed_many(&permits).await?;
    let mut unreadable = 0;
    let mut opened = Vec::with_capacity(permits.len());
    for permit in permits {
        let (item, source) = (permit.item(), permit.source_practice());
        let part = sealed
            .remove(&item)
            .ok_or(ReadError::Store(candour_store::StoreError::Missing))
            .and_then(|sealed| Ok(permit.open(&sealed)?))
            .and_then(|opened| {
                opened.try_map(|bytes| {
                    let block = B::from_block(&bytes)?;
                    Ok(Part {
                        item,
                        source,
                        block,
                    })
                })
            });
        match part {
            Ok(part) => opened.push(part),
            Err(error) => {
                tracing::error!(%item, %error, "a stored item cannot be shown");
                unreadable += 1;
            }
        }
    }
    Opened::all(opened).try_map(|parts| Ok(Parts { parts, unreadable }))
}
