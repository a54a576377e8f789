//! Something of a database that somebody holds, so that a test can act while everybody else waits for it.

use candour_embedded::cluster::connect;
use std::time::Duration;
use tokio_postgres::{Client, Config};

/// A lock, until it is let go.
pub struct Held {
    holder: Client,
    watcher: Client,
}

impl Held {
    /// The ledger's head: nothing is committed meanwhile.
    ///
    /// # Panics
    /// When it cannot be held.
    pub async fn head(database: &Config) -> Self {
        Self::take(database, "select from ledger_head for update").await
    }

    /// A whole table: nobody reads it meanwhile.
    ///
    /// # Panics
    /// When it cannot be held.
    pub async fn table(database: &Config, name: &str) -> Self {
        let lock = format!("lock table {name} in access exclusive mode");
        Self::take(database, &lock).await
    }

    #[expect(clippy::expect_used, reason = "for tests only")]
    async fn take(database: &Config, lock: &str) -> Self {
        let client = async || connect(database).await.expect("the cluster answers");
        let (holder, watcher) = (client().await, client().await);
        let held = holder.batch_execute(&format!("begin; {lock}")).await;
        held.expect("it can be held");
        Self { holder, watcher }
    }

    /// Until somebody's statement that has these words waits for a lock, two seconds at most. Asked on a connection without
    /// a transaction: in one, PostgreSQL would give the first answer for ever.
    ///
    /// # Panics
    /// When nobody comes to wait.
    #[expect(clippy::expect_used, clippy::panic, reason = "for tests only")]
    pub async fn somebody_waits(&self, words: &str) {
        let asked = "select count(*) from pg_stat_activity where datname = current_database()
            and wait_event_type = 'Lock' and position($1 in query) > 0";
        for _ in 0..200 {
            let row = self.watcher.query_one(asked, &[&words]).await;
            if row.expect("the cluster answers").get::<_, i64>(0) > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody waits for it");
    }

    /// Lets it go.
    ///
    /// # Panics
    /// When the cluster is gone.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub async fn let_go(self) {
        let released = self.holder.batch_execute("rollback").await;
        released.expect("it can be let go");
    }
}
