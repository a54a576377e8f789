//! What somebody put in within a time, what of it was seen by whom, and what goes with it.

use super::{can_be, is_away};
use crate::calls::history::staff_name;
use crate::calls::room;
use crate::core::Core;
use crate::facts::{Fact, Recalled};
use crate::items::ItemRow;
use crate::keys::KeyedToken;
use crate::ledger::Refusal;
use crate::reader;
use crate::sql::calls as sql;
use candour_keeper_wire::bodies::open_body;
use candour_keeper_wire::wire::{self, RecalledPart};
use candour_keeper_wire::words::{ItemKind, Reason, Role};
use candour_seal::{ClientId, Digester, ItemId, PersonId, PracticeId};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// Most items of one practice in the time that is asked about; for more, a shorter time.
const MOST: usize = 30_000;
/// Rows read at once.
const AT_ONCE: usize = 1_000;
/// Patients whose openings are read at once.
const PATIENTS_AT_ONCE: usize = 256;

/// What is asked about.
pub(super) struct Span {
    practice: PracticeId,
    from: i64,
    until: i64,
    /// Entries before this index.
    pub as_of: u64,
}

impl Span {
    pub fn new(practice: PracticeId, from: i64, until: i64, as_of: u64) -> Result<Self, Reason> {
        if from >= until {
            return Err(Reason::Invalid);
        }
        Ok(Self {
            practice,
            from,
            until,
            as_of,
        })
    }
}

/// What one person or program put in.
pub(super) struct Batch {
    depositor: KeyedToken,
    id: Vec<u8>,
    is_program: bool,
    /// By the ledger index at which each became visible.
    rows: BTreeMap<u64, Arc<ItemRow>>,
}

/// What a batch has of one patient.
#[derive(Default)]
pub(super) struct Share {
    pub parts: Vec<RecalledPart>,
    pub items: u32,
    pub opened: u32,
    pub listed: u32,
}

/// What was put in and not taken back, in a batch for each who did.
pub(super) async fn put_in(core: &Core, span: &Span) -> Result<Vec<Batch>, Refusal> {
    let mut batches: HashMap<KeyedToken, Batch> = HashMap::new();
    let (mut at, mut index, mut looked_at) = (span.from, -1_i64, 0);
    let practice = span.practice.as_bytes().as_slice();
    let as_of = number(span.as_of)?;
    loop {
        let limit = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
        let asked: [&(dyn ToSql + Sync); 6] = [&practice, &at, &index, &span.until, &as_of, &limit];
        let page = core.items.sealed(sql::SEALED_BETWEEN, &asked).await?;
        looked_at += page.len();
        if looked_at > MOST {
            return Err(Reason::TooMany.into());
        }
        let Some((_, last)) = page.last() else {
            break;
        };
        (at, index) = (last.get("at"), last.get("index"));
        note(core, &page, &mut batches).await?;
        if page.len() < AT_ONCE {
            break;
        }
    }
    let facts = core.facts.load(core.keys.practice(span.practice)).await?;
    let mut found = Vec::with_capacity(batches.len());
    for mut batch in batches.into_values() {
        batch.add_what_belongs_to_it(core, span).await?;
        batch.rows.retain(|_, row| {
            can_be(row) && row.new.practice == span.practice && !is_away(&facts, row)
        });
        if !batch.rows.is_empty() {
            found.push(batch);
        }
    }
    Ok(found)
}

/// Sorts verified items by who made them visible. The entry's sealed body counts, not the columns it was found by.
async fn note(
    core: &Core,
    page: &[(Option<Arc<ItemRow>>, Row)],
    batches: &mut HashMap<KeyedToken, Batch>,
) -> Result<(), Refusal> {
    let patients: HashSet<KeyedToken> = page
        .iter()
        .filter_map(|(item, _)| item.as_ref().map(|item| item.new.patient))
        .collect();
    let patients: Vec<KeyedToken> = patients.into_iter().collect();
    let keys = core.subject_keys.load_all(&patients).await;
    let keys = keys.map_err(|_| Reason::LedgerUnavailable)?;
    for (item, row) in page {
        let Some((item, sealed)) = item.as_ref().and_then(|item| Some((item, item.sealed?))) else {
            continue;
        };
        // Whose keys or entries do not verify opens to nobody, and is nobody's deposit.
        let Some(body) = keys.get(&item.new.patient).and_then(|keys| {
            let (body, wrap) = (row.get("body"), row.get("audit_wrap"));
            open_body(body, wrap, sealed.index, &keys.audit).ok()
        }) else {
            continue;
        };
        let is_program = row.get::<_, i16>("role") == i16::from(Role::PracticeClient.number());
        let depositor = if is_program {
            ClientId::try_from(body.principal.as_slice()).map(|id| core.keys.client(id))
        } else {
            PersonId::try_from(body.principal.as_slice()).map(|id| core.keys.person(id))
        };
        let is_its = body.item == core.keys.item_id(item.new.item).as_bytes();
        let (Ok(depositor), true) = (depositor, is_its) else {
            continue;
        };
        let batch = batches.entry(depositor).or_insert_with(|| Batch {
            depositor,
            id: body.principal,
            is_program,
            rows: BTreeMap::new(),
        });
        batch.rows.insert(sealed.index, Arc::clone(item));
    }
    Ok(())
}

/// What became visible at the ledger indexes of a recall.
pub(super) async fn of(core: &Core, recalled: &Recalled) -> Result<Vec<Arc<ItemRow>>, Refusal> {
    let indexes: Vec<i64> = recalled
        .indexes()
        .filter_map(|index| i64::try_from(index).ok())
        .collect();
    let mut rows = Vec::with_capacity(indexes.len());
    for some in indexes.chunks(AT_ONCE) {
        let found = core.items.sealed(sql::SEALED_AT, &[&some]).await?;
        rows.extend(found.into_iter().filter_map(|(item, _)| item));
    }
    Ok(rows)
}

impl Batch {
    /// Whether somebody with this id put it in.
    pub fn is_of(&self, depositor: &[u8]) -> bool {
        self.id == depositor
    }

    /// Who put it in.
    pub fn depositor(&self) -> KeyedToken {
        self.depositor
    }

    /// At which ledger indexes it became visible, ascending.
    pub fn indexes(&self) -> impl Iterator<Item = u64> {
        self.rows.keys().copied()
    }

    /// A document and its line on the shelf go together, whichever of the two was put in within the time.
    async fn add_what_belongs_to_it(&mut self, core: &Core, span: &Span) -> Result<(), Refusal> {
        let lines = self.rows.values().filter_map(|row| row.new.of_document);
        let named: Vec<KeyedToken> = lines.collect();
        let documents = core.items.load_all(&named).await?;
        self.add(documents, span);
        let is_document = |row: &&Arc<ItemRow>| row.new.kind == ItemKind::Document;
        let documents = self.rows.values().filter(is_document);
        let (documents, patients): (Vec<&[u8]>, HashSet<&[u8]>) = documents
            .map(|row| (row.new.item.0.as_slice(), row.new.patient.0.as_slice()))
            .unzip();
        let patients: Vec<&[u8]> = patients.into_iter().collect();
        let lines = core.items.lines(&patients, &documents).await?;
        self.add(lines, span);
        Ok(())
    }

    fn add(&mut self, rows: Vec<Arc<ItemRow>>, span: &Span) {
        let sealed = rows.into_iter().filter(|row| row.erased.is_none());
        let sealed = sealed.filter_map(|row| Some((row.sealed?.index, row)));
        self.rows
            .extend(sealed.filter(|(index, _)| *index < span.as_of));
    }

    /// How it is shown, and what is signed of it.
    pub async fn view(&self, core: &Core, span: &Span) -> Result<wire::Batch, Refusal> {
        let rows: Vec<Arc<ItemRow>> = self.rows.values().cloned().collect();
        let shares = shares(core, &rows, span.as_of).await?;
        let sum = |of: fn(&Share) -> u32| shares.values().map(of).sum();
        Ok(wire::Batch {
            depositor: self.id.clone(),
            is_program: self.is_program,
            name: self.name(core, span.practice).await?,
            items: sum(|share| share.items),
            patients: u32::try_from(shares.len()).unwrap_or(u32::MAX),
            opened: sum(|share| share.opened),
            listed: sum(|share| share.listed),
            digest: digest(core, &rows),
        })
    }

    async fn name(&self, core: &Core, practice: PracticeId) -> Result<String, Refusal> {
        if !self.is_program {
            return staff_name(core, practice.as_bytes(), self.depositor, false).await;
        }
        let facts = core.facts.load(self.depositor).await?;
        // The name stands even when its credential has ended.
        let name = facts.rows().iter().rev().find_map(|row| match &row.fact {
            Fact::Client(client) => Some(client.name.clone()),
            _ => None,
        });
        Ok(name.unwrap_or_default())
    }
}

fn digest(core: &Core, rows: &[Arc<ItemRow>]) -> Vec<u8> {
    let ids = rows.iter().map(|row| core.keys.item_id(row.new.item));
    let mut ids: Vec<[u8; 16]> = ids.map(|id| *id.as_bytes()).collect();
    ids.sort_unstable();
    let mut digester = Digester::new();
    for id in &ids {
        digester.push(id);
    }
    digester.finish().as_bytes().to_vec()
}

/// What each patient has of these items, and what of it was seen by entries before an index.
pub(super) async fn shares(
    core: &Core,
    rows: &[Arc<ItemRow>],
    as_of: u64,
) -> Result<BTreeMap<KeyedToken, Share>, Refusal> {
    let seen = seen(core, rows, as_of).await?;
    let documents: HashSet<KeyedToken> = rows
        .iter()
        .filter(|row| row.new.kind == ItemKind::Document)
        .map(|row| row.new.item)
        .collect();
    let line_of = |row: &ItemRow| row.new.of_document.filter(|of| documents.contains(of));
    let listed: HashSet<KeyedToken> = rows
        .iter()
        .filter(|row| seen.contains(&row.new.item))
        .filter_map(|row| line_of(row))
        .collect();
    let mut shares: BTreeMap<KeyedToken, Share> = BTreeMap::new();
    for row in rows {
        let item = row.new.item;
        let share = shares.entry(row.new.patient).or_default();
        share.parts.push(RecalledPart {
            item: core.keys.item_id(item).as_bytes().to_vec(),
            section: row.new.section.into(),
        });
        // A document and its line are one thing to whoever reads.
        if line_of(row).is_some() {
            continue;
        }
        share.items += 1;
        share.opened += u32::from(seen.contains(&item));
        share.listed += u32::from(!seen.contains(&item) && listed.contains(&item));
    }
    Ok(shares)
}

/// Which of these items were released to anybody by entries before an index.
async fn seen(
    core: &Core,
    rows: &[Arc<ItemRow>],
    as_of: u64,
) -> Result<HashSet<KeyedToken>, Refusal> {
    let mut of: HashMap<KeyedToken, Vec<&ItemRow>> = HashMap::new();
    for row in rows {
        of.entry(row.new.patient).or_default().push(row);
    }
    let visible = rows.iter().filter_map(|row| row.sealed);
    let first = number(visible.map(|sealed| sealed.index).min().unwrap_or_default())?;
    let as_of = number(as_of)?;
    let patients: Vec<KeyedToken> = of.keys().copied().collect();
    let mut seen = HashSet::new();
    for some in patients.chunks(PATIENTS_AT_ONCE) {
        let keys = core.subject_keys.load_all(some).await;
        let keys = keys.map_err(|_| Reason::LedgerUnavailable)?;
        let by_surrogate: HashMap<i64, KeyedToken> = some
            .iter()
            .map(|token| (token.surrogate(), *token))
            .collect();
        let surrogates: Vec<i64> = by_surrogate.keys().copied().collect();
        let asked: [&(dyn ToSql + Sync); 3] = [&surrogates, &first, &as_of];
        for row in reader::rows(&core.pool, sql::OPENINGS, &asked).await? {
            let index = u64::try_from(row.get::<_, i64>("index")).unwrap_or_default();
            let Some(patient) = by_surrogate.get(&row.get("patient")) else {
                continue;
            };
            let theirs = of.get(patient).map(Vec::as_slice).unwrap_or_default();
            let body = keys.get(patient).and_then(|keys| {
                let (body, wrap) = (row.get("body"), row.get("audit_wrap"));
                open_body(body, wrap, index, &keys.audit).ok()
            });
            match body {
                Some(body) => seen.extend(released(core, *patient, theirs, &body).await?),
                // What cannot be read may have been any of them.
                None => seen.extend(theirs.iter().map(|row| row.new.item)),
            }
        }
    }
    Ok(seen)
}

/// What an opening released, as far as it can be one of these items.
async fn released(
    core: &Core,
    patient: KeyedToken,
    theirs: &[&ItemRow],
    body: &wire::EntryBody,
) -> Result<Vec<KeyedToken>, Refusal> {
    if body.items_digest.is_empty() {
        let item = ItemId::try_from(body.item.as_slice());
        return Ok(item.map(|item| core.keys.item(item)).into_iter().collect());
    }
    let is_there = |row: &&ItemRow| i32::from(row.new.section) == body.section;
    if !theirs.iter().any(is_there) {
        return Ok(Vec::new());
    }
    let covered = room::covered(core, patient, body).await?;
    Ok(covered.into_iter().map(|id| core.keys.item(id)).collect())
}

fn number(value: u64) -> Result<i64, Reason> {
    i64::try_from(value).map_err(|_| Reason::Invalid)
}
