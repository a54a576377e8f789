//! Emergency access: one patient, past every budget, by a passkey answer of its own and with words.
//!
//! The answer is given first ([`crate::sign_in::step_up`]); the keeper takes each for one opening only.

use crate::documents::{self, OpenDocument, Shelf};
use crate::patients::{self, NameLine};
use crate::record::RecordSection;
use crate::{App, FirstByte, ReadError, parts};
use candour_keeper_api::words::Section;
use candour_keeper_api::{CallError, Item, Opened, Permit, Viewer};
use candour_seal::{ItemId, PatientId};

/// What is opened together, in the order of pages.
const SECTIONS: [Section; 5] = [
    Section::Allergies,
    Section::Medicines,
    Section::Conditions,
    Section::Results,
    Section::Immunisations,
];

/// A record as it is opened in an emergency.
pub struct EmergencyRecord {
    /// Whose it is.
    pub name: Opened<NameLine>,
    /// Each section, what is dangerous first.
    pub sections: Vec<(Section, Opened<RecordSection>)>,
    /// The documents, of which none is opened yet.
    pub shelf: Opened<Shelf>,
}

/// Opens a record: one answer, one call, an entry for each section with the words in it.
pub async fn open(
    app: &App,
    viewer: &Viewer,
    patient: PatientId,
    words: &str,
) -> Result<(EmergencyRecord, FirstByte), ReadError> {
    let all = SECTIONS.iter().chain(&[Section::Shelf, Section::Identity]);
    let targets = all.map(|section| candour_keeper_api::Section {
        patient,
        section: *section,
    });
    let answers = app.keeper.open_batch(viewer, targets.collect(), words);
    let mut permits = Vec::new();
    for answer in answers.await? {
        permits.push(answer?);
    }
    let first_byte = app
        .deliveries
        .first_byte(permits.iter().map(Permit::index).collect());
    let (Some(identity), Some(shelf)) = (permits.pop(), permits.pop()) else {
        return Err(CallError::Unexpected.into());
    };
    let name = patients::name_line(app, patient, Ok(identity)).await??.1;
    let shelf = documents::shelf_of(app, shelf).await?;
    let mut sections = Vec::with_capacity(permits.len());
    for (section, permit) in SECTIONS.into_iter().zip(permits) {
        let opened = parts::open_all(app, permit.into_items()).await?;
        sections.push((section, opened));
    }
    let record = EmergencyRecord {
        name,
        sections,
        shelf,
    };
    Ok((record, first_byte))
}

/// Opens one document, by an answer of its own.
pub async fn document(
    app: &App,
    viewer: &Viewer,
    document: ItemId,
    words: &str,
) -> Result<OpenDocument, ReadError> {
    let answers = app.keeper.open_batch(viewer, vec![Item(document)], words);
    let answer = answers.await?.pop().ok_or(CallError::Unexpected)?;
    documents::open_permitted(app, answer?).await
}
