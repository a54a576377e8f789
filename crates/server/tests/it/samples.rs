//! One filled page of each kind, with words that real people have.

mod emergency;
mod erasures;
mod merges;
mod programs;
mod recalls;
mod recoveries;
mod sharing;
mod visits;
mod ways;

use candour_server::frame::{FieldErrors, Frame, PatientBanner, Standing};
use candour_server::pages::access_history::HistoryPage;
use candour_server::pages::access_history::receipt::ReceiptPage;
use candour_server::pages::demonstration::{AccountGroup, AccountView, DemonstrationPage};
use candour_server::pages::deposit::DepositPage;
use candour_server::pages::documents::{DocumentView, DocumentsPage};
use candour_server::pages::home::{HomePage, RecordTile};
use candour_server::pages::invitations::account::{
    AccountPage, AppKey, InvitationPage, Kind, Picture, SheetPage,
};
use candour_server::pages::invitations::{InviteMadePage, InvitePage, LinkPage};
use candour_server::pages::notices::{
    DocumentView as NoticeDocument, NoticePart, NoticeView, NoticesPage,
};
use candour_server::pages::practice::{
    FindPage, FoundPatient, FoundView, GivenTerms, PatientPage, PracticePage, PurposeChoice,
    PurposePage,
};
use candour_server::pages::problem::ProblemPage;
use candour_server::pages::record::{EntryView, GroupView, RecordPage, SectionLink, SectionPage};
use candour_server::pages::reopenings::{ReopeningView, ReopeningsPage};
use candour_server::pages::sign_in::{SignInPage, StepUpPage};
use candour_server::pages::trust::{CheckpointView, TrustPage, TrustPart};
use candour_server::pages::{GivenDate, ToRing};

const PATIENT: &str = "30313233343536373839616263646566";
const OPTIONS: &str = r#"{"publicKey":{"challenge":"AAAA","rpId":"localhost"}}"#;

fn standing() -> Standing {
    Standing {
        demonstration: true,
        is_shared: true,
    }
}

fn page(title: &'static str) -> Frame {
    Frame::public(standing(), title)
}

fn of_patient(title: &'static str) -> Frame {
    page(title).for_patient().back_to("/home", "frame.back")
}

fn of_staff(title: &'static str) -> Frame {
    page(title).for_staff()
}

fn about(title: &'static str) -> Frame {
    of_staff(title)
        .back_to("/practice/find", "frame.back")
        .about(PatientBanner {
            name: "Māhina Te Kaurinui-Walker".to_owned(),
            born: "27 March 1946".to_owned(),
            nhi: "ZZZ0016".to_owned(),
        })
}

fn sections() -> Vec<SectionLink> {
    [
        "conditions",
        "medicines",
        "allergies",
        "immunisations",
        "results",
    ]
    .into_iter()
    .zip([
        ("record.conditions", "record.conditions_text"),
        ("record.medicines", "record.medicines_text"),
        ("record.allergies", "record.allergies_text"),
        ("record.immunisations", "record.immunisations_text"),
        ("record.results", "record.results_text"),
    ])
    .map(|(word, (name, text))| SectionLink {
        path: format!("/patients/{PATIENT}/record/{word}"),
        name,
        text,
    })
    .collect()
}

fn entry(title: &str, value: Option<&str>, line: &str) -> EntryView {
    EntryView {
        title: title.to_owned(),
        value: value.map(str::to_owned),
        lines: [line]
            .into_iter()
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect(),
        when: "12 August 2026".to_owned(),
        source: Some("From Kauri Health".to_owned()),
    }
}

fn document(title: &str, shows_inline: bool) -> DocumentView {
    DocumentView {
        id: PATIENT.chars().rev().collect(),
        title: title.to_owned(),
        about: "Letter from Kauri Health, 12 August 2026".to_owned(),
        file: "PDF, 64 KB".to_owned(),
        download: format!("Download {title}"),
        shows_inline,
        keep: Some((
            format!("/sharing/keep?document={PATIENT}"),
            format!("Keep “{title}” from somebody"),
        )),
        asked_as: "",
    }
}

fn to_ring() -> Vec<ToRing> {
    vec![ToRing {
        name: "Kauri Health".to_owned(),
        phone: "09 430 0000".to_owned(),
        link: "tel:094300000".to_owned(),
    }]
}

fn tile(heading: &str, is_own: bool, waiting: Option<&str>) -> RecordTile {
    RecordTile {
        part: None,
        patient: PATIENT.to_owned(),
        heading: heading.to_owned(),
        is_own,
        is_other: false,
        until: (!is_own).then(|| "You may act for this person until 3 March 2027.".to_owned()),
        waiting: waiting.map(str::to_owned),
        has_record: true,
        has_documents: true,
        has_history: is_own,
        has_sharing: is_own,
        has_messages: true,
        is_charge: !is_own,
        only: (!is_own).then_some("home.only_part"),
    }
}

fn account(name: &str, by_passkey: bool) -> AccountView {
    AccountView {
        name: name.to_owned(),
        about: "Doctor at Kauri Health, Ōtautahi".to_owned(),
        be: format!("Sign in as {name}"),
        login: "aroha.ngata".to_owned(),
        action: if by_passkey {
            "/sign-in/passkey"
        } else {
            "/sign-in/password"
        },
        acting: "staff",
        by_passkey,
        keys: r#"{"credential_id":"AAAA","pkcs8":"AAAA"}"#.to_owned(),
    }
}

fn birth() -> GivenDate {
    GivenDate {
        day: "31".to_owned(),
        month: "2".to_owned(),
        year: "1946".to_owned(),
    }
}

fn errors(all: &[(&'static str, &str)]) -> FieldErrors {
    let mut errors = FieldErrors::default();
    for (field, sentence) in all {
        errors.add(field, *sentence);
    }
    errors
}

fn public() -> Vec<(&'static str, Box<dyn askama::DynTemplate>)> {
    let mut wrong = page("sign_in.title").with_passkeys();
    wrong.has_errors = true;
    vec![
        (
            "sign-in",
            Box::new(SignInPage {
                frame: page("sign_in.title").with_passkeys(),
                errors: FieldErrors::default(),
                note: Some("sign_in.account_ready"),
                login: String::new(),
            }),
        ),
        (
            "sign-in-wrong",
            Box::new(SignInPage {
                frame: wrong,
                errors: errors(&[
                    ("name", "Enter your sign-in name"),
                    ("code", "Enter your code"),
                ]),
                note: None,
                login: "hemi.walker".to_owned(),
            }),
        ),
        (
            "invitation",
            Box::new(InvitationPage {
                frame: page("invitation.title").back_to("/sign-in", "frame.back"),
                kind: Kind::Invitation,
                errors: FieldErrors::default(),
                login: String::new(),
            }),
        ),
        ("account", Box::new(account_page())),
        (
            "sheet",
            Box::new(SheetPage {
                frame: page("invitation.sheet_ready"),
                codes: (0..40)
                    .map(|number| format!("{:04}-{:04}", 1000 + number * 37, 9000 - number * 41))
                    .collect(),
                lead: "invitation.sheet_ready_text",
                next: ("/sign-in", "invitation.sheet_ready_button"),
            }),
        ),
        (
            "demonstration",
            Box::new(DemonstrationPage {
                frame: page("demonstration.title").with_script("demonstration.js"),
                groups: vec![
                    AccountGroup {
                        id: "patients",
                        words: "demonstration.patients",
                        accounts: vec![account("Hēmi Walker", false)],
                    },
                    AccountGroup {
                        id: "staff",
                        words: "demonstration.staff",
                        accounts: vec![
                            account("Dr Aroha Ngata", true),
                            account("Pita Fa‘asavalu", true),
                        ],
                    },
                ],
            }),
        ),
        ("sessions", Box::new(ways::sessions())),
        ("trust", Box::new(trust())),
        (
            "check-receipt",
            Box::new(ReceiptPage::new(
                page("receipt.title").with_script("check_receipt.js"),
                "candour.example+d0ab4b42+AQ".to_owned(),
            )),
        ),
        (
            "problem-frozen",
            Box::new(problem(
                "problem.frozen",
                "problem.frozen_text",
                "problem.frozen_do",
            )),
        ),
        (
            "problem-not-found",
            Box::new(problem(
                "problem.not_found",
                "problem.not_found_text",
                "problem.not_found_do",
            )),
        ),
    ]
}

fn account_page() -> AccountPage {
    AccountPage {
        frame: page("invitation.choose_title").with_passkeys(),
        kind: Kind::Invitation,
        errors: errors(&[("birth", "Enter your birth date, for example 27 3 1946")]),
        lead: "Kauri Health invites you. Choose how you want to sign in.".to_owned(),
        ceremony: PATIENT.to_owned(),
        options: OPTIONS.to_owned(),
        app: Some(AppKey {
            ceremony: PATIENT.to_owned(),
            address: "otpauth://totp/Candour:hemi.walker?secret=JBSWY3DPEHPK3PXP".to_owned(),
            key: "JBSW Y3DP EHPK 3PXP".to_owned(),
            picture: Some(Picture {
                side: 9,
                path: "M4 4h1v1h-1z".to_owned(),
            }),
        }),
        asks_birth: true,
        is_of_another: false,
        birth: birth(),
        way: "app",
    }
}

fn trust() -> TrustPage {
    TrustPage {
        frame: page("trust.title"),
        parts: vec![
            TrustPart {
                id: "promises",
                heading: "trust.promises_title",
                sentences: vec![page("trust.title").say("trust.promise_ledger").to_owned(), page("trust.title").say("trust.promise_forget").to_owned()],
            },
            TrustPart {
                id: "limits",
                heading: "trust.limits_title",
                sentences: vec![page("trust.title").say("trust.limit_taken").to_owned(), page("trust.title").say("trust.limit_keeper").to_owned()],
            },
        ],
        checkpoint: Some(CheckpointView {
            text: "candour.example/ledger\n1204\nqINS1GRFHWHwdkUeqLEoP4yEMkTBBzxBkGwGQlVlVcs=\n\n— candour.example Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n".to_owned(),
            verifier: "Key to check it with: candour.example+d0ab4b42+AQ".to_owned(),
        }),
    }
}

fn operator() -> Option<ToRing> {
    ToRing::new("Kōwhai Health", "0800 555 0100")
}

fn problem(title: &'static str, what: &'static str, next: &'static str) -> ProblemPage {
    ProblemPage {
        frame: page(title),
        what,
        next,
        ring: (title == "problem.frozen")
            .then(operator)
            .flatten()
            .map(|operator| ("problem.ring_operator", operator)),
        wait: None,
        path: "/home",
        path_words: "frame.back_home",
        emergency: (title == "problem.new_way").then(|| format!("/patients/{PATIENT}/emergency")),
        request: Some("If you ring, give this number: 4f1a09".to_owned()),
    }
}

fn for_patients() -> Vec<(&'static str, Box<dyn askama::DynTemplate>)> {
    vec![
        ("home", Box::new(HomePage {
            proxies: vec![],
            frame: page("home.title").for_patient().at("/home").titled("Hello Hēmi".to_owned()),
            records: vec![
                tile("Your record", true, Some("A message is waiting for you")),
                tile("The record of Te Ao Mārama Walker, for whom you act", false, None),
            ],
            practices: to_ring(),
            ways_changed: false,
            is_new: None,
            recovery: None,
            is_stopped: false,
            merges: vec![],
            is_apart: false,
        })),
        ("home-new", Box::new(HomePage {
            proxies: vec![],
            frame: page("home.title").for_patient().at("/home"),
            records: vec![],
            practices: vec![],
            ways_changed: true,
            is_new: Some(ways::IS_NEW.to_owned()),
            recovery: None,
            is_stopped: false,
            merges: vec![],
            is_apart: false,
        })),
        ("home-empty", Box::new(HomePage { proxies: vec![], frame: page("home.title").for_patient(), records: vec![], practices: vec![], ways_changed: false, is_new: None, recovery: None, is_stopped: true, merges: vec![], is_apart: false })),
        ("notices", Box::new(NoticesPage {
            frame: of_patient("notices.title"),
            notices: vec![NoticeView {
                subject: "Somebody else opened documents of yours".to_owned(),
                received: Some("Received on 3 November 2026".to_owned()),
                parts: vec![
                    NoticePart { heading: "What happened".to_owned(), text: "On 3 November 2026 somebody who is not you signed in with your password. We stopped it after 14 seconds.".to_owned() },
                    NoticePart { heading: String::new(), text: "Your practice, Kauri Health, knows. Ring them on 03 379 0000.".to_owned() },
                ],
                documents: vec![
                    NoticeDocument { id: PATIENT.to_owned(), title: Some("Letter from the heart clinic".to_owned()), asked_as: "" },
                    NoticeDocument { id: PATIENT.to_owned(), title: None, asked_as: "" },
                ],
                about: vec!["The list of your documents (titles and dates)".to_owned()],
                code: "7KQD-2M4P-9XWA".to_owned(),
            }],
            unreadable: None,
        })),
        ("record", Box::new(RecordPage { frame: of_patient("record.title"), is_address_protected: true, sections: sections() })),
        ("section", Box::new(SectionPage {
            frame: of_patient("record.results"),
            entries: vec![
                entry("Blood pressure", Some("128/82 mmHg"), ""),
                entry("Haemoglobin A1c", Some("41 mmol/mol"), "Normal is up to 40 mmol/mol."),
                entry("Chest X-ray", None, "Lungs clear. No fracture seen."),
            ],
            none: "",
            shown: Some("3 of 41 entries are shown, the newest first.".to_owned()),
            older: Some(format!("/patients/{PATIENT}/record/results?from=3")),
            unreadable: Some("One entry could not be shown. Ask your practice about it.".to_owned()),
            groups: vec![GroupView {
                words: "Blood pressure, Haemoglobin A1c, Chest X-ray and 2 more, put in together by Kauri Health".to_owned(),
                path: format!("/sharing/keep?segment={PATIENT}"),
                label: "Keep from somebody: Blood pressure, Haemoglobin A1c, Chest X-ray".to_owned(),
            }],
            sections: sections(),
        })),
        ("documents", Box::new(DocumentsPage {
            frame: of_patient("documents.title"),
            stored: false,
            deposit: None,
            documents: vec![document("Letter from the heart clinic", true), document("Specialist referral to Te Whare Manaaki o Ōtautahi Cardiology Outpatients", true), document("Old scan", false)],
            unreadable: None,
        })),
        ("history", Box::new(HistoryPage {
            frame: of_patient("history.title"),
            is_own: true,
            visits: visits::visits(),
            practices: to_ring(),
            older: Some(format!("/patients/{PATIENT}/history?before=7")),
            newest: None,
            receipts: Some(format!("/patients/{PATIENT}/history/receipts?from=7&to=31")),
            is_early: true,
        })),
        ("link", Box::new(LinkPage { frame: of_patient("invitation.link_title"), errors: FieldErrors::default(), birth: GivenDate::default() })),
        ("step-up", Box::new(StepUpPage {
            frame: of_patient("step_up.title").with_passkeys(),
            errors: FieldErrors::default(),
            back: "/home".to_owned(),
            ceremony: PATIENT.to_owned(),
            options: OPTIONS.to_owned(),
            emergency: Some(format!("/patients/{PATIENT}/emergency")),
            code_accepted: true,
            asks_reason: true,
        })),
    ]
}

fn for_staff() -> Vec<(&'static str, Box<dyn askama::DynTemplate>)> {
    let mut mend = about("deposit.title");
    mend.has_errors = true;
    vec![
        ("practice", Box::new(PracticePage {
            frame: of_staff("practice.title").at("/practice").titled("Hello Dr Aroha Ngata".to_owned()),
            practice: "Kauri Health".to_owned(),
            purpose: "practice.purpose_now_direct_care",
            is_manager: true,
            errors: FieldErrors::default(),
            terms: GivenTerms::default(),
        })),
        ("reopenings", Box::new(ReopeningsPage {
            frame: of_staff("reopenings.title").back_to("/practice", "frame.back"),
            operator: operator(),
            reopenings: vec![
                ReopeningView {
                    who: "Dr Aroha Ngata".to_owned(),
                    when: "3 November 2026 at 9:14 am".to_owned(),
                    times: "2 times within a day".to_owned(),
                    reason: "Reason given: “results day”".to_owned(),
                },
                ReopeningView {
                    who: "Somebody of your practice".to_owned(),
                    when: "3 November 2026 at 8:02 am".to_owned(),
                    times: "The first time within a day".to_owned(),
                    reason: "Reason given: “influenza clinic”".to_owned(),
                },
            ],
            older: Some("/practice/reopenings?before=7".to_owned()),
            newest: None,
        })),
        ("purpose", Box::new(PurposePage {
            frame: of_staff("purpose.title").at("/practice/purpose"),
            errors: FieldErrors::default(),
            choices: vec![
                PurposeChoice { id: "purpose", word: "direct_care", words: "purpose.direct_care", text: "purpose.direct_care_text", is_chosen: true },
                PurposeChoice { id: "purpose-administration", word: "administration", words: "purpose.administration", text: "purpose.administration_text", is_chosen: false },
            ],
        })),
        ("find", Box::new(FindPage {
            frame: of_staff("find.title").at("/practice/find"),
            errors: FieldErrors::default(),
            terms: GivenTerms::default(),
            found: None,
        })),
        ("found", Box::new(FindPage {
            frame: of_staff("find.title").at("/practice/find"),
            errors: FieldErrors::default(),
            terms: GivenTerms { surname: "Wal".to_owned(), given: "H".to_owned(), ..GivenTerms::default() },
            found: Some(FoundView {
                heading: "2 patients found".to_owned(),
                patients: ["Hēmi Walker", "Hōne Walsh"].map(|name| FoundPatient { id: PATIENT.to_owned(), name: name.to_owned(), about: "Born 27 March 1946, NHI ZZZ0016".to_owned() }).into(),
                has_more: true,
            }),
        })),
        ("patient", Box::new(PatientPage { frame: about("patient.title"), patient: PATIENT.to_owned(), sections: sections(), may_erase: true, may_open: true })),
        ("deposit", Box::new(DepositPage {
            frame: mend,
            errors: errors(&[("file", "Choose a file"), ("date", "Enter a real date, for example 27 3 2026")]),
            action: format!("/patients/{PATIENT}/deposit"),
            once: PATIENT.to_owned(),
            file_hint: "PDF, picture or text, up to 20.0 MB.".to_owned(),
            title: "Letter".to_owned(),
            kind: "letter".to_owned(),
            kinds: vec![("letter".to_owned(), "Letter".to_owned()), ("report".to_owned(), "Report".to_owned())],
            date: birth(),
        })),
        ("invite", Box::new(InvitePage { frame: about("invite.title"), errors: FieldErrors::default(), action: format!("/patients/{PATIENT}/invite") })),
        ("invite-made", Box::new(InviteMadePage {
            frame: about("invite.made_title"),
            code: "KQ7M-2XWD-9FHT".to_owned(),
            made_where: "The patient opens https://candour.example and chooses “I have an invitation code”.".to_owned(),
            made_birth: "invite.made_birth",
            made_then: Some("invite.made_then"),
            back: format!("/patients/{PATIENT}"),
            back_words: "invite.done",
        })),
        ("staff-section", Box::new(SectionPage {
            frame: about("record.allergies"),
            entries: vec![],
            none: page("trust.title").say("record.none_allergies"),
            shown: None,
            older: None,
            unreadable: None,
            groups: Vec::new(),
            sections: sections(),
        })),
    ]
}

/// Every page by name, rendered.
pub fn all() -> Vec<(&'static str, String)> {
    let mut pages = public();
    pages.extend(ways::pages());
    pages.extend(for_patients());
    pages.extend(for_staff());
    pages.extend(emergency::all());
    pages.extend(erasures::all());
    pages.extend(merges::all());
    pages.extend(programs::all());
    pages.extend(recalls::all());
    pages.extend(sharing::all());
    pages.extend(recoveries::all());
    pages
        .into_iter()
        .map(|(name, page)| (name, page.dyn_render().unwrap()))
        .collect()
}
