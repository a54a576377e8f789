//! The portal's database as it is: its schema, its rights, its statements.
#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests are not tests to the lint; a failure here ends the test"
)]

mod practices;
mod rights;
mod schema;

use candour_store::{Objects, Placement, Store};
use candour_testkit::portal::PORTAL;
use candour_testkit::{TestCluster, TestDatabase};
use tempfile::TempDir;

pub(crate) async fn database() -> TestDatabase {
    TestCluster::shared().database(&PORTAL).await
}

pub(crate) fn store(database: &TestDatabase, role: &str, folder: &TempDir) -> Store {
    let objects = Objects::open(folder.path(), Placement::Kept).unwrap();
    Store::new(database.config_as(role), 2, objects).unwrap()
}

pub(crate) async fn connect(config: tokio_postgres::Config) -> tokio_postgres::Client {
    candour_embedded::cluster::connect(&config).await.unwrap()
}
