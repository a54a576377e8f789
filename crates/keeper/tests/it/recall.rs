//! What one of a practice's people or programs put in is taken back in one act, opens for nobody then, and can be put back.

mod told;

use crate::arrange::{Scene, Stored, denied, key, new_item, person, scene, viewer};
use candour_keeper_api::wire::{self, Call, ChangeKind, Reply};
use candour_keeper_api::words::{EntryKind, ItemKind, Purpose, Reason, Role, Section};
use candour_keeper_api::{CallError, DepositOutcome, Token};
use candour_seal::{ItemId, PatientId};
use candour_testkit::keeper::acts::act;
use candour_testkit::keeper::{InstanceKind, Staff};
use candour_testkit::passkey::SoftwarePasskey;
use jiff::SignedDuration;

/// A manager who signs, and two patients with documents that the practice's program put in, of which the first has a line
/// on the shelf.
struct Recalling {
    scene: Scene,
    manager: (Staff, SoftwarePasskey),
    patients: [PatientId; 2],
    letter: Stored,
    other: Stored,
}

const ALL_TIME: (i64, i64) = (0, i64::MAX);

async fn recalling() -> Recalling {
    let scene = scene().await;
    let manager = scene.keeper.staff(scene.practice, Role::Manager).await;
    let device = scene.keeper.give_passkey(manager.person).await;
    let patients = [scene.patient(1).await, scene.patient(2).await];
    let letter = scene.document(1, patients[0]).await;
    let mut shelf = new_item(2, patients[0], ItemKind::Segment, Section::Shelf);
    shelf.of_document = letter.item.as_bytes().to_vec();
    scene.store(vec![shelf]).await;
    scene.segment(3, patients[0], Section::Medicines).await;
    let other = scene.document(4, patients[1]).await;
    Recalling {
        manager: (manager, device),
        scene,
        patients,
        letter,
        other,
    }
}

async fn looked(
    scene: &Scene,
    token: &Token,
    (from, until): (i64, i64),
) -> Result<wire::Batches, Reason> {
    let call = Call::Batches(wire::BatchesQuestion {
        token: token.expose().to_vec(),
        from,
        until,
        ..wire::BatchesQuestion::default()
    });
    match scene.portal.call(call).await {
        Ok(Reply::Batches(batches)) => Ok(batches),
        Ok(_) => panic!("not an answer"),
        Err(error) => Err(denied(&error)),
    }
}

/// To take back one of the batches that were seen.
fn taking(scene: &Scene, seen: &wire::Batches, at: usize) -> ChangeKind {
    let shown = &seen.batches[at];
    ChangeKind::Recall(wire::Recall {
        practice: scene.practice.as_bytes().to_vec(),
        batch: Some(wire::Batch {
            depositor: shown.depositor.clone(),
            digest: shown.digest.clone(),
            ..wire::Batch::default()
        }),
        from: ALL_TIME.0,
        until: ALL_TIME.1,
        as_of: seen.as_of,
        reason: "put in under the wrong patients".to_owned(),
    })
}

impl Recalling {
    async fn sees(&self) -> wire::Batches {
        let token = &self.manager.0.token;
        looked(&self.scene, token, ALL_TIME).await.unwrap()
    }

    async fn sign(&mut self, kind: ChangeKind) -> Result<wire::Changed, CallError> {
        let (person, device) = &mut self.manager;
        act(&self.scene.portal, &person.token, device, kind).await
    }

    /// Everything that the program put in so far.
    async fn taken_back(&mut self) -> u64 {
        let seen = self.sees().await;
        let change = taking(&self.scene, &seen, 0);
        self.sign(change).await.unwrap().index
    }

    fn putting_back(&self, recall: u64) -> ChangeKind {
        ChangeKind::EndRecall(wire::EndRecall {
            practice: self.scene.practice.as_bytes().to_vec(),
            recall,
            reason: "it was the right list after all".to_owned(),
            ..wire::EndRecall::default()
        })
    }

    /// How much of the first patient's medicines opens in an emergency.
    async fn in_an_emergency(&self) -> usize {
        let (scene, section) = (&self.scene, Section::Medicines);
        let opened = scene.in_an_emergency(&scene.clinician, self.patients[0], section);
        opened.await.unwrap()
    }

    async fn opened(&self, item: ItemId) -> Result<(), Reason> {
        let token = &self.scene.clinician.token;
        let opened = self.scene.open_document(token, Purpose::DirectCare, item);
        opened.await.map(drop)
    }

    async fn shown(&self, section: Section) -> usize {
        let token = &self.scene.clinician.token;
        let patient = self.patients[0];
        let opened = self
            .scene
            .open_section(token, Purpose::DirectCare, patient, section);
        opened.await.unwrap().items().len()
    }

    async fn events(&self, token: &Token, patient: PatientId) -> Vec<wire::HistoryEvent> {
        let question = wire::History {
            patient: patient.as_bytes().to_vec(),
            limit: 100,
            ..wire::History::default()
        };
        let viewer = viewer(token, Purpose::AccessHistory);
        let page = self.scene.portal.history(&viewer, question).await;
        page.unwrap().into_inner().events
    }

    async fn told(&self, token: &Token, patient: PatientId) -> Vec<i32> {
        let of = [EntryKind::Recall, EntryKind::RecallEnded].map(i32::from);
        let events = self.events(token, patient).await.into_iter();
        let told = events.filter(|event| of.contains(&event.kind));
        told.map(|event| event.kind).collect()
    }

    async fn listed(&self, of: Option<u64>) -> Vec<wire::HistoryEvent> {
        let question = wire::History {
            kind: EntryKind::Recall.into(),
            limit: 50,
            of,
            ..wire::History::default()
        };
        let viewer = viewer(&self.manager.0.token, Purpose::AccessHistory);
        let page = self.scene.portal.history(&viewer, question).await;
        page.unwrap().into_inner().events
    }
}

#[tokio::test]
async fn what_a_program_put_in_is_there_for_nobody_until_it_is_put_back() {
    let mut all = recalling().await;
    let themself = all.scene.keeper.as_patient(all.patients[0]).await;
    let acting = all.scene.keeper.as_proxy(all.patients[0], &[], 0).await;
    let sections = [Section::Shelf, Section::Medicines];
    let reads = async |all: &Recalling| {
        let scene = &all.scene;
        let people = [
            (&themself.token, Purpose::OwnRecord),
            (&acting.token, Purpose::ProxyAccess),
        ];
        let mut read = Vec::new();
        for (token, purpose) in people {
            let letter = scene.open_document(token, purpose, all.letter.item).await;
            read.push(letter.is_ok());
            for section in sections {
                let of = scene.open_section(token, purpose, all.patients[0], section);
                read.push(of.await.unwrap().items().len() == 1);
            }
        }
        read
    };
    assert_eq!(reads(&all).await, [true; 6]);
    let recall = all.taken_back().await;
    assert_eq!(reads(&all).await, [false; 6]);
    let absent = all.opened(ItemId::from_bytes([9; 16])).await;
    assert_eq!(all.opened(all.letter.item).await, absent);
    assert_eq!(all.opened(all.other.item).await, Err(Reason::NotFound));
    assert_eq!(
        [all.shown(sections[0]).await, all.shown(sections[1]).await],
        [0, 0]
    );
    // Nothing is left to be taken back, and the names of the patients stay.
    assert!(all.sees().await.batches.is_empty());

    let back = all.putting_back(recall);
    all.sign(back.clone()).await.unwrap();
    assert_eq!(reads(&all).await, [true; 6]);
    assert_eq!(all.opened(all.other.item).await, Ok(()));
    let twice = all.sign(back).await.unwrap_err();
    assert_eq!(denied(&twice), Reason::NotAsShown);
}

#[tokio::test]
async fn in_an_emergency_it_is_not_there_either() {
    let mut all = recalling().await;
    let before = all.in_an_emergency().await;
    all.taken_back().await;
    assert_eq!((before, all.in_an_emergency().await), (1, 0));
}

#[tokio::test]
async fn whoever_signs_is_shown_how_much_of_whom_and_what_of_it_was_seen() {
    let mut all = recalling().await;
    let token = all.scene.clinician.token.clone();
    let (care, first) = (Purpose::DirectCare, all.patients[0]);
    let shelf = all.scene.open_section(&token, care, first, Section::Shelf);
    shelf.await.unwrap();
    let seen = all.sees().await;
    let [batch] = seen.batches.as_slice() else {
        panic!("one program put everything in")
    };
    // The letter with its line, the medicines, the other letter; of one the title was seen.
    let counted = |batch: &wire::Batch| (batch.items, batch.patients, batch.opened, batch.listed);
    assert_eq!(counted(batch), (3, 2, 0, 1));
    assert!(batch.is_program);
    all.opened(all.letter.item).await.unwrap();
    assert_eq!(all.shown(Section::Medicines).await, 1);
    let seen = all.sees().await;
    assert_eq!(counted(&seen.batches[0]), (3, 2, 2, 0));

    let mut change = taking(&all.scene, &seen, 0);
    if let ChangeKind::Recall(change) = &mut change
        && let Some(batch) = &mut change.batch
    {
        // What a portal says of the numbers is not what is signed.
        batch.opened = 0;
        "nobody".clone_into(&mut batch.name);
    }
    let recall = all.sign(change).await.unwrap().index;
    let listed = all.listed(None).await;
    assert_eq!((listed.len(), listed[0].index), (1, recall));
    for said in [
        "Documents, messages and parts of records: 3. Patients: 2. Opened by somebody: 2. Only the title seen: 0.",
        "Reason: put in under the wrong patients",
    ] {
        assert!(listed[0].reason.contains(said), "{}", listed[0].reason);
    }
    assert!(!listed[0].reason.contains("nobody"), "{}", listed[0].reason);
    assert!(listed[0].is_away && listed[0].is_viewer);
    // The practice sees whom it concerned, and to whom it must speak.
    let mut people = all.listed(Some(recall)).await;
    people.sort_by_key(|one| one.count);
    let of = |one: &wire::HistoryEvent| (one.patient.clone(), one.count, one.opened, one.listed);
    let expected = [(all.patients[1], 1, 0), (all.patients[0], 2, 2)];
    for (one, (patient, items, opened)) in people.iter().zip(expected) {
        assert_eq!(of(one), (patient.as_bytes().to_vec(), items, opened, 0));
    }
    assert_eq!(people.len(), 2);
}

#[tokio::test]
async fn an_opening_that_was_held_back_is_none() {
    let mut all = recalling().await;
    let token = all.scene.clinician.token.clone();
    let opening = all
        .scene
        .open_document(&token, Purpose::DirectCare, all.letter.item);
    let what = candour_rules::freeze::Frozen::Purpose(candour_rules::keys::Purpose(i64::from(
        Purpose::DirectCare.number(),
    )));
    let opened = crate::arrange::frozen_under_way(&all.scene, opening, what).await;
    assert_eq!(opened.err(), Some(Reason::Frozen));
    assert_eq!(all.sees().await.batches[0].opened, 0);
    all.taken_back().await;
}

#[tokio::test]
async fn what_somebody_else_put_in_and_what_comes_later_stays() {
    let mut all = recalling().await;
    let scene = &all.scene;
    let by_hand = new_item(10, all.patients[0], ItemKind::Document, Section::None);
    let granted = scene
        .portal
        .deposit(&scene.clinician.token, vec![by_hand])
        .await;
    let Ok(DepositOutcome::New(permit)) = granted.unwrap().pop().unwrap() else {
        panic!("not granted")
    };
    let by_hand = permit.item();
    let sealed = Call::Sealed(wire::Sealed {
        token: scene.clinician.token.expose().to_vec(),
        items: vec![wire::SealedItem {
            item: by_hand.as_bytes().to_vec(),
            sealed_size: 1,
            ciphertext_digest: vec![1; 32],
            plaintext_digest: vec![2; 32],
        }],
    });
    scene.portal.call(sealed).await.unwrap();
    let seen = all.sees().await;
    assert_eq!(seen.batches.len(), 2);
    assert!(seen.batches[0].is_program && !seen.batches[1].is_program);
    // Put in after it was looked, and before it is signed.
    let meanwhile = all.scene.document(20, all.patients[1]).await;
    let change = taking(&all.scene, &seen, 0);
    all.sign(change).await.unwrap();
    let later = all.scene.document(21, all.patients[1]).await;
    assert_eq!(all.opened(all.letter.item).await, Err(Reason::NotFound));
    for item in [by_hand, meanwhile.item, later.item] {
        assert_eq!(all.opened(item).await, Ok(()));
    }
    // No line on the shelf names what was taken back, and the same deposit sent again stays away.
    let mut line = new_item(22, all.patients[0], ItemKind::Segment, Section::Shelf);
    line.of_document = all.letter.item.as_bytes().to_vec();
    let again = new_item(1, all.patients[0], ItemKind::Document, Section::None);
    let scene = &all.scene;
    let granted = scene
        .import
        .deposit(&scene.program, vec![line, again])
        .await;
    let granted = granted.unwrap();
    assert_eq!(
        granted[0].as_ref().err().map(|no| no.reason),
        Some(Reason::Invalid)
    );
    assert!(matches!(granted[1], Ok(DepositOutcome::AlreadySealed(_))));
    assert_eq!(all.opened(all.letter.item).await, Err(Reason::NotFound));
}

#[tokio::test]
async fn a_document_and_its_line_go_together_whichever_lies_in_the_time() {
    let mut all = recalling().await;
    let scene = &all.scene;
    let a_while = SignedDuration::from_mins(5);
    scene.keeper.clock.advance(a_while);
    let split = scene.document(30, all.patients[1]).await;
    let between = scene.keeper.core.clock.now().as_microsecond() + 1;
    scene.keeper.clock.advance(a_while);
    let mut line = new_item(31, all.patients[1], ItemKind::Segment, Section::Shelf);
    line.of_document = split.item.as_bytes().to_vec();
    scene.store(vec![line]).await;
    let token = all.manager.0.token.clone();
    let counted = async |span| {
        let seen = looked(scene, &token, span).await.unwrap();
        let batch = &seen.batches[0];
        (batch.items, batch.digest.clone())
    };
    let before = scene.keeper.core.clock.now().as_microsecond();
    let (only_line, digest) = counted((before, i64::MAX)).await;
    let (only_document, same) = counted((between - 2, between)).await;
    assert_eq!((only_line, only_document), (1, 1));
    assert_eq!(digest, same);
    let refused = looked(scene, &token, (between, between)).await;
    assert_eq!(refused.err(), Some(Reason::Invalid));
    let nothing = looked(scene, &token, (between, between + 1)).await.unwrap();
    assert!(nothing.batches.is_empty());
    all.taken_back().await;
    assert_eq!(all.opened(split.item).await, Err(Reason::NotFound));
}

#[tokio::test]
async fn what_is_signed_is_what_was_shown_and_signing_twice_is_one_recall() {
    let mut all = recalling().await;
    let seen = all.sees().await;
    let change = taking(&all.scene, &seen, 0);
    let of_another_time = match change.clone() {
        ChangeKind::Recall(recall) => ChangeKind::Recall(wire::Recall {
            as_of: recall.as_of - 6,
            ..recall
        }),
        other => other,
    };
    let of_the_future = match change.clone() {
        ChangeKind::Recall(recall) => ChangeKind::Recall(wire::Recall {
            as_of: recall.as_of + 1_000,
            ..recall
        }),
        other => other,
    };
    let mut without_words = change.clone();
    if let ChangeKind::Recall(recall) = &mut without_words {
        " ".clone_into(&mut recall.reason);
    }
    for (kind, reason) in [
        (of_another_time, Reason::NotAsShown),
        (of_the_future, Reason::NotAsShown),
        (without_words, Reason::Invalid),
    ] {
        let refused = all.sign(kind).await.unwrap_err();
        assert_eq!(denied(&refused), reason);
    }
    all.sign(change.clone()).await.unwrap();
    let again = all.sign(change).await.unwrap_err();
    assert_eq!(denied(&again), Reason::NotAsShown);
    assert_eq!(all.listed(None).await.len(), 1);
    assert_eq!(all.scene.count(EntryKind::Recall, 0).await, 3);
}

#[tokio::test]
async fn nobody_but_a_manager_of_the_practice_takes_back_or_looks_and_never_another_practice_s() {
    let mut all = recalling().await;
    let scene = &all.scene;
    let elsewhere = scene.keeper.practice().await;
    let program = scene.keeper.program(elsewhere, InstanceKind::Import).await;
    let mut known = person(1);
    known.enrolment_key = key(77).to_vec();
    let enrolled = scene.enrol_as(&program, vec![known]).await;
    assert_eq!(enrolled, [Ok(all.patients[0])]);
    let seen = all.sees().await;
    let change = taking(scene, &seen, 0);
    let strangers = [
        scene.keeper.staff(elsewhere, Role::Manager).await,
        scene.keeper.staff(scene.practice, Role::Clinician).await,
        scene.keeper.staff(scene.practice, Role::Reception).await,
        scene.keeper.as_patient(all.patients[0]).await,
    ];
    for (at, stranger) in strangers.iter().enumerate() {
        let mut device = scene.keeper.give_passkey(stranger.person).await;
        let refused = act(&scene.portal, &stranger.token, &mut device, change.clone()).await;
        assert_eq!(denied(&refused.unwrap_err()), Reason::NotAllowed, "{at}");
        let looked = looked(scene, &stranger.token, ALL_TIME).await;
        match at {
            // A manager elsewhere sees what was put in there: nothing.
            0 => assert!(looked.unwrap().batches.is_empty()),
            _ => assert_eq!(looked.err(), Some(Reason::NotAllowed), "{at}"),
        }
    }
    let recall = all.taken_back().await;
    let scene = &all.scene;
    let mut device = scene.keeper.give_passkey(strangers[0].person).await;
    // Nor does anybody put back what another practice took back, under whichever name.
    for practice in [scene.practice, elsewhere] {
        let back = ChangeKind::EndRecall(wire::EndRecall {
            practice: practice.as_bytes().to_vec(),
            recall,
            reason: "mine".to_owned(),
            ..wire::EndRecall::default()
        });
        let refused = act(&scene.portal, &strangers[0].token, &mut device, back).await;
        let reason = denied(&refused.unwrap_err());
        assert!(matches!(reason, Reason::NotAllowed | Reason::NotFound));
    }
    let question = wire::History {
        kind: EntryKind::Recall.into(),
        limit: 50,
        of: Some(recall),
        ..wire::History::default()
    };
    let theirs = viewer(&strangers[0].token, Purpose::AccessHistory);
    let page = scene.portal.history(&theirs, question).await.unwrap();
    assert!(page.into_inner().events.is_empty());
    assert_eq!(all.opened(all.letter.item).await, Err(Reason::NotFound));
}

#[tokio::test]
async fn a_practice_takes_back_twenty_four_times_a_day() {
    let mut all = recalling().await;
    for _ in 0..24 {
        let recall = all.taken_back().await;
        let back = all.putting_back(recall);
        all.sign(back).await.unwrap();
    }
    let seen = all.sees().await;
    let change = taking(&all.scene, &seen, 0);
    let refused = all.sign(change).await.unwrap_err();
    assert_eq!(denied(&refused), Reason::TooMany);
}
