//! Who reads a record.

use super::{OPTIONS, PATIENT, about, errors, of_patient, page, tile};
use candour_server::frame::FieldErrors;
use candour_server::pages::home::{HomePage, RecordTile};
use candour_server::pages::sharing::acting::{ActingPage, ActingView};
use candour_server::pages::sharing::charge::ChargePage;
use candour_server::pages::sharing::proxies::ProxyPage;
use candour_server::pages::sharing::{
    ActPage, Choice, ProxyNote, ProxyView, RulePage, RuleView, SharingPage,
};

fn choice(value: &str, words: &str) -> Choice {
    Choice {
        value: value.to_owned(),
        words: words.to_owned(),
        is_chosen: value == "everything",
    }
}

fn rule(id: i64, words: &str, document: Option<&str>) -> RuleView {
    RuleView {
        id,
        words: words.to_owned(),
        when: "Since 3 March 2026".to_owned(),
        document: document.map(str::to_owned),
        is_by_another: id == 7,
    }
}

fn form(is_share: bool, errors: FieldErrors) -> RulePage {
    let title = if is_share {
        "sharing.share_title"
    } else {
        "sharing.keep_title"
    };
    RulePage {
        frame: of_patient(title).back_to("/sharing", "frame.back"),
        errors,
        is_share,
        action: if is_share {
            "/sharing/share".to_owned()
        } else {
            format!("/patients/{PATIENT}/sharing/keep")
        },
        is_own: is_share,
        has_entry: is_share,
        history: format!("/patients/{PATIENT}/history"),
        whom: vec![
            choice("practice-1", "Kōwhai Health Centre"),
            choice("person-1", "The person who acts for me: my daughter"),
        ],
        parts: vec![
            choice("everything", "All of my record"),
            choice("results", "Results"),
            choice(
                PATIENT,
                "Clinic letter (Letter from Kōwhai Health Centre, 3 March 2026)",
            ),
        ],
        days: vec![choice("30", "30 days"), choice("0", "Until I stop it")],
        with_sensitive: is_share,
    }
}

fn charge() -> ChargePage {
    ChargePage {
        frame: of_patient("charge.title"),
        note: None,
        base: format!("/patients/{PATIENT}/sharing"),
        kept: vec![rule(9, "Kōwhai Health Centre: medicines", None)],
        may_keep: true,
    }
}

fn acting() -> ActingPage {
    let mark = |value: &str, words: &str| Choice {
        value: value.to_owned(),
        words: words.to_owned(),
        is_chosen: value == "unsafe",
    };
    ActingPage {
        frame: about("proxies.acting_title"),
        end: format!("/patients/{PATIENT}/acting"),
        marks: format!("/patients/{PATIENT}/marks"),
        address: format!("/patients/{PATIENT}/address"),
        is_address_protected: true,
        invite: format!("/patients/{PATIENT}/proxy"),
        people: vec![ActingView {
            person: PATIENT.to_owned(),
            kind: "proxies.kind_guardian",
            reason: "mother".to_owned(),
            reach: "Sees: Documents, Medicines".to_owned(),
            when: "Since 3 March 2026".to_owned(),
        }],
        marked: vec![
            mark("died", "The patient has died"),
            mark("unsafe", "It is unsafe to write to this patient"),
        ],
    }
}

fn proxy(is_staff: bool) -> ProxyPage {
    let reason = if is_staff {
        errors(&[("reason", "Say who it is or why, in at most 300 letters")])
    } else {
        FieldErrors::default()
    };
    ProxyPage {
        frame: if is_staff {
            about("proxies.title")
        } else {
            of_patient("proxies.own_title").back_to("/sharing", "frame.back")
        },
        errors: reason,
        is_staff,
        action: "/sharing/proxy".to_owned(),
        sections: vec![
            choice("everything", "Medicines"),
            choice("shelf", "Documents"),
        ],
        may: vec![choice("book", "Book, move or cancel appointments")],
        days: vec![choice("30", "30 days"), choice("0", "Until it is ended")],
        reason: "my daughter".to_owned(),
    }
}

fn act(options: &str) -> ActPage {
    ActPage {
        frame: of_patient("sign_in_ways.act_title")
            .back_to("/sharing", "frame.back")
            .with_passkeys(),
        base: "/sharing".to_owned(),
        errors: FieldErrors::default(),
        sentence: "Keep from Kōwhai Health Centre: one document of 2026-03.".to_owned(),
        ceremony: PATIENT.to_owned(),
        options: options.to_owned(),
        code_text: "sharing.code_at_once",
    }
}

fn list() -> SharingPage {
    let frame = of_patient("sharing.title");
    SharingPage {
        frame,
        note: Some("sharing.done"),
        practices: vec!["Kōwhai Health Centre".to_owned(), "Rātā Physio".to_owned()],
        proxies: vec![ProxyView {
            person: PATIENT.to_owned(),
            reason: "my daughter".to_owned(),
            reach: "Sees: Documents, Medicines".to_owned(),
            may: vec!["May book appointments for you"],
            when: "Since 3 March 2026, until 3 March 2027".to_owned(),
        }],
        kept: vec![rule(
            7,
            "Kōwhai Health Centre: one document of 2026-03",
            Some("/documents/00112233445566778899aabbccddeeff"),
        )],
        shared: vec![rule(
            8,
            "Rātā Physio: results, but nothing that is marked sensitive, for 30 days",
            None,
        )],
        may_share: true,
        is_address_protected: false,
    }
}

/// The home page, where a practice invited somebody, and of a record that is seen in part.
fn home() -> HomePage {
    let note = |invitation: Option<&str>| ProxyNote {
        title: "proxy_invited.title",
        what: "Kōwhai Health Centre gave out a code on 3 March 2026 at 10:00 am.".to_owned(),
        then: "Nobody has used it yet.".to_owned(),
        invitation: invitation.map(str::to_owned),
    };
    HomePage {
        frame: page("home.title").for_patient().at("/home"),
        records: vec![RecordTile {
            part: Some("You see only what Kōwhai Health Centre put in.".to_owned()),
            ..tile(
                "The record of Te Ao Mārama Walker, for whom you act",
                false,
                None,
            )
        }],
        practices: Vec::new(),
        ways_changed: false,
        is_new: None,
        recovery: None,
        is_stopped: false,
        merges: Vec::new(),
        is_apart: false,
        proxies: vec![note(Some(PATIENT)), note(None)],
    }
}

pub(super) fn all() -> Vec<(&'static str, Box<dyn askama::DynTemplate>)> {
    let none = SharingPage {
        note: None,
        practices: vec!["Kōwhai Health Centre".to_owned()],
        proxies: Vec::new(),
        kept: Vec::new(),
        shared: Vec::new(),
        may_share: false,
        is_address_protected: true,
        ..list()
    };
    let mended = errors(&[("whom", "Choose whom it is about")]);
    vec![
        ("home-proxies", Box::new(home())),
        ("sharing", Box::new(list())),
        ("sharing-none", Box::new(none)),
        ("sharing-keep", Box::new(form(false, mended))),
        (
            "sharing-share",
            Box::new(form(true, FieldErrors::default())),
        ),
        ("sharing-proxy", Box::new(proxy(false))),
        ("proxy", Box::new(proxy(true))),
        ("acting", Box::new(acting())),
        ("charge", Box::new(charge())),
        ("sharing-act", Box::new(act(OPTIONS))),
        ("sharing-act-code", Box::new(act(""))),
    ]
}
