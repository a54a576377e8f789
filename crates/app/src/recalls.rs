//! Taking back what one of a practice's people or programs put in, as one batch, and putting it back.

use crate::sign_in::Ceremony;
use crate::words::time;
use crate::{App, FirstByte, ReadError, Refusal, acts, patients};
use candour_core::people::Identity;
use candour_keeper_api::wire::{self, Call, ChangeKind, Reply};
use candour_keeper_api::words::{EntryKind, Purpose};
use candour_keeper_api::{CallError, Opened, Token, Viewer};
use candour_seal::{PatientId, PracticeId};
use jiff::Timestamp;

/// Most recalls on one page.
pub const PAGE: u32 = 20;
/// Most patients on one page; each name is a look that counts.
pub const PEOPLE: u32 = 25;

/// A time, and up to which entry of the ledger it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// What became visible then or later.
    pub from: Timestamp,
    /// And before.
    pub until: Timestamp,
    /// Entries before this index.
    pub as_of: u64,
}

/// Names a batch as it was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchName {
    /// Who put it in.
    pub depositor: [u8; 16],
    /// Over all of its items.
    pub digest: [u8; 32],
}

/// What one person or program put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Names it.
    pub name: BatchName,
    /// It is one of the practice's programs.
    pub is_program: bool,
    /// Who, as the practice's lists name them; may be empty.
    pub depositor: String,
    /// How many documents, messages and parts of records.
    pub items: u32,
    /// Of how many patients.
    pub patients: u32,
    /// How many of them somebody opened.
    pub opened: u32,
    /// Of how many others somebody saw the title.
    pub listed: u32,
}

/// What was put in within a time, the largest batch first.
#[derive(Debug, Clone)]
pub struct Batches {
    /// Which time, and up to which entry.
    pub span: Span,
    /// One for each who put something in.
    pub all: Vec<Batch>,
}

/// Something was taken back, or put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// Its ledger index.
    pub index: u64,
    /// When.
    pub at: Timestamp,
    /// Who, as the practice's list names them; may be empty.
    pub author: String,
    /// What was signed.
    pub sentence: String,
    /// It was put back by this.
    pub is_end: bool,
    /// What this took back is away still.
    pub is_away: bool,
}

/// A page of recalls, newest first.
#[derive(Debug, Clone)]
pub struct Recalls {
    /// The recalls.
    pub all: Vec<Recall>,
    /// There are older ones.
    pub has_more: bool,
}

/// One patient of whom something was taken back.
#[derive(Debug, Clone)]
pub struct Concerned {
    /// The entry that says so to them.
    pub index: u64,
    /// Who.
    pub patient: PatientId,
    /// By name, where the viewer may see it.
    pub identity: Option<Identity>,
    /// How much of theirs.
    pub items: u32,
    /// How much of it somebody had opened.
    pub opened: u32,
    /// Of how much else somebody had seen the title.
    pub listed: u32,
}

/// A page of those concerned.
#[derive(Debug, Clone)]
pub struct People {
    /// They.
    pub all: Vec<Concerned>,
    /// There are more: ask again with `before` set to the last one's index.
    pub has_more: bool,
}

/// What was put in at the viewer's own practice within a time, and by whom. Looking is itself an entry.
pub async fn look(
    app: &App,
    viewer: &Viewer,
    from: Timestamp,
    until: Timestamp,
) -> Result<Batches, Refusal> {
    let call = Call::Batches(wire::BatchesQuestion {
        token: viewer.token.expose().to_vec(),
        from: from.as_microsecond(),
        until: until.as_microsecond(),
        network: viewer.network.clone(),
    });
    let Reply::Batches(found) = app.keeper.call(call).await? else {
        return Err(CallError::Unexpected.into());
    };
    let read = |batch: wire::Batch| {
        Some(Batch {
            name: BatchName {
                depositor: batch.depositor.as_slice().try_into().ok()?,
                digest: batch.digest.as_slice().try_into().ok()?,
            },
            is_program: batch.is_program,
            depositor: batch.name,
            items: batch.items,
            patients: batch.patients,
            opened: batch.opened,
            listed: batch.listed,
        })
    };
    Ok(Batches {
        span: Span {
            from,
            until,
            as_of: found.as_of,
        },
        all: found.batches.into_iter().filter_map(read).collect(),
    })
}

/// Begins to take back exactly what was shown: what the person's passkey is asked.
pub async fn start(
    app: &App,
    token: &Token,
    practice: PracticeId,
    (batch, span): (BatchName, Span),
    reason: &str,
) -> Result<Ceremony, Refusal> {
    let change = ChangeKind::Recall(wire::Recall {
        practice: practice.as_bytes().to_vec(),
        batch: Some(wire::Batch {
            depositor: batch.depositor.to_vec(),
            digest: batch.digest.to_vec(),
            ..wire::Batch::default()
        }),
        from: span.from.as_microsecond(),
        until: span.until.as_microsecond(),
        as_of: span.as_of,
        reason: reason.trim().to_owned(),
    });
    acts::start(app, token, change).await
}

/// Begins to put back what the recall with this ledger index took back.
pub async fn start_end(
    app: &App,
    token: &Token,
    practice: PracticeId,
    recall: u64,
    reason: &str,
) -> Result<Ceremony, Refusal> {
    let change = ChangeKind::EndRecall(wire::EndRecall {
        practice: practice.as_bytes().to_vec(),
        recall,
        reason: reason.trim().to_owned(),
        ..wire::EndRecall::default()
    });
    acts::start(app, token, change).await
}

/// The page before an index (`None`: the newest), of the viewer's own practice. Looking is itself an entry.
pub async fn page(
    app: &App,
    viewer: &Viewer,
    before: Option<u64>,
) -> Result<Opened<Recalls>, ReadError> {
    list(app, viewer, before.unwrap_or(0), PAGE).await
}

/// The one with this ledger index; `None` where there is none.
pub async fn one(app: &App, viewer: &Viewer, index: u64) -> Result<Option<Recall>, ReadError> {
    let found = list(app, viewer, index.saturating_add(1), 1).await?;
    let mut all = found.into_inner().all.into_iter();
    Ok(all.find(|one| one.index == index && !one.is_end))
}

async fn list(
    app: &App,
    viewer: &Viewer,
    before: u64,
    limit: u32,
) -> Result<Opened<Recalls>, ReadError> {
    let question = wire::History {
        before,
        limit,
        kind: EntryKind::Recall.into(),
        ..wire::History::default()
    };
    let page = app.keeper.history(viewer, question).await?;
    page.try_map(|page| {
        Ok(Recalls {
            all: page.events.into_iter().filter_map(read).collect(),
            has_more: page.has_more,
        })
    })
}

fn read(event: wire::HistoryEvent) -> Option<Recall> {
    Some(Recall {
        index: event.index,
        at: time(event.at)?,
        author: event.actor_name,
        sentence: event.reason,
        is_end: event.kind == i32::from(EntryKind::RecallEnded),
        is_away: event.is_away,
    })
}

/// Whom a recall concerned, before an index, with their names as far as the viewer may see them.
pub async fn people(
    app: &App,
    viewer: &Viewer,
    recall: u64,
    before: Option<u64>,
) -> Result<(Opened<People>, FirstByte), ReadError> {
    let question = wire::History {
        before: before.unwrap_or(0),
        limit: PEOPLE,
        kind: EntryKind::Recall.into(),
        of: Some(recall),
        ..wire::History::default()
    };
    let page = app.keeper.history(viewer, question).await?;
    let of = |event: &wire::HistoryEvent| PatientId::try_from(event.patient.as_slice());
    let patients: Vec<PatientId> = page
        .get()
        .events
        .iter()
        .filter_map(|one| of(one).ok())
        .collect();
    let naming = Viewer {
        purpose: Purpose::AccountCare,
        ..viewer.clone()
    };
    let (names, first_byte) = match patients::names(app, &naming, &patients).await {
        Ok((names, first_byte)) => (names.into_inner(), first_byte),
        // Whose names may not be seen, or not so many at once, is shown without.
        Err(ReadError::Refused(_)) => (Vec::new(), app.deliveries.first_byte(Vec::new())),
        Err(error) => return Err(error),
    };
    let mut names = names.into_iter();
    let people = page.try_map(|page| {
        let all = page.events.iter().filter_map(|event| {
            let patient = of(event).ok()?;
            Some(Concerned {
                index: event.index,
                patient,
                identity: names.next().and_then(|line| line.identity),
                items: event.count,
                opened: event.opened,
                listed: event.listed,
            })
        });
        Ok::<_, ReadError>(People {
            all: all.collect(),
            has_more: page.has_more,
        })
    })?;
    Ok((people, first_byte))
}
