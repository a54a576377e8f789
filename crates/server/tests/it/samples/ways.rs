//! The pages of how one signs in.

use super::{OPTIONS, PATIENT, errors, of_patient, of_staff};
use candour_server::frame::FieldErrors;
use candour_server::pages::invitations::account::AppKey;
use candour_server::pages::sessions::{SessionView, SessionsPage};
use candour_server::pages::sign_in_ways::{
    ActPage, AddressView, PasskeyView, Told, TypedView, WaitingView, WaysPage,
};

pub const IS_NEW: &str = "Your records open with it from 15 February 2026 at 9:20 am.";

fn passkey(name: &str, is_own: bool) -> PasskeyView {
    PasskeyView {
        id: PATIENT.to_owned(),
        name: name.to_owned(),
        added: "Added on 14 February 2026 at 9:20 am by you".to_owned(),
        is_new: (!is_own)
            .then(|| "New: opens no records until 15 February 2026 at 9:20 am".to_owned()),
        is_own,
        remove: format!("Remove “{name}”"),
        may_go: !is_own,
    }
}

fn waiting(is_due: bool) -> WaitingView {
    WaitingView {
        pending: PATIENT.to_owned(),
        text: "Change the password of my account.".to_owned(),
        when: "It can be done from 15 February 2026 at 9:20 am.".to_owned(),
        is_due,
    }
}

fn address(address: &str, state: &str, code: Option<&str>) -> AddressView {
    AddressView {
        id: PATIENT.to_owned(),
        address: address.to_owned(),
        state: state.to_owned(),
        code: code.map(str::to_owned),
        field: "code-2",
        remove: format!("No longer write to {address}"),
    }
}

fn told(lead: &'static str, addresses: Vec<AddressView>) -> Told {
    Told {
        lead,
        has_room: addresses.len() < 3,
        addresses,
        typed: String::new(),
    }
}

fn act(what: &'static str) -> ActPage {
    ActPage {
        frame: of_patient("sign_in_ways.act_title").with_passkeys(),
        errors: FieldErrors::default(),
        sentence: "Add the passkey “Te Ao’s phone” to my account.".to_owned(),
        note: Some("sign_in_ways.note_passkey"),
        ceremony: PATIENT.to_owned(),
        options: OPTIONS.to_owned(),
        by_passkey: true,
        by_code: true,
        with_password: true,
        code_text: "sign_in_ways.code_waits",
        makes_passkey: what == "passkey",
        app: None,
        what,
    }
}

pub fn pages() -> Vec<(&'static str, Box<dyn askama::DynTemplate>)> {
    let frame = || of_patient("sign_in_ways.title");
    let app = AppKey {
        ceremony: PATIENT.to_owned(),
        address: "otpauth://totp/Candour:account?secret=JBSWY3DPEHPK3PXP".to_owned(),
        key: "JBSW Y3DP EHPK 3PXP".to_owned(),
        picture: None,
    };
    vec![
        (
            "sign-in-ways",
            Box::new(WaysPage {
                frame: frame(),
                errors: errors(&[("name", "Enter a name")]),
                note: Some("sign_in_ways.done"),
                is_new: None,
                waiting: vec![waiting(false), waiting(true)],
                passkeys: vec![
                    passkey("Te Ao’s phone", true),
                    passkey("Tablet in the kitchen", false),
                ],
                has_room: true,
                typed_name: String::new(),
                typed: Some(TypedView {
                    password: "sign_in_ways.password_set",
                    app: "sign_in_ways.app_none",
                    sheet: "You have a sheet. 37 of its codes are left.".to_owned(),
                }),
                told: Some(told(
                    "sign_in_ways.told_text",
                    vec![
                        address("hemi@example.nz", "We write there.", None),
                        address(
                            "hemi.walker@example.nz",
                            "We have sent a code there. It is good until 15 February 2026 at 9:20 am.",
                            Some("Code from the mail to hemi.walker@example.nz"),
                        ),
                    ],
                )),
            }),
        ),
        (
            "sign-in-ways-staff",
            Box::new(WaysPage {
                frame: of_staff("sign_in_ways.title").back_to("/practice", "frame.back"),
                errors: FieldErrors::default(),
                note: None,
                is_new: Some(IS_NEW.to_owned()),
                waiting: vec![],
                passkeys: vec![],
                has_room: false,
                typed_name: String::new(),
                typed: None,
                told: Some(told("sign_in_ways.told_staff", vec![])),
            }),
        ),
        ("sign-in-ways-act", Box::new(act("passkey"))),
        (
            "sign-in-ways-app",
            Box::new(ActPage {
                app: Some(app),
                ..act("app")
            }),
        ),
        (
            "sign-in-ways-code",
            Box::new(ActPage {
                options: String::new(),
                by_passkey: false,
                ..act("sheet")
            }),
        ),
    ]
}

pub(super) fn sessions() -> SessionsPage {
    let view = |place: &str, is_own| SessionView {
        surrogate: 7,
        place: place.to_owned(),
        began: "Signed in on 14 February 2026 at 9:20 am with a passkey".to_owned(),
        used: "Last used on 14 February 2026 at 9:26 am".to_owned(),
        is_own,
    };
    SessionsPage {
        frame: of_patient("sessions.title"),
        sessions: vec![
            view("Here", true),
            view("On another device or in another window", false),
        ],
        has_others: true,
    }
}
