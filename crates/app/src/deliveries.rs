//! Tells the keeper which grants were delivered: that a first byte was sent.
//!
//! Reports are gathered in memory and sent five times a second. What a crash loses was *granted* and stays on the
//! ledger as that; the room tells people about both.

use candour_keeper_api::wire::{Call, Delivered};
use candour_keeper_api::words::Reason;
use candour_keeper_api::{CallError, Keeper};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most reports that wait for the keeper; further ones are dropped while it is away.
const MOST_WAITING: usize = 65_536;
/// Most reports in one call.
const MOST_TOGETHER: usize = 256;
/// How long a report may wait for others.
const GATHER: Duration = Duration::from_millis(200);
/// How long to wait before the keeper is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Takes reports of first bytes and sends them to the keeper in batches.
#[derive(Debug, Clone)]
pub struct Deliveries {
    reports: mpsc::Sender<u64>,
}

/// Says that grants were delivered. Use it up when the first byte of their content is sent, and not before;
/// dropped unused, nothing is reported.
#[must_use = "the ledger should say what was delivered"]
#[derive(Debug)]
pub struct FirstByte {
    grants: Vec<u64>,
    deliveries: Deliveries,
}

impl FirstByte {
    /// The first byte was sent.
    pub fn sent(self) {
        for grant in self.grants {
            self.deliveries.report(grant);
        }
    }

    /// These and those together.
    pub fn and(mut self, mut other: Self) -> Self {
        self.grants.append(&mut other.grants);
        self
    }
}

impl Deliveries {
    /// Starts the sender on `tasks`. After `stop` it tries once more to send what it has, and ends.
    pub fn start(keeper: Arc<Keeper>, tasks: &TaskTracker, stop: CancellationToken) -> Self {
        let (reports, waiting) = mpsc::channel(MOST_WAITING);
        tasks.spawn(send_all(keeper, waiting, stop));
        Self { reports }
    }

    /// What to say when the first byte of these grants' content is sent.
    pub fn first_byte(&self, grants: Vec<u64>) -> FirstByte {
        FirstByte {
            grants,
            deliveries: self.clone(),
        }
    }

    fn report(&self, grant: u64) {
        if self.reports.try_send(grant).is_err() {
            tracing::warn!("a delivery was not reported: too many wait for the keeper");
        }
    }
}

async fn send_all(keeper: Arc<Keeper>, mut waiting: mpsc::Receiver<u64>, stop: CancellationToken) {
    let mut batch = Vec::with_capacity(MOST_TOGETHER);
    loop {
        tokio::select! {
            received = waiting.recv_many(&mut batch, MOST_TOGETHER) => if received == 0 { return },
            () = stop.cancelled() => break,
        }
        let gathered = tokio::time::sleep(GATHER);
        tokio::pin!(gathered);
        while batch.len() < MOST_TOGETHER {
            tokio::select! {
                () = &mut gathered => break,
                () = stop.cancelled() => break,
                more = waiting.recv() => match more {
                    Some(grant) => batch.push(grant),
                    None => break,
                },
            }
        }
        // Unsent, a batch is kept and tried again; new reports wait in the channel meanwhile.
        while !send(&keeper, &mut batch).await {
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.cancelled() => return,
            }
        }
    }
    loop {
        while batch.len() < MOST_TOGETHER
            && let Ok(grant) = waiting.try_recv()
        {
            batch.push(grant);
        }
        if batch.is_empty() || !send(&keeper, &mut batch).await {
            return;
        }
    }
}

/// Sends the batch and empties it; `false` when the keeper is away and it should be tried again.
async fn send(keeper: &Keeper, batch: &mut Vec<u64>) -> bool {
    if batch.is_empty() {
        return true;
    }
    let call = Call::Delivered(Delivered {
        grants: batch.clone(),
    });
    match keeper.call(call).await {
        Err(CallError::Unreachable) => return false,
        Err(CallError::Denied(denied))
            if matches!(denied.reason, Reason::LedgerUnavailable | Reason::Sealed) =>
        {
            return false;
        }
        Err(error) => tracing::warn!(%error, "the keeper does not take reports of deliveries"),
        Ok(_) => {}
    }
    batch.clear();
    true
}
