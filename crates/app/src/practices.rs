//! Practices, by the names they have in public.

use crate::App;
use candour_seal::PracticeId;
use candour_store::{Practice, StoreError};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;

/// How long the directory is believed before it is read again.
const FRESH: Duration = Duration::from_secs(30);

/// Every practice by id.
pub type Practices = HashMap<PracticeId, Practice>;

#[derive(Default)]
pub(crate) struct Directory(RwLock<Option<(Instant, Arc<Practices>)>>);

/// Every practice; read from the database at most twice a minute.
pub async fn all(app: &App) -> Result<Arc<Practices>, StoreError> {
    let held = app
        .practices
        .0
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    if let Some((read_at, practices)) = held
        && read_at.elapsed() < FRESH
    {
        return Ok(practices);
    }
    let practices: Practices = app
        .store
        .practices()
        .await?
        .into_iter()
        .map(|practice| (practice.id, practice))
        .collect();
    let practices = Arc::new(practices);
    *app.practices
        .0
        .write()
        .unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&practices)));
    Ok(practices)
}

/// One practice.
pub async fn one(app: &App, id: PracticeId) -> Result<Option<Practice>, StoreError> {
    Ok(all(app).await?.get(&id).cloned())
}
