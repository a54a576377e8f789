//! `candour worker`: takes over what the portal has put down, so that nothing the portal wrote stays in its reach.

use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::Problem;
use crate::secrets::issued;

/// How long a file lies in `objects/incoming` at most before it is looked at; it can be read there as well.
const PAUSE: Duration = Duration::from_millis(500);

/// Works until `stop`.
///
/// # Errors
/// When the folder of the files cannot be opened.
pub async fn run(
    data: &Path,
    clock: fn() -> Timestamp,
    stop: CancellationToken,
) -> Result<(), Problem> {
    let objects = issued::objects(data)?;
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
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
