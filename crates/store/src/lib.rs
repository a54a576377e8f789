//! All SQL of the portal's database, its migrations, and the files of large items.
//!
//! What is read is selected by ids that come *out of* a permit (`candour_keeper_api::ItemPermit`), never
//! beside it. What is written is written once: rows are inserted, never updated, deleted only when the keeper says that
//! it destroyed the key, and an insert that is repeated changes nothing; but for the worker's mails on their way. Rows about
//! nobody are asked for with [`Housekeeping`].

pub mod backup;
mod erasures;
mod housekeeping;
mod items;
mod notices;
mod notifications;
mod objects;
mod patients;
mod practices;
pub mod sql;

pub use housekeeping::Housekeeping;
pub use items::{Ciphertext, Kept, NewItem, ROW_LIMIT};
pub use notices::ReadMark;
pub use notifications::{LEASE, LeasedNotification, MOST_ATTEMPTS};
pub use objects::{ObjectFile, Objects, Placement};
pub use patients::Enrolments;
pub use practices::Practice;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use std::time::Duration;
use tokio_postgres::{Config, NoTls};

/// Why the store gave nothing, or kept nothing.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, or refused the statement.
    #[error("the portal's database cannot be used")]
    Database(#[source] tokio_postgres::Error),
    /// No connection was free in time, or none could be made.
    #[error("no connection to the portal's database is to be had")]
    Connections,
    /// A file cannot be read or written.
    #[error("a stored file cannot be used")]
    File(#[from] std::io::Error),
    /// The ciphertext that the permit names is not here: erased, or lost.
    #[error("the ciphertext is not here")]
    Missing,
    /// A row does not hold what its type says.
    #[error("a row of the portal's database does not read: {0}")]
    Row(&'static str),
    /// The same id is taken by something else.
    #[error("the item is stored already as something else")]
    Conflict,
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error)
    }
}

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database cannot be reached.
    #[error("the portal's database cannot be reached")]
    Connect(#[source] tokio_postgres::Error),
    /// A migration failed, or one that ran before is no longer the same.
    #[error("a migration of the portal's database failed")]
    Migration(#[source] refinery::Error),
}

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Brings the portal's database up to date; run by its owner (`candour_migrator`), before anybody connects.
///
/// Gives the names of the migrations that were run.
pub async fn migrate(config: &Config) -> Result<Vec<String>, MigrateError> {
    let (mut client, connection) = config.connect(NoTls).await.map_err(MigrateError::Connect)?;
    let work = async move {
        let report = embedded::migrations::runner().run_async(&mut client).await;
        drop(client);
        report
    };
    // The connection ends when the client is dropped; its own error shows in the work's.
    let (report, _) = tokio::join!(work, connection);
    let report = report.map_err(MigrateError::Migration)?;
    Ok(report
        .applied_migrations()
        .iter()
        .map(ToString::to_string)
        .collect())
}

/// How long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// The portal's database and the files of large items.
#[derive(Clone)]
pub struct Store {
    pool: Pool,
    objects: Objects,
}

impl Store {
    /// A store over a pool of at most `connections`; connects at its first use.
    ///
    /// # Errors
    /// [`StoreError::Connections`] when the pool cannot be made.
    pub fn new(config: Config, connections: usize, objects: Objects) -> Result<Self, StoreError> {
        let manager = Manager::from_config(
            config,
            NoTls,
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let pool = Pool::builder(manager)
            .max_size(connections)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: Some(PATIENCE),
                create: Some(PATIENCE),
                recycle: Some(PATIENCE),
            })
            .build()
            .map_err(|_| StoreError::Connections)?;
        Ok(Self { pool, objects })
    }

    /// The files of large items.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    async fn connection(&self) -> Result<Object, StoreError> {
        self.pool.get().await.map_err(|error| match error {
            deadpool_postgres::PoolError::Backend(error) => StoreError::Database(error),
            _ => StoreError::Connections,
        })
    }
}
