//! Policies: any text is refused or is a whole set, in which every statement of the text has its place.
//!
//! Input: a text, or with a first byte of 1 one of our own files with a piece of it replaced.

use super::feed::Feed;
use candour_keeper::decision::{Action, Assurance, ChangeAction, DecisionFacts, Relation};
use candour_keeper::policy::{FILES, PolicySet};
use candour_keeper_wire::words::{Age, Purpose, Role};

/// Longest text in bytes; policies that people read are not longer.
const LONGEST: usize = 8 * 1024;

pub fn feed(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    let text = match feed.byte() {
        1 => patched(&mut feed),
        _ => feed.text().map(str::to_owned),
    };
    let Some(text) = text.filter(|text| text.len() <= LONGEST) else {
        return;
    };
    let Ok(set) = PolicySet::of(&[("fuzz.cedar", &text)]) else {
        return;
    };
    // Nothing that somebody wrote as a statement is passed over.
    let written = statements(&text);
    assert!(
        set.names().count() >= written,
        "{written} statements, in force: {}",
        set.names().count()
    );
    for (role, relation) in [
        (Role::Patient, Relation::Own),
        (Role::Clinician, Relation::OwnPractice),
        (Role::SecurityOfficer, Relation::Installation),
        (Role::Anonymous, Relation::Stranger),
    ] {
        let decision = set.decide(&DecisionFacts {
            role,
            purpose: Purpose::AccountCare,
            action: Action::Change(ChangeAction::Freeze),
            relation,
            tags: 0,
            assurance: Assurance::FreshPasskey,
            age: Age::Grown,
            is_deceased: false,
            is_unsafe_to_write: false,
            has_reason: true,
        });
        let is_named = set.names().any(|name| name == &*decision.policy);
        assert!(!decision.is_allowed || is_named);
    }
}

/// How many statements there are: each ends in a semicolon, which else stands in texts and comments only.
fn statements(text: &str) -> usize {
    let (mut count, mut rest) = (0, text);
    while let Some(at) = rest.find([';', '"', '/']) {
        let (found, after) = rest[at..].split_at(1);
        rest = match found {
            ";" => {
                count += 1;
                after
            }
            "/" if after.starts_with('/') => {
                let end = after.find(['\n', '\r']).unwrap_or(after.len());
                &after[end..]
            }
            "\"" => behind_text(after),
            _ => after,
        };
    }
    count
}

/// What follows the quote that ends a text.
fn behind_text(text: &str) -> &str {
    let mut is_escaped = false;
    for (at, char) in text.char_indices() {
        match char {
            '"' if !is_escaped => return &text[at + 1..],
            _ => is_escaped = char == '\\' && !is_escaped,
        }
    }
    ""
}

fn patched(feed: &mut Feed<'_>) -> Option<String> {
    let (_, file) = FILES[feed.below(FILES.len())];
    let (from, length) = (feed.below(file.len()), feed.below(64));
    let before = file.get(..from)?;
    let after = file.get(from.saturating_add(length).min(file.len())..)?;
    Some([before, feed.text()?, after].concat())
}

pub fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "@id(\"one\") permit (principal, action, resource);",
        "permit (principal, action, resource);",
        "@id(\"a\") forbid (principal, action in [Action::\"freeze\"], resource) when { context.has_reason };",
        "@id(\"t\") forbid (principal == ?principal, action, resource);",
    ];
    let mut seeds: Vec<Vec<u8>> = texts
        .iter()
        .map(|text| [&[0], text.as_bytes()].concat())
        .collect();
    seeds.push([&[0], FILES[1].1.as_bytes()].concat());
    seeds.push(b"\x01\x00\x03\x00\x40\x00\x04true".to_vec());
    seeds
}
