//! A practice's programs: the list, letting one read, a new one's credential.

use super::{errors, of_staff};
use candour_server::frame::FieldErrors;
use candour_server::pages::programs::{
    CredentialPage, ProgramView, ProgramsPage, ReadingPage, ReadsView,
};
use candour_server::pages::sharing::Choice;

const CLIENT: &str = "61626364656667686970717273747576";

fn list() -> ProgramsPage {
    let program = |name: &str, reads| ProgramView {
        client: CLIENT.to_owned(),
        name: name.to_owned(),
        since: "Added on 3 March 2026 at 10:00 am".to_owned(),
        reads,
    };
    let reads = ReadsView {
        what: "It may read: Documents, Results. Until 1 June 2026 at 10:00 am.".to_owned(),
        reason: "Reason: letters are printed at the counter".to_owned(),
    };
    ProgramsPage {
        frame: of_staff("programs.title").back_to("/practice", "frame.back"),
        said: Some("programs.said_ended"),
        errors: FieldErrors::default(),
        programs: vec![
            program("practice system", None),
            program("Kauri results", Some(reads)),
        ],
        typed: String::new(),
    }
}

fn nothing() -> ProgramsPage {
    let mut page = ProgramsPage {
        said: None,
        programs: Vec::new(),
        typed: "x".repeat(101),
        errors: errors(&[("name", "Enter the program's name, in at most 100 letters")]),
        ..list()
    };
    page.frame.has_errors = true;
    page
}

fn reading(errors: FieldErrors) -> ReadingPage {
    let choice = |value: &str, words: &str, is_chosen| Choice {
        value: value.to_owned(),
        words: words.to_owned(),
        is_chosen,
    };
    let mut frame = of_staff("programs.reading_title").back_to("/practice/programs", "frame.back");
    "Let Kauri results read".clone_into(&mut frame.title);
    frame.has_errors = !errors.is_empty();
    ReadingPage {
        frame,
        errors,
        action: format!("/practice/programs/{CLIENT}/reading"),
        sections: vec![
            choice("shelf", "Documents", true),
            choice("results", "Results", false),
        ],
        days: vec![
            choice("30", "30 days", false),
            choice("90", "90 days", true),
        ],
        reason: "letters are printed at the counter".to_owned(),
    }
}

fn credential() -> CredentialPage {
    CredentialPage {
        frame: of_staff("programs.credential_title"),
        credential: format!("{CLIENT}:{}", "0123456789abcdef".repeat(4)),
    }
}

pub(super) fn all() -> Vec<(&'static str, Box<dyn askama::DynTemplate>)> {
    vec![
        ("programs", Box::new(list())),
        ("programs-nothing", Box::new(nothing())),
        (
            "programs-reading",
            Box::new(reading(FieldErrors::default())),
        ),
        (
            "programs-reading-mend",
            Box::new(reading(errors(&[("see", "Choose what it may read")]))),
        ),
        ("programs-credential", Box::new(credential())),
    ]
}
