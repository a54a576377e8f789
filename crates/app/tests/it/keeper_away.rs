use crate::{Portal, viewer};
use candour_app::{
    DepositError, ReadError, Refusal, access_history, documents, invitations, patients, record,
    sign_in,
};
use candour_core::document::{DocumentKind, DocumentMeta, MediaType, NewDocument, Title};
use candour_core::fhir::Sensitivities;
use candour_keeper_api::Token;
use candour_keeper_api::words::{Purpose, Section};
use candour_seal::{DepositKey, ItemId, PatientId, PracticeId};
use candour_store::Housekeeping;
use jiff::Timestamp;

const PATIENT: PatientId = PatientId::from_bytes([1; 16]);
const PRACTICE: PracticeId = PracticeId::from_bytes([2; 16]);

async fn portal() -> Portal {
    Portal::at("/nonexistent/keeper.sock".as_ref(), vec![0; 32]).await
}

fn token() -> Token {
    Token::from_bytes(&[3; 32]).unwrap()
}

fn says_so<T>(answer: Result<T, ReadError>) {
    let refused = answer.err().unwrap();
    assert!(
        matches!(refused, ReadError::Refused(Refusal::KeeperUnavailable)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn without_the_keeper_nothing_is_shown_and_every_page_knows_why() {
    let portal = portal().await;
    let app = &portal.app;
    let viewer = viewer(token(), Purpose::OwnRecord);
    says_so(record::open(app, &viewer, PATIENT, Section::Results).await);
    says_so(documents::shelf(app, &viewer, PATIENT).await);
    says_so(documents::open(app, &viewer, ItemId::from_bytes([4; 16])).await);
    says_so(access_history::page(app, &viewer, PATIENT, None).await);
    says_so(patients::name(app, &viewer, PATIENT).await);
    says_so(patients::find(app, &viewer, PRACTICE, patients::Terms::default()).await);

    let session = sign_in::session(app, &token(), "").await;
    assert_eq!(session.err(), Some(Refusal::KeeperUnavailable));
    let about = invitations::About {
        practice: PRACTICE,
        patient: PATIENT,
        who: String::new(),
    };
    let invited = invitations::invite_patient(app, &token(), about).await;
    assert_eq!(invited.err(), Some(Refusal::KeeperUnavailable));
}

#[tokio::test]
async fn without_the_keeper_nothing_is_stored() {
    let portal = portal().await;
    let meta = DocumentMeta {
        title: Title::of("Letter"),
        kind: DocumentKind::ClinicLetter,
        date: None,
        media_type: MediaType::Unknown,
        size_bytes: 0,
        source: "Whangārei Health".into(),
        author: None,
        envelope: None,
    };
    let deposit = documents::Deposit {
        patient: PATIENT,
        key: DepositKey::from_bytes([5; 16]),
        document: NewDocument {
            meta,
            tags: Sensitivities::NONE,
            bytes: vec![b'a'; 100_000],
        },
    };
    let answer =
        documents::deposit(&portal.app, &token(), vec![deposit], Timestamp::UNIX_EPOCH).await;
    assert!(matches!(
        answer,
        Err(DepositError::Refused(Refusal::KeeperUnavailable))
    ));
    assert_eq!(
        portal.app.store.count(Housekeeping::Items).await.unwrap(),
        0
    );
    for folder in ["incoming", "kept"] {
        let mut files = std::fs::read_dir(portal.folder.path().join(folder)).unwrap();
        assert!(files.next().is_none());
    }
}

#[tokio::test]
async fn a_section_that_is_no_part_of_the_record_is_not_asked_for() {
    let portal = portal().await;
    let viewer = viewer(token(), Purpose::OwnRecord);
    for section in [Section::Identity, Section::Contact, Section::Shelf] {
        let answer = record::open(&portal.app, &viewer, PATIENT, section).await;
        assert!(matches!(answer, Err(ReadError::Refused(Refusal::Invalid))));
    }
}
