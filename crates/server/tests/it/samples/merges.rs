//! Two records of one person: the practice's page, and what the patient is told.

use super::{PATIENT, about, errors, page, tile, to_ring};
use candour_server::frame::FieldErrors;
use candour_server::pages::home::{HomePage, RecordTile};
use candour_server::pages::merges::{Asked, EndedView, MergeNote, MergePage, StandingView};

fn begin(errors: FieldErrors) -> MergePage {
    MergePage {
        frame: about("merge.title"),
        errors,
        base: format!("/patients/{PATIENT}/merge"),
        said: None,
        standing: None,
        may_begin: true,
        given: Asked {
            nhi: "ZZZ0024".to_owned(),
            stays: "this".to_owned(),
            reason: "the Ministry wrote".to_owned(),
        },
        ended: Vec::new(),
    }
}

fn standing() -> MergePage {
    MergePage {
        standing: Some(StandingView {
            what: "Since 3 March 2026 at 9:14 am this record and another one are read as one person's. This number stays.".to_owned(),
            reason: "Reason given: the Ministry wrote".to_owned(),
            other: "/patients/40313233343536373839616263646566".to_owned(),
            waits: Some("Until 6 March 2026 at 9:14 am what other practices put in waits.".to_owned()),
        }),
        may_begin: false,
        ..begin(FieldErrors::default())
    }
}

fn ended() -> MergePage {
    MergePage {
        said: Some("merge.said_ended"),
        may_begin: false,
        ended: vec![EndedView {
            when: "From 3 March 2026 at 9:14 am until 4 March 2026 at 2:00 pm".to_owned(),
            how: "merge.practice_two",
            reason: "Reason given: they met in the waiting room".to_owned(),
            opened: vec![
                "A document of 2026-02, of the other record: opened by this patient, first on 3 March 2026 at 10:00 am. Times: 2.".to_owned(),
            ],
            looked: Some("The list of who opened the record was looked at. Times: 1.".to_owned()),
            is_partial: true,
            other: "/patients/40313233343536373839616263646566".to_owned(),
        }],
        ..begin(FieldErrors::default())
    }
}

fn home() -> HomePage {
    HomePage {
        proxies: vec![],
        frame: page("home.title")
            .for_patient()
            .at("/home")
            .titled("Hello Hēmi".to_owned()),
        records: vec![
            tile("Your record", true, None),
            RecordTile {
                is_other: true,
                is_own: false,
                until: None,
                has_history: true,
                is_charge: false,
                only: None,
                ..tile("Your other record, under the number ZZZ0024", false, None)
            },
        ],
        practices: to_ring(),
        ways_changed: false,
        is_new: None,
        recovery: None,
        is_stopped: false,
        merges: vec![MergeNote {
            what:
                "Kauri Health wrote down on 3 March 2026 at 9:14 am that you have two NHI numbers."
                    .to_owned(),
        }],
        is_apart: false,
    }
}

pub(super) fn all() -> Vec<(&'static str, Box<dyn askama::DynTemplate>)> {
    let mended = errors(&[
        ("nhi", "Write the other NHI number"),
        ("stays", "Say which number stays"),
        ("reason", "Say why, in at most 300 letters"),
    ]);
    vec![
        ("merge", Box::new(begin(mended))),
        ("merge-standing", Box::new(standing())),
        ("merge-ended", Box::new(ended())),
        ("home-merged", Box::new(home())),
    ]
}
