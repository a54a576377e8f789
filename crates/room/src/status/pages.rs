//! Pages of the status site: plain HTML without a script.

use super::PublicIncident;
use crate::steward::{day, hour};
use crate::texts::{Sender, TextKind};
use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A statement as a page shows it.
struct Shown {
    number: i32,
    is_update: bool,
    published: String,
    /// What was promised in it, as a sentence; empty where nothing is promised any more.
    promise: String,
    parts: Vec<Part>,
}

/// A heading with its sentences.
pub(crate) struct Part {
    /// The heading.
    pub(crate) heading: String,
    /// The sentences, a line each.
    pub(crate) lines: Vec<String>,
}

/// The parts of a text: blocks that blank lines part, the first line of each a heading.
pub(crate) fn parts(words: &str) -> Vec<Part> {
    words
        .split("\n\n")
        .filter_map(|block| {
            let mut lines = block.lines().map(str::to_owned);
            Some(Part {
                heading: lines.next()?,
                lines: lines.collect(),
            })
        })
        .collect()
}

#[derive(Template)]
#[template(path = "status/index.html")]
struct Index<'a> {
    operator: &'a str,
    phone: &'a str,
    incidents: Vec<Line>,
}

/// An incident in the list of all.
struct Line {
    number: i32,
    subject: String,
    last: String,
    /// The day, where it is closed.
    closed: Option<String>,
}

#[derive(Template)]
#[template(path = "status/incident.html")]
struct IncidentPage<'a> {
    operator: &'a str,
    subject: &'a str,
    /// The day, where it is closed.
    closed: Option<String>,
    statements: Vec<Shown>,
    counters: &'a super::Counters,
    as_of: String,
}

#[derive(Template)]
#[template(path = "status/check.html")]
struct Check<'a> {
    answer: Option<&'a str>,
    is_known: bool,
}

#[derive(Template)]
#[template(path = "status/missing.html")]
struct Missing;

fn moment(at: Timestamp, zone: &TimeZone) -> String {
    format!("{}, {}", day(at, zone), hour(at, zone))
}

fn rendered(template: &impl Template) -> String {
    // Rendering writes to a string and fails only where a template's own code does; there is none.
    template.render().unwrap_or_default()
}

pub(super) fn index(incidents: &[PublicIncident], sender: &Sender, zone: &TimeZone) -> String {
    let incidents = incidents
        .iter()
        .filter_map(|incident| {
            let newest = incident.statements.first()?;
            Some(Line {
                number: incident.number,
                subject: subject(incident).to_owned(),
                last: moment(newest.published_at, zone),
                closed: incident.closed_at.map(|at| day(at, zone)),
            })
        })
        .collect();
    rendered(&Index {
        operator: &sender.operator,
        phone: &sender.phone,
        incidents,
    })
}

/// The heading of the newest statement: an update is about the same.
fn subject(incident: &PublicIncident) -> &str {
    let mut statements = incident.statements.iter();
    statements
        .find(|statement| statement.kind == TextKind::Statement)
        .map_or("", |statement| &statement.subject)
}

pub(super) fn incident(
    incident: &PublicIncident,
    sender: &Sender,
    zone: &TimeZone,
    now: Timestamp,
) -> String {
    let newest = incident.statements.first().map(|newest| newest.number);
    let statements = incident
        .statements
        .iter()
        .map(|statement| Shown {
            number: statement.number,
            is_update: statement.kind == TextKind::Update,
            published: moment(statement.published_at, zone),
            promise: promise(
                &moment(statement.next_update_at, zone),
                newest == Some(statement.number),
                incident.closed_at.is_some(),
                statement.next_update_at < now,
            ),
            parts: parts(&statement.words),
        })
        .collect();
    let as_of = incident.counters.as_of.parse().map_or_else(
        |_| incident.counters.as_of.clone(),
        |at: Timestamp| moment(at, zone),
    );
    rendered(&IncidentPage {
        operator: &sender.operator,
        subject: subject(incident),
        closed: incident.closed_at.map(|at| day(at, zone)),
        statements,
        counters: &incident.counters,
        as_of,
    })
}

/// What was promised in a statement: kept in the past of an older one, and not taken back when it is late.
fn promise(by: &str, is_newest: bool, is_closed: bool, is_past: bool) -> String {
    match (is_newest, is_closed, is_past) {
        (false, ..) => format!("We promised the next update by {by}."),
        (true, true, _) => String::new(),
        (true, false, false) => format!("Next update by {by}."),
        (true, false, true) => {
            format!("We promised an update by {by}. It is late, and we are sorry.")
        }
    }
}

pub(super) fn check(answer: Option<&str>, is_known: bool) -> String {
    rendered(&Check { answer, is_known })
}

pub(super) fn missing() -> String {
    rendered(&Missing)
}
