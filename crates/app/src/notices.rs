//! Notices that wait for a patient in the portal.

use crate::{App, FirstByte, ReadError, parts};
use candour_core::notices::WaitingNotice;
use candour_keeper_api::words::Section;
use candour_keeper_api::{Opened, Viewer};
use candour_seal::{ItemId, PatientId, PersonId};
use candour_store::{ReadMark, StoreError};

/// What waits for a patient.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Newest first, each with its item.
    pub notices: Vec<(ItemId, WaitingNotice)>,
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
        let notices = parts.parts.into_iter().map(|part| (part.item, part.block));
        let mut notices: Vec<_> = notices.collect();
        notices.sort_by_key(|(_, notice)| std::cmp::Reverse(notice.at));
        Ok::<_, ReadError>(Waiting {
            notices,
            unreadable: parts.unreadable,
        })
    })?;
    Ok((waiting, delivery))
}

fn marks(waiting: &Waiting, reader: PersonId) -> Vec<ReadMark> {
    let messages = waiting.notices.iter();
    messages
        .map(|(item, _)| ReadMark::of(reader, *item))
        .collect()
}

/// How many of these messages the reader has not read yet.
pub async fn unread(app: &App, waiting: &Waiting, reader: PersonId) -> Result<usize, StoreError> {
    let marks = marks(waiting, reader);
    let read = app.store.already_read(&marks).await?;
    Ok(marks.iter().filter(|mark| !read.contains(mark)).count())
}

/// Notes that the reader has them before their eyes: they are not announced to this reader again.
pub async fn read(app: &App, waiting: &Waiting, reader: PersonId) -> Result<(), StoreError> {
    app.store.put_read(&marks(waiting, reader)).await
}
