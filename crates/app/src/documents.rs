//! Documents: the shelf, opening one, depositing some.

mod content;
mod deposit;
mod stream;

pub use content::DocumentFace;
pub use deposit::{Deposit, LARGEST, deposit};
pub use stream::{Body, StreamError};

use crate::parts::Part;
use crate::{App, FirstByte, ReadError, parts};
use candour_core::block::Block;
use candour_core::document::{Caution, DocumentMeta};
use candour_keeper_api::words::{ItemKind, Section};
use candour_keeper_api::{CallError, Item, Opened, Permit, Viewer};
use candour_seal::{ItemId, PatientId, PracticeId};
use serde::{Deserialize, Serialize};

/// One line of the shelf.
#[derive(Debug, Clone)]
pub struct ShelfLine {
    /// The document.
    pub document: ItemId,
    /// The practice that deposited it.
    pub source: Option<PracticeId>,
    /// What is known of it without opening it.
    pub meta: DocumentMeta,
    /// What a reader should know before opening the file.
    pub cautions: Vec<Caution>,
}

/// A patient's documents as far as the viewer may see them.
#[derive(Debug, Clone)]
pub struct Shelf {
    /// Newest first; undated ones last.
    pub lines: Vec<ShelfLine>,
    /// How many more entries there are that cannot be read; a page must say so.
    pub unreadable: usize,
}

/// What is sealed for each line: the document's id and its metadata.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ShelfEntry {
    /// The document as 32 hexadecimal digits.
    pub document: String,
    /// Its metadata.
    pub meta: DocumentMeta,
    /// What its bytes said when it was deposited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cautions: Vec<Caution>,
}

impl Block for ShelfEntry {
    const KIND: &'static str = "shelf_entry";
    const VERSION: u32 = 1;
}

/// Opens the shelf; for the ledger, the patient was *listed*.
pub async fn shelf(
    app: &App,
    viewer: &Viewer,
    patient: PatientId,
) -> Result<(Opened<Shelf>, FirstByte), ReadError> {
    let section = Section::Shelf;
    let target = candour_keeper_api::Section { patient, section };
    let permit = app.keeper.open(viewer, target).await?;
    let delivery = app.deliveries.first_byte(vec![permit.index()]);
    Ok((shelf_of(app, permit).await?, delivery))
}

/// What a permit of the shelf shows.
pub(crate) async fn shelf_of(
    app: &App,
    permit: Permit<candour_keeper_api::Section>,
) -> Result<Opened<Shelf>, ReadError> {
    let opened = parts::open_all::<ShelfEntry>(app, permit.into_items()).await?;
    opened.try_map(|parts| {
        let mut unreadable = parts.unreadable;
        let mut lines: Vec<ShelfLine> = Vec::with_capacity(parts.parts.len());
        for Part { source, block, .. } in parts.parts {
            match block.document.parse() {
                Ok(document) => lines.push(ShelfLine {
                    document,
                    source,
                    meta: block.meta,
                    cautions: block.cautions,
                }),
                Err(_) => unreadable += 1,
            }
        }
        lines.sort_by_key(|line| std::cmp::Reverse(line.meta.date));
        Ok::<_, ReadError>(Shelf { lines, unreadable })
    })
}

/// An opened document; its first byte is reported when [`Body`] gives it.
pub struct OpenDocument {
    /// Title, date, what kind of file it is, and its size.
    pub face: DocumentFace,
    /// The practice that deposited it.
    pub source: Option<PracticeId>,
    /// The ledger index of the grant.
    pub index: u64,
    /// Its bytes, `face.size_bytes` of them.
    pub body: Body,
}

/// Opens one document: a ledger entry, its key, its ciphertext, its bytes.
///
/// Up to 1 MiB it is checked whole before anything comes out; a larger one is streamed in constant memory, each
/// piece authentic, and ends with an error instead of its last piece when the whole is not the one deposited.
pub async fn open(app: &App, viewer: &Viewer, document: ItemId) -> Result<OpenDocument, ReadError> {
    let permit = app.keeper.open(viewer, Item(document)).await?;
    open_permitted(app, permit).await
}

/// The document that a permit names.
pub(crate) async fn open_permitted(
    app: &App,
    permit: Permit<Item>,
) -> Result<OpenDocument, ReadError> {
    let permit = permit.into_item().ok_or(CallError::Unexpected)?;
    if permit.kind() != ItemKind::Document {
        return Err(ReadError::Refused(crate::Refusal::NotFound));
    }
    let (source, index) = (permit.source_practice(), permit.index());
    let first_byte = app.deliveries.first_byte(vec![index]);
    let ciphertext = app.store.sealed(&permit).await?;
    let (face, body) = stream::open(permit, ciphertext, first_byte).await?;
    Ok(OpenDocument {
        face,
        source,
        index,
        body,
    })
}
