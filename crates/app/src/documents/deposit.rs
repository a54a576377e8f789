//! Depositing documents: the file and its shelf entry, each an item of its own; both become visible together.

use super::ShelfEntry;
use super::content::{self, DocumentFace};
use crate::deposits::{self, Granted};
use crate::{App, DepositError, Refusal, words};
use candour_core::block::Block;
use candour_core::document::{NewDocument, cautions, sniff};
use candour_keeper_api::words::{ItemKind, Section};
use candour_keeper_api::{DepositOutcome, DepositPermit, Token, wire};
use candour_seal::{DepositKey, Digest, ItemId, PatientId};
use jiff::Timestamp;
use zeroize::Zeroizing;

/// The largest file in bytes (64 MiB).
pub const LARGEST: usize = 64 * 1024 * 1024;

/// A document to be deposited.
pub struct Deposit {
    /// Whose it is.
    pub patient: PatientId,
    /// The depositor's own key: repeated with it, the same document is deposited once.
    pub key: DepositKey,
    /// Shelf entry, tags and file. Media type and size of the entry are set from the file.
    pub document: NewDocument,
}

/// Most documents whose keys are asked for at once: each has its shelf entry with it in one `Sealed`, or a crash could
/// show a line without its document.
const MOST_DOCUMENTS: usize = deposits::MOST_TOGETHER / 2;
/// Most file bytes that are sealed at once, unless a single document is larger.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// Deposits documents in batches: one answer for each, the document's id or why it was refused.
///
/// # Errors
/// [`DepositError::TooLarge`] for a file over [`LARGEST`]; nothing was deposited then.
pub async fn deposit(
    app: &App,
    token: &Token,
    documents: Vec<Deposit>,
    now: Timestamp,
) -> Result<Vec<Result<ItemId, Refusal>>, DepositError> {
    if documents
        .iter()
        .any(|deposit| deposit.document.bytes.len() > LARGEST)
    {
        return Err(DepositError::TooLarge);
    }
    let mut answers = Vec::with_capacity(documents.len());
    let (mut together, mut bytes) = (Vec::new(), 0);
    for deposit in documents {
        let size = deposit.document.bytes.len();
        if together.len() == MOST_DOCUMENTS || (bytes + size > MOST_BYTES && bytes > 0) {
            answers.extend(deposit_some(app, token, std::mem::take(&mut together), now).await?);
            bytes = 0;
        }
        bytes += size;
        together.push(deposit.measured());
    }
    if !together.is_empty() {
        answers.extend(deposit_some(app, token, together, now).await?);
    }
    Ok(answers)
}

async fn deposit_some(
    app: &App,
    token: &Token,
    documents: Vec<Deposit>,
    now: Timestamp,
) -> Result<Vec<Result<ItemId, Refusal>>, DepositError> {
    let asked = documents.iter().map(Deposit::item).collect();
    let contents = deposits::ask(app, token, asked).await?;
    let asked = documents
        .iter()
        .zip(&contents)
        .filter_map(|(document, outcome)| Some(document.shelf_item(item(outcome.as_ref().ok()?))))
        .collect();
    let mut entries = deposits::ask(app, token, asked).await?.into_iter();

    let mut answers = Vec::with_capacity(documents.len());
    let mut granted = Vec::with_capacity(documents.len() * 2);
    for (document, content) in documents.iter().zip(contents) {
        let answer = match content {
            Err(refusal) => Err(refusal),
            // A refused entry refuses its document: its content then stays unsealed and goes after a day.
            Ok(content) => match entries.next().ok_or(Refusal::KeeperUnavailable)? {
                Err(refusal) => Err(refusal),
                Ok(entry) => {
                    let id = item(&content);
                    if let DepositOutcome::New(permit) = content {
                        granted.push(document.content(permit)?);
                    }
                    if let DepositOutcome::New(permit) = entry {
                        granted.push(document.entry(id, permit)?);
                    }
                    Ok(id)
                }
            },
        };
        answers.push(answer);
    }
    deposits::finish(app, token, granted, now).await?;
    Ok(answers)
}

fn item(outcome: &DepositOutcome) -> ItemId {
    match outcome {
        DepositOutcome::New(permit) => permit.item(),
        DepositOutcome::AlreadySealed(item) => *item,
    }
}

impl Deposit {
    /// The same with media type and size as the file has them.
    fn measured(mut self) -> Self {
        self.document.meta.media_type = sniff(&self.document.bytes);
        self.document.meta.size_bytes =
            u64::try_from(self.document.bytes.len()).unwrap_or(u64::MAX);
        self
    }

    fn item(&self) -> wire::NewItem {
        wire::NewItem {
            deposit_key: self.key.as_bytes().to_vec(),
            patient: self.patient.as_bytes().to_vec(),
            kind: ItemKind::Document.into(),
            section: Section::None.into(),
            tags: words::tags(self.document.tags),
            month: words::month(self.document.meta.date),
            of_document: Vec::new(),
        }
    }

    fn shelf_item(&self, document: ItemId) -> wire::NewItem {
        let key = deposits::key(&[b"shelf", self.key.as_bytes()]);
        wire::NewItem {
            deposit_key: key.as_bytes().to_vec(),
            kind: ItemKind::Segment.into(),
            section: Section::Shelf.into(),
            of_document: document.as_bytes().to_vec(),
            ..self.item()
        }
    }

    fn content(&self, permit: DepositPermit) -> Result<Granted, DepositError> {
        Ok(Granted {
            permit,
            kind: ItemKind::Document,
            content: content::write(&DocumentFace::of(&self.document.meta), &self.document.bytes)?,
            plaintext_digest: Digest::of(&self.document.bytes),
        })
    }

    fn entry(&self, document: ItemId, permit: DepositPermit) -> Result<Granted, DepositError> {
        let entry = ShelfEntry {
            document: document.to_string(),
            meta: self.document.meta.clone(),
            cautions: cautions(&self.document.bytes),
        };
        let content = Zeroizing::new(entry.to_block()?);
        Ok(Granted {
            permit,
            kind: ItemKind::Segment,
            plaintext_digest: Digest::of(&content),
            content,
        })
    }
}
