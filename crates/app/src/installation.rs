//! How the installation runs, by the keeper's word: what the trust page and every footer are made from.

use crate::{App, Refusal};
use candour_keeper_api::CallError;
use candour_keeper_api::wire::{Call, Reply, Status, StatusQuestion};

/// The keeper's state now; nothing personal.
pub async fn status(app: &App) -> Result<Status, Refusal> {
    match app.keeper.call(Call::Status(StatusQuestion {})).await? {
        Reply::Status(status) => Ok(status),
        _ => Err(CallError::Unexpected.into()),
    }
}
