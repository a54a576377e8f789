//! Mails by which people are told of a change: a row for each, while it is on its way. The worker's alone.

use crate::{Store, StoreError, sql};
use candour_keeper_api::OwedNotification;
use candour_keeper_api::words::{Notification, Telling};
use candour_seal::ItemId;
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Row;

/// How long whoever took a row has for it.
pub const LEASE: SignedDuration = SignedDuration::from_secs(90);

/// How often a mail is tried.
pub const MOST_ATTEMPTS: i16 = 10;

/// A mail that this worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedNotification {
    /// The entry that somebody is told of.
    pub entry: u64,
    /// The contact block whose address it goes to.
    pub item: ItemId,
    /// Of what.
    pub what: Notification,
    /// When that happened.
    pub at: Timestamp,
    /// How often it was tried, this time included.
    pub attempts: i16,
    lease: [u8; 16],
}

impl Store {
    /// Makes a row for each mail that is owed; what has one keeps it.
    pub async fn owe(&self, owed: &[OwedNotification], now: Timestamp) -> Result<(), StoreError> {
        let (mut entries, mut items, mut whats, mut ats) = (vec![], vec![], vec![], vec![]);
        for one in owed {
            for item in &one.items {
                entries.push(entry_number(one.index)?);
                items.push(item.as_bytes().as_slice());
                whats.push(i16::from(one.what.number()));
                ats.push(happened_at(one.at)?);
            }
        }
        if entries.is_empty() {
            return Ok(());
        }
        let connection = self.connection().await?;
        let put = connection.prepare_cached(sql::OWE).await?;
        connection
            .execute(&put, &[&entries, &items, &whats, &ats, &now])
            .await?;
        Ok(())
    }

    /// Whether a mail's time has come.
    pub async fn is_notification_due(&self, now: Timestamp) -> Result<bool, StoreError> {
        let connection = self.connection().await?;
        let statement = connection.prepare_cached(sql::NOTIFICATION_DUE).await?;
        let row = connection.query_one(&statement, &[&now]).await?;
        Ok(row.try_get(0)?)
    }

    /// Takes the mails of one entry whose time has come, and counts the attempt; nobody else takes them until the lease
    /// is over.
    pub async fn lease_notifications(
        &self,
        lease: [u8; 16],
        now: Timestamp,
    ) -> Result<Vec<LeasedNotification>, StoreError> {
        let connection = self.connection().await?;
        let statement = connection.prepare_cached(sql::LEASE_NOTIFICATIONS).await?;
        let until = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
        let rows = connection
            .query(&statement, &[&now, &until, &lease.as_slice()])
            .await?;
        rows.iter().map(|row| leased(row, lease)).collect()
    }

    /// What became of a mail that this worker holds. Whoever holds it no more changes nothing.
    pub async fn settle_notification(
        &self,
        held: &LeasedNotification,
        outcome: Telling,
    ) -> Result<(), StoreError> {
        let connection = self.connection().await?;
        let statement = connection.prepare_cached(sql::SETTLE_NOTIFICATION).await?;
        let (entry, item) = (entry_number(held.entry)?, held.item.as_bytes().as_slice());
        let lease = held.lease.as_slice();
        connection
            .execute(&statement, &[&entry, &item, &lease, &outcome.word()])
            .await?;
        Ok(())
    }

    /// A mail that this worker holds waits on until `again`; one that was not tried at all is not counted.
    pub async fn put_off_notification(
        &self,
        held: &LeasedNotification,
        again: Timestamp,
        was_tried: bool,
    ) -> Result<(), StoreError> {
        let connection = self.connection().await?;
        let statement = connection.prepare_cached(sql::PUT_OFF_NOTIFICATION).await?;
        let (entry, item) = (entry_number(held.entry)?, held.item.as_bytes().as_slice());
        let (lease, untried) = (held.lease.as_slice(), i16::from(!was_tried));
        connection
            .execute(&statement, &[&entry, &item, &lease, &again, &untried])
            .await?;
        Ok(())
    }

    /// Entries no mail of which waits any more, each with what became of them: that one failed counts, whatever became of
    /// the others.
    pub async fn settled_notifications(&self) -> Result<Vec<(u64, Telling)>, StoreError> {
        let connection = self.connection().await?;
        let statement = connection
            .prepare_cached(sql::SETTLED_NOTIFICATIONS)
            .await?;
        let rows = connection.query(&statement, &[]).await?;
        rows.iter()
            .map(|row| {
                let worst: i32 = row.try_get(1)?;
                let outcome =
                    Telling::try_from(worst).map_err(|_| StoreError::Row("notification.state"))?;
                Ok((entry_index(row.try_get(0)?)?, outcome))
            })
            .collect()
    }

    /// Forgets the mails of an entry: the keeper has noted what became of them, or nobody is to be told of it any more.
    pub async fn forget_notification(&self, entry: u64) -> Result<(), StoreError> {
        let connection = self.connection().await?;
        let statement = connection.prepare_cached(sql::FORGET_NOTIFICATION).await?;
        connection
            .execute(&statement, &[&entry_number(entry)?])
            .await?;
        Ok(())
    }
}

fn leased(row: &Row, lease: [u8; 16]) -> Result<LeasedNotification, StoreError> {
    let (item, what): (&[u8], i16) = (row.try_get("item")?, row.try_get("what")?);
    Ok(LeasedNotification {
        entry: entry_index(row.try_get("entry")?)?,
        item: ItemId::try_from(item).map_err(|_| StoreError::Row("notification.item"))?,
        what: Notification::try_from(i32::from(what))
            .map_err(|_| StoreError::Row("notification.what"))?,
        at: row.try_get("at")?,
        attempts: row.try_get("attempts")?,
        lease,
    })
}

fn happened_at(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(|_| StoreError::Row("notification.at"))
}

fn entry_number(index: u64) -> Result<i64, StoreError> {
    i64::try_from(index).map_err(|_| StoreError::Row("notification.entry"))
}

fn entry_index(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Row("notification.entry"))
}
