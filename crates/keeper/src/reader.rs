//! Asking the keeper's database: the one place that takes a connection and prepares a statement.

use deadpool_postgres::Pool;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

/// The keeper's database does not answer, or refuses.
#[derive(Debug, thiserror::Error)]
#[error("the keeper's database cannot be read")]
pub struct Unreadable;

/// The rows that a statement gives.
///
/// A pooled connection may have died since it was last used, and only asking shows it: then the next one is asked.
/// Reading twice changes nothing.
pub(crate) async fn rows(
    pool: &Pool,
    text: &'static str,
    params: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, Unreadable> {
    for _ in 0..=pool.status().max_size {
        let client = pool.get().await.map_err(|_| Unreadable)?;
        let asked = match client.prepare_cached(text).await {
            Ok(statement) => client.query(&statement, params).await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(rows) => return Ok(rows),
            Err(error) if is_cut(&error) || client.is_closed() => {
                drop(deadpool_postgres::Object::take(client));
            }
            Err(error) => {
                tracing::error!(error = %crate::ledger::describe(&error), "a question was refused");
                return Err(Unreadable);
            }
        }
    }
    Err(Unreadable)
}

/// The connection is gone, or the server says that it is about to be.
fn is_cut(error: &Error) -> bool {
    error.code().is_none_or(|code| {
        [
            &SqlState::ADMIN_SHUTDOWN,
            &SqlState::CRASH_SHUTDOWN,
            &SqlState::CANNOT_CONNECT_NOW,
        ]
        .contains(&code)
    })
}

impl From<Unreadable> for candour_keeper_wire::words::Reason {
    fn from(_: Unreadable) -> Self {
        Self::LedgerUnavailable
    }
}

impl From<Unreadable> for crate::ledger::Refusal {
    fn from(_: Unreadable) -> Self {
        candour_keeper_wire::words::Reason::LedgerUnavailable.into()
    }
}
