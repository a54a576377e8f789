//! Emergency access.

use super::{OPTIONS, PATIENT, about, document, errors};
use candour_server::pages::emergency::{ActPage, AskPage, RecordPage, SectionView};
use candour_server::pages::record::EntryView;

fn section(name: &'static str, none: &'static str, entries: Vec<EntryView>) -> SectionView {
    SectionView {
        id: if entries.is_empty() {
            "conditions"
        } else {
            "allergies"
        },
        name,
        more: (!entries.is_empty()).then(|| "50 of 61 entries are shown.".to_owned()),
        entries,
        none,
    }
}

pub(super) fn all() -> Vec<(&'static str, Box<dyn askama::DynTemplate>)> {
    let penicillin = EntryView {
        title: "Penicillin".to_owned(),
        value: None,
        lines: vec!["Anaphylaxis".to_owned()],
        when: "3 March 2019".to_owned(),
        source: Some("Kauri Health".to_owned()),
    };
    vec![
        (
            "emergency",
            Box::new(AskPage {
                frame: about("emergency.title"),
                errors: errors(&[("reason", "Say what has happened, in at most 300 letters")]),
                action: format!("/patients/{PATIENT}/emergency"),
                reason: String::new(),
                document: String::new(),
            }),
        ),
        (
            "emergency-sign",
            Box::new(ActPage {
                frame: about("emergency.title").with_passkeys(),
                action: format!("/patients/{PATIENT}/emergency"),
                sentence: "Open in an emergency the record of Mia Walker, born 29 February 1980, NHI ZZZ0016. What has happened: collapsed in the waiting room".to_owned(),
                reason: "collapsed in the waiting room".to_owned(),
                document: String::new(),
                ceremony: PATIENT.to_owned(),
                options: OPTIONS.to_owned(),
            }),
        ),
        (
            "emergency-opened",
            Box::new(RecordPage {
                frame: about("emergency.opened"),
                sections: vec![
                    section("record.allergies", "", vec![penicillin]),
                    section(
                        "record.conditions",
                        "No conditions are written down here.",
                        Vec::new(),
                    ),
                ],
                documents: vec![(
                    format!("/patients/{PATIENT}/emergency?document={PATIENT}"),
                    document("Letter from the heart clinic", true),
                )],
                unreadable: None,
            }),
        ),
    ]
}
