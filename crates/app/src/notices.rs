//! Notices that wait for a patient in the portal.

use crate::{App, FirstByte, ReadError, parts};
use candour_core::notices::WaitingNotice;
use candour_keeper_api::words::Section;
use candour_keeper_api::{Opened, Viewer};
use candour_seal::PatientId;

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
