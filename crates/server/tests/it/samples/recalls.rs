//! Taking back what was put in: looking, what was taken back, whom it concerns.

use super::{PATIENT, errors, of_staff};
use candour_server::frame::FieldErrors;
use candour_server::pages::recalls::{
    BatchView, ConcernedView, FoundView, PeoplePage, RecallView, RecallsPage,
};

const SENTENCE: &str = "Take back what the program Kauri results put in from 28 November 2026, 11:00 to 29 November 2026, 20:16 UTC. Documents, messages and parts of records: 3012. Patients: 1204. Opened by somebody: 17. Only the title seen: 40. Reason: put in under the wrong patients";

fn batch(number: char, who: &str, is_chosen: bool) -> BatchView {
    BatchView {
        value: number.to_string().repeat(96),
        who: who.to_owned(),
        items: "Documents, messages and parts of records: 3012. Patients: 1204.".to_owned(),
        seen: "Opened by somebody: 17. Only the title seen: 40.".to_owned(),
        is_chosen,
    }
}

fn recall(what: &'static str, people: bool) -> RecallView {
    RecallView {
        what,
        who: "Signed by Mere Pere on 30 November 2026 at 9:14 am.".to_owned(),
        sentence: SENTENCE.to_owned(),
        people: people.then(|| "/practice/recalls/people?recall=7".to_owned()),
    }
}

fn recalls(errors: FieldErrors) -> RecallsPage {
    let mut frame = of_staff("recalls.title").back_to("/practice", "frame.back");
    frame.has_errors = !errors.is_empty();
    RecallsPage {
        frame,
        said: Some("recalls.said_done"),
        errors,
        from: "2026-11-29T00:00".to_owned(),
        until: "2026-11-30T09:15".to_owned(),
        found: Some(FoundView {
            as_of: 4711,
            batches: vec![
                batch('a', "The program Kauri results", true),
                batch('b', "Dr Aroha Ngata", false),
            ],
            reason: "put in under the wrong patients".to_owned(),
        }),
        recalls: vec![recall("Put back", false), recall("Taken back", true)],
        older: Some("/practice/recalls?before=7".to_owned()),
        newest: None,
    }
}

fn nothing() -> RecallsPage {
    RecallsPage {
        said: None,
        found: Some(FoundView {
            as_of: 4711,
            batches: Vec::new(),
            reason: String::new(),
        }),
        recalls: Vec::new(),
        older: None,
        newest: Some("/practice/recalls"),
        ..recalls(FieldErrors::default())
    }
}

fn people(recall: Option<u64>) -> PeoplePage {
    PeoplePage {
        frame: of_staff("recalls.people_title").back_to("/practice/recalls", "frame.back"),
        errors: FieldErrors::default(),
        sentence: SENTENCE.to_owned(),
        who: "Signed by Mere Pere on 30 November 2026 at 9:14 am.".to_owned(),
        recall,
        reason: String::new(),
        people: vec![
            ConcernedView {
                name: "Māhina Te Kaurinui-Walker".to_owned(),
                about: Some("Born 27 March 1946, NHI ZZZ0016".to_owned()),
                path: Some(format!("/patients/{PATIENT}")),
                items: "Taken back: 3.".to_owned(),
                seen: Some("Opened by somebody: 2. Only the title seen: 0.".to_owned()),
            },
            ConcernedView {
                name: "A patient whose name cannot be shown now".to_owned(),
                about: None,
                path: None,
                items: "Taken back: 1.".to_owned(),
                seen: None,
            },
        ],
        more: Some("/practice/recalls/people?recall=7&before=9".to_owned()),
    }
}

pub(super) fn all() -> Vec<(&'static str, Box<dyn askama::DynTemplate>)> {
    let mend = errors(&[
        ("batch", "Choose whose is to be taken back"),
        ("reason", "Say why, in at most 300 letters"),
    ]);
    vec![
        ("recalls", Box::new(recalls(FieldErrors::default()))),
        ("recalls-mend", Box::new(recalls(mend))),
        ("recalls-nothing", Box::new(nothing())),
        ("recalls-people", Box::new(people(Some(7)))),
        ("recalls-people-back", Box::new(people(None))),
    ]
}
