//! The room's process: follower, steward, sender and pages, each its own task, all ending together.

use crate::config::{RoomConfig, StatusConfig};
use crate::room::{Room, RoomError};
use crate::{clock, follower, pages, sender, status, steward};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

/// How long a task rests after it failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How long a task rests when nothing wakes it.
const REST: Duration = Duration::from_millis(500);

/// How long the steward waits after being woken.
const BREATH: Duration = Duration::from_millis(100);

/// How long the follower lets the keeper hold a question, in milliseconds.
const FOLLOW_MS: u32 = 2_000;

/// What the ledger may run ahead while entries gather: a transaction, and a look at every case, for each handful of
/// them would cost more than the keeper's own.
const GATHERING: Duration = Duration::from_millis(50);

/// Runs the incident room until `stop`; what is under way ends in order.
pub async fn run(config: RoomConfig, stop: CancellationToken) -> Result<(), RoomError> {
    let room = Arc::new(Room::open(config).await?);
    let listener = TcpListener::bind(room.config.listen)
        .await
        .map_err(|source| RoomError::File {
            what: format!("the room cannot listen at {}", room.config.listen),
            source,
        })?;
    run_on(room, listener, stop).await
}

/// Runs an incident room whose pages are asked for at this listener, until `stop`.
pub async fn run_on(
    room: Arc<Room>,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), RoomError> {
    let tasks = TaskTracker::new();
    tasks.spawn(follow(Arc::clone(&room), stop.clone()));
    tasks.spawn(stewardship(Arc::clone(&room), stop.clone()));
    tasks.spawn(sending(Arc::clone(&room), stop.clone()));
    tasks.close();
    let served = pages::serve(room, listener, stop.clone()).await;
    stop.cancel();
    tasks.wait().await;
    served
}

/// Serves the status site until `stop`.
pub async fn run_status(config: StatusConfig, stop: CancellationToken) -> Result<(), RoomError> {
    status::serve(config, stop).await
}

async fn follow(room: Arc<Room>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let taken = tokio::select! {
            () = stop.cancelled() => return,
            taken = follower::take_over(&room.pool, &room.keeper, FOLLOW_MS) => taken,
        };
        match taken {
            Ok(0) => {}
            Ok(taken) => {
                room.wake.notify_waiters();
                if taken < u64::from(follower::AT_ONCE) {
                    rest(&stop, GATHERING).await;
                }
            }
            Err(error) => {
                warn!(%error, "the ledger cannot be followed; it is tried again");
                rest(&stop, AFTER_FAILURE).await;
            }
        }
    }
}

async fn stewardship(room: Arc<Room>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        // Not cut off in the middle: a step is short and ends by itself.
        if let Err(error) = steward::step(&room, clock::now()).await {
            warn!(%error, "the cases did not go on; it is tried again");
            rest(&stop, AFTER_FAILURE).await;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            // Entries arrive all the time; a short breath gathers them.
            () = room.wake.notified() => rest(&stop, BREATH).await,
            () = tokio::time::sleep(REST) => {}
        }
    }
}

async fn sending(room: Arc<Room>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match sender::step(&room, clock::now()).await {
            // There may be more of it: no rest.
            Ok(worked) if worked > 0 => continue,
            Ok(_) => {}
            Err(error) => {
                warn!(%error, "nothing could be sent; it is tried again");
                rest(&stop, AFTER_FAILURE).await;
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = room.wake.notified() => {}
            () = tokio::time::sleep(REST) => {}
        }
    }
}

async fn rest(stop: &CancellationToken, time: Duration) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(time) => {}
    }
}
