//! Recovery: the form of staff, the code, where it is used, and what the home page says.

use super::{PATIENT, about, account_page, errors, of_staff, page, tile};
use candour_server::frame::FieldErrors;
use candour_server::pages::home::HomePage;
use candour_server::pages::invitations::account::{AccountPage, InvitationPage, Kind};
use candour_server::pages::recoveries::{RecoverPage, RecoveryCodePage, RecoveryNote};

fn form(errors: FieldErrors) -> RecoverPage {
    RecoverPage {
        frame: about("recover.title"),
        errors,
        action: format!("/patients/{PATIENT}/recover"),
        choices: vec![
            (1, "recover.known"),
            (2, "recover.photo"),
            (3, "recover.papers"),
        ],
        chosen: 2,
    }
}

fn home(note: RecoveryNote) -> HomePage {
    HomePage {
        frame: page("home.title").for_patient().at("/home"),
        records: vec![tile("Your record", true, None)],
        practices: Vec::new(),
        ways_changed: false,
        is_new: None,
        recovery: Some(note),
        is_stopped: false,
        merges: Vec::new(),
        is_apart: false,
        proxies: Vec::new(),
    }
}

pub(super) fn all() -> Vec<(&'static str, Box<dyn askama::DynTemplate>)> {
    let mend = errors(&[
        ("identified", "Say how you know who this is"),
        (
            "checked",
            "Check that the patient is here in person, and tick the box",
        ),
    ]);
    vec![
        ("recover", Box::new(form(mend))),
        (
            "recover-code",
            Box::new(RecoveryCodePage {
                frame: of_staff("recover.code_title"),
                code: "KQ7M-2XWD-9FHT-0000".to_owned(),
                place: "The patient opens https://candour.example.".to_owned(),
            }),
        ),
        (
            "recover-use",
            Box::new(InvitationPage {
                frame: page("recover.use_title").back_to("/sign-in", "frame.back"),
                kind: Kind::Recovery,
                errors: FieldErrors::default(),
                login: String::new(),
            }),
        ),
        (
            "recover-account",
            Box::new(AccountPage {
                frame: page("recover.choose_title").with_passkeys(),
                kind: Kind::Recovery,
                ..account_page()
            }),
        ),
        (
            "home-recovered",
            Box::new(home(RecoveryNote {
                title: "recovery.made_title",
                what: "Kauri Health gave out a code on 3 March 2026 at 9:14 am.".to_owned(),
                then: "From 6 March 2026 at 9:14 am they open everything.".to_owned(),
                may_stop: true,
            })),
        ),
    ]
}
