//! A patient's record, a section at a time.

pub use crate::parts::{Part, Parts};
use crate::{App, FirstByte, ReadError, parts};
use candour_core::fhir::Segment;
use candour_core::record::{Row, rows, sorted_rows};
use candour_keeper_api::words::Section;
use candour_keeper_api::{Opened, Viewer};
use candour_seal::{ItemId, PatientId, PracticeId};

/// The segments of one section.
pub type RecordSection = Parts<Segment>;

impl RecordSection {
    /// One line for each resource, newest first; undated ones last.
    pub fn rows(&self) -> Vec<Row> {
        self.lines().into_iter().map(|(_, row)| row).collect()
    }

    /// The same lines, each with the segment that it came in.
    pub fn lines(&self) -> Vec<(ItemId, Row)> {
        sorted_rows(self.parts.iter().map(|part| (part.item, &part.block)))
    }

    /// What came in together in these segments, in their order.
    pub fn groups(&self, segments: &[ItemId]) -> Vec<Group> {
        let of = |item: &ItemId| self.parts.iter().find(|part| part.item == *item);
        let group = |part: &Part<Segment>| Group {
            segment: part.item,
            source: part.source,
            titles: rows(&part.block).into_iter().map(|row| row.title).collect(),
        };
        segments.iter().filter_map(of).map(group).collect()
    }
}

/// What came in together.
#[derive(Debug, Clone)]
pub struct Group {
    /// The segment.
    pub segment: ItemId,
    /// The practice that put it in.
    pub source: Option<PracticeId>,
    /// What its lines are, in its own order.
    pub titles: Vec<String>,
}

/// Opens one section of the record: conditions, medicines, allergies, immunisations, results or other.
///
/// # Errors
/// [`ReadError::Refused`] with `Invalid` for a section that is not part of the record (shelf, identity, …).
pub async fn open(
    app: &App,
    viewer: &Viewer,
    patient: PatientId,
    section: Section,
) -> Result<(Opened<RecordSection>, FirstByte), ReadError> {
    if !SECTIONS.contains(&section) {
        return Err(ReadError::Refused(crate::Refusal::Invalid));
    }
    let target = candour_keeper_api::Section { patient, section };
    let permit = app.keeper.open(viewer, target).await?;
    let delivery = app.deliveries.first_byte(vec![permit.index()]);
    let opened = parts::open_all(app, permit.into_items()).await?;
    Ok((opened, delivery))
}

/// The sections of the record, in the order of pages.
pub const SECTIONS: [Section; 6] = [
    Section::Conditions,
    Section::Medicines,
    Section::Allergies,
    Section::Immunisations,
    Section::Results,
    Section::Other,
];
