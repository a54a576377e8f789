//! Notices that wait for a patient in the portal.

use crate::{App, FirstByte, ReadError, documents, parts};
use candour_core::document::Title;
use candour_core::notices::WaitingNotice;
use candour_keeper_api::words::Section;
use candour_keeper_api::{Opened, Viewer};
use candour_seal::{ItemId, PatientId};
use std::collections::HashMap;

/// What waits for a patient.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Newest first.
    pub notices: Vec<WaitingNotice>,
    /// How many more there are that cannot be read; a page must say so.
    pub unreadable: usize,
}

/// Opens the notices that wait for a patient.
pub async fn open(
    app: &App,
    viewer: &Viewer,
    patient: PatientId,
) -> Result<(Opened<Waiting>, FirstByte), ReadError> {
    let section = Section::Notices;
    let target = candour_keeper_api::Section { patient, section };
    let permit = app.keeper.open(viewer, target).await?;
    let delivery = app.deliveries.first_byte(vec![permit.index()]);
    let opened = parts::open_all::<WaitingNotice>(app, permit.into_items()).await?;
    let waiting = opened.try_map(|parts| {
        let mut notices: Vec<_> = parts.parts.into_iter().map(|part| part.block).collect();
        notices.sort_by_key(|notice| std::cmp::Reverse(notice.at));
        Ok::<_, ReadError>(Waiting {
            notices,
            unreadable: parts.unreadable,
        })
    })?;
    Ok((waiting, delivery))
}

/// A notice with the titles of the documents it is about.
#[derive(Debug, Clone)]
pub struct TitledNotice {
    /// The notice.
    pub notice: WaitingNotice,
    /// Its documents in order, each with its title where it still stands on the shelf.
    pub documents: Vec<Option<Title>>,
}

/// What waits for a patient, with titles.
#[derive(Debug, Clone)]
pub struct TitledNotices {
    /// Newest first.
    pub notices: Vec<TitledNotice>,
    /// How many more there are that cannot be read; a page must say so.
    pub unreadable: usize,
}

/// Opens the notices that wait for a patient, and the shelf for the titles where one is about documents.
pub async fn open_titled(
    app: &App,
    viewer: &Viewer,
    patient: PatientId,
) -> Result<(Opened<TitledNotices>, FirstByte), ReadError> {
    let (waiting, mut first_byte) = open(app, viewer, patient).await?;
    let mut titles: HashMap<ItemId, Title> = HashMap::new();
    let is_about_documents = |notice: &WaitingNotice| !notice.documents.is_empty();
    if waiting.get().notices.iter().any(is_about_documents) {
        match documents::shelf(app, viewer, patient).await {
            Ok((shelf, shelf_byte)) => {
                first_byte = first_byte.and(shelf_byte);
                let lines = shelf.into_inner().lines.into_iter();
                titles = lines.map(|line| (line.document, line.meta.title)).collect();
            }
            // Whoever may read the messages but not the shelf reads them without titles.
            Err(ReadError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let title = |id: &str| titles.get(&id.parse::<ItemId>().ok()?).cloned();
    let titled = waiting.try_map(|waiting| {
        let notices = waiting.notices.into_iter().map(|notice| TitledNotice {
            documents: notice.documents.iter().map(|id| title(id)).collect(),
            notice,
        });
        Ok::<_, ReadError>(TitledNotices {
            notices: notices.collect(),
            unreadable: waiting.unreadable,
        })
    })?;
    Ok((titled, first_byte))
}
