//! Deposits and what makes them visible.

use crate::arrange::{Scene, Stored, denied, key, new_item, scene, scene_of};
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::bodies::open_block;
use candour_keeper_api::wire::{self, Call, Reply};
use candour_keeper_api::words::{EntryKind, ItemKind, Purpose, Reason, Section};
use candour_keeper_api::{DepositOutcome, DepositPermit, Token};
use candour_seal::{Context, PatientId, RoomPrivateKey, SystemRandom};
use candour_testkit::keeper::{KEEPER, Settings};
use candour_testkit::{TestCluster, TestKeeper};
use jiff::SignedDuration;

fn new(outcome: Result<DepositOutcome, candour_keeper_api::Denied>) -> DepositPermit {
    match outcome {
        Ok(DepositOutcome::New(permit)) => permit,
        Ok(DepositOutcome::AlreadySealed(_)) => panic!("sealed already"),
        Err(denied) => panic!("refused: {denied}"),
    }
}

#[tokio::test]
async fn the_same_deposit_gives_the_same_item_and_key_until_it_is_sealed() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let item = new_item(1, patient, ItemKind::Document, Section::None);
    let deposit = async || {
        let granted = scene
            .import
            .deposit(&scene.program, vec![item.clone()])
            .await;
        granted.unwrap().pop().unwrap()
    };
    let first = new(deposit().await);
    let again = new(deposit().await);
    assert_eq!(first.item(), again.item());
    let sealed = first.seal(b"a letter", &mut SystemRandom);
    assert!(again.is_sealing_of(&sealed, b"a letter"));
    let stored = Stored {
        item: first.item(),
        sealed,
        plain: b"a letter".to_vec(),
    };
    scene.say_sealed(&[stored]).await.unwrap();
    assert!(matches!(
        deposit().await,
        Ok(DepositOutcome::AlreadySealed(item)) if item == first.item()
    ));
    assert_eq!(scene.count(EntryKind::Deposit, 0).await, 1);
}

#[tokio::test]
async fn sealing_twice_is_once_and_with_another_digest_it_is_refused() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let other = Stored {
        item: stored.item,
        sealed: b"something else".to_vec(),
        plain: stored.plain.clone(),
    };
    scene
        .say_sealed(std::slice::from_ref(&stored))
        .await
        .unwrap();
    let refused = scene.say_sealed(&[other]).await.unwrap_err();
    assert_eq!(denied(&refused), Reason::Invalid);
    assert_eq!(scene.count(EntryKind::Sealed, 0).await, 1);
}

#[tokio::test]
async fn two_deposits_of_the_same_at_once_are_one_item() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let item = new_item(1, patient, ItemKind::Document, Section::None);
    let deposit = || scene.import.deposit(&scene.program, vec![item.clone()]);
    let (one, two, three) = tokio::join!(deposit(), deposit(), deposit());
    let items: Vec<_> = [one, two, three]
        .into_iter()
        .map(|granted| new(granted.unwrap().pop().unwrap()).item())
        .collect();
    assert_eq!(items[0], items[1]);
    assert_eq!(items[0], items[2]);
    assert_eq!(scene.count(EntryKind::Deposit, 0).await, 1);
}

#[tokio::test]
async fn a_practice_deposits_for_its_own_patients_only_and_a_program_never_reads() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let elsewhere = scene.keeper.practice().await;
    let through = candour_keeper::instances::InstanceKind::Import;
    let stranger = scene.keeper.program(elsewhere, through).await;
    for of in [patient, PatientId::from_bytes([3; 16])] {
        let item = new_item(9, of, ItemKind::Document, Section::None);
        let granted = scene.import.deposit(&stranger, vec![item]).await.unwrap();
        let refused = granted.into_iter().next().unwrap();
        assert_eq!(refused.map(drop).unwrap_err().reason, Reason::NotFound);
    }
    let target = candour_keeper_api::Item(stored.item);
    let viewer = crate::arrange::viewer(&scene.program, Purpose::DirectCare);
    let read = scene.import.open(&viewer, target).await;
    assert!(read.is_err());
}

#[tokio::test]
async fn a_contact_block_opens_with_the_room_s_key_alone() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let item = new_item(1, patient, ItemKind::Contact, Section::Contact);
    let granted = scene
        .import
        .deposit(&scene.program, vec![item])
        .await
        .unwrap();
    let permit = new(granted.into_iter().next().unwrap());
    let sealed = permit.seal(b"021 123 4567", &mut SystemRandom);
    let core = &scene.keeper.core;
    let room = core.room_key().unwrap();
    let context = Context {
        installation: core.config.installation,
        subject: *patient.as_bytes(),
        item: permit.item(),
        version: 1,
    };
    let room = RoomPrivateKey::from_bytes(&room);
    let opened = open_block(&sealed, permit.room_wrap(), &context, &room).unwrap();
    assert_eq!(opened.as_slice(), b"021 123 4567");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_what_fits_beside_it_is_not() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let wrong = new_item(1, patient, ItemKind::Document, Section::Results);
    let refused = scene.import.deposit(&scene.program, vec![wrong]).await;
    assert_eq!(denied(&refused.map(drop).unwrap_err()), Reason::Invalid);
    let stranger = PatientId::from_bytes([3; 16]);
    let items = vec![
        new_item(2, stranger, ItemKind::Document, Section::None),
        new_item(3, patient, ItemKind::Document, Section::None),
    ];
    let granted = scene.import.deposit(&scene.program, items).await.unwrap();
    assert!(granted[0].is_err());
    assert!(granted[1].is_ok());
}

#[tokio::test]
async fn a_deposit_that_is_never_sealed_goes_after_a_day() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let item = wire::NewItem {
        deposit_key: key(1).to_vec(),
        ..new_item(1, patient, ItemKind::Document, Section::None)
    };
    let first = scene
        .import
        .deposit(&scene.program, vec![item])
        .await
        .unwrap();
    let first = new(first.into_iter().next().unwrap());
    scene.keeper.clock.advance(SignedDuration::from_hours(25));
    let core = &scene.keeper.core;
    core.drop_stale_deposits().await;
    let token = core.keys.item(first.item());
    assert!(core.items.load(token).await.unwrap().is_none());
    assert_eq!(scene.count(EntryKind::Shred, 0).await, 1);
}

#[tokio::test]
async fn a_program_s_busiest_hour_is_known_after_a_restart() {
    let database = TestCluster::shared().database(&KEEPER).await;
    let mut settings = Settings::default();
    settings.budgets.client.deposited_hour_floor = 3;
    let keeper = TestKeeper::start_with(&database, settings).await;
    let mut scene = scene_of(database, keeper).await;
    let people = (1..=8).map(crate::arrange::person).collect();
    let patients = scene.enrol_as(&scene.program, people).await;
    let (program, secret) = scene.keeper.program_credential(scene.practice).await;
    let sign_in = async |scene: &Scene| {
        // What the operator itself imports in bulk has no budget.
        let portal = scene.keeper.client(InstanceKind::Portal);
        let call = Call::ClientSignIn(wire::ClientSignIn {
            client: program.as_bytes().to_vec(),
            secret: secret.to_vec(),
        });
        let Reply::SignedIn(signed_in) = portal.call(call).await.unwrap() else {
            panic!("not an answer to signing in");
        };
        (portal, Token::from_bytes(&signed_in.token).unwrap())
    };
    // How many of the patients from the first on it may write to.
    let allowed = async |scene: &Scene, day: u64| {
        let (portal, token) = sign_in(scene).await;
        for (number, patient) in (0..).zip(&patients) {
            let item = new_item(
                100 * day + number,
                patient.unwrap(),
                ItemKind::Document,
                Section::None,
            );
            let granted = portal.deposit(&token, vec![item]).await.unwrap().pop();
            match granted.unwrap() {
                Ok(_) => {}
                Err(denied) => {
                    assert_eq!(denied.reason, Reason::OverBudget);
                    return number;
                }
            }
        }
        u64::MAX
    };
    assert_eq!(allowed(&scene, 1).await, 3);
    scene.keeper.clock.advance(SignedDuration::from_hours(24));
    scene.keeper = scene.keeper.restart().await;
    // Twice its busiest hour of the days before.
    assert_eq!(allowed(&scene, 2).await, 6);
    scene
        .keeper
        .clock
        .advance(SignedDuration::from_hours(30 * 24));
    scene.keeper = scene.keeper.restart().await;
    assert_eq!(allowed(&scene, 3).await, 3, "28 days are looked at");
}
