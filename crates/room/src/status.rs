//! The status site's files: written by the room, served by anything, with portal, keeper and room down.
//!
//! ```text
//! status_dir/site/index.html       statements and numbers
//! status_dir/site/incident-N.html  one page for each incident, N: its first statement's number
//! status_dir/site/counters.json    the numbers, for programs
//! status_dir/site/status.css
//! status_dir/check.key             32 bytes: recognises codes, makes none
//! status_dir/codes                 one line for each message: keyed hash of its code, Unix seconds
//! ```

mod check;
mod pages;
mod serve;

pub(crate) use pages::{Part, parts};
pub use serve::serve;
pub(crate) use serve::{CHECKS, code_words};

use crate::clock;
use crate::codes::hexadecimal;
use crate::database::DatabaseError;
use crate::incidents::{self, Incident};
use crate::notices::{self, Count};
use crate::publish::{self, Statement};
use crate::register;
use crate::room::Room;
use crate::scope::{self, Counts};
use crate::steward::StewardError;
use crate::texts::{public_count, public_count_of_ways, public_documents};
use candour_seal::IncidentId;
use jiff::Timestamp;
use serde::Serialize;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// The style sheet of the status site and of the room.
pub(crate) const STYLE: &str = include_str!("../assets/room.css");

/// The public numbers of one incident. From 1 to 9 a number reads "fewer than 10", and
/// a nought "none"; in what says how people are told a nought is hidden too (docs/adr/public-noughts.md).
#[derive(Debug, Clone, Serialize)]
pub struct Counters {
    /// The number of its first statement; names its page.
    pub incident: i32,
    /// The scope version the numbers are of.
    pub scope_version: i32,
    /// People with something opened.
    pub people_opened: String,
    /// People of whom only a name line or list of titles was shown.
    pub people_listed: String,
    /// Documents that were sent out.
    pub documents: String,
    /// Practices told.
    pub practices_told: String,
    /// People told by mail.
    pub people_mailed: String,
    /// People for whom the message waits in the portal.
    pub people_in_portal: String,
    /// People whom their practice rings and has not told yet.
    pub people_on_call_lists: String,
    /// People whom somebody told by phone, in person or by letter.
    pub people_told_in_person: String,
    /// Messages that have not left yet; "none" when all have.
    pub waiting: String,
    /// When these numbers were taken.
    pub as_of: String,
    /// When the case was closed; null while it is open.
    pub closed_at: Option<String>,
}

/// One incident as the site shows it.
pub(crate) struct PublicIncident {
    pub(crate) number: i32,
    /// Newest first.
    pub(crate) statements: Vec<Statement>,
    pub(crate) counters: Counters,
    pub(crate) closed_at: Option<Timestamp>,
}

/// Writes what changed. Nothing is written before the first statement but the empty site.
pub async fn write(room: &Room) -> Result<(), StewardError> {
    let _alone = room.site.lock().await;
    let site = room.config.status_dir.join("site");
    fs::create_dir_all(&site)?;
    let incidents = published(room).await?;
    put(&site.join("status.css"), STYLE.as_bytes())?;
    let zone = &room.config.zone;
    for incident in &incidents {
        let page = pages::incident(incident, &room.config.sender, zone, clock::now());
        put(
            &site.join(format!("incident-{}.html", incident.number)),
            page.as_bytes(),
        )?;
    }
    let index = pages::index(&incidents, &room.config.sender, zone);
    put(&site.join("index.html"), index.as_bytes())?;
    let counters: Vec<&Counters> = incidents
        .iter()
        .map(|incident| &incident.counters)
        .collect();
    let counters = serde_json::to_vec_pretty(&counters).map_err(io::Error::from)?;
    put(&site.join("counters.json"), &counters)?;
    put_codes(room).await
}

/// Writes the codes alone: before any of them leaves.
pub async fn write_codes(room: &Room) -> Result<(), StewardError> {
    let _alone = room.site.lock().await;
    put_codes(room).await
}

async fn put_codes(room: &Room) -> Result<(), StewardError> {
    fs::create_dir_all(&room.config.status_dir)?;
    let mut codes = String::new();
    for (hash, at) in notices::code_hashes(&room.pool).await? {
        let _ = writeln!(codes, "{} {}", hexadecimal(&hash), at.as_second());
    }
    let folder = &room.config.status_dir;
    put(&folder.join("check.key"), &room.codes.check().to_bytes())?;
    put(&folder.join("codes"), codes.as_bytes())?;
    Ok(())
}

async fn published(room: &Room) -> Result<Vec<PublicIncident>, DatabaseError> {
    let mut incidents: Vec<(IncidentId, Vec<Statement>)> = Vec::new();
    for statement in publish::statements(&room.pool).await? {
        match incidents
            .iter_mut()
            .find(|(id, _)| *id == statement.incident)
        {
            Some((_, statements)) => statements.push(statement),
            None => incidents.push((statement.incident, vec![statement])),
        }
    }
    let mut public = Vec::new();
    for (id, statements) in incidents {
        let number = statements
            .iter()
            .map(|statement| statement.number)
            .min()
            .unwrap_or(0);
        let Some(newest) = statements.first() else {
            continue;
        };
        let Some(case) = incidents::find(&room.pool, id).await? else {
            continue;
        };
        let counters = counters(room, &case, number, newest).await?;
        public.push(PublicIncident {
            number,
            statements,
            counters,
            closed_at: case.closed_at,
        });
    }
    Ok(public)
}

async fn counters(
    room: &Room,
    case: &Incident,
    number: i32,
    newest: &Statement,
) -> Result<Counters, DatabaseError> {
    let (incident, scope_version) = (case.id, newest.scope_version);
    // The numbers that two officers approved, not whatever was computed since.
    let versions = scope::versions(&room.pool, incident).await?;
    let counts = versions
        .iter()
        .find(|scope| scope.version == scope_version)
        .map_or(Counts::default(), |scope| scope.counts);
    let notices = notices::counts(&room.pool, incident).await?;
    let practices = register::practices_reached(&room.pool, incident).await?;
    let gone = |channel: &str| -> i32 {
        let is_gone = |count: &&Count| {
            count.recipient == "patient" && count.channel == channel && count.state == "handed_over"
        };
        let gone = notices.iter().filter(is_gone);
        let gone: i64 = gone.map(|count| count.recipients).sum();
        i32::try_from(gone).unwrap_or(i32::MAX)
    };
    // By person: whoever has been told does not stand on a call list any more.
    let to_ring = register::still_to_ring(&room.pool, incident).await?;
    let in_person = register::told(&room.pool, incident).await?.len();
    let last_at = notices.iter().filter_map(|count| count.last_at).max();
    let as_of = last_at.unwrap_or(newest.published_at);
    Ok(Counters {
        incident: number,
        scope_version,
        people_opened: public_count(counts.people_opened),
        people_listed: public_count(counts.people_listed),
        documents: public_documents(counts),
        practices_told: public_count(i32::try_from(practices).unwrap_or(i32::MAX)),
        people_mailed: public_count_of_ways(gone("mail")),
        people_in_portal: public_count(gone("portal")),
        people_on_call_lists: public_count_of_ways(i32::try_from(to_ring).unwrap_or(i32::MAX)),
        people_told_in_person: public_count_of_ways(i32::try_from(in_person).unwrap_or(i32::MAX)),
        waiting: waiting(&notices),
        as_of: as_of.to_string(),
        closed_at: case.closed_at.map(|at| at.to_string()),
    })
}

/// Messages are no people.
fn waiting(notices: &[Count]) -> String {
    let waiting: i64 = notices
        .iter()
        .filter(|count| {
            matches!(
                count.state.as_str(),
                "waiting" | "sending" | "failed" | "stuck"
            )
        })
        .map(|count| count.number)
        .sum();
    public_count(i32::try_from(waiting).unwrap_or(i32::MAX))
}

/// Puts a file in place at once, readable for everybody; the same content is not written again.
fn put(file: &Path, content: &[u8]) -> io::Result<()> {
    if fs::read(file).is_ok_and(|there| there == content) {
        return Ok(());
    }
    let mut fresh = file.as_os_str().to_owned();
    fresh.push(".new");
    let mut out = fs::File::create(&fresh)?;
    out.write_all(content)?;
    out.sync_all()?;
    fs::rename(&fresh, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_changes_as_a_whole_and_only_when_it_differs() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("index.html");
        put(&file, b"one").unwrap();
        let before = fs::metadata(&file).unwrap().modified().unwrap();
        put(&file, b"one").unwrap();
        assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);
        put(&file, b"two").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
