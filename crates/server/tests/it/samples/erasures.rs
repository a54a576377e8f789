//! Erasing: the form, what is signed, what waits, the certificates.

use super::{OPTIONS, PATIENT, about, errors, of_staff};
use candour_server::frame::FieldErrors;
use candour_server::pages::erasures::{
    ActPage, CertificatePage, CertificateView, ErasePage, WaitingPage, WaitingView,
};

const SENTENCE: &str = "Erase one document, for good. Reason: filed under the wrong person";

fn form(errors: FieldErrors, is_manager: bool) -> ErasePage {
    let document = "Clinic letter (Letter from Kōwhai Health Centre, 3 March 2026)";
    ErasePage {
        frame: about("erase.title"),
        errors,
        action: format!("/patients/{PATIENT}/erase"),
        documents: if is_manager {
            Vec::new()
        } else {
            vec![(
                "00112233445566778899aabbccddeeff".to_owned(),
                document.to_owned(),
            )]
        },
        chosen: "everything".to_owned(),
        reason: "the patient asked for it".to_owned(),
        is_manager,
    }
}

fn act() -> ActPage {
    ActPage {
        frame: of_staff("erase.act_title")
            .back_to(format!("/patients/{PATIENT}/erase"), "erase.back")
            .with_passkeys(),
        action: "/practice/act".to_owned(),
        sentence: SENTENCE.to_owned(),
        ceremony: "30313233343536373839616263646566".to_owned(),
        options: OPTIONS.to_owned(),
    }
}

fn waiting() -> WaitingPage {
    WaitingPage {
        frame: of_staff("waiting.title").back_to("/practice", "frame.back"),
        said: Some("waiting.said_waits"),
        waiting: vec![
            WaitingView {
                id: "40313233343536373839616263646566".to_owned(),
                about:
                    "Dr Aroha Ngata began this. It can be agreed to until 3 March 2026 at 9:14 am."
                        .to_owned(),
                sentence: "Give the program second system a credential for this practice."
                    .to_owned(),
                is_own: false,
                patient: None,
                other_patient: None,
                document: None,
            },
            own(),
        ],
    }
}

fn own() -> WaitingView {
    WaitingView {
        id: "30313233343536373839616263646566".to_owned(),
        sentence: SENTENCE.to_owned(),
        about: "You began this. A colleague must agree by 3 March 2026 at 9:14 am.".to_owned(),
        is_own: true,
        patient: Some(format!("/patients/{PATIENT}")),
        other_patient: None,
        document: Some("/documents/00112233445566778899aabbccddeeff".to_owned()),
    }
}

fn certificates() -> CertificatePage {
    CertificatePage {
        frame: of_staff("certificates.title").back_to("/practice", "frame.back"),
        certificates: vec![CertificateView {
            what: "One document".to_owned(),
            sentence: SENTENCE.to_owned(),
            who: "Begun by Dr Aroha Ngata, agreed to by Mere Pere.".to_owned(),
            erased: "The keys were destroyed on 3 March 2026 at 9:14 am (entry 4,711 of the ledger). From then on nobody could open it."
                .to_owned(),
            gone: "From 8 April 2026 no backup holds the keys either.".to_owned(),
            last: "About 8 May 2026 the key is destroyed that every older copy hangs on: then not even a backup that was kept too long opens it, unless somebody kept a copy of that key."
                .to_owned(),
            patient: format!("Patient, by number: {PATIENT}"),
        }],
        older: Some("/practice/erasures?before=7".to_owned()),
        newest: None,
    }
}

pub(super) fn all() -> Vec<(&'static str, Box<dyn askama::DynTemplate>)> {
    let mended = errors(&[
        ("what", "Choose what it is about"),
        ("reason", "Say why, in at most 300 letters"),
    ]);
    let none = WaitingPage {
        waiting: Vec::new(),
        said: None,
        ..waiting()
    };
    vec![
        ("erase", Box::new(form(FieldErrors::default(), false))),
        ("erase-manager", Box::new(form(mended, true))),
        ("erase-act", Box::new(act())),
        ("waiting", Box::new(waiting())),
        ("waiting-none", Box::new(none)),
        ("certificates", Box::new(certificates())),
    ]
}
