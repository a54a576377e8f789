use crate::connect;
use crate::with_keeper::{Clinic, document};
use candour_app::documents::{self, Deposit, OpenDocument};
use candour_app::{DepositError, ReadError, Refusal};
use candour_keeper_api::words::{ItemKind, Section};
use candour_keeper_api::{DepositOutcome, Viewer, wire};
use candour_seal::{DepositKey, ItemId, PatientId, SystemRandom};
use candour_store::{Housekeeping, NewItem};
use futures_util::StreamExt;

/// A text that says where it is, so that no two pieces of it are alike.
fn text(length: usize) -> Vec<u8> {
    let lines = (0..).flat_map(|line: u32| format!("Line {line} of a letter.\n").into_bytes());
    lines.take(length).collect()
}

fn deposit(patient: PatientId, key: u8, bytes: Vec<u8>) -> Deposit {
    Deposit {
        patient,
        key: DepositKey::from_bytes([key; 16]),
        document: document("Clinic letter", bytes),
    }
}

impl Clinic {
    async fn deposit(&self, deposits: Vec<Deposit>) -> Vec<Result<ItemId, Refusal>> {
        documents::deposit(&self.portal.app, &self.program, deposits, self.now())
            .await
            .unwrap()
    }

    async fn open(&self, viewer: &Viewer, item: ItemId) -> Result<OpenDocument, ReadError> {
        documents::open(&self.portal.app, viewer, item).await
    }

    async fn shelf(&self, viewer: &Viewer, patient: PatientId) -> documents::Shelf {
        let app = &self.portal.app;
        documents::shelf(app, viewer, patient)
            .await
            .unwrap()
            .0
            .into_inner()
    }

    async fn items(&self) -> u64 {
        self.portal
            .app
            .store
            .count(Housekeeping::Items)
            .await
            .unwrap()
    }
}

async fn read(document: OpenDocument) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut body = document.body;
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    assert_eq!(document.face.size_bytes, bytes.len() as u64);
    bytes
}

fn is_not_found<T>(answer: &Result<T, ReadError>) -> bool {
    matches!(answer, Err(ReadError::Refused(Refusal::NotFound)))
}

#[tokio::test]
async fn a_document_of_any_size_opens_as_it_was_deposited() {
    let clinic = Clinic::new().await;
    let patient = clinic.patient(1).await;
    let sizes = [0, 1, 300, 15_000, 16_384, 65_536, 1_048_576, 3_000_001];
    let deposits = sizes
        .iter()
        .zip(1..)
        .map(|(size, key)| deposit(patient, key, text(*size)))
        .collect();
    let items = clinic.deposit(deposits).await;
    let viewer = clinic.as_patient(patient).await;
    for (item, size) in items.iter().zip(sizes) {
        let opened = clinic.open(&viewer, item.unwrap()).await.unwrap();
        assert_eq!(opened.face.title.as_str(), "Clinic letter");
        assert_eq!(opened.source, Some(clinic.practice));
        assert!(read(opened).await == text(size), "{size}");
    }
    let shelf = clinic.shelf(&viewer, patient).await;
    assert_eq!((shelf.lines.len(), shelf.unreadable), (sizes.len(), 0));
    let listed: Vec<_> = shelf.lines.iter().map(|line| line.document).collect();
    assert!(items.iter().all(|item| listed.contains(&item.unwrap())));
}

#[tokio::test]
async fn the_same_document_twice_is_one_document() {
    let clinic = Clinic::new().await;
    let patient = clinic.patient(1).await;
    let both = || {
        vec![
            deposit(patient, 1, text(50_000)),
            deposit(patient, 1, text(50_000)),
        ]
    };
    let first = clinic.deposit(both()).await;
    assert_eq!(first[0], first[1]);
    let items = clinic.items().await;
    assert_eq!(clinic.deposit(both()).await, first);
    assert_eq!(clinic.items().await, items);
    let viewer = clinic.as_patient(patient).await;
    assert_eq!(clinic.shelf(&viewer, patient).await.lines.len(), 1);
}

#[tokio::test]
async fn nobody_elses_document_and_no_document_look_alike() {
    let clinic = Clinic::new().await;
    let (patient, other) = (clinic.patient(1).await, clinic.patient(2).await);
    let item = clinic.deposit(vec![deposit(patient, 1, text(100))]).await[0].unwrap();
    let viewer = clinic.as_patient(other).await;
    assert!(is_not_found(&clinic.open(&viewer, item).await));
    let absent = ItemId::from_bytes([9; 16]);
    assert!(is_not_found(&clinic.open(&viewer, absent).await));
    let shelf = documents::shelf(&clinic.portal.app, &viewer, patient).await;
    assert!(is_not_found(&shelf));
}

/// Does what a deposit does up to the moment before the keeper is told that it is stored.
async fn crash_before_sealed(
    clinic: &Clinic,
    patient: PatientId,
    key: u8,
    content: &[u8],
) -> ItemId {
    let app = &clinic.portal.app;
    let item = wire::NewItem {
        deposit_key: vec![key; 16],
        patient: patient.as_bytes().to_vec(),
        kind: ItemKind::Document.into(),
        section: Section::None.into(),
        ..wire::NewItem::default()
    };
    let mut outcomes = app
        .keeper
        .deposit(&clinic.program, vec![item])
        .await
        .unwrap();
    let Ok(DepositOutcome::New(permit)) = outcomes.pop().unwrap() else {
        unreachable!("a new deposit")
    };
    let face = format!(
        r#"{{"kind":"document","version":1,"body":{{"title":"Clinic letter","date":"2026-02-27","media_type":"text","size_bytes":{}}}}}"#,
        content.len()
    );
    let length = u32::try_from(face.len()).unwrap().to_be_bytes();
    let content = [&length, face.as_bytes(), content].concat();
    let sealed = permit.seal(&content, &mut SystemRandom);
    let new = NewItem::of(&permit, ItemKind::Document, sealed);
    app.store
        .keep(&[new], jiff::civil::date(2026, 3, 2))
        .await
        .unwrap();
    permit.item()
}

#[tokio::test]
async fn a_crash_before_sealed_leaves_nothing_visible_and_can_be_repeated() {
    let clinic = Clinic::new().await;
    let patient = clinic.patient(1).await;
    let viewer = clinic.as_patient(patient).await;
    for (key, size) in [(1, 300), (2, 100_000)] {
        let item = crash_before_sealed(&clinic, patient, key, &text(size)).await;
        assert!(is_not_found(&clinic.open(&viewer, item).await));
        let again = clinic
            .deposit(vec![deposit(patient, key, text(size))])
            .await;
        assert_eq!(again, [Ok(item)]);
        let opened = clinic.open(&viewer, item).await.unwrap();
        assert!(read(opened).await == text(size));
    }
}

#[tokio::test]
async fn another_content_under_the_key_of_an_unfinished_deposit_is_refused() {
    let clinic = Clinic::new().await;
    let patient = clinic.patient(1).await;
    for (key, size) in [(1, 300), (2, 100_000)] {
        crash_before_sealed(&clinic, patient, key, &text(size)).await;
        let other = deposit(patient, key, text(size + 1));
        let app = &clinic.portal.app;
        let refused = documents::deposit(app, &clinic.program, vec![other], clinic.now()).await;
        assert!(
            matches!(refused, Err(DepositError::OtherContent)),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn what_was_altered_in_the_database_or_on_the_disk_is_not_shown() {
    let clinic = Clinic::new().await;
    let patient = clinic.patient(1).await;
    let deposits = vec![
        deposit(patient, 1, text(300)),
        deposit(patient, 2, text(100_000)),
    ];
    let items = clinic.deposit(deposits).await;
    let (row, file) = (items[0].unwrap(), items[1].unwrap());
    let thief = connect(clinic.portal.database.config_as_superuser()).await;
    thief
        .batch_execute("update item set sealed = set_byte(sealed, 70, get_byte(sealed, 70) # 1) where stored = 'row'")
        .await
        .unwrap();
    let name = file.to_string();
    let path = clinic
        .portal
        .folder
        .path()
        .join("kept")
        .join(&name[..2])
        .join(&name[2..4])
        .join(&name);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[5_000] ^= 1;
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, bytes).unwrap();

    let viewer = clinic.as_patient(patient).await;
    for item in [row, file] {
        let opened = clinic.open(&viewer, item).await;
        assert!(
            matches!(opened, Err(ReadError::Unseal(_))),
            "{:?}",
            opened.err()
        );
    }
    let shelf = clinic.shelf(&viewer, patient).await;
    assert_eq!((shelf.lines.len(), shelf.unreadable), (0, 2));
}
