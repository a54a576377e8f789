//! Emergency access: one patient, past every budget, by a passkey answer that is about exactly that patient and those
//! words. The keeper takes each for one opening only.

use crate::documents::{self, OpenDocument, Shelf};
use crate::patients::{self, NameLine};
use crate::record::RecordSection;
use crate::sign_in::{Ceremony, CeremonyId};
use crate::{App, FirstByte, ReadError, Refusal, parts};
use candour_core::people::Identity;
use candour_keeper_api::wire::{self, Call, Reply};
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

/// What is to be opened, and why.
pub struct Asked {
    /// Whose record.
    pub patient: PatientId,
    /// Who that is, where it may be seen without the emergency.
    pub who: Option<Identity>,
    /// The one document of it, or its sections.
    pub document: Option<ItemId>,
    /// What has happened.
    pub words: String,
}

/// Begins: the ceremony's challenge is the hash of exactly this, its text the sentence that the clinician sees.
pub async fn start(app: &App, viewer: &Viewer, asked: Asked) -> Result<Ceremony, Refusal> {
    let who = asked.who.map(|identity| wire::FindTerms {
        nhi: identity.nhi.map(|nhi| nhi.to_string()).unwrap_or_default(),
        surname: identity.name.family,
        given: identity.name.given,
        birth_date: identity.birth_date.to_string(),
        phone: String::new(),
    });
    let document = asked.document.map(|item| item.as_bytes().to_vec());
    let call = Call::EmergencyStart(wire::EmergencyStart {
        token: viewer.token.expose().to_vec(),
        patient: asked.patient.as_bytes().to_vec(),
        item: document.unwrap_or_default(),
        words: asked.words,
        who,
        network: viewer.network.clone(),
    });
    match app.keeper.call(call).await? {
        Reply::Ceremony(ceremony) => Ok(Ceremony::read(ceremony)?),
        _ => Err(CallError::Unexpected.into()),
    }
}

/// Opens a record: one answer, one call, an entry for each section with the signed sentence in it.
pub async fn open(
    app: &App,
    viewer: &Viewer,
    patient: PatientId,
    (ceremony, answer_json): (CeremonyId, String),
) -> Result<(EmergencyRecord, FirstByte), ReadError> {
    let all = SECTIONS.iter().chain(&[Section::Shelf, Section::Identity]);
    let targets = all.map(|section| candour_keeper_api::Section {
        patient,
        section: *section,
    });
    let targets = targets.collect();
    let ceremony = ceremony.as_bytes();
    let answers = app
        .keeper
        .open_in_emergency(viewer, targets, ceremony, answer_json);
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
    (ceremony, answer_json): (CeremonyId, String),
) -> Result<OpenDocument, ReadError> {
    let (targets, ceremony) = (vec![Item(document)], ceremony.as_bytes());
    let answers = app
        .keeper
        .open_in_emergency(viewer, targets, ceremony, answer_json);
    let answer = answers.await?.pop().ok_or(CallError::Unexpected)?;
    documents::open_permitted(app, answer?).await
}
