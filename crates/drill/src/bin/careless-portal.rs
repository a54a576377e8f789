//! The careless portal as a program: `careless-portal --data DIR --port PORT`.

use candour_drill::{Problem, careless_portal, clock, settle};
use candour_server::{Portal, PortalSettings};
use clap::Parser;
use jiff::tz::TimeZone;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing_subscriber::EnvFilter;

/// The portal with the flaw of December 2025.
#[derive(Parser)]
struct Line {
    /// The data directory of the installation.
    #[arg(long)]
    data: PathBuf,
    /// Where to listen on 127.0.0.1.
    #[arg(long)]
    port: u16,
}

fn main() -> ExitCode {
    let line = Line::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("info"))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let served = tokio::runtime::Runtime::new()
        .map_err(|error| Problem::Unexpected(format!("the careless portal cannot start: {error}")))
        .and_then(|runtime| runtime.block_on(serve(&line)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{}", problem.sentence());
            ExitCode::FAILURE
        }
    }
}

async fn serve(line: &Line) -> Result<(), Problem> {
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let app = settle::open_app(&line.data, "portal", &tasks, stop.clone())?;
    let portal = Portal::new(
        app,
        PortalSettings {
            origin: format!("http://localhost:{}", line.port),
            zone: TimeZone::UTC,
            trusted_proxies: Vec::new(),
            operator: None,
            demonstration: None,
            backups_kept: jiff::SignedDuration::from_hours(36 * 24),
            tells_by_mail: false,
            tested: line.data.join(candour_core::tested::FILE),
            clock: clock::now,
        },
    );
    let router = careless_portal::router(portal);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, line.port));
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| Problem::Unexpected(format!("port {} is taken: {error}", line.port)))?;
    let ends = stop.clone();
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(Problem::file("could not listen for signals of", &line.data))?;
    tasks.spawn(async move {
        tokio::select! { _ = terminate.recv() => ends.cancel(), () = ends.cancelled() => {} }
    });
    let over = stop.clone();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(async move { over.cancelled().await })
        .await
        .map_err(Problem::file("could not serve", &line.data))?;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    Ok(())
}
