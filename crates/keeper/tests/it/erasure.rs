//! What two people of a practice erase opens for nobody, whatever comes back.

use crate::arrange::{Scene, Stored, denied, new_item, scene};
use candour_keeper::keys::LookupKind;
use candour_keeper_api::wire::{self, Call, ChangeKind, Reply};
use candour_keeper_api::words::{EntryKind, ItemKind, Purpose, Reason, Role, Section};
use candour_keeper_api::{CallError, DepositOutcome, Keeper};
use candour_seal::{ItemId, PatientId};
use candour_testkit::TestCluster;
use candour_testkit::keeper::acts::act;
use candour_testkit::keeper::{InstanceKind, Staff};
use candour_testkit::passkey::SoftwarePasskey;
use std::sync::Arc;

/// A scene with two people who can sign, and a patient with two documents and medicines.
struct Erasing {
    scene: Scene,
    clinician: (Staff, SoftwarePasskey),
    manager: (Staff, SoftwarePasskey),
    patient: PatientId,
    letter: Stored,
    other: Stored,
}

async fn erasing() -> Erasing {
    let scene = scene().await;
    let mut people = Vec::new();
    for role in [Role::Clinician, Role::Manager] {
        let person = scene.keeper.staff(scene.practice, role).await;
        let device = scene.keeper.give_passkey(person.person).await;
        people.push((person, device));
    }
    let patient = scene.patient(1).await;
    let letter = scene.document(1, patient).await;
    let other = scene.document(2, patient).await;
    let mut shelf = new_item(3, patient, ItemKind::Segment, Section::Shelf);
    shelf.of_document = letter.item.as_bytes().to_vec();
    scene.store(vec![shelf]).await;
    scene.segment(4, patient, Section::Medicines).await;
    let manager = people.pop().unwrap();
    Erasing {
        clinician: people.pop().unwrap(),
        manager,
        scene,
        patient,
        letter,
        other,
    }
}

impl Erasing {
    fn erase(&self, item: Option<ItemId>) -> ChangeKind {
        ChangeKind::Erase(wire::Erase {
            practice: self.scene.practice.as_bytes().to_vec(),
            patient: self.patient.as_bytes().to_vec(),
            item: item.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
            reason: "filed under the wrong person".to_owned(),
        })
    }

    fn hold(&self, is_held: bool) -> ChangeKind {
        ChangeKind::Hold(wire::HoldChange {
            practice: self.scene.practice.as_bytes().to_vec(),
            patient: self.patient.as_bytes().to_vec(),
            is_held,
            reason: "complaint".to_owned(),
        })
    }

    async fn begin(&mut self, kind: ChangeKind) -> Result<wire::Changed, CallError> {
        let (person, device) = &mut self.clinician;
        act(&self.scene.portal, &person.token, device, kind).await
    }

    async fn by_manager(&mut self, kind: ChangeKind) -> Result<wire::Changed, CallError> {
        let (person, device) = &mut self.manager;
        act(&self.scene.portal, &person.token, device, kind).await
    }

    /// Both sign.
    async fn erased(&mut self, item: Option<ItemId>) -> u64 {
        let begun = self.begin(self.erase(item)).await.unwrap();
        let approve = ChangeKind::Approve(begun.pending);
        self.by_manager(approve).await.unwrap().index
    }

    async fn opened(&self, item: ItemId) -> Result<(), Reason> {
        let token = &self.scene.clinician.token;
        let opened = self
            .scene
            .open_document(token, Purpose::DirectCare, item)
            .await;
        opened.map(drop)
    }

    async fn shown(&self, section: Section) -> usize {
        let token = &self.scene.clinician.token;
        let opened = self
            .scene
            .open_section(token, Purpose::DirectCare, self.patient, section)
            .await;
        opened.unwrap().items().len()
    }

    fn tombstones(&self) -> Vec<String> {
        tombstones(&self.scene.keeper.folder())
    }
}

fn tombstones(folder: &std::path::Path) -> Vec<String> {
    names(&folder.join("tombstones"))
}

fn checkpoints(folder: &std::path::Path) -> Vec<String> {
    names(&folder.join("checkpoints"))
}

fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder);
    let names = entries.into_iter().flatten();
    names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

async fn removed(worker: &Keeper, after: u64) -> (Vec<ItemId>, u64) {
    let erased = worker.erased_after(after).await.unwrap();
    (erased.items().to_vec(), erased.up_to())
}

#[tokio::test]
async fn one_person_erases_nothing_and_two_erase_one_document_with_its_line_on_the_shelf() {
    let mut all = erasing().await;
    let kind = all.erase(Some(all.letter.item));
    let begun = all.begin(kind).await.unwrap();
    assert_eq!(begun.pending.len(), 16);
    assert_eq!(all.opened(all.letter.item).await, Ok(()));
    let again = ChangeKind::Approve(begun.pending.clone());
    let own = all.begin(again).await.unwrap_err();
    assert_eq!(denied(&own), Reason::NotAllowed);
    assert_eq!(all.shown(Section::Shelf).await, 1);

    let done = all
        .by_manager(ChangeKind::Approve(begun.pending))
        .await
        .unwrap();
    assert_eq!(all.opened(all.letter.item).await, Err(Reason::NotFound));
    assert_eq!(all.shown(Section::Shelf).await, 0);
    assert_eq!(all.opened(all.other.item).await, Ok(()));
    assert_eq!(all.shown(Section::Medicines).await, 1);
    assert!(all.tombstones().contains(&all.letter.item.to_string()));
    // Its line on the shelf goes with it: the worker is told of both, once.
    let worker = all.scene.keeper.client(InstanceKind::Worker);
    let (items, up_to) = removed(&worker, 0).await;
    assert!(items.contains(&all.letter.item) && items.len() == 2);
    assert_eq!(up_to, done.index);
    assert_eq!(removed(&worker, up_to).await, (Vec::new(), up_to));
    // Nobody but the worker is told.
    let portal = all.scene.portal.erased_after(0).await;
    assert_eq!(denied(&portal.map(drop).unwrap_err()), Reason::NotAllowed);
}

#[tokio::test]
async fn what_was_erased_and_is_sent_again_is_known_and_stays_erased() {
    let mut all = erasing().await;
    all.erased(Some(all.letter.item)).await;
    let item = new_item(1, all.patient, ItemKind::Document, Section::None);
    let scene = &all.scene;
    let granted = scene.import.deposit(&scene.program, vec![item]).await;
    let outcome = granted.unwrap().pop().unwrap();
    assert!(matches!(outcome, Ok(DepositOutcome::AlreadySealed(item)) if item == all.letter.item));
    assert_eq!(all.opened(all.letter.item).await, Err(Reason::NotFound));
}

#[tokio::test]
async fn everything_of_a_practice_goes_and_the_patient_with_it() {
    let mut all = erasing().await;
    let subject = all.scene.keeper.core.keys.patient(all.patient);
    let before = all
        .scene
        .keeper
        .core
        .subject_keys
        .load(subject)
        .await
        .unwrap();
    all.erased(None).await;
    for item in [all.letter.item, all.other.item] {
        assert_eq!(all.opened(item).await, Err(Reason::NotFound));
    }
    let medicines = all
        .scene
        .open_section(
            &all.scene.clinician.token,
            Purpose::DirectCare,
            all.patient,
            Section::Medicines,
        )
        .await;
    assert!(medicines.is_err(), "the patient left");
    // Nobody else keeps anything of them: their reading key is another, their audit key is not.
    let core = &all.scene.keeper.core;
    let after = core.subject_keys.load(subject).await.unwrap();
    assert!(before.reading != after.reading);
    assert!(before.audit == after.audit);
    let number = (
        LookupKind::Nhi,
        core.keys.lookup(LookupKind::Nhi, b"ZZZ0001"),
    );
    let found = core.lookups.find_all(&[number]).await.unwrap();
    assert!(found.is_empty());
    // The practice's program sends the same person again: known, and gone. Enrolled anew they are somebody new.
    assert_eq!(all.scene.patient(1).await, all.patient);
    let mut person = crate::arrange::person(1);
    person.enrolment_key = crate::arrange::key(88).to_vec();
    let enrolled = all.scene.enrol_as(&all.scene.program, vec![person]).await;
    let again = enrolled[0].unwrap();
    assert_ne!(again, all.patient);
    let fresh = all.scene.document(9, again).await;
    assert_eq!(all.opened(fresh.item).await, Ok(()));
}

#[tokio::test]
async fn an_old_copy_of_an_erased_item_does_not_unwrap_by_the_keys_that_are_kept() {
    let mut all = erasing().await;
    let core = Arc::clone(&all.scene.keeper.core);
    let (subject, item) = (
        core.keys.patient(all.patient),
        core.keys.item(all.letter.item),
    );
    let row = core.items.load(item).await.unwrap().unwrap();
    let before = core.subject_keys.load(subject).await.unwrap();
    assert!(row.key(&before.reading).is_ok());
    all.erased(Some(all.letter.item)).await;
    let after = core.subject_keys.load(subject).await.unwrap();
    assert!(row.key(&after.reading).is_err());
    let kept = core
        .items
        .load(core.keys.item(all.other.item))
        .await
        .unwrap()
        .unwrap();
    assert!(kept.key(&after.reading).is_ok());
    assert_eq!(all.opened(all.other.item).await, Ok(()));
    assert_eq!(all.shown(Section::Medicines).await, 1);
}

#[tokio::test]
async fn another_practice_s_deposits_and_the_patient_s_own_key_stay() {
    let mut all = erasing().await;
    let elsewhere = all.scene.keeper.practice().await;
    let through = InstanceKind::Import;
    let program = all.scene.keeper.program(elsewhere, through).await;
    let mut person = crate::arrange::person(1);
    person.enrolment_key = crate::arrange::key(77).to_vec();
    let enrolled = all.scene.enrol_as(&program, vec![person]).await;
    assert_eq!(enrolled, [Ok(all.patient)]);
    let item = new_item(50, all.patient, ItemKind::Document, Section::None);
    let granted = all.scene.import.deposit(&program, vec![item]).await;
    let Ok(DepositOutcome::New(permit)) = granted.unwrap().pop().unwrap() else {
        panic!("not granted")
    };
    let theirs = permit.item();
    let sealed = Call::Sealed(wire::Sealed {
        token: program.expose().to_vec(),
        items: vec![wire::SealedItem {
            item: theirs.as_bytes().to_vec(),
            sealed_size: 1,
            ciphertext_digest: vec![1; 32],
            plaintext_digest: vec![2; 32],
        }],
    });
    all.scene.import.call(sealed).await.unwrap();
    all.erased(None).await;
    let other = all.scene.keeper.staff(elsewhere, Role::Clinician).await;
    let opened = all
        .scene
        .open_document(&other.token, Purpose::DirectCare, theirs)
        .await;
    assert!(opened.is_ok());
    // Nor may this practice erase what is not its own.
    let kind = all.erase(Some(theirs));
    let refused = all.begin(kind).await;
    assert_eq!(denied(&refused.unwrap_err()), Reason::NotFound);
}

#[tokio::test]
async fn a_hold_stands_in_the_way_until_two_people_lift_it() {
    let mut all = erasing().await;
    let kind = all.erase(None);
    let pending = all.begin(kind.clone()).await.unwrap().pending;
    let hold = all.hold(true);
    all.by_manager(hold.clone()).await.unwrap();
    let twice = all.by_manager(hold).await.unwrap_err();
    assert_eq!(denied(&twice), Reason::Invalid);
    let begun = all.begin(kind).await.unwrap_err();
    assert_eq!(denied(&begun), Reason::OnHold);
    let refused = all.by_manager(ChangeKind::Approve(pending.clone())).await;
    assert_eq!(denied(&refused.unwrap_err()), Reason::OnHold);
    assert_eq!(all.opened(all.letter.item).await, Ok(()));
    let lift = all.hold(false);
    let begun = all.by_manager(lift).await.unwrap();
    let second = all
        .scene
        .keeper
        .staff(all.scene.practice, Role::Manager)
        .await;
    let mut device = all.scene.keeper.give_passkey(second.person).await;
    let approve = ChangeKind::Approve(begun.pending);
    act(&all.scene.portal, &second.token, &mut device, approve)
        .await
        .unwrap();
    all.by_manager(ChangeKind::Approve(pending)).await.unwrap();
    assert_eq!(all.opened(all.letter.item).await, Err(Reason::NotFound));
}

#[tokio::test]
async fn reception_patients_and_other_practices_erase_nothing() {
    let all = erasing().await;
    let elsewhere = all.scene.keeper.practice().await;
    let keeper = &all.scene.keeper;
    let strangers = [
        (
            keeper.staff(all.scene.practice, Role::Reception).await,
            Reason::NotAllowed,
        ),
        (
            keeper.staff(elsewhere, Role::Manager).await,
            Reason::NotFound,
        ),
        (keeper.as_patient(all.patient).await, Reason::NotAllowed),
    ];
    for (person, expected) in strangers {
        let mut device = keeper.give_passkey(person.person).await;
        let kind = all.erase(None);
        let refused = act(&all.scene.portal, &person.token, &mut device, kind).await;
        assert_eq!(denied(&refused.unwrap_err()), expected);
    }
    assert_eq!(all.opened(all.letter.item).await, Ok(()));
}

#[tokio::test]
async fn the_second_person_finds_what_waits_and_the_manager_what_was_erased() {
    let mut all = erasing().await;
    let waiting = async |all: &Erasing, token: &candour_keeper_api::Token| {
        let call = Call::Waiting(wire::WithToken {
            token: token.expose().to_vec(),
            ..wire::WithToken::default()
        });
        match all.scene.portal.call(call).await.unwrap() {
            Reply::Waiting(waiting) => waiting.changes,
            _ => panic!("not an answer"),
        }
    };
    let kind = all.erase(Some(all.letter.item));
    let pending = all.begin(kind).await.unwrap().pending;
    let mine = waiting(&all, &all.clinician.0.token).await;
    assert!(mine.len() == 1 && mine[0].is_own);
    let theirs = waiting(&all, &all.manager.0.token).await;
    assert_eq!(theirs.len(), 1);
    assert!(!theirs[0].is_own);
    assert_eq!(theirs[0].item, all.letter.item.as_bytes());
    assert!(theirs[0].text.contains("filed under the wrong person"));
    let reception = all
        .scene
        .keeper
        .staff(all.scene.practice, Role::Reception)
        .await;
    assert!(waiting(&all, &reception.token).await.is_empty());
    let index = all
        .by_manager(ChangeKind::Approve(pending))
        .await
        .unwrap()
        .index;
    assert!(waiting(&all, &all.manager.0.token).await.is_empty());

    let question = wire::History {
        kind: EntryKind::Shred.into(),
        limit: 10,
        ..wire::History::default()
    };
    let viewer = crate::arrange::viewer(&all.manager.0.token, Purpose::AccessHistory);
    let page = all.scene.portal.history(&viewer, question.clone()).await;
    let events = page.unwrap().into_inner().events;
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].index, events[0].count), (index, 1));
    assert_eq!(events[0].patient, all.patient.as_bytes());
    // The keys of the day it was made: 30 days until the next, one to move, 36 for backups.
    let made = jiff::Timestamp::from_microsecond(events[0].final_at).unwrap();
    assert_eq!(made.to_string(), "2026-05-08T21:00:00Z");
    assert!(!events[0].is_final);
    let viewer = crate::arrange::viewer(&all.clinician.0.token, Purpose::AccessHistory);
    let refused = all.scene.portal.history(&viewer, question).await;
    assert_eq!(denied(&refused.map(drop).unwrap_err()), Reason::NotAllowed);
}

#[tokio::test]
async fn a_row_put_back_past_the_keeper_opens_nothing() {
    let mut all = erasing().await;
    all.scene
        .past_the_keeper("create table kept as select * from item")
        .await;
    all.erased(Some(all.letter.item)).await;
    all.scene
        .past_the_keeper(
            "delete from item where erased_index is not null; \
             insert into item select * from kept on conflict do nothing",
        )
        .await;
    let Erasing {
        scene,
        letter,
        other,
        ..
    } = all;
    let (person, practice) = (scene.clinician.person, scene.practice);
    let keeper = scene.keeper.restart().await;
    let staff = keeper.sign_in_staff(person, practice, Role::Clinician);
    let portal = keeper.client(InstanceKind::Portal);
    let viewer = crate::arrange::viewer(&staff.token, Purpose::DirectCare);
    for (item, is_there) in [(letter.item, false), (other.item, true)] {
        let opened = portal.open(&viewer, candour_keeper_api::Item(item)).await;
        assert_eq!(opened.is_ok(), is_there);
    }
}

#[tokio::test]
async fn a_restore_from_before_the_erasure_loses_it_again_before_anybody_is_served() {
    let mut all = erasing().await;
    let database = all.scene.database.take().unwrap();
    // Somebody takes a copy, and the erasure comes after it.
    let core = &all.scene.keeper.core;
    let of_the_copy = core.subject_keys.load(core.keys.patient(all.patient));
    let of_the_copy = of_the_copy.await.unwrap();
    let Erasing {
        scene,
        clinician,
        manager,
        patient,
        letter,
        other,
    } = all;
    scene.keeper.stop().await;
    let yesterday = TestCluster::shared().copy(&database).await;
    let folder = scene.keeper.folder();
    let of_yesterday = checkpoints(&folder);
    let keeper = scene.keeper.restart().await;
    let sign_in = |keeper: &candour_testkit::TestKeeper, staff: &Staff, role| {
        keeper.sign_in_staff(staff.person, scene.practice, role)
    };
    let mut all = Erasing {
        clinician: (sign_in(&keeper, &clinician.0, Role::Clinician), clinician.1),
        manager: (sign_in(&keeper, &manager.0, Role::Manager), manager.1),
        scene: Scene {
            portal: keeper.client(InstanceKind::Portal),
            keeper,
            ..scene
        },
        patient,
        letter,
        other,
    };
    all.erased(Some(all.letter.item)).await;
    // Yesterday's checkpoints come back with it, and the tombstones survived. That today's checkpoints stop it is
    // another test's.
    let (person, practice) = (all.scene.clinician.person, all.scene.practice);
    all.scene.keeper.stop().await;
    for name in checkpoints(&folder) {
        if !of_yesterday.contains(&name) {
            std::fs::remove_file(folder.join("checkpoints").join(name)).unwrap();
        }
    }
    let keeper = all.scene.keeper.restart_on(yesterday.config()).await;
    let staff = keeper.sign_in_staff(person, practice, Role::Clinician);
    let portal = keeper.client(InstanceKind::Portal);
    let viewer = crate::arrange::viewer(&staff.token, Purpose::DirectCare);
    let opened = portal
        .open(&viewer, candour_keeper_api::Item(all.letter.item))
        .await;
    assert_eq!(denied(&opened.map(drop).unwrap_err()), Reason::NotFound);
    let kept = portal
        .open(&viewer, candour_keeper_api::Item(all.other.item))
        .await;
    assert!(kept.is_ok());
    let shreds = (i16::from(EntryKind::Shred.number()), 0);
    assert_eq!(keeper.entries().await.get(&shreds), Some(&2));
    // The reading key that came back with the copy is gone again too.
    let subject = keeper.core.keys.patient(patient);
    let now = keeper.core.subject_keys.load(subject).await.unwrap();
    assert!(now.reading != of_the_copy.reading);
    let worker = keeper.client(InstanceKind::Worker);
    assert_eq!(removed(&worker, 0).await.0.len(), 2);
}

#[tokio::test]
async fn a_tombstone_that_a_crash_left_out_is_put_at_the_next_start() {
    let mut all = erasing().await;
    all.erased(Some(all.letter.item)).await;
    let folder = all.scene.keeper.folder();
    let name = all.letter.item.to_string();
    std::fs::remove_file(folder.join("tombstones").join(&name)).unwrap();
    let keeper = all.scene.keeper.restart().await;
    assert!(tombstones(&keeper.folder()).contains(&name));
}

#[tokio::test]
async fn what_an_opening_before_the_erasure_covered_is_still_told_to_the_room() {
    let mut all = erasing().await;
    let token = &all.scene.clinician.token;
    let opened = all
        .scene
        .open_section(token, Purpose::DirectCare, all.patient, Section::Shelf)
        .await
        .unwrap();
    let question = Call::SectionAt(wire::SectionAt {
        patient: all.patient.as_bytes().to_vec(),
        index: opened.index(),
    });
    let room = all.scene.keeper.client(InstanceKind::Room);
    let covered = async || match room.call(question.clone()).await.unwrap() {
        Reply::SectionAt(covered) => covered.items,
        _ => panic!("not an answer"),
    };
    let before = covered().await;
    assert_eq!(before.len(), 1);
    all.erased(Some(all.letter.item)).await;
    assert_eq!(covered().await, before);
}

#[tokio::test]
async fn a_mark_that_the_keeper_did_not_make_destroys_nothing() {
    let all = erasing().await;
    all.scene
        .past_the_keeper("update item set erased_index = 1")
        .await;
    let worker = all.scene.keeper.client(InstanceKind::Worker);
    assert!(removed(&worker, 0).await.0.is_empty());
    all.scene
        .past_the_keeper("update item set erased_index = 9223372036854775807")
        .await;
    assert_eq!(removed(&worker, 0).await, (Vec::new(), 0));
    let keeper = all.scene.keeper.restart().await;
    assert!(tombstones(&keeper.folder()).is_empty());
}

#[tokio::test]
async fn what_somebody_began_who_no_longer_works_there_is_agreed_to_by_nobody() {
    let mut all = erasing().await;
    let kind = all.erase(Some(all.letter.item));
    let pending = all.begin(kind).await.unwrap().pending;
    let dismissed = ChangeKind::EndRole(wire::RoleChange {
        person: all.clinician.0.person.as_bytes().to_vec(),
        practice: all.scene.practice.as_bytes().to_vec(),
        role: Role::Clinician.into(),
        until: 0,
    });
    all.by_manager(dismissed).await.unwrap();
    let refused = all.by_manager(ChangeKind::Approve(pending)).await;
    assert_eq!(denied(&refused.unwrap_err()), Reason::NotAllowed);
    assert_eq!(all.opened(all.letter.item).await, Ok(()));
}

#[tokio::test]
async fn more_than_fifty_changes_of_a_practice_do_not_wait_and_one_that_is_done_makes_room() {
    let mut all = erasing().await;
    let kind = all.erase(Some(all.letter.item));
    let mut pending = Vec::new();
    for _ in 0..50 {
        pending.push(all.begin(kind.clone()).await.unwrap().pending);
    }
    let more = all.begin(kind.clone()).await.unwrap_err();
    assert_eq!(denied(&more), Reason::TooMany);
    let first = ChangeKind::Approve(pending.swap_remove(0));
    all.by_manager(first).await.unwrap();
    let other = all.erase(Some(all.other.item));
    all.begin(other).await.unwrap();
    let mut endless = all.erase(Some(all.other.item));
    if let ChangeKind::Erase(change) = &mut endless {
        change.reason = "a".repeat(301);
    }
    let refused = all.begin(endless).await.unwrap_err();
    assert_eq!(denied(&refused), Reason::Invalid);
}
