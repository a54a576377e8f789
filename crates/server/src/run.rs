//! Serving: connections in, requests through the router, an end in order.

use crate::portal::{Portal, PortalSettings};
use crate::routes::router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use candour_app::App;
use candour_keeper_api::{Keeper, KeeperAddress};
use candour_store::Store;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// Connections at once; further ones wait in the system's queue.
const MOST_CONNECTIONS: usize = 4096;
/// How long a request's head may take: a slow sender holds a connection no longer.
const HEAD_PATIENCE: Duration = Duration::from_secs(15);
/// How long running requests are waited for at the end.
const END_PATIENCE: Duration = Duration::from_secs(10);
/// The pause after the system gave no connection (too many open files, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a portal process needs to run.
pub struct PortalConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The keeper.
    pub keeper: KeeperAddress,
    /// The portal's database and files.
    pub store: Store,
    /// What the pages need.
    pub settings: PortalSettings,
}

/// Why a portal does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The address cannot be listened at.
    #[error("the portal cannot listen at {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
}

/// Serves until `stop`, then lets running requests end.
///
/// # Errors
/// When the address cannot be listened at.
pub async fn run(config: PortalConfig, stop: CancellationToken) -> Result<(), RunError> {
    let address = config.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| RunError::Listen(address, error))?;
    let tasks = TaskTracker::new();
    // The reports of deliveries end after the requests that make them.
    let stop_deliveries = CancellationToken::new();
    let keeper = Arc::new(Keeper::new(config.keeper));
    let app = App::start(keeper, config.store, &tasks, stop_deliveries.clone());
    let portal = Portal::new(app, config.settings);
    tracing::info!(%address, "the portal listens");
    serve(listener, portal, stop).await;
    stop_deliveries.cancel();
    tasks.close();
    if tokio::time::timeout(END_PATIENCE, tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!("reports of deliveries were not sent in time");
    }
    Ok(())
}

/// Serves a portal at a listener until `stop`.
pub async fn serve(listener: TcpListener, portal: Portal, stop: CancellationToken) {
    let router = router(portal);
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (router, stop) = (router.clone(), stop.clone());
        connections.spawn(async move {
            connection(stream, peer, router, stop).await;
            drop(place);
        });
    }
    connections.close();
    if tokio::time::timeout(END_PATIENCE, connections.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            open = connections.len(),
            "some requests did not end in time"
        );
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            tracing::warn!(%error, "the system gave no connection");
            None
        }
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: axum::Router,
    stop: CancellationToken,
) {
    // Without it a small answer would wait for the next packet; where it cannot be set, it is only slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
