//! The serving side of the socket: one reader and one writer for each connection, answers in any order.

use crate::frame::{self, FrameError, Frames};
use crate::wire::{Call, Reply, Request, Response};
use std::future::Future;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio::net::unix::{OwnedReadHalf, UCred};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zeroize::Zeroize;

/// Most calls of one connection that may wait at once; further frames are not read until one is answered.
const IN_FLIGHT: usize = 1024;

/// Something that answers calls: the keeper, or in a drill the open one.
pub trait Answer: Send + Sync + 'static {
    /// What the service remembers of one connection.
    type Peer: Send + Sync + 'static;

    /// A process connected; `None` closes the connection. `credentials` are the kernel's word.
    fn connected(&self, credentials: Option<UCred>) -> Option<Self::Peer>;

    /// Answers one call. Dropping the future must be safe.
    fn answer(
        self: Arc<Self>,
        peer: Arc<Self::Peer>,
        call: Call,
    ) -> impl Future<Output = Reply> + Send;
}

/// Accepts connections until `stop`; then waits for the calls under way.
pub async fn serve<A: Answer>(listener: UnixListener, answer: Arc<A>, stop: CancellationToken) {
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        let Some(peer) = answer.connected(stream.peer_cred().ok()) else {
            continue;
        };
        let (from, mut into) = stream.into_split();
        let (replies, mut waiting) = mpsc::channel::<Response>(IN_FLIGHT);
        tasks.spawn(async move {
            let mut buffer = Vec::new();
            while let Some(first) = waiting.recv().await {
                buffer.clear();
                let mut next = Some(first);
                while let Some(response) = next {
                    if frame::append(&response, &mut buffer).is_err() {
                        return;
                    }
                    next = waiting.try_recv().ok();
                }
                let written = into.write_all(&buffer).await;
                // Keys went out; the buffer stays as long as the connection.
                buffer.as_mut_slice().zeroize();
                if written.is_err() {
                    return;
                }
            }
        });
        let reader = read_calls(
            from,
            Arc::clone(&answer),
            Arc::new(peer),
            replies,
            tasks.clone(),
        );
        let stop = stop.clone();
        tasks.spawn(async move {
            tokio::select! { () = stop.cancelled() => {}, _ = reader => {} }
        });
    }
    tasks.close();
    tasks.wait().await;
}

async fn read_calls<A: Answer>(
    from: OwnedReadHalf,
    answer: Arc<A>,
    peer: Arc<A::Peer>,
    replies: mpsc::Sender<Response>,
    tasks: TaskTracker,
) -> Result<(), FrameError> {
    let mut frames = Frames::new(from);
    while let Some(request) = frames.next::<Request>().await? {
        let Some(call) = request.call else { continue };
        let Ok(place) = replies.clone().reserve_owned().await else {
            break;
        };
        let (answer, peer) = (Arc::clone(&answer), Arc::clone(&peer));
        tasks.spawn(async move {
            let reply = answer.answer(peer, call).await;
            place.send(Response {
                id: request.id,
                reply: Some(reply),
            });
        });
    }
    Ok(())
}
