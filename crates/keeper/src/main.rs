//! `candour-keeper`: see [`candour_keeper::command`].

use candour_keeper::command::{Arguments, run};
use clap::Parser;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let arguments = Arguments::parse();
    // One thread decides, and it is enough: a call goes from the socket to the ledger and back without waking
    // another thread, which costs more than the decision does. Passwords are hashed and checkpoints synced elsewhere.
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the keeper cannot start");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(ending) => {
            tracing::error!("{ending}");
            ExitCode::FAILURE
        }
    }
}
