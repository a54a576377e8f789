//! When clinicians of a practice went on past a spent budget: who, when, how many times, and why.

use crate::words::time;
use crate::{App, ReadError};
use candour_keeper_api::wire;
use candour_keeper_api::{Opened, Viewer};
use jiff::Timestamp;

/// Most reopenings on one page.
pub const PAGE: u32 = 50;

/// One reopening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reopening {
    /// Its ledger index.
    pub index: u64,
    /// When.
    pub at: Timestamp,
    /// Who, as the practice's list of staff names them; empty where the list has no name.
    pub name: String,
    /// How many it makes for this person within a day: 1 for the first.
    pub nth: u32,
    /// Why, in their own words.
    pub reason: String,
}

/// A page of reopenings, newest first.
#[derive(Debug, Clone)]
pub struct Reopenings {
    /// The reopenings.
    pub all: Vec<Reopening>,
    /// There are older ones: ask again with `before` set to the last one's index.
    pub has_more: bool,
}

/// The page before an index (`None`: the newest), of the viewer's own practice. Looking is itself an entry.
pub async fn page(
    app: &App,
    viewer: &Viewer,
    before: Option<u64>,
) -> Result<Opened<Reopenings>, ReadError> {
    let question = wire::History {
        before: before.unwrap_or(0),
        limit: PAGE,
        ..wire::History::default()
    };
    let page = app.keeper.history(viewer, question).await?;
    page.try_map(|page| {
        Ok(Reopenings {
            all: page.events.into_iter().filter_map(read).collect(),
            has_more: page.has_more,
        })
    })
}

fn read(event: wire::HistoryEvent) -> Option<Reopening> {
    Some(Reopening {
        index: event.index,
        at: time(event.at)?,
        name: event.actor_name,
        nth: event.count,
        reason: event.reason,
    })
}
