//! Ciphertext whose key the keeper destroyed: rows and files go, by the worker's hand.

use crate::{Store, StoreError, sql};
use candour_keeper_api::Erased;

impl Store {
    /// Up to which ledger index erased items were removed here.
    pub async fn erased_up_to(&self) -> Result<u64, StoreError> {
        let connection = self.connection().await?;
        let statement = connection.prepare_cached(sql::ERASED_UP_TO).await?;
        let up_to: i64 = connection.query_one(&statement, &[]).await?.try_get(0)?;
        u64::try_from(up_to).map_err(|_| StoreError::Row("erasure_done.up_to"))
    }

    /// Removes what the keeper says it erased, and notes how far. Safe to repeat; after a crash it is.
    ///
    /// Files go before the note: what the note says is gone, is.
    pub async fn remove(&self, erased: &Erased) -> Result<(), StoreError> {
        let connection = self.connection().await?;
        let ids: Vec<&[u8]> = erased
            .items()
            .iter()
            .map(|item| item.as_bytes().as_slice())
            .collect();
        let forget = connection.prepare_cached(sql::FORGET_ITEMS).await?;
        connection.execute(&forget, &[&ids]).await?;
        let (objects, items) = (self.objects.clone(), erased.items().to_vec());
        tokio::task::spawn_blocking(move || objects.remove(&items))
            .await
            .map_err(std::io::Error::other)??;
        let up_to = i64::try_from(erased.up_to()).unwrap_or(i64::MAX);
        let done = connection.prepare_cached(sql::ERASED).await?;
        connection.execute(&done, &[&up_to]).await?;
        Ok(())
    }
}
