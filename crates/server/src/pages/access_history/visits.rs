//! Events as people read them: what one person did in one go stands together, with who, when and why said once.

use crate::dates;
use crate::texts::Texts;
use candour_app::access_history::{Event, What};
use candour_keeper_api::words::{EntryKind, MergeStep, Purpose, RecoveryStep, Role, Section};
use jiff::SignedDuration;
use jiff::tz::TimeZone;

/// A longer pause begins a new visit.
const PAUSE: SignedDuration = SignedDuration::from_mins(30);

/// What one person did in one go.
pub struct VisitView {
    /// Who, with role and practice.
    pub who: String,
    /// From when until when.
    pub when: String,
    /// The reason given.
    pub why: Option<String>,
    /// What, in order; the same thing again and again is one line.
    pub deeds: Vec<String>,
    /// For the viewer's own: how many openings, on the fold that holds them.
    pub folded: Option<String>,
    /// It was refused.
    pub is_refused: bool,
    /// For patients themselves, where staff looked: where to keep that person from the record.
    pub keep: Option<String>,
    /// Where its receipts are; empty for all but patients themselves, who alone get any.
    pub receipts: String,
}

/// The visits of a page of events, both newest first.
pub(super) fn views(
    texts: &Texts,
    zone: &TimeZone,
    events: &[Event],
    is_own: bool,
    receipts_path: &str,
) -> Vec<VisitView> {
    visits(events, zone)
        .into_iter()
        .map(|visit| VisitView {
            receipts: receipts(receipts_path, visit)
                .filter(|_| is_own)
                .unwrap_or_default(),
            keep: keep(visit).filter(|_| is_own),
            ..view(texts, zone, visit, is_own)
        })
        .collect()
}

/// Where the receipts of these events are, newest first; `None` where there are none.
fn receipts(path: &str, events: &[Event]) -> Option<String> {
    let (latest, earliest) = (events.first()?.index, events.last()?.index);
    Some(format!("{path}?from={earliest}&to={latest}"))
}

/// Where a member of staff is kept from the record, who is known by what they did.
fn keep(events: &[Event]) -> Option<String> {
    let latest = events.first()?;
    let is_staff = matches!(
        latest.role,
        Role::Clinician | Role::Reception | Role::Manager
    );
    (is_staff && !latest.is_viewer).then(|| format!("/sharing/keep?entry={}", latest.index))
}

/// Where the receipts of a page are: from its earliest event, or the beginning of the ledger on the last page, to the
/// page that came before it. So no entry lies between two pages, whether it has a line or not.
pub(super) fn receipts_of_page(
    path: &str,
    events: &[Event],
    before: Option<u64>,
    has_more: bool,
) -> String {
    let earliest = events.last().filter(|_| has_more);
    let from = earliest.map_or(0, |event| event.index);
    match before.and_then(|before| before.checked_sub(1)) {
        Some(to) => format!("{path}?from={from}&to={to}"),
        None => format!("{path}?from={from}"),
    }
}

/// Neighbours by the same person for the same reason on the same day; refusals stand apart.
fn visits<'a>(events: &'a [Event], zone: &TimeZone) -> Vec<&'a [Event]> {
    let mut visits = Vec::new();
    let mut rest = events;
    while let Some(first) = rest.first() {
        let mut reason = shown_purpose(first);
        let mut length = 1;
        while let Some(next) = rest.get(length)
            && is_one_visit(&rest[length - 1], next, zone)
            && (reason.is_none() || shown_purpose(next).is_none_or(|next| Some(next) == reason))
        {
            reason = reason.or(shown_purpose(next));
            length += 1;
        }
        let (visit, others) = rest.split_at(length);
        visits.push(visit);
        rest = others;
    }
    visits
}

fn is_one_visit(later: &Event, earlier: &Event, zone: &TimeZone) -> bool {
    let day = |event: &Event| event.at.to_zoned(zone.clone()).date();
    later.is_viewer == earlier.is_viewer
        && later.role == earlier.role
        && later.practice == earlier.practice
        && later.actor_name == earlier.actor_name
        && later.is_granted == earlier.is_granted
        && later.recovery == earlier.recovery
        && later.at.duration_since(earlier.at) <= PAUSE
        && day(later) == day(earlier)
}

/// Looking at the list of openings is part of reading a record.
fn shown_purpose(event: &Event) -> Option<Purpose> {
    event.purpose.filter(|_| event.kind != EntryKind::History)
}

fn view(texts: &Texts, zone: &TimeZone, visit: &[Event], is_own: bool) -> VisitView {
    // A slice of `chunk_by` is never empty.
    let (latest, earliest) = (&visit[0], &visit[visit.len() - 1]);
    VisitView {
        who: who(texts, latest),
        when: dates::span(texts, earliest.at, latest.at, zone),
        why: visit.iter().find_map(|event| why(texts, event, is_own)),
        deeds: deeds(texts, visit, is_own),
        folded: (latest.is_viewer && latest.is_granted).then(|| match visit.len() {
            1 => texts.say("history.own_one").to_owned(),
            count => texts.fill("history.own_many", &[("count", &count.to_string())]),
        }),
        is_refused: !latest.is_granted,
        keep: None,
        receipts: String::new(),
    }
}

/// What was done, the earliest first.
fn deeds(texts: &Texts, visit: &[Event], is_own: bool) -> Vec<String> {
    let mut deeds: Vec<(String, usize)> = Vec::new();
    for event in visit.iter().rev() {
        let said = texts.fill(
            deed(event, is_own),
            &[("what", &what(texts, event, is_own))],
        );
        match deeds.iter_mut().find(|(known, _)| *known == said) {
            Some((_, count)) => *count += 1,
            None => deeds.push((said, 1)),
        }
    }
    let say = |(deed, count): (String, usize)| match count {
        1 => deed,
        _ => texts.fill(
            "history_deed.times",
            &[("deed", &deed), ("count", &count.to_string())],
        ),
    };
    deeds.into_iter().map(say).collect()
}

fn deed(event: &Event, is_own: bool) -> &'static str {
    let of_recovery = event.recovery.and_then(|step| match (step, is_own) {
        (RecoveryStep::Allowed, true) => Some("history_deed.recovery_allowed"),
        (RecoveryStep::Allowed, false) => Some("history_deed.recovery_allowed_theirs"),
        (RecoveryStep::Made, true) => Some("history_deed.recovery_made"),
        (RecoveryStep::Made, false) => Some("history_deed.recovery_made_theirs"),
        (RecoveryStep::Over, true) => Some("history_deed.recovery_over"),
        (RecoveryStep::Over, false) => Some("history_deed.recovery_over_theirs"),
        (RecoveryStep::Stopped, true) => Some("history_deed.recovery_stopped"),
        (RecoveryStep::Stopped, false) => Some("history_deed.recovery_stopped_theirs"),
        (RecoveryStep::Used, _) => None,
    });
    let of_merge = event.merge.map(|step| match step {
        MergeStep::Made => "history_deed.merged",
        MergeStep::Ended => "history_deed.merge_ended",
        MergeStep::EndedAsTwo => "history_deed.merge_ended_two",
    });
    match event.kind {
        _ if !event.is_granted => "history_deed.refused",
        EntryKind::Change if of_merge.is_some() => of_merge.unwrap_or_default(),
        EntryKind::Change if of_recovery.is_some() => of_recovery.unwrap_or_default(),
        EntryKind::Deposit | EntryKind::Sealed => "history_deed.added",
        EntryKind::History => "history_deed.looked",
        EntryKind::Shred => "history_deed.erased",
        EntryKind::Recall if is_own => "history_deed.recall",
        EntryKind::Recall => "history_deed.recall_theirs",
        EntryKind::RecallEnded if is_own => "history_deed.recall_ended",
        EntryKind::RecallEnded => "history_deed.recall_ended_theirs",
        EntryKind::Change
        | EntryKind::Freeze
        | EntryKind::Unfreeze
        | EntryKind::SignIn
        | EntryKind::SignOut
        | EntryKind::Authorize
        | EntryKind::Alarm
        | EntryKind::KeyUse
        | EntryKind::Start
        | EntryKind::Summary
        | EntryKind::Reopening
        | EntryKind::Told
        | EntryKind::LossAccepted => "history_deed.changed",
        EntryKind::Open | EntryKind::Delivered | EntryKind::Find | EntryKind::Withheld => {
            "history_deed.opened"
        }
    }
}

fn who(texts: &Texts, event: &Event) -> String {
    let practice = event.practice_name.as_deref();
    let practice = practice.unwrap_or_else(|| texts.say("history.some_practice"));
    let role = role(texts, event.role);
    let name = event.actor_name.as_deref().unwrap_or_default();
    let key = match event.role {
        _ if event.is_viewer => "history_who.you",
        _ if matches!(
            event.recovery,
            Some(RecoveryStep::Made | RecoveryStep::Used)
        ) =>
        {
            "history_who.recovered"
        }
        Role::Clinician | Role::Reception | Role::Manager if !name.is_empty() => {
            "history_who.named"
        }
        Role::Clinician => "history_who.clinician",
        Role::Reception => "history_who.reception",
        Role::Manager => "history_who.manager",
        Role::Patient | Role::Proxy | Role::Anonymous if !event.is_granted => {
            "history_who.somebody"
        }
        Role::Patient | Role::Proxy if event.is_by_merge => "history_who.other_record",
        Role::Patient => "history_who.patient",
        Role::Proxy => "history_who.proxy",
        Role::PracticeClient => "history_who.system",
        Role::PrivacyOfficer | Role::SecurityOfficer | Role::CommunicationsOfficer => {
            "history_who.operator"
        }
        // The one thing that is granted to somebody without a session.
        Role::Anonymous => "history_who.invitation",
        Role::Keeper => "history_who.keeper",
    };
    texts.fill(
        key,
        &[("name", name), ("role", role), ("practice", practice)],
    )
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

/// The reason given: a whole sentence of its own. One's own needs none.
fn why(texts: &Texts, event: &Event, is_own: bool) -> Option<String> {
    let key = match shown_purpose(event)? {
        Purpose::OwnRecord if event.is_viewer => return None,
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
        Purpose::Notification => "history_why.notification",
    };
    Some(texts.say(key).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Language;
    use candour_core::document::Title;
    use candour_seal::ItemId;

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
            merge: None,
            is_by_merge: false,
            recovery: None,
        }
    }

    fn shown(events: &[Event]) -> Vec<VisitView> {
        let zone = TimeZone::get("Pacific/Auckland").unwrap();
        views(Language::English.texts(), &zone, events, true, "/r")
    }

    fn later(minutes: i64, event: Event) -> Event {
        Event {
            at: event.at + SignedDuration::from_mins(minutes),
            ..event
        }
    }

    #[test]
    fn what_one_person_did_in_one_go_is_said_once() {
        let letter = What::Document(
            ItemId::from_bytes([1; 16]),
            Some(Title::of("Letter from the heart clinic")),
        );
        let open = || event(EntryKind::Open, Role::Clinician);
        let events = [
            later(
                6,
                Event {
                    what: letter,
                    ..open()
                },
            ),
            later(2, open()),
            open(),
        ];
        let [visit] = &shown(&events)[..] else {
            panic!("one visit")
        };
        assert_eq!(visit.who, "Dr Aroha Ngata, doctor or nurse at Kauri Health");
        assert_eq!(visit.when, "3 November 2026, 9:14 am to 9:20 am");
        assert_eq!(
            visit.deeds,
            [
                "Opened your results, 2 times",
                "Opened your document “Letter from the heart clinic”"
            ]
        );
        assert_eq!(visit.why.as_deref(), Some("Reason given: to care for you."));
        assert!(visit.folded.is_none());
        assert_eq!(visit.receipts, "/r?from=7&to=7");
        assert_eq!(visit.keep.as_deref(), Some("/sharing/keep?entry=7"));
    }

    #[test]
    fn the_receipts_of_all_pages_are_all_there_are_and_only_patients_get_any() {
        let at = |index| Event {
            index,
            ..event(EntryKind::Open, Role::Clinician)
        };
        let (newer, older) = ([at(90), at(70)], [at(40), at(20)]);
        let of =
            |events: &[Event], before, has_more| receipts_of_page("/r", events, before, has_more);
        assert_eq!(of(&newer, None, true), "/r?from=70");
        assert_eq!(of(&older, Some(70), false), "/r?from=0&to=69");
        assert_eq!(of(&newer, None, false), "/r?from=0");
        let zone = TimeZone::get("Pacific/Auckland").unwrap();
        let others = views(Language::English.texts(), &zone, &newer, false, "/r");
        assert!(others.iter().all(|visit| visit.receipts.is_empty()));
        assert!(others.iter().all(|visit| visit.keep.is_none()));
    }

    #[test]
    fn another_person_a_pause_a_refusal_or_another_reason_begins_a_new_visit() {
        let open = || event(EntryKind::Open, Role::Clinician);
        for other in [
            event(EntryKind::Open, Role::Reception),
            later(-31, open()),
            Event {
                is_granted: false,
                ..open()
            },
            Event {
                purpose: Some(Purpose::Emergency),
                ..open()
            },
            Event {
                actor_name: None,
                ..open()
            },
            Event {
                is_viewer: true,
                ..open()
            },
        ] {
            assert_eq!(shown(&[open(), other]).len(), 2);
        }
    }

    #[test]
    fn a_recovery_is_told_step_by_step_and_what_was_done_by_it_is_nobodys_own() {
        let step = |step, kind, role| Event {
            recovery: Some(step),
            purpose: None,
            actor_name: None,
            ..event(kind, role)
        };
        let change = EntryKind::Change;
        let told = [
            step(RecoveryStep::Over, change, Role::Keeper),
            step(RecoveryStep::Used, EntryKind::Open, Role::Patient),
            step(RecoveryStep::Made, change, Role::Anonymous),
            step(RecoveryStep::Allowed, change, Role::Reception),
        ];
        let visits = shown(&told);
        let said: Vec<_> = visits
            .iter()
            .map(|visit| (visit.who.as_str(), visit.deeds[0].as_str()))
            .collect();
        let new_ways = "Somebody with the new ways to sign in from the counter of Kauri Health";
        assert_eq!(
            said,
            [
                (
                    "This portal itself",
                    "Ended the older ways to sign in to your account: three days were over, and nobody had objected"
                ),
                (new_ways, "Opened your results"),
                (
                    new_ways,
                    "Made new ways to sign in to your account, with the code"
                ),
                (
                    "Somebody at the reception of Kauri Health",
                    "Gave out a code for your account, to somebody who said that they are you and cannot get in"
                ),
            ]
        );
        assert!(visits.iter().all(|visit| visit.folded.is_none()));
    }

    #[test]
    fn one_s_own_openings_are_folded_and_counted_but_never_refusals() {
        let own = Event {
            is_viewer: true,
            purpose: Some(Purpose::OwnRecord),
            ..event(EntryKind::Open, Role::Patient)
        };
        let refused = Event {
            is_granted: false,
            ..own.clone()
        };
        let visits = shown(&[own.clone(), own, refused]);
        assert_eq!(visits[0].folded.as_deref(), Some("2 openings"));
        assert_eq!(visits[0].why, None);
        assert!(visits[1].is_refused && visits[1].folded.is_none());
    }

    #[test]
    fn every_event_there_can_be_has_its_words() {
        for (kind, role) in EntryKind::ALL
            .iter()
            .flat_map(|kind| Role::ALL.iter().map(move |role| (*kind, *role)))
        {
            for (is_granted, is_viewer) in [(true, false), (false, false), (true, true)] {
                let steps = RecoveryStep::ALL.iter().map(|step| Some(*step));
                let whats = Section::ALL
                    .iter()
                    .zip(steps.chain(std::iter::repeat(None)));
                for (section, recovery) in whats {
                    let purpose = Purpose::ALL.get(usize::from(role.number())).copied();
                    let event = Event {
                        is_granted,
                        is_viewer,
                        what: What::Section(*section),
                        purpose,
                        recovery,
                        ..event(kind, role)
                    };
                    for visit in shown(&[event]) {
                        let words = [visit.who, visit.when, visit.why.unwrap_or_default()];
                        for words in words.iter().chain(&visit.deeds) {
                            assert!(!words.contains(['_', '{']), "{words}");
                        }
                        assert!(!visit.deeds.is_empty());
                    }
                }
            }
        }
    }
}
