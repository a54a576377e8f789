//! Use cases: what a page or a command asks for, in one call. No HTTP and no SQL text.
//!
//! The order is always the same: ask the keeper, then touch the store. What a use case gives to be shown is
//! [`Opened`](candour_keeper_api::Opened): its entry is on the ledger. With it comes a [`FirstByte`], which
//! the caller uses up when the first byte is sent.

pub mod access_history;
pub mod acts;
pub mod deliveries;
pub mod deposits;
pub mod documents;
pub mod emergency;
pub mod enrolment;
pub mod erasures;
mod error;
pub mod installation;
pub mod intake;
pub mod invitations;
pub mod mail;
pub mod merges;
pub mod notices;
pub mod notifications;
mod parts;
pub mod patients;
pub mod practices;
pub mod programs;
pub mod recalls;
pub mod record;
pub mod recoveries;
pub mod reopenings;
pub mod sessions;
pub mod sharing;
pub mod sign_in;
pub mod sign_in_ways;
mod words;

pub use deliveries::{Deliveries, FirstByte};
pub use error::{DepositError, ReadError, Refusal};

use candour_keeper_api::Keeper;
use candour_store::Store;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What every use case works with: the keeper's client, the store, and what goes back to the keeper.
pub struct App {
    /// The one connection to the keeper.
    pub keeper: Arc<Keeper>,
    /// The portal's database and files.
    pub store: Store,
    /// Takes reports of first bytes.
    pub deliveries: Deliveries,
    practices: practices::Directory,
}

impl App {
    /// Starts what runs beside the requests, on `tasks`; it ends after `stop`, with its last reports sent.
    pub fn start(
        keeper: Arc<Keeper>,
        store: Store,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let deliveries = Deliveries::start(Arc::clone(&keeper), tasks, stop);
        Self {
            keeper,
            store,
            deliveries,
            practices: practices::Directory::default(),
        }
    }
}
