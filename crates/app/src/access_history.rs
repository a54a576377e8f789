//! Who opened a record: events in plain facts, with practices by name and documents by title.

use crate::words::time;
use crate::{App, FirstByte, ReadError, documents, practices};
use candour_core::document::Title;
use candour_keeper_api::wire;
use candour_keeper_api::words::{EntryKind, MergeStep, Purpose, RecoveryStep, Role, Section};
use candour_keeper_api::{Opened, Viewer};
use candour_seal::{ItemId, PatientId, PracticeId};
use candour_store::Practice;
use jiff::Timestamp;
use std::collections::HashMap;

/// Most events on one page.
pub const PAGE: u32 = 100;

/// Receipts asked for at once.
const RECEIPTS_AT_ONCE: u32 = 200;
/// Most times that receipts are asked for in a row.
const MOST_LOOKS: u32 = 10;

/// What an event was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A section of the record.
    Section(Section),
    /// A document. The title is there when it stands on the shelf that this viewer may open.
    Document(ItemId, Option<Title>),
    /// Neither.
    Nothing,
}

/// One opening, refusal or change.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent thing that the keeper says of it"
)]
#[derive(Debug, Clone)]
pub struct Event {
    /// Its ledger index.
    pub index: u64,
    /// When.
    pub at: Timestamp,
    /// What kind of entry it is.
    pub kind: EntryKind,
    /// Granted, or refused.
    pub is_granted: bool,
    /// Why it was opened.
    pub purpose: Option<Purpose>,
    /// In which role somebody acted.
    pub role: Role,
    /// The practice that acted.
    pub practice: Option<PracticeId>,
    /// Its name, if the directory has it.
    pub practice_name: Option<String>,
    /// The actor's name, where the practice released it.
    pub actor_name: Option<String>,
    /// The actor is the viewer.
    pub is_viewer: bool,
    /// What it was about.
    pub what: What,
    /// How many items' keys were released.
    pub count: u32,
    /// A first byte was sent, by the portal's word.
    pub is_delivered: bool,
    /// What it has to do with the recovery of the account at the practice's counter.
    pub recovery: Option<RecoveryStep>,
    /// That the record and another one are one person's, or no longer.
    pub merge: Option<MergeStep>,
    /// It was opened by way of that other one.
    pub is_by_merge: bool,
}

/// A page of events, newest first.
#[derive(Debug, Clone)]
pub struct History {
    /// The events.
    pub events: Vec<Event>,
    /// The practices that acted in them, each once, as the directory has them: whom to ring.
    pub practices: Vec<Practice>,
    /// There are older ones: ask again with `before` set to the last event's index.
    pub has_more: bool,
}

/// The page of events before an index (`None`: the newest). Looking is itself an entry.
///
/// The viewer's purpose is the one for reading: it opens the shelf, where the titles of documents are.
pub async fn page(
    app: &App,
    viewer: &Viewer,
    patient: PatientId,
    before: Option<u64>,
) -> Result<(Opened<History>, FirstByte), ReadError> {
    let question = wire::History {
        patient: patient.as_bytes().to_vec(),
        before: before.unwrap_or(0),
        limit: PAGE,
        ..wire::History::default()
    };
    let page = app.keeper.history(viewer, question).await?;
    let mut first_byte = app.deliveries.first_byte(Vec::new());
    let mut titles = HashMap::new();
    if page.get().events.iter().any(|event| !event.item.is_empty()) {
        match documents::shelf(app, viewer, patient).await {
            Ok((shelf, shelf_byte)) => {
                first_byte = first_byte.and(shelf_byte);
                let lines = shelf.into_inner().lines.into_iter();
                titles = lines.map(|line| (line.document, line.meta.title)).collect();
            }
            // Who may see the history but not the shelf reads it without titles.
            Err(ReadError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let practices = practices::all(app).await?;
    let history = page.try_map(|page| {
        let events: Vec<Event> = page
            .events
            .iter()
            .filter_map(|event| read(event, &practices, &titles))
            .collect();
        Ok::<_, ReadError>(History {
            practices: acted(&events, &practices),
            events,
            has_more: page.has_more,
        })
    })?;
    Ok((history, first_byte))
}

/// Receipts of entries from one index to another, oldest first, as one text: for patients themselves, of every entry
/// about them. What was written in the last seconds has none yet. Each look is itself an entry.
pub async fn receipts(
    app: &App,
    viewer: &Viewer,
    patient: PatientId,
    (from, to): (u64, u64),
) -> Result<String, ReadError> {
    let mut receipts = Vec::new();
    let mut before = to.saturating_add(1);
    for _ in 0..MOST_LOOKS {
        let question = wire::History {
            patient: patient.as_bytes().to_vec(),
            before,
            limit: RECEIPTS_AT_ONCE,
            receipts: true,
            ..wire::History::default()
        };
        let page = app.keeper.history(viewer, question).await?.into_inner();
        let has_more = page.has_more;
        let asked = page.events.into_iter().filter(|event| event.index >= from);
        let found = receipts.len();
        receipts.extend(asked.map(|event| {
            before = event.index;
            event.receipt
        }));
        if !has_more || receipts.len() == found {
            break;
        }
    }
    receipts.reverse();
    Ok(receipts.concat())
}

/// The practices that acted, each once, the latest first.
fn acted(events: &[Event], practices: &practices::Practices) -> Vec<Practice> {
    let mut acted: Vec<Practice> = Vec::new();
    for practice in events.iter().filter_map(|event| event.practice) {
        if let Some(practice) = practices.get(&practice)
            && acted.iter().all(|known| known.id != practice.id)
        {
            acted.push(practice.clone());
        }
    }
    acted
}

/// `None` for an event of a kind this version does not know; a newer keeper may have one.
fn read(
    event: &wire::HistoryEvent,
    practices: &practices::Practices,
    titles: &HashMap<ItemId, Title>,
) -> Option<Event> {
    let practice = PracticeId::try_from(event.practice.as_slice()).ok();
    let what = match (
        ItemId::try_from(event.item.as_slice()),
        Section::try_from(event.section),
    ) {
        (Ok(item), _) => What::Document(item, titles.get(&item).cloned()),
        (Err(_), Ok(section)) => What::Section(section),
        (Err(_), Err(_)) => What::Nothing,
    };
    Some(Event {
        index: event.index,
        at: time(event.at)?,
        kind: EntryKind::try_from(event.kind).ok()?,
        is_granted: event.is_granted,
        purpose: Purpose::try_from(event.purpose).ok(),
        role: Role::try_from(event.role).ok()?,
        practice,
        practice_name: practice
            .and_then(|practice| practices.get(&practice))
            .map(|practice| practice.name.clone()),
        actor_name: (!event.actor_name.is_empty()).then(|| event.actor_name.clone()),
        is_viewer: event.is_viewer,
        what,
        count: event.count,
        is_delivered: event.is_delivered,
        recovery: RecoveryStep::try_from(event.recovery).ok(),
        merge: MergeStep::try_from(event.merge).ok(),
        is_by_merge: event.is_by_merge,
    })
}
