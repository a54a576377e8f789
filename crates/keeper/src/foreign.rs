//! Rows changed past the keeper: noticed wherever one is read, written once as an alarm.

use crate::draft::Draft;
use crate::keys::KeyedToken;
use crate::ledger::{FOREIGN_ROW, Health, LedgerHandle, incident};
use std::collections::HashSet;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// One such row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ForeignRow {
    /// In which table.
    pub table: &'static str,
    /// About whom or what.
    pub subject: KeyedToken,
}

/// Where rows that do not verify are told of; cheap to clone.
#[derive(Clone)]
pub struct ForeignRows(mpsc::UnboundedSender<ForeignRow>);

impl ForeignRows {
    /// The place to tell and the place to listen.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<ForeignRow>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// A row does not verify.
    pub fn note(&self, table: &'static str, subject: KeyedToken) {
        // Without a listener the keeper is ending; what asked for the row is refused all the same.
        let _ = self.0.send(ForeignRow { table, subject });
    }
}

/// Writes an alarm for each, once.
pub async fn record(
    ledger: LedgerHandle,
    mut found: mpsc::UnboundedReceiver<ForeignRow>,
    stop: CancellationToken,
) {
    let mut known: HashSet<ForeignRow> = HashSet::new();
    loop {
        let row = tokio::select! {
            () = stop.cancelled() => return,
            row = found.recv() => row,
        };
        let Some(row) = row else { return };
        if !known.insert(row) {
            continue;
        }
        tracing::error!(
            table = row.table,
            "a row was put in or changed past the keeper"
        );
        while ledger.append_one(alarm(row)).await.is_err() {
            if ledger.health() == Health::Ended || stop.is_cancelled() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

fn alarm(row: ForeignRow) -> Draft {
    let text = format!(
        "a row of {} was put in or changed past the keeper",
        row.table
    );
    let mut draft = incident(FOREIGN_ROW, "foreign_row", text);
    // Which row it is, for whoever looks into it with the database at hand.
    draft.body.items_digest = row.subject.0.to_vec();
    draft
}
