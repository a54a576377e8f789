//! Who opened a record.

use crate::dates;
use crate::error::Problem;
use crate::frame::Frame;
use crate::portal::Portal;
use crate::reading::{Reading, Relation, together};
use crate::respond;
use crate::session::Visitor;
use crate::texts::Texts;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use candour_app::access_history::{self, Event, What};
use candour_keeper_api::words::{EntryKind, Purpose, Role, Section};
use jiff::tz::TimeZone;
use serde::Deserialize;

/// The list.
#[derive(Template)]
#[template(path = "access_history/history.html")]
pub struct HistoryPage {
    /// Around it.
    pub frame: Frame,
    /// It is the viewer's own record.
    pub is_own: bool,
    /// Newest first.
    pub events: Vec<EventView>,
    /// Where earlier ones are.
    pub older: Option<String>,
    /// Where the newest are, on an older page.
    pub newest: Option<String>,
}

/// One opening, refusal or change.
pub struct EventView {
    /// Who did what and when.
    pub sentence: String,
    /// The reason given.
    pub why: Option<String>,
    /// The viewer did it.
    pub is_viewer: bool,
    /// It was refused.
    pub is_refused: bool,
}

/// Only events before this ledger index.
#[derive(Deserialize)]
pub struct Before {
    before: Option<u64>,
}

/// `GET /patients/{patient}/history`.
pub async fn show(
    State(portal): State<Portal>,
    visitor: Visitor,
    Path(patient): Path<String>,
    Query(Before { before }): Query<Before>,
) -> Result<Response, Problem> {
    let reading = Reading::of(&portal, visitor, &patient).await?;
    let viewer = reading.viewer_for(Purpose::AccessHistory);
    let (opened, first_byte) =
        access_history::page(portal.app(), &viewer, reading.patient, before).await?;
    let (banner, banner_byte) = reading.banner(&portal).await?.unzip();
    let is_own = reading.relation == Relation::Own;
    let title = if is_own {
        "history.title"
    } else {
        "home.history_other"
    };
    let frame = reading.frame(&portal, title, banner).await;
    let history = opened.into_inner();
    let last = history.events.last().map(|event| event.index);
    let path = reading.path("/history");
    let page = HistoryPage {
        is_own,
        events: history
            .events
            .iter()
            .map(|event| view(frame.texts(), &portal.settings().zone, event, is_own))
            .collect(),
        older: last
            .filter(|_| history.has_more)
            .map(|index| format!("{path}?before={index}")),
        newest: before.map(|_| path),
        frame,
    };
    respond::opened(&page, together(first_byte, banner_byte))
}

/// What somebody did, as the sentences know it.
#[derive(Clone, Copy)]
enum Deed {
    Opened,
    Refused,
    Added,
    Looked,
    Changed,
}

fn deed(event: &Event) -> Deed {
    match event.kind {
        _ if !event.is_granted => Deed::Refused,
        EntryKind::Deposit | EntryKind::Sealed => Deed::Added,
        EntryKind::History => Deed::Looked,
        EntryKind::Change
        | EntryKind::Freeze
        | EntryKind::Unfreeze
        | EntryKind::Shred
        | EntryKind::SignIn
        | EntryKind::SignOut
        | EntryKind::Authorize
        | EntryKind::Alarm
        | EntryKind::KeyUse
        | EntryKind::Start
        | EntryKind::Summary
        | EntryKind::LossAccepted => Deed::Changed,
        EntryKind::Open | EntryKind::Delivered | EntryKind::Find | EntryKind::Withheld => {
            Deed::Opened
        }
    }
}

macro_rules! sentences {
    ($deed:expr, $who:literal) => {
        match $deed {
            Deed::Opened => concat!("history_by.", $who, "_opened"),
            Deed::Refused => concat!("history_by.", $who, "_refused"),
            Deed::Added => concat!("history_by.", $who, "_added"),
            Deed::Looked => concat!("history_by.", $who, "_looked"),
            Deed::Changed => concat!("history_by.", $who, "_changed"),
        }
    };
}

/// The sentence for who did what.
fn sentence(event: &Event) -> &'static str {
    let deed = deed(event);
    if event.is_viewer {
        return sentences!(deed, "you");
    }
    let is_named = event.actor_name.is_some() && event.practice_name.is_some();
    match event.role {
        Role::Clinician | Role::Reception | Role::Manager if is_named => sentences!(deed, "named"),
        Role::Clinician => sentences!(deed, "clinician"),
        Role::Reception => sentences!(deed, "reception"),
        Role::Manager => sentences!(deed, "manager"),
        Role::Patient | Role::Proxy | Role::Anonymous if !event.is_granted => {
            sentences!(deed, "somebody")
        }
        Role::Patient => sentences!(deed, "patient"),
        Role::Proxy => sentences!(deed, "proxy"),
        Role::PracticeClient => sentences!(deed, "system"),
        Role::PrivacyOfficer | Role::SecurityOfficer | Role::CommunicationsOfficer => {
            sentences!(deed, "operator")
        }
        Role::Anonymous => sentences!(deed, "somebody"),
        Role::Keeper => sentences!(deed, "keeper"),
    }
}

fn role(texts: &Texts, role: Role) -> &'static str {
    texts.say(match role {
        Role::Reception => "history_role.reception",
        Role::Manager => "history_role.manager",
        _ => "history_role.clinician",
    })
}

macro_rules! things {
    ($section:expr, $whose:literal) => {
        match $section {
            Section::Shelf => concat!($whose, ".shelf"),
            Section::Conditions => concat!($whose, ".conditions"),
            Section::Medicines => concat!($whose, ".medicines"),
            Section::Allergies => concat!($whose, ".allergies"),
            Section::Immunisations => concat!($whose, ".immunisations"),
            Section::Results => concat!($whose, ".results"),
            Section::Other => concat!($whose, ".other"),
            Section::Identity => concat!($whose, ".identity"),
            Section::Contact => concat!($whose, ".contact"),
            Section::Notices => concat!($whose, ".notices"),
            Section::None => concat!($whose, ".record"),
        }
    };
}

fn what(texts: &Texts, event: &Event, is_own: bool) -> String {
    match (&event.what, is_own) {
        (What::Section(section), true) => texts.say(things!(section, "history_mine")).to_owned(),
        (What::Section(section), false) => texts.say(things!(section, "history_theirs")).to_owned(),
        (What::Document(_, Some(title)), true) => {
            texts.fill("history_mine.document_named", &[("title", title.as_str())])
        }
        (What::Document(_, Some(title)), false) => texts.fill(
            "history_theirs.document_named",
            &[("title", title.as_str())],
        ),
        (What::Document(_, None), true) => texts.say("history_mine.document").to_owned(),
        (What::Document(_, None), false) => texts.say("history_theirs.document").to_owned(),
        (What::Nothing, true) => texts.say("history_mine.record").to_owned(),
        (What::Nothing, false) => texts.say("history_theirs.record").to_owned(),
    }
}

/// The reason given: a whole sentence of its own.
fn why(texts: &Texts, event: &Event, is_own: bool) -> Option<&'static str> {
    let key = match event.purpose? {
        Purpose::OwnRecord if event.is_viewer => "history_why.own_record_you",
        Purpose::OwnRecord => "history_why.own_record",
        Purpose::ProxyAccess => "history_why.proxy_access",
        Purpose::DirectCare if is_own => "history_why.direct_care_you",
        Purpose::DirectCare => "history_why.direct_care",
        Purpose::Administration => "history_why.administration",
        Purpose::Deposit => "history_why.deposit",
        Purpose::Emergency => "history_why.emergency",
        Purpose::IncidentNotice => "history_why.incident_notice",
        Purpose::IncidentScope => "history_why.incident_scope",
        Purpose::AccessHistory => "history_why.access_history",
        Purpose::AccountCare => "history_why.account_care",
    };
    Some(texts.say(key))
}

fn view(texts: &Texts, zone: &TimeZone, event: &Event, is_own: bool) -> EventView {
    let practice = event.practice_name.as_deref();
    let values = [
        ("what", what(texts, event, is_own)),
        ("when", dates::moment(texts, event.at, zone)),
        ("name", event.actor_name.clone().unwrap_or_default()),
        ("role", role(texts, event.role).to_owned()),
        (
            "practice",
            practice
                .unwrap_or_else(|| texts.say("history.some_practice"))
                .to_owned(),
        ),
    ];
    let values: Vec<(&str, &str)> = values
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    EventView {
        sentence: texts.fill(sentence(event), &values),
        why: why(texts, event, is_own).map(str::to_owned),
        is_viewer: event.is_viewer,
        is_refused: !event.is_granted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Language;

    fn event(kind: EntryKind, role: Role) -> Event {
        Event {
            index: 7,
            at: "2026-11-02T20:14:00Z".parse().unwrap(),
            kind,
            is_granted: true,
            purpose: Some(Purpose::DirectCare),
            role,
            practice: None,
            practice_name: Some("Kauri Health".to_owned()),
            actor_name: Some("Dr Aroha Ngata".to_owned()),
            is_viewer: false,
            what: What::Section(Section::Results),
            count: 3,
            is_delivered: true,
        }
    }

    #[test]
    fn an_opening_reads_as_one_plain_sentence() {
        let texts = Language::English.texts();
        let zone = TimeZone::get("Pacific/Auckland").unwrap();
        let seen = view(texts, &zone, &event(EntryKind::Open, Role::Clinician), true);
        assert_eq!(
            seen.sentence,
            "Dr Aroha Ngata, doctor or nurse at Kauri Health, opened your results on 3 November 2026 at 9:14 am."
        );
        assert_eq!(seen.why.as_deref(), Some("Reason given: to care for you."));
    }

    #[test]
    fn every_event_there_can_be_has_its_sentence() {
        let zone = TimeZone::UTC;
        for language in Language::ALL {
            let texts = language.texts();
            for (kind, role) in EntryKind::ALL
                .iter()
                .flat_map(|kind| Role::ALL.iter().map(move |role| (*kind, *role)))
            {
                for (is_granted, is_viewer, is_own) in [
                    (true, false, true),
                    (false, false, false),
                    (true, true, true),
                ] {
                    for section in Section::ALL {
                        let what = What::Section(*section);
                        let purpose = Purpose::ALL.get(usize::from(role.number())).copied();
                        let event = Event {
                            is_granted,
                            is_viewer,
                            what,
                            purpose,
                            ..event(kind, role)
                        };
                        let seen = view(texts, &zone, &event, is_own);
                        assert!(
                            seen.sentence.ends_with('.') && !seen.sentence.contains('_'),
                            "{}",
                            seen.sentence
                        );
                        assert!(!seen.why.unwrap_or_default().contains('_'));
                    }
                }
            }
        }
    }
}
