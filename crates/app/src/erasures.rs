//! Erasing what a practice put in: by two of its people, with a certificate; and removing the ciphertext.

use crate::acts::Changed;
use crate::sign_in::{Ceremony, CeremonyId, Proof};
use crate::words::time;
use crate::{App, ReadError, Refusal, acts};
use candour_keeper_api::wire::{self, Call, ChangeKind, Reply};
use candour_keeper_api::words::EntryKind;
use candour_keeper_api::{CallError, Keeper, Opened, Token, Viewer};
use candour_seal::{ItemId, PatientId, PracticeId};
use candour_store::{Store, StoreError};
use jiff::Timestamp;

/// Most erasures on one page.
pub const PAGE: u32 = 50;

/// What is to be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// One document, with what names it.
    Document(ItemId),
    /// Everything that the practice put in; the patient left.
    Everything,
}

/// A change of the practice's own people that waits for a second person.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Names it in [`approve`].
    pub id: [u8; 16],
    /// The sentence that was signed.
    pub text: String,
    /// Who began it; may be empty.
    pub author: String,
    /// Until when it can be approved.
    pub until: Timestamp,
    /// The viewer began it.
    pub is_own: bool,
    /// The patient it concerns.
    pub patient: Option<PatientId>,
    /// The second patient it concerns.
    pub other_patient: Option<PatientId>,
    /// The one document it concerns.
    pub document: Option<ItemId>,
}

/// What was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Its ledger index.
    pub index: u64,
    /// When.
    pub at: Timestamp,
    /// Who began it, as the practice's list names them; may be empty.
    pub author: String,
    /// The second person; may be empty.
    pub second: String,
    /// How many documents.
    pub documents: u32,
    /// One document, and no more.
    pub is_one_document: bool,
    /// Of whom.
    pub patient: Option<PatientId>,
    /// The sentence that both signed, with the reason.
    pub sentence: String,
    /// When the last key is destroyed that a copy of the databases hangs on; an estimate until then.
    pub final_at: Timestamp,
    /// It was.
    pub is_final: bool,
}

/// A page of erasures, newest first.
#[derive(Debug, Clone)]
pub struct Erasures {
    /// The erasures.
    pub all: Vec<Erasure>,
    /// There are older ones.
    pub has_more: bool,
}

/// Begins an erasure: what the person's passkey is asked.
pub async fn start(
    app: &App,
    token: &Token,
    practice: PracticeId,
    patient: PatientId,
    what: What,
    reason: &str,
) -> Result<Ceremony, Refusal> {
    let item = match what {
        What::Document(item) => item.as_bytes().to_vec(),
        What::Everything => Vec::new(),
    };
    let change = ChangeKind::Erase(wire::Erase {
        practice: practice.as_bytes().to_vec(),
        patient: patient.as_bytes().to_vec(),
        item,
        reason: reason.trim().to_owned(),
    });
    acts::start(app, token, change).await
}

/// Begins that a practice must keep what it put in about a patient, or no longer.
pub async fn start_hold(
    app: &App,
    token: &Token,
    practice: PracticeId,
    patient: PatientId,
    is_held: bool,
    reason: &str,
) -> Result<Ceremony, Refusal> {
    let change = ChangeKind::Hold(wire::HoldChange {
        practice: practice.as_bytes().to_vec(),
        patient: patient.as_bytes().to_vec(),
        is_held,
        reason: reason.trim().to_owned(),
    });
    acts::start(app, token, change).await
}

/// Begins the approval of what somebody else of the practice began.
pub async fn approve(app: &App, token: &Token, id: [u8; 16]) -> Result<Ceremony, Refusal> {
    acts::start(app, token, ChangeKind::Approve(id.to_vec())).await
}

/// Answers any of them: it is done, or waits for a second person.
pub async fn answer(
    app: &App,
    token: &Token,
    act: CeremonyId,
    answer_json: String,
) -> Result<Changed, Refusal> {
    acts::finish(app, token, act, Proof::Passkey(act, answer_json)).await
}

/// What waits for a second person at the viewer's practice.
pub async fn waiting(app: &App, token: &Token) -> Result<Vec<Waiting>, Refusal> {
    let call = Call::Waiting(wire::WithToken {
        token: token.expose().to_vec(),
        ..wire::WithToken::default()
    });
    let Reply::Waiting(answer) = app.keeper.call(call).await? else {
        return Err(CallError::Unexpected.into());
    };
    let read = |change: wire::WaitingChange| {
        Some(Waiting {
            id: change.id.as_slice().try_into().ok()?,
            text: change.text,
            author: change.author_name,
            until: time(change.until)?,
            is_own: change.is_own,
            patient: PatientId::try_from(change.patient.as_slice()).ok(),
            other_patient: PatientId::try_from(change.other_patient.as_slice()).ok(),
            document: ItemId::try_from(change.item.as_slice()).ok(),
        })
    };
    Ok(answer.changes.into_iter().filter_map(read).collect())
}

/// The page before an index (`None`: the newest), of the viewer's own practice. Looking is itself an entry.
pub async fn page(
    app: &App,
    viewer: &Viewer,
    before: Option<u64>,
) -> Result<Opened<Erasures>, ReadError> {
    let question = wire::History {
        before: before.unwrap_or(0),
        limit: PAGE,
        kind: EntryKind::Shred.into(),
        ..wire::History::default()
    };
    let page = app.keeper.history(viewer, question).await?;
    page.try_map(|page| {
        Ok(Erasures {
            all: page.events.into_iter().filter_map(read).collect(),
            has_more: page.has_more,
        })
    })
}

fn read(event: wire::HistoryEvent) -> Option<Erasure> {
    Some(Erasure {
        index: event.index,
        at: time(event.at)?,
        author: event.author_name,
        second: event.actor_name,
        documents: event.count,
        is_one_document: !event.item.is_empty(),
        patient: PatientId::try_from(event.patient.as_slice()).ok(),
        sentence: event
            .reason
            .strip_prefix("Approve: ")
            .unwrap_or(&event.reason)
            .to_owned(),
        final_at: time(event.final_at)?,
        is_final: event.is_final,
    })
}

/// Why ciphertext could not be removed now; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum RemovalError {
    /// The keeper did not say what.
    #[error("the keeper did not say what was erased")]
    Keeper(#[from] CallError),
    /// The store failed.
    #[error("what was erased cannot be removed from the store")]
    Store(#[from] StoreError),
}

/// Removes the ciphertext of what was erased; gives of how many items. The worker's step, safe to repeat.
pub async fn remove(keeper: &Keeper, store: &Store) -> Result<usize, RemovalError> {
    let (mut after, mut removed) = (store.erased_up_to().await?, 0);
    loop {
        let erased = keeper.erased_after(after).await?;
        if erased.items().is_empty() {
            return Ok(removed);
        }
        store.remove(&erased).await?;
        removed += erased.items().len();
        after = erased.up_to();
    }
}
