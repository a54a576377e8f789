//! Receipts as the keeper gives them: to patients alone, provable without it, numbered without gap.

use crate::arrange::{Scene, denied, scene};
use candour_keeper::keys::Keys;
use candour_keeper::ledger::Health;
use candour_keeper_api::wire::{self, Call, HistoryPage, Reply};
use candour_keeper_api::words::{EntryKind, ItemKind, Purpose, Reason, Role, Section};
use candour_keeper_api::{CallError, Token};
use candour_ledger::Frontier;
use candour_ledger::export::{ExportReader, Next};
use candour_seal::{PatientId, PersonId, PracticeId, hmac};
use candour_testkit::keeper::InstanceKind;
use candour_testkit::{TestDatabase, TestKeeper};
use candour_verify::receipt::{self, Proved};
use std::fs;
use tokio_postgres::Config;
use tokio_postgres::types::ToSql;

/// What is kept of a scene whose keeper was started again.
struct Kept {
    _database: Option<TestDatabase>,
    practice: PracticeId,
    person: PersonId,
    superuser: Config,
}

pub async fn ask(
    keeper: &TestKeeper,
    token: &Token,
    patient: PatientId,
) -> Result<HistoryPage, CallError> {
    let call = Call::History(wire::History {
        token: token.expose().to_vec(),
        patient: patient.as_bytes().to_vec(),
        limit: 200,
        receipts: true,
        ..wire::History::default()
    });
    match keeper.client(InstanceKind::Portal).call(call).await? {
        Reply::History(page) => Ok(page),
        _ => panic!("not an answer to history"),
    }
}

/// The receipts that somebody gets, checked with nothing but the log's key; oldest first.
async fn receipts(keeper: &TestKeeper, token: &Token, patient: PatientId) -> Vec<Proved> {
    let page = ask(keeper, token, patient).await.unwrap();
    let key = keeper.core.checkpoints.verifier();
    let proved = page.events.iter().rev().map(|event| {
        let proved = receipt::verify(&event.receipt, &key).unwrap();
        assert_eq!(proved.entry.index, event.index);
        // Nothing stands beside the receipt that is not in it.
        let alone = wire::HistoryEvent {
            index: event.index,
            receipt: event.receipt.clone(),
            ..wire::HistoryEvent::default()
        };
        assert_eq!(*event, alone);
        proved
    });
    proved.collect()
}

/// Two patients whose documents were opened and delivered; the keeper was started again, so that all of it is public.
async fn opened() -> (TestKeeper, Kept, [PatientId; 2]) {
    let scene = scene().await;
    let patients = [scene.patient(1).await, scene.patient(2).await];
    for (number, patient) in (1..).zip(patients) {
        let stored = scene.document(number, patient).await;
        let clinician = &scene.clinician.token;
        let permit = scene
            .open_document(clinician, Purpose::DirectCare, stored.item)
            .await
            .unwrap();
        let grants = vec![permit.index()];
        scene
            .portal
            .call(Call::Delivered(wire::Delivered { grants }))
            .await
            .unwrap();
    }
    let Scene {
        keeper,
        database,
        practice,
        clinician,
        superuser,
        ..
    } = scene;
    let person = clinician.person;
    let kept = Kept {
        _database: database,
        practice,
        person,
        superuser,
    };
    (keeper.restart().await, kept, patients)
}

#[tokio::test]
async fn patients_get_a_receipt_of_every_entry_about_them_and_of_no_other() {
    let (keeper, _kept, [patient, other]) = opened().await;
    let own = keeper.as_patient(patient).await;
    let proved = receipts(&keeper, &own.token, patient).await;
    let surrogate = keeper.core.keys.patient(patient).surrogate();
    assert!(
        proved
            .iter()
            .all(|proved| proved.entry.patient == surrogate)
    );
    let numbers: Vec<u64> = proved.iter().map(|proved| proved.number.unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert!(receipt::check_chain(&proved).is_empty());
    for kind in [EntryKind::Open, EntryKind::Delivered, EntryKind::Sealed] {
        assert!(
            proved
                .iter()
                .any(|proved| proved.entry.kind == kind.number()),
            "{kind:?}"
        );
    }
    let refused = ask(&keeper, &own.token, other).await.unwrap_err();
    assert_eq!(denied(&refused), Reason::NotFound);
    // What was asked for is an entry, with the next number, as soon as it is public.
    let keeper = keeper.restart().await;
    let own = keeper.as_patient(patient).await;
    let later = receipts(&keeper, &own.token, patient).await;
    assert!(later.len() > proved.len());
    assert_eq!(later[proved.len()].number, Some(numbers.len() as u64 + 1));
}

#[tokio::test]
async fn nobody_but_the_patient_gets_a_receipt_whose_number_counts_what_others_did() {
    let (keeper, kept, [patient, _]) = opened().await;
    let staff = keeper.sign_in_staff(kept.person, kept.practice, Role::Clinician);
    // A keeper that was started again makes the same ids up.
    for what in ["practice", "person"] {
        let _passed: Vec<_> = (0..20).map(|_| keeper.next_id(what)).collect();
    }
    let proxy = keeper.as_proxy(patient, &[Section::Medicines], 0).await;
    let of = (
        i16::from(EntryKind::History.number()),
        i16::from(Reason::NotAllowed.number()),
    );
    for (refusals, viewer) in (1..).zip([&staff, &proxy]) {
        let refused = ask(&keeper, &viewer.token, patient).await.unwrap_err();
        assert_eq!(denied(&refused), Reason::NotAllowed);
        assert_eq!(keeper.entries().await.get(&of), Some(&refusals));
    }
    let strangers = keeper.practice().await;
    let stranger = keeper.staff(strangers, Role::Clinician).await;
    let refused = ask(&keeper, &stranger.token, patient).await.unwrap_err();
    assert_eq!(denied(&refused), Reason::NotFound);
}

#[tokio::test]
async fn an_entry_from_before_entries_had_numbers_still_gets_a_receipt() {
    let (keeper, kept, [patient, _]) = opened().await;
    keeper.stop().await;
    rewrite_as_of_then(&keeper, &kept.superuser).await;
    let keeper = keeper.restart().await;
    assert_eq!(keeper.core.ledger.health(), Health::Well);
    let then = keeper.core.ledger.size();
    let keeper = keeper.restart().await;
    let own = keeper.as_patient(patient).await;
    ask(&keeper, &own.token, patient).await.unwrap();
    let keeper = keeper.restart().await;
    let own = keeper.as_patient(patient).await;
    let proved = receipts(&keeper, &own.token, patient).await;
    assert!(
        proved
            .iter()
            .all(|proved| proved.number.is_none() == (proved.entry.index < then))
    );
    assert!(proved.last().unwrap().number.is_some() && proved[0].number.is_none());
}

/// Gives every leaf the salt of then, and everything that follows from the leaves.
async fn rewrite_as_of_then(keeper: &TestKeeper, superuser: &Config) {
    let keys = Keys::new(keeper.root_key()).unwrap();
    let salts = keeper.root_key().derive(b"entry salt");
    let mut export = Vec::new();
    candour_keeper::export::export(superuser, &keys, &mut export)
        .await
        .unwrap();
    let client = candour_embedded::cluster::connect(superuser).await.unwrap();
    let mut reader = ExportReader::new(export.as_slice()).unwrap();
    let mut frontier = Frontier::new();
    while let Next::Record { record, .. } = reader.read().unwrap() {
        let index = record.entry.index;
        let leaf = record.entry.leaf(&hmac(&salts, &index.to_be_bytes()));
        let index = i64::try_from(index).unwrap();
        let changed = [&leaf.as_bytes().as_slice() as &(dyn ToSql + Sync), &index];
        client
            .execute("update entry set leaf = $1 where index = $2", &changed)
            .await
            .unwrap();
        frontier.append(leaf);
    }
    let head = frontier.to_bytes();
    client
        .execute("update ledger_head set frontier = $1", &[&head])
        .await
        .unwrap();
    let checkpoints = keeper.folder().join("checkpoints");
    fs::remove_dir_all(&checkpoints).unwrap();
    fs::create_dir(&checkpoints).unwrap();
    keeper.core.checkpoints.write(&frontier).unwrap();
}

#[tokio::test]
async fn no_receipt_is_given_that_would_not_hold() {
    let (keeper, _kept, [patient, _]) = opened().await;
    let own = keeper.as_patient(patient).await;
    // Tiles that somebody changed behind the keeper's back.
    let row = keeper.public().join("tile/0/000.p");
    for tile in fs::read_dir(&row).unwrap() {
        let tile = tile.unwrap().path();
        let mut bytes = fs::read(&tile).unwrap();
        bytes[40] ^= 1;
        fs::write(&tile, bytes).unwrap();
    }
    let refused = ask(&keeper, &own.token, patient).await.unwrap_err();
    assert_eq!(denied(&refused), Reason::LedgerUnavailable);
    // That nothing is public, and cannot be written, is no word on what there is.
    let public = keeper.public();
    // The keeper may just be making the folder anew.
    while fs::write(public.join("tile"), "").is_err() {
        let _ = fs::remove_dir_all(public.join("tile"));
    }
    let _ = fs::remove_file(public.join("checkpoint"));
    assert!(!public.join("checkpoint").exists());
    let refused = ask(&keeper, &own.token, patient).await.unwrap_err();
    assert_eq!(denied(&refused), Reason::LedgerUnavailable);
}

#[test]
fn the_verifier_has_words_for_everything_that_an_entry_can_say() {
    let all = |count: usize, words: fn(u8) -> Option<&'static str>, first: u8| {
        let known: Vec<u8> = (first..=u8::MAX)
            .filter(|number| words(*number).is_some())
            .collect();
        assert_eq!(known.len(), count);
        known
    };
    let numbers = all(EntryKind::ALL.len(), receipt::kind, 0);
    assert!(
        EntryKind::ALL
            .iter()
            .all(|kind| numbers.contains(&kind.number()))
    );
    let numbers = all(Purpose::ALL.len(), receipt::purpose, 0);
    assert!(
        Purpose::ALL
            .iter()
            .all(|purpose| numbers.contains(&purpose.number()))
    );
    let numbers = all(Role::ALL.len(), receipt::role, 0);
    assert!(
        Role::ALL
            .iter()
            .all(|role| numbers.contains(&role.number()))
    );
    let numbers = all(ItemKind::ALL.len(), receipt::item_kind, 0);
    assert!(
        ItemKind::ALL
            .iter()
            .all(|kind| numbers.contains(&kind.number()))
    );
    // 0 is a grant.
    let numbers = all(Reason::ALL.len(), receipt::decision, 1);
    assert!(
        Reason::ALL
            .iter()
            .all(|reason| numbers.contains(&reason.number()))
    );
}
