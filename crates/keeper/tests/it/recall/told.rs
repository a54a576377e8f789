//! Who is told of a recall, what a restart knows of it, what is under way meanwhile, and what the room still answers.

use super::{Recalling, recalling};
use crate::arrange::{denied, eventually, viewer};
use candour_keeper::draft::{Draft, Effect};
use candour_keeper::facts::{Fact, FactBody, Recalled};
use candour_keeper_api::wire::{self, Call, Reply};
use candour_keeper_api::words::{EntryKind, Purpose, Reason, Role, Section};
use candour_testkit::Held;
use candour_testkit::keeper::InstanceKind;
use prost::Message;

#[tokio::test]
async fn patients_are_told_in_one_line_and_whoever_acts_for_them_if_they_could_see_it() {
    let mut all = recalling().await;
    let keeper = &all.scene.keeper;
    let [first, second] = all.patients;
    let themself = keeper.as_patient(first).await;
    let other = keeper.as_patient(second).await;
    let of_medicines = keeper.as_proxy(first, &[Section::Medicines], 0).await;
    let of_results = keeper.as_proxy(first, &[Section::Results], 0).await;
    let recall = all.taken_back().await;
    let taken = i32::from(EntryKind::Recall);
    assert_eq!(all.told(&themself.token, first).await, [taken]);
    assert_eq!(all.told(&other.token, second).await, [taken]);
    assert_eq!(all.told(&of_medicines.token, first).await, [taken]);
    assert!(all.told(&of_results.token, first).await.is_empty());
    let events = all.events(&themself.token, first).await;
    let event = events.iter().find(|event| event.kind == taken).unwrap();
    assert!(event.is_granted && event.item.is_empty() && event.section == 0);
    // How much it was would tell whoever sees a part how much there is.
    assert_eq!(event.count, 0);
    assert_eq!(event.practice, all.scene.practice.as_bytes());
    assert_eq!(event.role, i32::from(Role::Manager));
    let back = all.putting_back(recall);
    all.sign(back).await.unwrap();
    let put_back = i32::from(EntryKind::RecallEnded);
    let told = all.told(&themself.token, first).await;
    assert_eq!(told, [put_back, taken]);
    assert!(!all.listed(None).await.iter().any(|one| one.is_away));
}

#[tokio::test]
async fn a_restart_knows_every_recall_and_tells_nobody_twice() {
    let mut all = recalling().await;
    all.taken_back().await;
    assert_eq!(all.scene.count(EntryKind::Recall, 0).await, 3);
    let Recalling { scene, letter, .. } = all;
    let (person, practice) = (scene.clinician.person, scene.practice);
    let keeper = scene.keeper.restart().await;
    let staff = keeper.sign_in_staff(person, practice, Role::Clinician);
    let portal = keeper.client(InstanceKind::Portal);
    let reader = viewer(&staff.token, Purpose::DirectCare);
    let opened = portal
        .open(&reader, candour_keeper_api::Item(letter.item))
        .await;
    assert_eq!(denied(&opened.map(drop).unwrap_err()), Reason::NotFound);
    // Longer than it takes the keeper to see who is left.
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let recalls = (i16::from(EntryKind::Recall.number()), 0);
    assert_eq!(keeper.entries().await.get(&recalls), Some(&3));
}

/// The act alone, as a crash leaves it that comes before anybody was told.
async fn untold(all: &Recalling) {
    let scene = &all.scene;
    let core = &scene.keeper.core;
    let mut recalled = Recalled {
        as_of: core.ledger.size(),
        ..Recalled::default()
    };
    for item in [all.letter.item, all.other.item] {
        let row = core
            .items
            .load(core.keys.item(item))
            .await
            .unwrap()
            .unwrap();
        recalled.note([row.sealed.unwrap().index]);
    }
    let fact = Fact::Recalled(recalled);
    let mut draft = Draft::of_keeper(EntryKind::Recall);
    draft.row.practice = Some(scene.practice);
    draft.row.role = Role::Manager;
    draft.body.count = 2;
    draft.body.details = FactBody {
        fact: Some(fact.clone()),
    }
    .encode_to_vec();
    draft.effects = vec![Effect::fact(core.keys.practice(scene.practice), fact)];
    core.ledger.append_one(draft).await.unwrap();
}

#[tokio::test]
async fn whom_a_crash_left_out_is_told_after_the_next_start() {
    let all = recalling().await;
    untold(&all).await;
    assert_eq!(all.scene.count(EntryKind::Recall, 0).await, 1);
    let keeper = all.scene.keeper.restart().await;
    let recalls = (i16::from(EntryKind::Recall.number()), 0);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    eventually(|| async { keeper.entries().await.get(&recalls) == Some(&3) }).await;
}

#[tokio::test]
async fn what_is_taken_back_after_the_entry_and_before_the_keys_leave_is_not_released() {
    let all = recalling().await;
    let scene = &all.scene;
    let (token, patient) = (&scene.clinician.token, all.patients[0]);
    let opening = scene.open_section(token, Purpose::DirectCare, patient, Section::Medicines);
    let core = &scene.keeper.core;
    let medicines = core
        .items
        .section(core.keys.patient(patient), Section::Medicines);
    let sealed = medicines.await.unwrap()[0].sealed;
    let head = Held::head(&scene.superuser).await;
    let recalling = async {
        head.somebody_waits("ledger_head").await;
        let keys = Held::table(&scene.superuser, "subject_key").await;
        core.subject_keys.forget(core.keys.patient(patient));
        head.let_go().await;
        // The entry is written, and the release waits for the keys.
        keys.somebody_waits("from subject_key").await;
        let mut recalled = Recalled::default();
        recalled.note([sealed.index]);
        let practice = core.keys.practice(scene.practice);
        let effect = Effect::fact(practice, Fact::Recalled(recalled));
        scene.keeper.arrange(vec![effect]).await;
        keys.let_go().await;
    };
    let (opened, ()) = tokio::join!(opening, recalling);
    assert_eq!(opened.err(), Some(Reason::NotFound));
    assert_eq!(scene.count(EntryKind::Open, 0).await, 1);
    let withheld = scene.count(EntryKind::Withheld, Reason::NotFound.number());
    assert_eq!(withheld.await, 1);
}

#[tokio::test]
async fn the_room_is_told_of_every_opening_what_it_released_then_before_meanwhile_and_after() {
    let mut all = recalling().await;
    let (token, patient) = (all.scene.clinician.token.clone(), all.patients[0]);
    let room = all.scene.keeper.client(InstanceKind::Room);
    let covered = async |index: u64| {
        let call = Call::SectionAt(wire::SectionAt {
            patient: patient.as_bytes().to_vec(),
            index,
        });
        match room.call(call).await.unwrap() {
            Reply::SectionAt(covered) => covered.items,
            _ => panic!("not an answer"),
        }
    };
    let open = async |all: &Recalling| {
        let care = Purpose::DirectCare;
        let opened = all
            .scene
            .open_section(&token, care, patient, Section::Medicines);
        let opened = opened.await.unwrap();
        (opened.index(), opened.items().len())
    };
    let before = open(&all).await;
    let released = covered(before.0).await;
    let recall = all.taken_back().await;
    all.scene.segment(40, patient, Section::Medicines).await;
    let meanwhile = open(&all).await;
    assert_eq!((before.1, meanwhile.1), (1, 1));
    let of_meanwhile = covered(meanwhile.0).await;
    assert!(of_meanwhile.len() == 1 && of_meanwhile != released);
    let back = all.putting_back(recall);
    all.sign(back).await.unwrap();
    let after = open(&all).await;
    assert_eq!(covered(after.0).await.len(), 2);
    assert_eq!(covered(before.0).await, released);
    assert_eq!(covered(meanwhile.0).await, of_meanwhile);
}
