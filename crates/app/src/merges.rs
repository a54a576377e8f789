//! Two records of one person: noting it, ending it, and what was opened by way of it.

use crate::acts;
use crate::sign_in::Ceremony;
use crate::words::time;
use crate::{App, Refusal};
use candour_keeper_api::wire::{self, Call, ChangeKind, MergeView, OpenedByMerge, Reply};
use candour_keeper_api::words::{ItemKind, Section};
use candour_keeper_api::{CallError, Token};
use candour_seal::{ItemId, PatientId, PracticeId};
use jiff::Timestamp;

/// Two records that a practice says are one person's.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Whose number stays.
    pub stays: PatientId,
    /// As the page names them.
    pub who: String,
    /// Whose number is no longer used.
    pub replaced: PatientId,
    /// As the page names them.
    pub replaced_who: String,
}

/// Another record that is, or was, one person's with the one asked about.
#[derive(Debug, Clone)]
pub struct Merge {
    /// Which.
    pub other: PatientId,
    /// The number of the record asked about stays.
    pub stays: bool,
    /// Since when.
    pub since: Timestamp,
    /// Why, as it was signed.
    pub reason: String,
    /// When what other practices put in opens, where it does not yet.
    pub opens_from: Option<Timestamp>,
    /// That it was ended.
    pub ended: Option<Ended>,
}

/// That two records are no longer one person's.
#[derive(Debug, Clone)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// They are two people.
    pub are_two_people: bool,
    /// The patient ended it.
    pub by_patient: bool,
    /// Why; may be empty.
    pub reason: String,
    /// What the practice put in, and was opened by way of it; in the order of the first times.
    pub opened: Vec<OpenedItem>,
    /// How many times somebody looked at who had opened the other's record.
    pub histories: u32,
    /// There were more entries than could be looked at.
    pub is_partial: bool,
}

/// One item that was opened by way of it.
#[derive(Debug, Clone)]
pub struct OpenedItem {
    /// Whose it is.
    pub patient: PatientId,
    /// Which.
    pub item: ItemId,
    /// What kind.
    pub kind: ItemKind,
    /// Of which section.
    pub section: Section,
    /// Year and month of the content, where they are known.
    pub month: Option<(u32, u32)>,
    /// When first.
    pub first_at: Timestamp,
    /// How many times.
    pub times: u32,
    /// Somebody who acts for the patient was among those who opened it.
    pub by_proxy: bool,
    /// It was sent, by the portal's word.
    pub is_delivered: bool,
}

/// Begins the act of noting that two records are one person's; a second person must agree.
pub async fn start(
    app: &App,
    token: &Token,
    practice: PracticeId,
    pair: Pair,
    reason: &str,
) -> Result<Ceremony, Refusal> {
    let change = ChangeKind::Merge(wire::Merge {
        practice: practice.as_bytes().to_vec(),
        patient: pair.stays.as_bytes().to_vec(),
        replaced: pair.replaced.as_bytes().to_vec(),
        who: pair.who,
        replaced_who: pair.replaced_who,
        reason: reason.trim().to_owned(),
    });
    acts::start(app, token, change).await
}

fn ending(patient: PatientId, are_two_people: bool, reason: &str) -> ChangeKind {
    ChangeKind::EndMerge(wire::EndMerge {
        patient: patient.as_bytes().to_vec(),
        are_two_people,
        reason: reason.trim().to_owned(),
    })
}

/// Begins the act by which staff end it; answered, it ends at once.
pub async fn start_end(
    app: &App,
    token: &Token,
    patient: PatientId,
    are_two_people: bool,
    reason: &str,
) -> Result<Ceremony, Refusal> {
    acts::start(app, token, ending(patient, are_two_people, reason)).await
}

/// Ends it at once, by the patient.
pub async fn end_own(
    app: &App,
    token: &Token,
    patient: PatientId,
    are_two_people: bool,
) -> Result<(), Refusal> {
    let change = ending(patient, are_two_people, "");
    acts::now(app, token, change).await.map(drop)
}

/// What the viewer's practice noted about a patient, newest first; at most one stands.
pub async fn of(app: &App, token: &Token, patient: PatientId) -> Result<Vec<Merge>, Refusal> {
    let call = Call::Merges(wire::MergesQuestion {
        token: token.expose().to_vec(),
        patient: patient.as_bytes().to_vec(),
    });
    let Reply::Merges(answer) = app.keeper.call(call).await? else {
        return Err(CallError::Unexpected.into());
    };
    let all: Option<Vec<Merge>> = answer.merges.into_iter().map(Merge::read).collect();
    Ok(all.ok_or(CallError::Unexpected)?)
}

impl Merge {
    fn read(view: MergeView) -> Option<Self> {
        let ended = match time(view.ended_at) {
            Some(at) => Some(Ended {
                at,
                are_two_people: view.are_two_people,
                by_patient: view.by_patient,
                reason: view.end_reason,
                opened: view
                    .opened
                    .iter()
                    .map(OpenedItem::read)
                    .collect::<Option<_>>()?,
                histories: view.histories,
                is_partial: view.is_partial,
            }),
            None => None,
        };
        Some(Self {
            other: PatientId::try_from(view.other.as_slice()).ok()?,
            stays: view.stays,
            since: time(view.since)?,
            reason: view.reason,
            opens_from: time(view.opens_from),
            ended,
        })
    }
}

impl OpenedItem {
    fn read(one: &OpenedByMerge) -> Option<Self> {
        Some(Self {
            patient: PatientId::try_from(one.patient.as_slice()).ok()?,
            item: ItemId::try_from(one.item.as_slice()).ok()?,
            kind: ItemKind::try_from(one.kind).ok()?,
            section: Section::try_from(one.section).ok()?,
            month: (one.month > 0).then_some((one.month / 12, one.month % 12 + 1)),
            first_at: time(one.first_at)?,
            times: one.times,
            by_proxy: one.by_proxy,
            is_delivered: one.is_delivered,
        })
    }
}
