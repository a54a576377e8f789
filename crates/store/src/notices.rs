//! Who has read which waiting message.

use crate::{Store, StoreError, sql};
use candour_seal::{Digester, ItemId, PersonId};
use std::collections::HashSet;

/// That one person read one message. This database holds no id of a person, so its thief cannot make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReadMark([u8; 16]);

impl ReadMark {
    /// Of this reader and this message.
    pub fn of(reader: PersonId, message: ItemId) -> Self {
        let mut digester = Digester::new();
        digester.push(b"candour/v1/notice-read");
        digester.push(reader.as_bytes());
        digester.push(message.as_bytes());
        let mut mark = [0; 16];
        mark.copy_from_slice(&digester.finish().as_bytes()[..16]);
        Self(mark)
    }
}

impl Store {
    /// Notes that these were read. Safe to repeat.
    pub async fn put_read(&self, marks: &[ReadMark]) -> Result<(), StoreError> {
        if marks.is_empty() {
            return Ok(());
        }
        let marks: Vec<&[u8]> = marks.iter().map(|mark| mark.0.as_slice()).collect();
        let connection = self.connection().await?;
        let statement = connection.prepare_cached(sql::PUT_READ).await?;
        connection.execute(&statement, &[&marks]).await?;
        Ok(())
    }

    /// Those of these that were noted.
    pub async fn already_read(&self, marks: &[ReadMark]) -> Result<HashSet<ReadMark>, StoreError> {
        if marks.is_empty() {
            return Ok(HashSet::new());
        }
        let marks: Vec<&[u8]> = marks.iter().map(|mark| mark.0.as_slice()).collect();
        let connection = self.connection().await?;
        let statement = connection.prepare_cached(sql::READ).await?;
        let rows = connection.query(&statement, &[&marks]).await?;
        rows.iter()
            .map(|row| {
                let mark: &[u8] = row.try_get(0)?;
                let mark = mark
                    .try_into()
                    .map_err(|_| StoreError::Row("notice_read.mark"))?;
                Ok(ReadMark(mark))
            })
            .collect()
    }
}
