//! One person at a time: their mailbox is opened as a member of the run, used once, and forgotten.

use super::{BATCH, LiveRun, SendError, hand_over, replacing, text_of, waits};
use crate::database::DatabaseError;
use crate::notices::{self, Channel, Leased, Wanted};
use crate::portal::{self, NewNotice};
use crate::register::{self, MemberItem, MemberSection};
use crate::room::Room;
use crate::texts::{Saved, TextKind};
use candour_core::block::Block;
use candour_core::notices::WaitingNotice;
use candour_core::people::{Contact, Identity};
use candour_keeper_api::wire::{self, Call};
use candour_keeper_api::words::{ItemKind, Purpose, Reason, Section};
use candour_keeper_api::{
    CallError, Denied, DepositOutcome, DepositPermit, Permit, RunMember, Viewer,
};
use candour_seal::{Digest, ItemId, PatientId, SystemRandom};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use tracing::warn;

/// Documents that one waiting notice lists; more of them make a second one, so that each fits its row.
const DOCUMENTS_EACH: usize = 200;

const DOCUMENT: i16 = 11;

/// Mails up to a batch of members.
pub(super) async fn mail(room: &Room, live: &LiveRun, now: Timestamp) -> Result<usize, SendError> {
    let wanted = Wanted {
        incident: live.incident,
        is_practice: false,
        channel: Channel::Mail,
    };
    // Each opening is on the ledger and there are three at most: none while the relay is away.
    if !waits(room, wanted).await? || !room.mailer.is_reachable().await {
        return Ok(0);
    }
    let leased = notices::lease(&room.pool, wanted, BATCH, now).await?;
    // Each is opened right before their own mail leaves, so that a freeze stops the run at the next person.
    for (place, row) in leased.iter().enumerate() {
        let reached = match open(room, live, row).await {
            Ok(Reached::Refused(denied)) if denied.reason == Reason::Frozen => {
                warn!("the run is frozen: nothing more is sent");
                give_back(room, &leased[place..]).await?;
                return Ok(0);
            }
            // It is as fast as it may be: the rest goes on with the next pass.
            Ok(Reached::Refused(denied)) if denied.reason == Reason::OverCeiling => {
                give_back(room, &leased[place..]).await?;
                return Ok(0);
            }
            Ok(reached) => reached,
            Err(error) => {
                give_back(room, &leased[place..]).await?;
                return Err(error);
            }
        };
        let text = text_of(room, live.incident, kind(row), row).await?;
        tell(room, row, &text, reached, now).await?;
    }
    Ok(leased.len())
}

/// Which text is whose.
const fn kind(row: &Leased) -> TextKind {
    if row.is_holder {
        TextKind::HolderNotice
    } else {
        TextKind::PatientNotice
    }
}

/// Nothing was tried with these rows; they wait again.
async fn give_back(room: &Room, rows: &[Leased]) -> Result<(), DatabaseError> {
    for row in rows {
        notices::give_back(&room.pool, &row.id).await?;
    }
    Ok(())
}

/// What was opened of one member.
#[expect(clippy::large_enum_variant, reason = "one at a time, and never kept")]
enum Reached {
    /// The keeper refused.
    Refused(Denied),
    /// Name and contact, with the ledger index of the contact's opening.
    Person {
        called: String,
        contact: Option<Contact>,
        index: Option<i64>,
    },
}

async fn open(room: &Room, live: &LiveRun, row: &Leased) -> Result<Reached, SendError> {
    let viewer = Viewer {
        token: live.token.clone(),
        purpose: Purpose::IncidentNotice,
        network: String::new(),
    };
    let targets = [Section::Contact, Section::Identity].map(|section| RunMember {
        run: live.run,
        patient: PatientId::from_bytes(row.recipient),
        section,
    });
    let answers = room.keeper.open_batch(&viewer, targets.into(), "").await;
    let mut answers = match answers {
        Ok(answers) => answers.into_iter(),
        Err(CallError::Denied(denied)) => return Ok(Reached::Refused(denied)),
        Err(error) => return Err(error.into()),
    };
    let (Some(contact), Some(identity)) = (answers.next(), answers.next()) else {
        return Err(CallError::Unexpected.into());
    };
    let contact = match contact {
        Err(denied) => return Ok(Reached::Refused(denied)),
        Ok(permit) => permit,
    };
    let index = i64::try_from(contact.index()).ok();
    let identity: Option<Identity> = match identity {
        Ok(permit) => block(room, permit).await?,
        Err(denied) if denied.reason == Reason::OverCeiling => {
            return Ok(Reached::Refused(denied));
        }
        Err(_) => None,
    };
    Ok(Reached::Person {
        called: identity.map_or_else(String::new, |identity| identity.name.called().to_owned()),
        contact: block(room, contact).await?,
        index,
    })
}

/// The newest block of a section that opens.
async fn block<B: Block>(
    room: &Room,
    permit: Permit<RunMember>,
) -> Result<Option<B>, DatabaseError> {
    let mut found = None;
    for item in permit.into_items() {
        let Some(sealed) = portal::sealed(&room.portal, &item).await? else {
            continue;
        };
        let id = item.item();
        match item.open(&sealed).map(|opened| B::from_block(opened.get())) {
            Ok(Ok(block)) => found = Some(block),
            Ok(Err(_)) | Err(_) => warn!(item = %id, "a block does not open"),
        }
    }
    Ok(found)
}

async fn tell(
    room: &Room,
    row: &Leased,
    text: &Saved,
    reached: Reached,
    now: Timestamp,
) -> Result<(), SendError> {
    let (called, contact, index) = match reached {
        Reached::Refused(denied) => {
            notices::failed(&room.pool, row, denied.reason.word(), false, now).await?;
            return Ok(());
        }
        Reached::Person {
            called,
            contact,
            index,
        } => (called, contact, index),
    };
    let is_unsafe = contact
        .as_ref()
        .is_some_and(|contact| contact.unsafe_to_write);
    let email = contact.and_then(|contact| contact.email);
    match email {
        // The keeper's mark may be older than what the practice wrote into the contact: both count.
        _ if is_unsafe => {
            notices::to_call_list(&room.pool, &row.id, "unsafe_to_write", index).await?;
        }
        None => notices::to_call_list(&room.pool, &row.id, "no_email", index).await?,
        Some(email) => {
            let to = (email.as_str(), called.as_str());
            hand_over(room, row, text, to, index, now).await?;
        }
    }
    Ok(())
}

/// Puts the same words, with the exact list, into the portal of up to a batch of members.
pub(super) async fn portal(
    room: &Room,
    live: &LiveRun,
    now: Timestamp,
) -> Result<usize, SendError> {
    let wanted = Wanted {
        incident: live.incident,
        is_practice: false,
        channel: Channel::Portal,
    };
    if !waits(room, wanted).await? {
        return Ok(0);
    }
    let leased = notices::lease(&room.pool, wanted, BATCH, now).await?;
    for (place, row) in leased.iter().enumerate() {
        match deposit(room, live, row).await {
            Ok(()) => {
                notices::handed_over(&room.pool, &row.id, None, crate::clock::now()).await?;
            }
            Err(SendError::Keeper(CallError::Denied(denied)))
                if denied.reason == Reason::Frozen =>
            {
                give_back(room, &leased[place..]).await?;
                return Ok(0);
            }
            Err(SendError::Keeper(CallError::Denied(denied))) => {
                notices::failed(&room.pool, row, denied.reason.word(), false, now).await?;
            }
            Err(error) => {
                notices::failed(&room.pool, row, "keeper", false, now).await?;
                return Err(error);
            }
        }
    }
    Ok(leased.len())
}

async fn deposit(room: &Room, live: &LiveRun, row: &Leased) -> Result<(), SendError> {
    let patient = PatientId::from_bytes(row.recipient);
    let text = text_of(room, live.incident, kind(row), row).await?;
    let (items, parts) = {
        let client = room.pool.get().await.map_err(DatabaseError::from)?;
        (
            register::items(&client, live.incident, patient).await?,
            register::sections(&client, live.incident, patient).await?,
        )
    };
    let documents = documents(&items);
    let sections = sections(&items, &parts);
    for (part, notice) in (0..).zip(waiting(room, live, row, &text, (&documents, &sections))) {
        let plaintext = notice.to_block().map_err(|_| DatabaseError::Row)?;
        let new = wire::NewItem {
            deposit_key: room.codes.deposit_key(&row.id, part).to_vec(),
            patient: patient.as_bytes().to_vec(),
            kind: ItemKind::Notice.into(),
            section: Section::Notices.into(),
            ..wire::NewItem::default()
        };
        let outcome = room
            .keeper
            .deposit(&live.token, vec![new])
            .await?
            .pop()
            .ok_or(CallError::Unexpected)?
            .map_err(CallError::Denied)?;
        if let DepositOutcome::New(permit) = outcome {
            seal(room, live, patient, &permit, &plaintext, row.made_at).await?;
        }
    }
    Ok(())
}

async fn seal(
    room: &Room,
    live: &LiveRun,
    patient: PatientId,
    permit: &DepositPermit,
    plaintext: &[u8],
    made_at: Timestamp,
) -> Result<(), SendError> {
    let sealed = permit.seal(plaintext, &mut SystemRandom);
    let notice = NewNotice {
        item: permit.item(),
        patient,
        day: made_at.to_zoned(TimeZone::UTC).date(),
        sealed: &sealed,
        room_wrap: permit.room_wrap(),
    };
    let stored = portal::keep_notice(&room.portal, &notice).await?;
    // What an earlier attempt stored stays; it must be these very words.
    if !permit.is_sealing_of(&stored, plaintext) {
        return Err(DatabaseError::Row.into());
    }
    let call = Call::Sealed(wire::Sealed {
        token: live.token.expose().to_vec(),
        items: vec![wire::SealedItem {
            item: permit.item().as_bytes().to_vec(),
            sealed_size: stored.len() as u64,
            ciphertext_digest: Digest::of(&stored).as_bytes().to_vec(),
            plaintext_digest: Digest::of(plaintext).as_bytes().to_vec(),
        }],
    });
    room.keeper.call(call).await?;
    Ok(())
}

/// The documents that were seen, in the order of their release.
fn documents(items: &[MemberItem]) -> Vec<ItemId> {
    items
        .iter()
        .filter(|item| item.section == DOCUMENT)
        .map(|item| item.item)
        .collect()
}

/// The parts of the record that were seen, empty ones too.
fn sections(items: &[MemberItem], parts: &[MemberSection]) -> BTreeSet<i32> {
    let of_items = items.iter().map(|item| item.section);
    of_items
        .chain(parts.iter().map(|part| part.section))
        .filter(|section| *section != DOCUMENT)
        .map(i32::from)
        .collect()
}

/// The notices that wait for one person: the same words, and exactly what it is about.
fn waiting(
    room: &Room,
    live: &LiveRun,
    row: &Leased,
    text: &Saved,
    (documents, sections): (&[ItemId], &BTreeSet<i32>),
) -> Vec<WaitingNotice> {
    let about: Vec<String> = sections
        .iter()
        .filter_map(|number| about(*number))
        .collect();
    let words = text.draft.words.split("\n\n").map(str::to_owned);
    let paragraphs: Vec<String> = replacing(room, row).into_iter().chain(words).collect();
    let mut chunks: Vec<&[ItemId]> = documents.chunks(DOCUMENTS_EACH).collect();
    if chunks.is_empty() {
        chunks.push(&[]);
    }
    chunks
        .into_iter()
        .map(|documents| WaitingNotice {
            subject: text.draft.subject.clone(),
            // Fixed when the row was made: a repeated deposit must be the same content.
            at: row.made_at,
            paragraphs: paragraphs.clone(),
            about: about.clone(),
            code: room.codes.code(&row.id).to_string(),
            documents: documents.iter().map(ToString::to_string).collect(),
            sections: sections.iter().copied().collect(),
            incident: live.incident.to_string(),
        })
        .collect()
}

/// A part of the record in a patient's words.
fn about(section: i32) -> Option<String> {
    let words = match Section::try_from(section).ok()? {
        Section::Shelf => "The list of your documents (titles and dates)",
        Section::Conditions => "Conditions",
        Section::Medicines => "Medicines",
        Section::Allergies => "Allergies",
        Section::Immunisations => "Immunisations",
        Section::Results => "Results",
        Section::Other => "Other parts of your record",
        Section::Identity => "Your name line (name, birth date, NHI)",
        Section::Contact => "Your contact details",
        Section::Notices => "Messages waiting for you",
        Section::None => return None,
    };
    Some(words.to_owned())
}
