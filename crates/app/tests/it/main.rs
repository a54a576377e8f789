//! Use cases against a real database and, where it is there, the real keeper.
#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests are not tests to the lint; a failure here ends the test"
)]

mod accounts;
mod documents;
mod keeper_away;
mod keeper_dies;
mod letters;
mod reading;
mod with_keeper;

use candour_app::App;
use candour_keeper_api::words::Purpose;
use candour_keeper_api::{Keeper, KeeperAddress, Token, Viewer};
use candour_store::{Objects, Placement, Store};
use candour_testkit::portal::PORTAL;
use candour_testkit::{TestCluster, TestDatabase};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A portal's use cases over its own database and folder; ended when dropped.
pub(crate) struct Portal {
    pub(crate) app: Arc<App>,
    pub(crate) database: TestDatabase,
    pub(crate) folder: TempDir,
    stop: CancellationToken,
}

impl Portal {
    /// One that calls the keeper at `socket`.
    pub(crate) async fn at(socket: &Path, credential: Vec<u8>) -> Self {
        let database = TestCluster::shared().database(&PORTAL).await;
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(folder.path(), Placement::Kept).unwrap();
        let store = Store::new(database.config_as("candour_portal"), 4, objects).unwrap();
        let keeper = Arc::new(Keeper::new(KeeperAddress {
            socket: socket.to_owned(),
            credential: credential.into(),
        }));
        let stop = CancellationToken::new();
        let app = App::start(keeper, store, &TaskTracker::new(), stop.clone());
        Self {
            app: Arc::new(app),
            database,
            folder,
            stop,
        }
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) async fn connect(config: tokio_postgres::Config) -> tokio_postgres::Client {
    candour_embedded::cluster::connect(&config).await.unwrap()
}

pub(crate) fn viewer(token: Token, purpose: Purpose) -> Viewer {
    Viewer {
        token,
        purpose,
        network: "192.0.2.7".into(),
    }
}
