//! The record by section.

use crate::error::Problem;
use crate::frame::Frame;
use crate::portal::Portal;
use crate::reading::{Reading, Relation, banner, together};
use crate::respond;
use crate::session::Visitor;
use crate::texts::Texts;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use candour_app::practices;
use candour_app::record::{self, Group};
use candour_app::sign_in::Reachable;
use candour_core::record::Row;
use candour_keeper_api::words::Section;
use serde::Deserialize;

/// A link to a section.
pub struct SectionLink {
    /// Where.
    pub path: String,
    /// Key of its name.
    pub name: &'static str,
    /// Key of what it holds.
    pub text: &'static str,
}

/// The sections to choose from.
#[derive(Template)]
#[template(path = "record/record.html")]
pub struct RecordPage {
    /// Around it.
    pub frame: Frame,
    /// The visitor's own address is protected.
    pub is_address_protected: bool,
    /// The sections.
    pub sections: Vec<SectionLink>,
}

/// One section.
#[derive(Template)]
#[template(path = "record/section.html")]
pub struct SectionPage {
    /// Around it.
    pub frame: Frame,
    /// Newest first.
    pub entries: Vec<EntryView>,
    /// What an empty section says.
    pub none: &'static str,
    /// How many of how many are shown.
    pub shown: Option<String>,
    /// Where older entries are.
    pub older: Option<String>,
    /// That something could not be shown.
    pub unreadable: Option<String>,
    /// For the patient: what of it came in together, to keep from somebody.
    pub groups: Vec<GroupView>,
    /// The other sections.
    pub sections: Vec<SectionLink>,
}

/// What came in together.
pub struct GroupView {
    /// What it is, and from whom.
    pub words: String,
    /// Where to keep it from somebody.
    pub path: String,
    /// The link's words for those who hear the page read.
    pub label: String,
}

/// One entry of a section.
pub struct EntryView {
    /// What it is.
    pub title: String,
    /// A measured value.
    pub value: Option<String>,
    /// More about it, a whole sentence or phrase each.
    pub lines: Vec<String>,
    /// When.
    pub when: String,
    /// From whom.
    pub source: Option<String>,
}

/// A section of the pages: the keeper's section, its word in addresses, its name, what it holds, what it says when empty.
struct Shown {
    section: Section,
    name: &'static str,
    text: &'static str,
    none: &'static str,
}

macro_rules! shown {
    ($($section:ident $word:literal),+ $(,)?) => {
        [$(Shown {
            section: Section::$section,
            name: concat!("record.", $word),
            text: concat!("record.", $word, "_text"),
            none: concat!("record.none_", $word),
        }),+]
    };
}

static SECTIONS: [Shown; 5] = shown![
    Conditions "conditions",
    Medicines "medicines",
    Allergies "allergies",
    Immunisations "immunisations",
    Results "results",
];

fn shown(section: Section) -> &'static Shown {
    let known = SECTIONS.iter().find(|shown| shown.section == section);
    known.unwrap_or(&SECTIONS[0])
}

/// Key of a section's name.
pub(super) fn name_of(section: Section) -> &'static str {
    shown(section).name
}

/// Key of what it says when it is empty.
pub(super) fn none_of(section: Section) -> &'static str {
    shown(section).none
}

/// Entries on one page.
const PAGE: usize = 100;

pub(super) fn links(reading: &Reading) -> Vec<SectionLink> {
    let link = |shown: &Shown| SectionLink {
        path: reading.path(&format!("/record/{}", shown.section.word())),
        name: shown.name,
        text: shown.text,
    };
    shown_to(reading.reach.as_ref()).map(link).collect()
}

/// The sections within reach of somebody who acts for the patient; all of them for others.
fn shown_to(reach: Option<&Reachable>) -> impl Iterator<Item = &'static Shown> {
    let is_within = move |shown: &&Shown| reach.is_none_or(|reach| reach.covers(shown.section));
    SECTIONS.iter().filter(is_within)
}

/// Whether any of them is.
pub(super) fn is_within(reach: &Reachable) -> bool {
    shown_to(Some(reach)).next().is_some()
}

/// `GET /patients/{patient}/record`: the sections to choose from.
pub async fn sections(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    let (identity, first_byte) = reading.identity(&portal).await?;
    let frame = reading.frame(&portal, "record.title", None).await;
    let around = banner(frame.texts(), identity.as_ref());
    let frame = match reading.relation {
        Relation::Own => frame,
        _ => frame.about(around),
    };
    let sections = links(&reading);
    let page = RecordPage {
        frame,
        is_address_protected: reading.is_address_protected,
        sections,
    };
    respond::opened(&page, first_byte)
}

/// From which entry on a section is shown.
#[derive(Deserialize)]
pub struct From {
    #[serde(default)]
    from: usize,
}

/// `GET /patients/{patient}/record/{section}`.
pub async fn section(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path((patient, section)): Path<(String, String)>,
    Query(From { from }): Query<From>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    let shown = SECTIONS
        .iter()
        .find(|shown| shown.section.word() == section)
        .ok_or(Problem::NoSuchPage)?;
    let (opened, first_byte) = record::open(
        portal.app(),
        &reading.viewer,
        reading.patient,
        shown.section,
    )
    .await?;
    let (around, banner_byte) = reading.banner(&portal).await?.unzip();
    let mut frame = reading.frame(&portal, shown.name, around).await;
    frame = frame.back_to(reading.path("/record"), "frame.back");
    let texts = frame.texts();
    let opened = opened.into_inner();
    let lines = opened.lines();
    let all = lines.len();
    let mut segments = Vec::new();
    let mut entries = Vec::new();
    for (segment, row) in lines.into_iter().skip(from).take(PAGE) {
        if !segments.contains(&segment) {
            segments.push(segment);
        }
        entries.push(entry(texts, row));
    }
    let groups = match reading.relation {
        Relation::Own => groups(&portal, texts, &opened.groups(&segments)).await?,
        Relation::Proxy | Relation::Staff => Vec::new(),
    };
    let until = from + entries.len();
    let has_older = until < all;
    let page = SectionPage {
        none: texts.say(shown.none),
        shown: (all > PAGE).then(|| {
            let counts = [("shown", until.to_string()), ("all", all.to_string())];
            texts.fill(
                "record.shown",
                &[("shown", &counts[0].1), ("all", &counts[1].1)],
            )
        }),
        older: has_older
            .then(|| reading.path(&format!("/record/{}?from={until}", shown.section.word()))),
        unreadable: unreadable(texts, opened.unreadable),
        sections: links(&reading),
        groups,
        entries,
        frame,
    };
    respond::opened(&page, together(first_byte, banner_byte))
}

/// Titles of one group that are named.
const NAMED: usize = 3;

async fn groups(portal: &Portal, texts: &Texts, all: &[Group]) -> Result<Vec<GroupView>, Problem> {
    let directory = practices::all(portal.app()).await?;
    let view = |group: &Group| {
        let titles = group.titles.iter().take(NAMED).map(String::as_str);
        let titles = titles.collect::<Vec<_>>().join(", ");
        let by = group.source.and_then(|source| directory.get(&source));
        let by = by.map_or(texts.say("history.some_practice"), |by| by.name.as_str());
        let more = group.titles.len().saturating_sub(NAMED).to_string();
        let filled = [
            ("titles", titles.as_str()),
            ("practice", by),
            ("more", &more),
        ];
        let words = if group.titles.len() > NAMED {
            "record.group_more"
        } else {
            "record.group"
        };
        GroupView {
            words: texts.fill(words, &filled),
            path: format!("/sharing/keep?segment={}", group.segment),
            label: texts.fill("record.group_keep_named", &filled),
        }
    };
    Ok(all.iter().map(view).collect())
}

/// What a page says when it cannot show everything: an incomplete record that looks complete is dangerous.
pub(super) fn unreadable(texts: &Texts, count: usize) -> Option<String> {
    match count {
        0 => None,
        1 => Some(texts.say("record.unreadable_one").to_owned()),
        _ => Some(texts.fill("record.unreadable_many", &[("count", &count.to_string())])),
    }
}

pub(super) fn entry(texts: &Texts, row: Row) -> EntryView {
    EntryView {
        title: row.title,
        value: row.value,
        lines: [row.detail, row.status].into_iter().flatten().collect(),
        when: row.date.map_or_else(
            || texts.say("dates.unknown").to_owned(),
            |date| date.to_string(),
        ),
        source: row.who,
    }
}
