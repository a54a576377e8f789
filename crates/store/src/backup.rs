//! What backup and restore need without a permit: which rows name files, and the files themselves.
//!
//! Only ciphertext passes here. The caller is the operator's own command, connected as the owner of the portal's
//! database; no process that faces a network has that role.

use crate::objects::ObjectFile;
use crate::{Objects, StoreError, sql};
use candour_seal::ItemId;
use std::io::{self, Read};
use tokio_postgres::Client;

/// A row whose ciphertext is a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileRow {
    /// The item; also names the file.
    pub item: ItemId,
    /// Length of the file in bytes.
    pub size_bytes: u64,
}

/// The next rows that name a file, in the order of their ids; at most `most` of them.
pub async fn files_after(
    client: &Client,
    after: Option<ItemId>,
    most: i64,
) -> Result<Vec<FileRow>, StoreError> {
    let after = after.map_or_else(Vec::new, |item| item.as_bytes().to_vec());
    let rows = client.query(sql::FILES_AFTER, &[&after, &most]).await?;
    rows.iter()
        .map(|row| {
            let item: &[u8] = row.try_get(0)?;
            let size: i64 = row.try_get(1)?;
            Ok(FileRow {
                item: ItemId::try_from(item).map_err(|_| StoreError::Row("item.id"))?,
                size_bytes: u64::try_from(size).map_err(|_| StoreError::Row("item.padded_size"))?,
            })
        })
        .collect()
}

/// Removes rows that a tombstone names, after a restore brought them back; gives how many there were.
pub async fn forget(client: &Client, items: &[ItemId]) -> Result<u64, StoreError> {
    let ids: Vec<&[u8]> = items
        .iter()
        .map(|item| item.as_bytes().as_slice())
        .collect();
    Ok(client.execute(sql::FORGET_ITEMS, &[&ids]).await?)
}

impl Objects {
    /// A file for the backup, wherever it lies now.
    pub fn saved(&self, item: ItemId) -> io::Result<ObjectFile> {
        self.read(item)
    }

    /// Puts a file of a backup where files stay; gives its length.
    ///
    /// Not durable before the caller has synced the file system: one sync for each of a million files would take a
    /// night.
    pub fn put_back(&self, item: ItemId, content: &mut dyn Read) -> io::Result<u64> {
        self.place_unsynced(item, content)
    }
}
