//! What was opened by way of a link between two records: after a wrong one exactly those people must be told of exactly that.

use crate::calls::room::covered;
use crate::core::Core;
use crate::items::ItemRow;
use crate::keys::KeyedToken;
use crate::ledger::Refusal;
use crate::reader;
use crate::sql::calls as sql;
use candour_keeper_wire::wire::EntryBody;
use candour_keeper_wire::words::{EntryKind, Reason, Role};
use candour_seal::ItemId;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// Rows read at once.
const AT_ONCE: i64 = 400;
/// Most rows looked at for one record.
const LOOKED_AT: usize = 20_000;

/// One item, and how it was opened.
pub(super) struct OpenedItem {
    pub row: Arc<ItemRow>,
    /// When first.
    pub first_at: i64,
    /// By the entries at these indexes.
    pub grants: BTreeSet<u64>,
    /// Somebody who acts for the patient was among those who opened it.
    pub by_proxy: bool,
}

/// All of it, of both records.
#[derive(Default)]
pub(super) struct Opened {
    pub items: BTreeMap<KeyedToken, OpenedItem>,
    /// Who opened it: their ids.
    pub people: BTreeSet<Vec<u8>>,
    /// How many times they looked at who had opened the record.
    pub histories: u32,
    /// Grants whose first byte was sent.
    pub delivered: BTreeSet<u64>,
    /// There are more entries than were looked at.
    pub is_partial: bool,
}

impl Opened {
    /// How many items.
    pub fn count(&self) -> u32 {
        u32::try_from(self.items.len()).unwrap_or(u32::MAX)
    }

    /// Nothing was seen by way of it.
    pub fn is_nothing(&self) -> bool {
        self.items.is_empty() && self.histories == 0
    }
}

/// What was opened of two records by way of each other, at these indexes.
pub(super) async fn between(
    core: &Core,
    records: [KeyedToken; 2],
    at: Range<u64>,
) -> Result<Opened, Refusal> {
    let mut opened = Opened::default();
    for (of, by) in [(records[0], records[1]), (records[1], records[0])] {
        of_one(core, (of, by), at.clone(), &mut opened).await?;
    }
    Ok(opened)
}

/// A release by way of the other record.
struct Release {
    index: u64,
    at: i64,
    by_proxy: bool,
    body: EntryBody,
}

async fn of_one(
    core: &Core,
    (of, by): (KeyedToken, KeyedToken),
    at: Range<u64>,
    opened: &mut Opened,
) -> Result<(), Refusal> {
    let by = core.keys.patient_id(by);
    let mut releases = Vec::new();
    let mut withheld = BTreeSet::new();
    let mut next = i64::try_from(at.start).map_err(|_| Reason::SubjectClosed)?;
    let mut looked_at = 0;
    loop {
        let asked: [&(dyn ToSql + Sync); 3] = [&of.surrogate(), &next, &AT_ONCE];
        let rows = reader::rows(&core.pool, sql::RELEASES, &asked).await?;
        looked_at += rows.len();
        for row in &rows {
            let index = row.get::<_, i64>("index");
            next = index + 1;
            let index = u64::try_from(index).unwrap_or_default();
            let (body, wrap) = (row.get("body"), row.get("audit_wrap"));
            let body = core.open_body(of, index, body, wrap).await?;
            match kind(row) {
                Some(EntryKind::Delivered) => drop(opened.delivered.insert(body.of_grant)),
                Some(EntryKind::Withheld) => drop(withheld.insert(body.of_grant)),
                _ if body.merged_with != by.as_bytes() || index >= at.end => {}
                Some(EntryKind::History) => {
                    opened.histories += 1;
                    opened.people.insert(body.principal);
                }
                _ => releases.push(Release {
                    index,
                    at: row.get("at"),
                    // Who opened it came by way of the other record, as its patient or for them: the purpose says which.
                    by_proxy: is_for_another(row),
                    body,
                }),
            }
        }
        if rows.len() < usize::try_from(AT_ONCE).unwrap_or(usize::MAX) {
            break;
        }
        if looked_at >= LOOKED_AT {
            opened.is_partial = true;
            break;
        }
    }
    releases.retain(|release| !withheld.contains(&release.index));
    for release in releases {
        note(core, of, release, opened).await?;
    }
    Ok(())
}

fn kind(row: &Row) -> Option<EntryKind> {
    EntryKind::try_from(i32::from(row.get::<_, i16>("kind"))).ok()
}

fn is_for_another(row: &Row) -> bool {
    use candour_keeper_wire::words::Purpose;
    let is_proxy = row.get::<_, i16>("role") == i16::from(Role::Proxy.number());
    is_proxy || row.get::<_, i16>("purpose") == i16::from(Purpose::ProxyAccess.number())
}

async fn note(
    core: &Core,
    of: KeyedToken,
    release: Release,
    opened: &mut Opened,
) -> Result<(), Refusal> {
    let ids = if release.body.items_digest.is_empty() {
        let item = ItemId::try_from(release.body.item.as_slice());
        item.into_iter().collect()
    } else {
        covered(core, of, &release.body).await?
    };
    let tokens: Vec<KeyedToken> = ids.into_iter().map(|id| core.keys.item(id)).collect();
    if tokens.is_empty() {
        return Ok(());
    }
    opened.people.insert(release.body.principal);
    for row in core.items.load_all(&tokens).await? {
        let item = opened
            .items
            .entry(row.new.item)
            .or_insert_with(|| OpenedItem {
                row,
                first_at: release.at,
                grants: BTreeSet::new(),
                by_proxy: false,
            });
        item.first_at = item.first_at.min(release.at);
        item.grants.insert(release.index);
        item.by_proxy |= release.by_proxy;
    }
    Ok(())
}
