//! Erasing what a practice deposited: the keys are destroyed, and nothing opens it from then on.
//!
//! Three things say so, each for another thief. The item's row has no key any more, and the patient gets a new reading
//! key, so that what an old copy of the row holds hangs on a key that goes (`reading_keys`). The patient's facts say what
//! is erased, so a row that comes back from elsewhere opens nothing. And a tombstone outside the database names each
//! item, so a backup that is restored loses them again before anybody is served.

use crate::acts::Doer;
use crate::changes::{Prepared, guard};
use crate::checkpoint::sync_folder;
use crate::core::Core;
use crate::draft::{Draft, Effect};
use crate::facts::{End, Erased, Fact, Hold, SubjectFacts};
use crate::identity::secrets::{self, Secret};
use crate::items::{ItemRow, ItemsError};
use crate::keys::KeyedToken;
use crate::ledger::{LedgerError, Refusal};
use crate::reader;
use crate::reading_keys;
use crate::sql::calls as sql;
use candour_keeper_wire::wire::{self, ErasedItems, ErasedQuestion, Reply};
use candour_keeper_wire::words::{EntryKind, ItemKind, Reason};
use candour_seal::{ItemId, PatientId, PracticeId, SystemRandom};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longest reason in characters.
const LONGEST_REASON: usize = 300;

/// What a patient's facts say was erased: gathered once, and nothing for nearly everybody.
pub(crate) struct Erasures<'a>(Vec<&'a Erased>);

impl<'a> Erasures<'a> {
    /// Of these facts.
    pub(crate) fn of(facts: &'a SubjectFacts) -> Self {
        let erased = facts.live().filter_map(|row| match &row.fact {
            Fact::Erased(erased) => Some(erased),
            _ => None,
        });
        Self(erased.collect())
    }

    /// Whether an item is among them.
    pub(crate) fn cover(&self, item: &ItemRow) -> bool {
        let new = &item.new;
        self.0.iter().any(|erased| {
            let is_older = item.sealed.is_none_or(|part| part.index < erased.before);
            let names = |document: KeyedToken| erased.item == document.0;
            let is_named = names(new.item) || new.of_document.is_some_and(names);
            let is_all = erased.item.is_empty();
            erased.practice == new.practice.as_bytes() && is_older && (is_all || is_named)
        })
    }
}

/// The reason as it is kept.
pub(crate) fn reason(text: &str) -> Result<&str, Reason> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > LONGEST_REASON {
        return Err(Reason::Invalid);
    }
    Ok(text)
}

fn parties(
    core: &Core,
    practice: &[u8],
    patient: &[u8],
) -> Result<(PracticeId, PatientId, KeyedToken), Reason> {
    let practice = PracticeId::try_from(practice).map_err(|_| Reason::Invalid)?;
    let patient = PatientId::try_from(patient).map_err(|_| Reason::Invalid)?;
    Ok((practice, patient, core.keys.patient(patient)))
}

fn hold_of(facts: &SubjectFacts, practice: PracticeId) -> Option<i64> {
    facts.live().find_map(|row| match &row.fact {
        Fact::Hold(hold) if hold.practice == practice.as_bytes() => Some(row.version),
        _ => None,
    })
}

/// What two people of a practice erase.
pub(crate) async fn erase(
    core: &Core,
    author: &Doer,
    change: &wire::Erase,
) -> Result<Prepared, Refusal> {
    let (practice, patient, token) = parties(core, &change.practice, &change.patient)?;
    reason(&change.reason)?;
    let document = match change.item.as_slice() {
        [] => None,
        item => Some(ItemId::try_from(item).map_err(|_| Reason::Invalid)?),
    };
    let facts = core.facts.load(token).await?;
    if hold_of(&facts, practice).is_some() {
        return Err(Reason::OnHold.into());
    }
    let named = document.map(|item| core.keys.item(item));
    let doomed = core.items.kept(token, practice, named).await?;
    // What becomes visible after these has a later index, and stays.
    let sealed = doomed.iter().filter_map(|item| item.sealed);
    let before = sealed
        .map(|sealed| sealed.index + 1)
        .max()
        .unwrap_or_default();
    let is_there = named.is_none_or(|named| {
        doomed
            .iter()
            .any(|item| item.new.item == named && item.new.kind == ItemKind::Document)
    });
    if doomed.is_empty() || !is_there {
        return Err(Reason::NotFound.into());
    }
    let mut prepared = Prepared::fact(
        token,
        Fact::Erased(Erased {
            practice: practice.as_bytes().to_vec(),
            item: named.map(|named| named.0.to_vec()).unwrap_or_default(),
            before,
            begun_by: author.subject.0.to_vec(),
        }),
    );
    prepared.kind = Some(EntryKind::Shred);
    prepared.patient = Some(patient);
    prepared.item = document;
    prepared.count = documents(&doomed);
    prepared.guards = vec![guard(&facts)];
    if document.is_none() {
        leave(core, &facts, practice, &mut prepared).await?;
    }
    let tokens: BTreeSet<KeyedToken> = doomed.iter().map(|item| item.new.item).collect();
    let renewed = reading_keys::renew(core, token, |item| tokens.contains(&item));
    prepared.effects.push(Effect::NewReadingKey(renewed.await?));
    prepared.buried = doomed
        .iter()
        .map(|item| core.keys.item_id(item.new.item))
        .collect();
    prepared.effects.push(Effect::EraseItems(doomed));
    Ok(prepared)
}

fn documents(items: &[Arc<ItemRow>]) -> u32 {
    let documents = items
        .iter()
        .filter(|item| item.new.kind == ItemKind::Document);
    u32::try_from(documents.count()).unwrap_or(u32::MAX)
}

/// The patient leaves the practice; where nobody else keeps anything of them, nothing finds them any more.
async fn leave(
    core: &Core,
    facts: &SubjectFacts,
    practice: PracticeId,
    prepared: &mut Prepared,
) -> Result<(), Refusal> {
    // Who was ever enrolled elsewhere may still get a letter there.
    let mut is_known_elsewhere = facts.rows().iter().any(|row| match &row.fact {
        Fact::Enrolment(held) => held.practice != practice.as_bytes(),
        _ => false,
    });
    for row in facts.live() {
        match &row.fact {
            Fact::Enrolment(held) if held.practice == practice.as_bytes() => {
                let end = Fact::End(End {
                    version: row.version,
                });
                prepared.effects.push(Effect::fact(facts.subject(), end));
            }
            // Whoever reaches the other record of the same person reads this one.
            Fact::AccountHolder(_) | Fact::ProxiedBy(_) | Fact::Merged(_) => {
                is_known_elsewhere = true;
            }
            _ => {}
        }
    }
    let (patient, own) = (facts.subject(), practice.as_bytes().as_slice());
    let rows = reader::rows(
        &core.pool,
        sql::OTHERS_KEEP,
        &[&patient.as_bytes().as_slice(), &own],
    )
    .await?;
    is_known_elsewhere |= rows.first().is_none_or(|row| row.get(0));
    if !is_known_elsewhere {
        prepared.effects.push(Effect::EraseSubject(patient));
    }
    Ok(())
}

/// A practice must keep what it deposited, or no longer.
pub(crate) async fn hold(core: &Core, change: &wire::HoldChange) -> Result<Prepared, Refusal> {
    let (practice, patient, token) = parties(core, &change.practice, &change.patient)?;
    let reason = reason(&change.reason)?;
    let facts = core.facts.load(token).await?;
    let fact = match (change.is_held, hold_of(&facts, practice)) {
        (true, None) => Fact::Hold(Hold {
            practice: practice.as_bytes().to_vec(),
            sealed_reason: secrets::seal(
                &core.keys,
                Secret::Reason,
                token,
                reason.as_bytes(),
                &mut SystemRandom,
            ),
        }),
        (false, Some(version)) => Fact::End(End { version }),
        _ => return Err(Reason::Invalid.into()),
    };
    let mut prepared = Prepared::fact(token, fact);
    prepared.patient = Some(patient);
    prepared.guards = vec![guard(&facts)];
    Ok(prepared)
}

/// What the worker removes.
pub(crate) async fn erased_after(core: &Core, question: &ErasedQuestion) -> Result<Reply, Reason> {
    let (erased, up_to) = core
        .items
        .erased_after(question.after, core.ledger.size())
        .await
        .map_err(|_| Reason::LedgerUnavailable)?;
    let ids = erased.iter().map(|row| core.keys.item_id(row.new.item));
    Ok(Reply::Erased(ErasedItems {
        items: ids.map(|item| item.as_bytes().to_vec()).collect(),
        up_to,
    }))
}

/// The folder of tombstones: a file for each erased item, named by its id.
pub(crate) fn tombstones(folder: &Path) -> PathBuf {
    folder.join("tombstones")
}

/// Puts a tombstone for each item; what has one keeps it. Their names are durable when this returns.
pub(crate) async fn bury(folder: &Path, items: Vec<(ItemId, u64)>) -> io::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    let folder = folder.to_path_buf();
    let put = move || {
        fs::create_dir_all(&folder)?;
        for (item, index) in items {
            match fs::File::create_new(folder.join(item.to_string())) {
                Ok(mut file) => writeln!(file, "erased by entry {index}")?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        sync_folder(&folder)?;
        folder.parent().map_or(Ok(()), sync_folder)
    };
    tokio::task::spawn_blocking(put).await?
}

/// Makes database and tombstones say the same, after a crash between the two or a restore from an older backup: what
/// either says is erased, is.
pub(crate) async fn reconcile(core: &Core) -> Result<(), ReconcileError> {
    let named = named(&core.tombstones)?;
    let (mut known, mut after) = (BTreeSet::new(), 0);
    loop {
        let (erased, up_to) = core.items.erased_after(after, core.ledger.size()).await?;
        let new = erased.iter().map(|row| {
            let index = row.erased.unwrap_or_default();
            (core.keys.item_id(row.new.item), index)
        });
        let (there, missing): (Vec<_>, Vec<_>) = new.partition(|(item, _)| named.contains(item));
        known.extend(there.iter().chain(&missing).map(|(item, _)| *item));
        bury(&core.tombstones, missing).await?;
        if up_to == after {
            break;
        }
        after = up_to;
    }
    let risen: Vec<ItemId> = named.difference(&known).copied().collect();
    let tokens: BTreeSet<KeyedToken> = risen.iter().map(|item| core.keys.item(*item)).collect();
    for some in risen.chunks(512) {
        let some: Vec<KeyedToken> = some.iter().map(|item| core.keys.item(*item)).collect();
        let rows = core.items.load_all(&some).await?;
        let mut patients = BTreeSet::new();
        let mut drafts: Vec<Draft> = Vec::with_capacity(rows.len());
        for row in rows {
            let patient = row.new.patient;
            let mut draft = again(core, row);
            if patients.insert(patient) {
                match reading_keys::renew(core, patient, |item| tokens.contains(&item)).await {
                    Ok(renewed) => draft.effects.push(Effect::NewReadingKey(renewed)),
                    // Whose keys are gone or do not unwrap opens nothing either.
                    Err(refusal) if refusal.reason == Reason::SubjectClosed => {}
                    Err(_) => return Err(LedgerError::Unavailable.into()),
                }
            }
            drafts.push(draft);
        }
        if !drafts.is_empty() {
            core.ledger.append(drafts).await?;
        }
    }
    Ok(())
}

/// Why tombstones and database cannot be made to agree.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The folder fails.
    #[error("the folder of tombstones cannot be used")]
    Folder(#[from] io::Error),
    /// An item's row does not verify.
    #[error(transparent)]
    Items(#[from] ItemsError),
    /// It cannot be written.
    #[error("what was erased cannot be written")]
    Ledger(#[from] LedgerError),
}

fn named(folder: &Path) -> io::Result<BTreeSet<ItemId>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error),
    };
    let mut named = BTreeSet::new();
    for entry in entries {
        named.extend(
            entry?
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<ItemId>().ok()),
        );
    }
    Ok(named)
}

/// What a restore brought back is erased again, by the keeper itself.
fn again(core: &Core, row: Arc<ItemRow>) -> Draft {
    let mut draft = Draft::of_keeper(EntryKind::Shred);
    let token = row.new.patient;
    draft.row.item = row.new.item.surrogate();
    draft.row.item_kind = Some(row.new.kind);
    draft.body.item = core.keys.item_id(row.new.item).as_bytes().to_vec();
    "erased before; a restore had brought it back".clone_into(&mut draft.body.text);
    let before = core.ledger.size();
    let erased = Fact::Erased(Erased {
        practice: row.new.practice.as_bytes().to_vec(),
        item: row.new.item.0.to_vec(),
        before,
        begun_by: Vec::new(),
    });
    draft.effects = vec![Effect::fact(token, erased), Effect::EraseItems(vec![row])];
    draft.about(core.keys.patient_id(token), token)
}
