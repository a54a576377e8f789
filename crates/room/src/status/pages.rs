//! Pages of the status site: plain HTML without a script.

use super::PublicIncident;
use crate::steward::{day, hour};
use crate::texts::Sender;
use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A statement as a page shows it.
struct Shown {
    number: i32,
    subject: String,
    published: String,
    next: String,
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
    incidents: Vec<(i32, String, String)>,
}

#[derive(Template)]
#[template(path = "status/incident.html")]
struct IncidentPage<'a> {
    operator: &'a str,
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
            Some((
                incident.number,
                newest.subject.clone(),
                moment(newest.published_at, zone),
            ))
        })
        .collect();
    rendered(&Index {
        operator: &sender.operator,
        phone: &sender.phone,
        incidents,
    })
}

pub(super) fn incident(incident: &PublicIncident, sender: &Sender, zone: &TimeZone) -> String {
    let statements = incident
        .statements
        .iter()
        .map(|statement| Shown {
            number: statement.number,
            subject: statement.subject.clone(),
            published: moment(statement.published_at, zone),
            next: moment(statement.next_update_at, zone),
            parts: parts(&statement.words),
        })
        .collect();
    let as_of = incident.counters.as_of.parse().map_or_else(
        |_| incident.counters.as_of.clone(),
        |at: Timestamp| moment(at, zone),
    );
    rendered(&IncidentPage {
        operator: &sender.operator,
        statements,
        counters: &incident.counters,
        as_of,
    })
}

pub(super) fn check(answer: Option<&str>, is_known: bool) -> String {
    rendered(&Check { answer, is_known })
}

pub(super) fn missing() -> String {
    rendered(&Missing)
}
