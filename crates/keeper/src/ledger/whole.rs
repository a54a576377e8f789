//! The part of the ledger that a start did not read, looked through beside the work: do its rows still give what was signed?

use super::{Health, Shared};
use crate::checkpoint::Checkpoints;
use crate::reader;
use crate::sql::ledger as sql;
use candour_keeper_wire::words::Reason;
use candour_ledger::{Frontier, Hash};
use deadpool_postgres::Pool;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Entries read at once.
const AT_ONCE: u64 = 8_192;
/// Between two times: whoever opens something comes first.
const PAUSE: Duration = Duration::from_millis(50);
/// Until what did not answer is asked again.
const RETRY: Duration = Duration::from_secs(10);
/// How often, until it counts as lost: a page of the disk that cannot be read does not answer either.
const RETRIES: u32 = 30;

/// Reads every leaf below the kept tree. Where they do not give it, the keeper ends, and the next start reads all of the
/// ledger, says what is missing, and opens nothing.
pub(super) async fn look_through(
    shared: Arc<Shared>,
    tree: Frontier,
    checkpoints: Arc<Checkpoints>,
    restart: CancellationToken,
    stop: CancellationToken,
) {
    tokio::select! {
        () = stop.cancelled() => {}
        is_whole = gives(&shared.pool, &tree) => {
            let size = tree.size();
            if is_whole {
                tracing::info!(size, "the ledger's older entries give what was signed");
                shared.is_looked_through.store(true, Ordering::Release);
                return;
            }
            // Nothing opens from here on.
            shared.set_health(Health::RolledBack);
            tracing::error!(size, "the ledger's older entries do not give what was signed, or cannot be read; the keeper ends and looks at all of it");
            if let Err(error) = checkpoints.forget_tree() {
                tracing::error!(%error, "the kept tree cannot be removed; remove ledger-tree in the keeper's folder");
            }
            restart.cancel();
        }
    }
}

async fn gives(pool: &Pool, tree: &Frontier) -> bool {
    let (mut own, mut tries) = (Frontier::new(), 0);
    while own.size() < tree.size() {
        match some(pool, &mut own, tree.size()).await {
            Ok(true) => {
                tries = 0;
                tokio::time::sleep(PAUSE).await;
            }
            Err(_) if tries < RETRIES => {
                tries += 1;
                tokio::time::sleep(RETRY).await;
            }
            Ok(false) | Err(_) => return false,
        }
    }
    own == *tree
}

/// Adds the next leaves; `false` where one is missing or none.
async fn some(pool: &Pool, own: &mut Frontier, end: u64) -> Result<bool, Reason> {
    let to = end.min(own.size() + AT_ONCE);
    let bounds = [own.size(), to].map(|index| i64::try_from(index).unwrap_or(i64::MAX));
    let rows = reader::rows(pool, sql::LEAVES, &[&bounds[0], &bounds[1]]).await?;
    let leaves: Vec<Hash> = rows
        .iter()
        .filter_map(|row| Some(Hash::from_bytes(row.get::<_, &[u8]>(1).try_into().ok()?)))
        .collect();
    let is_all = u64::try_from(leaves.len()) == Ok(to - own.size());
    for leaf in leaves {
        own.append(leaf);
    }
    Ok(is_all)
}
