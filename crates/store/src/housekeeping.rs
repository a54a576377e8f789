//! Rows about nobody.

use crate::{Store, StoreError, sql};

/// What may be asked without a permit, because it is about nobody; a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Housekeeping {
    /// How many practices there are.
    Practices,
    /// How many patients there are.
    Patients,
    /// How many sealed things there are.
    Items,
}

impl Store {
    /// How many there are; for `doctor`, the trust page and a drill's scorecard.
    pub async fn count(&self, what: Housekeeping) -> Result<u64, StoreError> {
        let statement = match what {
            Housekeeping::Practices => sql::COUNT_PRACTICES,
            Housekeeping::Patients => sql::COUNT_PATIENTS,
            Housekeeping::Items => sql::COUNT_ITEMS,
        };
        let connection = self.connection().await?;
        let prepared = connection.prepare_cached(statement).await?;
        let count: i64 = connection.query_one(&prepared, &[]).await?.try_get(0)?;
        u64::try_from(count).map_err(|_| StoreError::Row("count"))
    }
}
