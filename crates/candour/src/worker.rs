//! `candour worker`: takes over what the portal has put down, so that nothing the portal wrote stays in its reach; and
//! removes what the keeper erased.

use std::path::Path;
use std::time::{Duration, SystemTime};

use candour_app::erasures;
use candour_keeper_api::Keeper;
use candour_store::{Objects, Store};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::Problem;
use crate::secrets::issued;

/// How long a file lies in `objects/incoming` at most before it is looked at; it can be read there as well.
const PAUSE: Duration = Duration::from_millis(500);

/// How long the ciphertext of what was erased lies at most before it is removed; its key is gone already.
const ERASED_PAUSE: Duration = Duration::from_secs(5);

/// Connections to the portal's database.
const CONNECTIONS: usize = 2;

/// Works until `stop`.
///
/// # Errors
/// When the folder of the files cannot be opened, or what the supervisor handed out cannot be read.
pub async fn run(
    data: &Path,
    clock: fn() -> Timestamp,
    stop: CancellationToken,
) -> Result<(), Problem> {
    let objects = issued::objects(data)?;
    let keeper = Keeper::new(issued::keeper(data, "worker")?);
    let store = issued::store(data, "worker", CONNECTIONS)?;
    tokio::join!(
        take_over(objects, clock, &stop),
        remove_erased(&keeper, &store, &stop)
    );
    Ok(())
}

async fn remove_erased(keeper: &Keeper, store: &Store, stop: &CancellationToken) {
    let mut failed_before = false;
    loop {
        let outcome = erasures::remove(keeper, store).await;
        match &outcome {
            Ok(0) => {}
            Ok(items) => tracing::info!(items, "ciphertext of what was erased was removed"),
            Err(error) if !failed_before => {
                tracing::warn!(%error, "ciphertext of what was erased cannot be removed now");
            }
            Err(_) => {}
        }
        failed_before = outcome.is_err();
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(ERASED_PAUSE) => {}
        }
    }
}

async fn take_over(objects: Objects, clock: fn() -> Timestamp, stop: &CancellationToken) {
    let mut failed_before = false;
    loop {
        let (files, now) = (objects.clone(), SystemTime::from(clock()));
        let outcome = tokio::task::spawn_blocking(move || files.adopt(now)).await;
        let outcome = outcome.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        match &outcome {
            Ok(0) => {}
            Ok(taken) => tracing::info!(taken, "files were taken over"),
            // Said once and not twice a second: a full disk must not fill with its own log.
            Err(error) if !failed_before => {
                tracing::error!(%error, "files cannot be taken over; they stay readable where they are");
            }
            Err(_) => {}
        }
        failed_before = outcome.is_err();
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
