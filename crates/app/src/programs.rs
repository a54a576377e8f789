//! A practice's programs: which there are, what they may read, adding one and ending one.

use crate::sign_in::Ceremony;
use crate::words::time;
use crate::{App, Refusal, acts};
use candour_keeper_api::wire::{self, Call, ChangeKind, Reply};
use candour_keeper_api::words::Section;
use candour_keeper_api::{CallError, Viewer};
use candour_seal::{ClientId, PracticeId};
use jiff::Timestamp;

/// One program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its client id.
    pub client: ClientId,
    /// Its name in lists.
    pub name: String,
    /// Since when it is there.
    pub since: Timestamp,
    /// What it may read; `None`: nothing.
    pub reading: Option<Reading>,
    /// Names what is known of it now: what is signed later holds for just this.
    version: i64,
}

/// What a program may read of what its practice put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Sections; the shelf stands for documents.
    pub sections: Vec<Section>,
    /// The end.
    pub until: Timestamp,
    /// What for.
    pub reason: String,
}

/// The programs of the viewer's own practice, the oldest first. Looking is itself an entry.
pub async fn all(app: &App, viewer: &Viewer) -> Result<Vec<Program>, Refusal> {
    let call = Call::Clients(wire::WithToken {
        token: viewer.token.expose().to_vec(),
        network: viewer.network.clone(),
    });
    let Reply::Clients(found) = app.keeper.call(call).await? else {
        return Err(CallError::Unexpected.into());
    };
    let all: Option<Vec<Program>> = found.clients.into_iter().map(read).collect();
    Ok(all.ok_or(CallError::Unexpected)?)
}

fn read(view: wire::ClientView) -> Option<Program> {
    let sections = view.sections.iter();
    let sections: Vec<Section> = sections
        .filter_map(|section| Section::try_from(*section).ok())
        .collect();
    let reading = match sections.as_slice() {
        [] => None,
        _ => Some(Reading {
            sections,
            until: time(view.until)?,
            reason: view.reason,
        }),
    };
    Some(Program {
        client: ClientId::try_from(view.client.as_slice()).ok()?,
        name: view.name,
        since: time(view.since)?,
        reading,
        version: view.version,
    })
}

/// Begins to add a program: a second person must agree, and is shown its credential.
pub async fn start_add(
    app: &App,
    viewer: &Viewer,
    practice: PracticeId,
    name: &str,
) -> Result<Ceremony, Refusal> {
    let change = ChangeKind::AddClient(wire::AddClient {
        practice: practice.as_bytes().to_vec(),
        name: name.trim().to_owned(),
    });
    acts::start(app, &viewer.token, change).await
}

/// Begins to let a program read; a second person must agree.
pub async fn start_reading(
    app: &App,
    viewer: &Viewer,
    practice: PracticeId,
    program: &Program,
    reading: &Reading,
) -> Result<Ceremony, Refusal> {
    let sections = reading.sections.iter().copied();
    let change = ChangeKind::LetClientRead(wire::LetClientRead {
        practice: practice.as_bytes().to_vec(),
        client: program.client.as_bytes().to_vec(),
        name: program.name.clone(),
        sections: sections.map(i32::from).collect(),
        until: reading.until.as_microsecond(),
        since: program.since.as_microsecond(),
        version: program.version,
        reason: reading.reason.trim().to_owned(),
    });
    acts::start(app, &viewer.token, change).await
}

/// Begins to end what a program reads, or the program; answered, it ends at once.
pub async fn start_end(
    app: &App,
    viewer: &Viewer,
    practice: PracticeId,
    program: &Program,
    only_reading: bool,
) -> Result<Ceremony, Refusal> {
    let change = ChangeKind::EndClient(wire::EndClient {
        practice: practice.as_bytes().to_vec(),
        client: program.client.as_bytes().to_vec(),
        name: program.name.clone(),
        since: program.since.as_microsecond(),
        only_reading,
    });
    acts::start(app, &viewer.token, change).await
}
