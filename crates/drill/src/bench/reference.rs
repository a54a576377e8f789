//! What the same machine does without us: a file from a server that asks nobody, and rows into a table that nobody
//! decides about. Measured in turn with our own rows, so that ratios mean something.

use super::ground::{config_of, connect};
use super::order::Tally;
use super::report::Settings;
use crate::Problem;
use axum::Router;
use axum::extract::{Path as At, State};
use axum::http::StatusCode;
use axum::routing::get;
use candour_seal::ItemId;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_postgres::{Client, Statement};

/// Rows of one insert: about what the ledger's batches hold under load.
const BATCH: usize = 256;
/// Bytes of an entry's sealed body, and of each wrapped key of it, as the ledger has them.
const BODY: usize = 288;
const WRAP: usize = 104;

const FIND: &str = "select padded_size from item where id = $1";

/// A table of the ledger's own shape, with its indexes, in a schema of its own.
const MAKE: &str =
    "create schema bench; create table bench.entry (like public.entry including all)";

const INSERT: &str = "\
insert into bench.entry (index, at, kind, decision, purpose, role, practice, item_kind, session, principal,
  patient, item, charge, sequence, hour, leaf, body, audit_wrap, room_wrap)
select index, index, 1, 0, 1, 1, null, 1, session, principal, patient, item, 3, index, 1, leaf, body, wrap, wrap
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bytea[],
  $8::bytea[]) as made(index, session, principal, patient, item, leaf, body, wrap)";

/// For `map_err` on a database.
#[expect(
    clippy::needless_pass_by_value,
    reason = "taken by map_err, which gives the error away"
)]
pub(super) fn refused(error: tokio_postgres::Error) -> Problem {
    let said = error
        .as_db_error()
        .map_or("it does not answer", |server| server.message());
    Problem::Unexpected(format!("PostgreSQL: {said}"))
}

struct Server {
    client: Client,
    find: Statement,
    kept: PathBuf,
}

/// Serves `GET /{id}` until it is ended: one select, one file.
///
/// # Errors
/// When the database or the address is not to be had.
pub async fn serve(data: &Path, listen: SocketAddr) -> Result<(), Problem> {
    let client = connect(&config_of(data, "portal")?).await?;
    let find = client.prepare(FIND).await.map_err(refused)?;
    let server = Server {
        client,
        find,
        kept: data.join("objects/kept"),
    };
    let router = Router::new()
        .route("/{item}", get(read))
        .with_state(Arc::new(server));
    let failed = |error| Problem::Unexpected(format!("{listen} cannot be served: {error}"));
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .map_err(failed)?;
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        // As our own portal does.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await.map_err(failed)
}

async fn read(
    State(server): State<Arc<Server>>,
    At(item): At<String>,
) -> Result<Vec<u8>, StatusCode> {
    let id: ItemId = item.parse().map_err(|_| StatusCode::NOT_FOUND)?;
    let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
    let row = server
        .client
        .query_opt(&server.find, &[&id.as_bytes().as_slice()])
        .await
        .map_err(failed)?
        .ok_or(StatusCode::NOT_FOUND)?;
    let size: i64 = row.get(0);
    let name = id.to_string();
    let file = server.kept.join(&name[..2]).join(&name[2..4]).join(&name);
    // As our own portal does: what lies in the page cache is read here and not on another thread.
    let bytes = std::fs::read(file).map_err(|_| StatusCode::NOT_FOUND)?;
    match u64::try_from(size) {
        Ok(size) if size == bytes.len() as u64 => Ok(bytes),
        _ => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Inserts batches of rows, one transaction each, one after the other.
pub struct Inserts {
    client: Client,
    insert: Statement,
    next: i64,
    chance: u64,
}

impl Inserts {
    /// Makes the table, as the superuser in the keeper's database.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn prepare(client: Client) -> Result<Self, Problem> {
        client.batch_execute(MAKE).await.map_err(refused)?;
        let insert = client.prepare(INSERT).await.map_err(refused)?;
        Ok(Self {
            client,
            insert,
            next: 0,
            chance: 0x9e37_79b9_7f4a_7c15,
        })
    }

    /// Inserts until the time is over; the count is of rows, the times are of batches.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn load(&mut self, length: Duration) -> Result<Tally, Problem> {
        let begun = Instant::now();
        let mut micros = Vec::new();
        while begun.elapsed() < length {
            let asked = Instant::now();
            self.batch().await?;
            micros.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
        let tally = Tally::of(micros, begun.elapsed().as_secs_f64(), 0);
        Ok(Tally {
            count: tally.count * BATCH as u64,
            ..tally
        })
    }

    async fn batch(&mut self) -> Result<(), Problem> {
        let indexes: Vec<i64> = (self.next..).take(BATCH).collect();
        self.next += i64::try_from(BATCH).unwrap_or(i64::MAX);
        // As surrogates are: random, so that the secondary indexes are hit all over.
        let [sessions, principals, patients, items] = [0; 4].map(|_: u8| self.numbers());
        let leaves = self.blobs(32);
        let bodies = self.blobs(BODY);
        let wraps = self.blobs(WRAP);
        self.client
            .execute(
                &self.insert,
                &[
                    &indexes,
                    &sessions,
                    &principals,
                    &patients,
                    &items,
                    &leaves,
                    &bodies,
                    &wraps,
                ],
            )
            .await
            .map_err(refused)?;
        Ok(())
    }

    /// `xorshift64*`: not the same twice is all that is wanted.
    fn draw(&mut self) -> u64 {
        self.chance ^= self.chance >> 12;
        self.chance ^= self.chance << 25;
        self.chance ^= self.chance >> 27;
        self.chance.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn numbers(&mut self) -> Vec<i64> {
        (0..BATCH).map(|_| self.draw().cast_signed()).collect()
    }

    fn blobs(&mut self, length: usize) -> Vec<Vec<u8>> {
        (0..BATCH)
            .map(|_| {
                let mut bytes = Vec::with_capacity(length + 8);
                while bytes.len() < length {
                    bytes.extend_from_slice(&self.draw().to_le_bytes());
                }
                bytes.truncate(length);
                bytes
            })
            .collect()
    }
}

/// Asks PostgreSQL, on the connection of each part that writes, whether a commit waits for the disk.
///
/// # Errors
/// When it does not: then nothing is measured.
pub async fn settings(clients: &[(&'static str, Client)]) -> Result<Settings, Problem> {
    let mut shown = Settings::default();
    for (part, client) in clients {
        for name in ["fsync", "synchronous_commit", "full_page_writes"] {
            let value = show(client, name).await?;
            if value != "on" {
                return Err(Problem::Unexpected(format!(
                    "{name} is {value} for {part}: a figure without syncs is none. Nothing was measured."
                )));
            }
            shown.0.insert(name, value);
        }
    }
    let (_, client) = clients
        .first()
        .ok_or_else(|| Problem::Unexpected("nobody was asked about syncs".to_owned()))?;
    for name in ["wal_sync_method", "server_version"] {
        shown.0.insert(name, show(client, name).await?);
    }
    Ok(shown)
}

async fn show(client: &Client, setting: &'static str) -> Result<String, Problem> {
    let statement = format!("show {setting}");
    let row = client.query_one(statement.as_str(), &[]).await;
    Ok(row.map_err(refused)?.get(0))
}
