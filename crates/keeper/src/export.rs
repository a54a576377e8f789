//! The ledger as one file, for `candour-verify`.

use crate::keys::Keys;
use crate::ledger::{describe, opening};
use crate::sql::ledger as sql;
use candour_ledger::export::{ExportWriter, Record};
use candour_ledger::{Entry, Hash, Opening};
use candour_seal::MacKey;
use futures_util::TryStreamExt;
use std::io::{self, Write};
use tokio_postgres::{Config, NoTls, Row};

/// Why a ledger cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database does not answer.
    #[error("the keeper's database cannot be reached")]
    Unreachable,
    /// The database refuses.
    #[error("the keeper's database refuses: {0}")]
    Refused(String),
    /// The file cannot be written.
    #[error("the export cannot be written")]
    Write(#[from] io::Error),
    /// A row is not an entry.
    #[error("a row of the ledger is not an entry")]
    Row,
}

impl From<tokio_postgres::Error> for ExportError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Refused(describe(&error))
    }
}

/// Writes every entry with its salt; answers how many. Buffer the writer.
pub async fn export(config: &Config, keys: &Keys, out: impl Write) -> Result<u64, ExportError> {
    let (client, connection) = config
        .connect(NoTls)
        .await
        .map_err(|_| ExportError::Unreachable)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the connection's own half ends with its client"
    )]
    tokio::spawn(connection);
    let mut writer = ExportWriter::new(out)?;
    let all = [0, i64::MAX];
    let rows = client.query_raw(sql::EXPORT, all.iter()).await?;
    tokio::pin!(rows);
    let mut count = 0;
    while let Some(row) = rows.try_next().await? {
        let (entry, opening, leaf) = read(&row, bytes(&row, "body")?, keys.salts())?;
        writer.push(&Record {
            entry,
            salt: Some(opening.salt()),
            leaf,
        })?;
        count += 1;
    }
    writer.finish()?.flush()?;
    Ok(count)
}

/// The entry of a row, whose sealed body has this digest; what opens its leaf; and the leaf, which may have been changed
/// past the keeper.
pub(crate) fn read(
    row: &Row,
    body: [u8; 32],
    salts: &MacKey,
) -> Result<(Entry, Opening, Hash), ExportError> {
    let entry = entry(row, body)?;
    let leaf = Hash::from_bytes(bytes(row, "leaf")?);
    let number = u64::try_from(row.get::<_, i64>("sequence")).map_err(|_| ExportError::Row)?;
    let numbered = opening(salts, entry.index, number);
    let opening = match numbered {
        // The salt of entries that were written before they had a number is what their secret would be.
        Opening::Numbered { secret, .. }
            if entry.leaf(&numbered.salt()) != leaf && entry.leaf(&secret) == leaf =>
        {
            Opening::Salt(secret)
        }
        _ => numbered,
    };
    Ok((entry, opening, leaf))
}

pub(crate) fn bytes(row: &Row, column: &str) -> Result<[u8; 32], ExportError> {
    let bytes: &[u8] = row.get(column);
    bytes.try_into().map_err(|_| ExportError::Row)
}

fn entry(row: &Row, body: [u8; 32]) -> Result<Entry, ExportError> {
    let small = |name: &str| u8::try_from(row.get::<_, i16>(name)).map_err(|_| ExportError::Row);
    Ok(Entry {
        index: u64::try_from(row.get::<_, i64>("index")).map_err(|_| ExportError::Row)?,
        at: row.get("at"),
        kind: small("kind")?,
        decision: small("decision")?,
        purpose: small("purpose")?,
        role: small("role")?,
        practice: row
            .get::<_, Option<&[u8]>>("practice")
            .map(|practice| practice.try_into().map_err(|_| ExportError::Row))
            .transpose()?,
        item_kind: small("item_kind")?,
        session: row.get("session"),
        principal: row.get("principal"),
        patient: row.get("patient"),
        item: row.get("item"),
        body,
    })
}
