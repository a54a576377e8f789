//! Practices, as they present themselves in public.

use crate::{Store, StoreError, sql};
use candour_seal::PracticeId;
use tokio_postgres::Row;

/// What anybody may know of a practice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Practice {
    /// Its id.
    pub id: PracticeId,
    /// Its name, never empty.
    pub name: String,
    /// Its health region.
    pub region: String,
    /// The telephone number for patients, as written.
    pub phone: String,
    /// Its public mailbox.
    pub email: String,
    /// Its street address, lines separated by newlines.
    pub address: String,
    /// Whom to ring when it is closed.
    pub out_of_hours: String,
    /// Its facility number in the Health Provider Index.
    pub hpi: Option<String>,
}

impl Practice {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let id: &[u8] = row.try_get(0)?;
        Ok(Self {
            id: PracticeId::try_from(id).map_err(|_| StoreError::Row("practice.id"))?,
            name: row.try_get(1)?,
            region: row.try_get(2)?,
            phone: row.try_get(3)?,
            email: row.try_get(4)?,
            address: row.try_get(5)?,
            out_of_hours: row.try_get(6)?,
            hpi: row.try_get(7)?,
        })
    }
}

impl Store {
    /// Every practice, by name.
    pub async fn practices(&self) -> Result<Vec<Practice>, StoreError> {
        let connection = self.connection().await?;
        let prepared = connection.prepare_cached(sql::PRACTICES).await?;
        let rows = connection.query(&prepared, &[]).await?;
        rows.iter().map(Practice::from_row).collect()
    }

    /// One practice.
    pub async fn practice(&self, id: PracticeId) -> Result<Option<Practice>, StoreError> {
        let connection = self.connection().await?;
        let prepared = connection.prepare_cached(sql::PRACTICE).await?;
        let row = connection
            .query_opt(&prepared, &[&id.as_bytes().as_slice()])
            .await?;
        row.as_ref().map(Practice::from_row).transpose()
    }

    /// Writes a practice's public facts anew; the worker's and the owner's right, not the portal's.
    pub async fn put_practice(&self, practice: &Practice) -> Result<(), StoreError> {
        let connection = self.connection().await?;
        let prepared = connection.prepare_cached(sql::PUT_PRACTICE).await?;
        connection
            .execute(
                &prepared,
                &[
                    &practice.id.as_bytes().as_slice(),
                    &practice.name,
                    &practice.region,
                    &practice.phone,
                    &practice.email,
                    &practice.address,
                    &practice.out_of_hours,
                    &practice.hpi,
                ],
            )
            .await?;
        Ok(())
    }
}
