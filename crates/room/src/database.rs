//! The room's own database: connections, migrations and the room's rows.

pub use deadpool_postgres::Pool;
use deadpool_postgres::{Manager, ManagerConfig, RecyclingMethod};
use tokio_postgres::NoTls;

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// Why the room's database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// No connection, or the statement failed.
    #[error("the room's database cannot be used")]
    Postgres(#[from] tokio_postgres::Error),
    /// No connection could be had in time.
    #[error("the room's database gives no connection")]
    Pool(#[from] deadpool_postgres::PoolError),
    /// The pool cannot be built.
    #[error("the pool of connections cannot be built")]
    Build(#[from] deadpool_postgres::BuildError),
    /// The schema cannot be brought up to date.
    #[error("the schema of the room's database cannot be brought up to date")]
    Migration(#[from] refinery::Error),
    /// A row does not have the form that this version writes.
    #[error("a row of the room's database does not have the form expected")]
    Row,
}

/// A pool of connections to one database; the schema is brought up to date first when `migrate` is set.
///
/// `connection` is a libpq-style connection string with the role's password.
pub async fn connect(connection: &str, migrate: bool) -> Result<Pool, DatabaseError> {
    let config: tokio_postgres::Config = connection.parse()?;
    let manager = Manager::from_config(
        config,
        NoTls,
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    let pool = Pool::builder(manager).max_size(8).build()?;
    if migrate {
        let mut client = pool.get().await?;
        migrations::migrations::runner()
            .run_async(&mut **client)
            .await?;
    }
    Ok(pool)
}
