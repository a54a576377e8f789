//! What freezes by itself.

use crate::arrange::{Scene, denied, eventually, frozen_under_way, scene, scene_of};
use candour_keeper::draft::{Draft, Effect};
use candour_keeper::facts::{Canary, Fact};
use candour_keeper_api::Token;
use candour_keeper_api::wire::{self, Call};
use candour_keeper_api::words::{EntryKind, Purpose, Reason, Role, Section};
use candour_rules::detect::Threshold;
use candour_rules::freeze::Frozen;
use candour_rules::keys::{Principal, Session};
use candour_rules::time::Span;
use candour_seal::{ItemId, PatientId};
use candour_testkit::keeper::{KEEPER, Settings, Staff};
use candour_testkit::{Held, TestCluster, TestKeeper};
use jiff::SignedDuration;
use std::sync::Arc;

/// As many patients with a document each, at another practice.
async fn foreign_documents(scene: &Scene, count: u64) -> Vec<ItemId> {
    let mut items = Vec::new();
    for number in 1..=count {
        let patient = scene.patient(number).await;
        items.push(scene.document(number, patient).await.item);
    }
    items
}

#[tokio::test]
async fn four_foreign_patients_in_a_minute_freeze_the_session() {
    let scene = scene().await;
    let items = foreign_documents(&scene, 4).await;
    let thief = scene.patient(99).await;
    let own = scene.document(99, thief).await;
    let thief = scene.keeper.as_patient(thief).await;
    for item in items {
        let refused = scene
            .open_document(&thief.token, Purpose::OwnRecord, item)
            .await;
        assert!(refused.is_err());
    }
    let refused = scene
        .open_document(&thief.token, Purpose::OwnRecord, own.item)
        .await;
    assert_eq!(refused.map(drop), Err(Reason::Frozen));
    // The rule's number: foreign patients.
    eventually(|| async { scene.count(EntryKind::Alarm, 2).await == 1 }).await;
    assert_eq!(scene.count(EntryKind::Freeze, 0).await, 1);
}

#[tokio::test]
async fn a_freeze_stops_openings_on_their_way_and_survives_a_restart() {
    let scene = scene().await;
    let items = foreign_documents(&scene, 4).await;
    let thief = scene.patient(99).await;
    let own = scene.document(99, thief).await.item;
    let thief = scene.keeper.as_patient(thief).await;
    let scene = Arc::new(scene);
    let mut calls = Vec::new();
    for number in 0..60 {
        let (scene, token) = (Arc::clone(&scene), thief.token.clone());
        let item = if number % 4 == 3 {
            items[number / 4 % 4]
        } else {
            own
        };
        calls.push(async move {
            scene
                .open_document(&token, Purpose::OwnRecord, item)
                .await
                .map(drop)
        });
    }
    futures_util::future::join_all(calls).await;
    let after = scene
        .open_document(&thief.token, Purpose::OwnRecord, own)
        .await;
    assert_eq!(after.map(drop), Err(Reason::Frozen));
    eventually(|| async { scene.count(EntryKind::Freeze, 0).await == 1 }).await;
    let session = scene
        .keeper
        .core
        .sessions
        .look_up(
            thief.token.expose(),
            candour_testkit::keeper::instance(candour_keeper::instances::InstanceKind::Portal),
            scene.keeper.core.clock.now(),
        )
        .unwrap();
    let Ok(scene) = Arc::try_unwrap(scene).map_err(drop) else {
        panic!("still in use");
    };
    let keeper = scene.keeper.restart().await;
    let guards = session.freeze_guards(Some(Purpose::OwnRecord));
    assert!(keeper.core.freezes.is_stopped(&guards));
}

#[tokio::test]
async fn a_freeze_stops_an_opening_whose_entry_is_being_written() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let own = scene.keeper.as_patient(patient).await;
    let now = scene.keeper.core.clock.now();
    let portal = candour_testkit::keeper::instance(candour_keeper::instances::InstanceKind::Portal);
    let sessions = &scene.keeper.core.sessions;
    let session = sessions.look_up(own.token.expose(), portal, now).unwrap();
    let opening = scene.open_document(&own.token, Purpose::OwnRecord, stored.item);
    let what = Frozen::Session(Session(session.surrogate));
    let opened = frozen_under_way(&scene, opening, what).await;
    assert_eq!(opened.map(drop), Err(Reason::Frozen));
    // Its entry stays, and another says that nothing was released.
    assert_eq!(scene.count(EntryKind::Open, 0).await, 1);
    let frozen = Reason::Frozen.number();
    assert_eq!(scene.count(EntryKind::Withheld, frozen).await, 1);
    // Nor does a portal's word make a delivery of it, not even after a restart.
    let watcher = candour_embedded::cluster::connect(&scene.superuser)
        .await
        .unwrap();
    let row = watcher
        .query_one(
            "select index from entry where kind = 1 and decision = 0",
            &[],
        )
        .await
        .unwrap();
    let keeper = scene.keeper.restart().await;
    let report = Call::Delivered(wire::Delivered {
        grants: vec![u64::try_from(row.get::<_, i64>(0)).unwrap()],
    });
    let portal = keeper.client(candour_keeper::instances::InstanceKind::Portal);
    portal.call(report).await.unwrap();
    let delivered = (i16::from(EntryKind::Delivered.number()), 0);
    assert_eq!(keeper.entries().await.get(&delivered), None);
}

#[tokio::test]
async fn one_touch_of_a_canary_freezes_the_principal() {
    let scene = scene().await;
    let canary = scene.patient(1).await;
    let item = scene.document(1, canary).await.item;
    scene
        .keeper
        .arrange(vec![Effect::InsertFact {
            subject: scene.keeper.core.keys.patient(canary),
            fact: Fact::Canary(Canary {}),
        }])
        .await;
    let refused = scene
        .open_document(&scene.clinician.token, Purpose::DirectCare, item)
        .await;
    assert!(refused.is_err());
    let again = scene
        .keeper
        .sign_in_staff(scene.clinician.person, scene.practice, Role::Clinician);
    let patient = scene.patient(2).await;
    let section = Section::Medicines;
    let refused = scene
        .open_section(&again.token, Purpose::DirectCare, patient, section)
        .await;
    assert_eq!(refused.map(drop), Err(Reason::Frozen));
    // The rule's number: canary.
    eventually(|| async { scene.count(EntryKind::Alarm, 1).await == 1 }).await;
}

#[tokio::test]
async fn refusals_to_what_is_frozen_are_summed_up_and_not_written_one_by_one() {
    let scene = scene().await;
    let items = foreign_documents(&scene, 4).await;
    let thief = scene.patient(99).await;
    let thief = scene.keeper.as_patient(thief).await;
    for item in &items {
        let _ = scene
            .open_document(&thief.token, Purpose::OwnRecord, *item)
            .await;
    }
    eventually(|| async { scene.count(EntryKind::Alarm, 2).await == 1 }).await;
    let before = scene.keeper.core.ledger.size();
    for _ in 0..50 {
        let _ = scene
            .open_document(&thief.token, Purpose::OwnRecord, items[0])
            .await;
    }
    assert_eq!(scene.keeper.core.ledger.size(), before);
    scene.keeper.clock.advance(SignedDuration::from_mins(2));
    let frozen = Reason::Frozen.number();
    eventually(|| async { scene.count(EntryKind::Summary, frozen).await == 1 }).await;
}

/// A session at reception that opened so fast that it is asked for its passkey again.
async fn hurried(scene: &Scene) -> Token {
    let patient = scene.patient(1).await;
    let item = scene.document(1, patient).await.item;
    let reception = scene.keeper.staff(scene.practice, Role::Reception).await;
    scene.keeper.clock.advance(SignedDuration::from_secs(1));
    for _ in 0..10 {
        scene
            .open_document(&reception.token, Purpose::Administration, item)
            .await
            .unwrap();
    }
    reception.token
}

async fn search(scene: &Scene, token: &Token) -> Result<(), Reason> {
    scene.keeper.clock.advance(SignedDuration::from_secs(1));
    let call = Call::Find(wire::Find {
        token: token.expose().to_vec(),
        practice: scene.practice.as_bytes().to_vec(),
        terms: Some(wire::FindTerms {
            surname: "Kōrero".to_owned(),
            given: "M".to_owned(),
            ..wire::FindTerms::default()
        }),
        purpose: Purpose::Administration.into(),
        network: "192.0.2.7".to_owned(),
    });
    let found = scene.portal.call(call).await;
    found.map(drop).map_err(|error| denied(&error))
}

#[tokio::test]
async fn a_thief_who_goes_on_searching_without_the_passkey_is_frozen_and_an_incident_opens() {
    let scene = scene().await;
    let thief = hurried(&scene).await;
    for _ in 0..20 {
        assert_eq!(search(&scene, &thief).await, Err(Reason::StepUpNeeded));
    }
    assert_eq!(search(&scene, &thief).await, Err(Reason::Frozen));
    // The rule's number: insistence. The freeze is what an incident opens by.
    eventually(|| async { scene.count(EntryKind::Alarm, 4).await == 1 }).await;
    assert_eq!(scene.count(EntryKind::Freeze, 0).await, 1);
}

#[tokio::test]
async fn a_receptionist_who_is_asked_for_the_passkey_and_gives_it_is_not_noticed() {
    let scene = scene().await;
    let token = hurried(&scene).await;
    for _ in 0..3 {
        assert_eq!(search(&scene, &token).await, Err(Reason::StepUpNeeded));
    }
    let token = scene.keeper.proved(&token);
    for _ in 0..60 {
        assert_eq!(search(&scene, &token).await, Ok(()));
    }
    assert_eq!(scene.count(EntryKind::Alarm, 4).await, 0);
    assert_eq!(scene.count(EntryKind::Freeze, 0).await, 0);
}

#[tokio::test]
async fn whoever_has_no_session_is_counted_at_every_call_with_a_token() {
    let scene = scene().await;
    let (token, portal) = (vec![9; 32], &scene.portal);
    let with = |network: &str| wire::WithToken {
        token: token.clone(),
        network: network.to_owned(),
    };
    let change = wire::Change {
        kind: Some(wire::ChangeKind::Approve(vec![1; 16])),
    };
    let calls = [
        Call::Session(with("192.0.2.1")),
        Call::Session(with("192.0.2.1")),
        Call::SignOut(with("192.0.2.2")),
        Call::StepUp(wire::StepUp {
            token: token.clone(),
            network: "192.0.2.3".to_owned(),
            ..wire::StepUp::default()
        }),
        // These name no network: one row for all of them.
        Call::Change(wire::ChangeCall {
            token: token.clone(),
            change: Some(change.clone()),
        }),
        Call::ActStart(wire::ActStart {
            token: token.clone(),
            change: Some(change),
        }),
        Call::ActFinish(wire::ActFinish {
            token: token.clone(),
            ..wire::ActFinish::default()
        }),
        Call::InvitationLink(wire::InvitationLink {
            token: token.clone(),
            ..wire::InvitationLink::default()
        }),
    ];
    for call in calls {
        let refused = portal.call(call).await.unwrap_err();
        assert_eq!(denied(&refused), Reason::SessionEnded);
    }
    scene.keeper.clock.advance(SignedDuration::from_mins(2));
    let ended = Reason::SessionEnded.number();
    eventually(|| async { scene.count(EntryKind::Summary, ended).await == 4 }).await;
}

async fn scene_with(settings: Settings) -> Scene {
    let database = TestCluster::shared().database(&KEEPER).await;
    let keeper = TestKeeper::start_with(&database, settings).await;
    scene_of(database, keeper).await
}

const fn threshold(count: u32) -> Threshold {
    Threshold {
        count,
        within: Span::minutes(10),
    }
}

#[tokio::test]
async fn many_accounts_from_one_network_are_asked_again_unless_the_network_is_known() {
    for (known, expected) in [
        ("198.51.100.1", Err(Reason::StepUpNeeded)),
        ("192.0.2.7", Ok(())),
    ] {
        let mut settings = Settings::default();
        settings.detection.many_accounts = threshold(3);
        settings.detection.known_networks = vec![known.to_owned()];
        let scene = scene_with(settings).await;
        let mut people = Vec::new();
        for number in 1..=4 {
            let patient = scene.patient(number).await;
            people.push((patient, scene.keeper.as_patient(patient).await.token));
        }
        scene.keeper.clock.advance(SignedDuration::from_secs(1));
        let mut opened = Vec::new();
        for (patient, token) in people {
            let one = scene
                .open_section(&token, Purpose::OwnRecord, patient, Section::Medicines)
                .await;
            opened.push(one.map(drop));
        }
        assert_eq!(opened, [Ok(()), Ok(()), Ok(()), expected], "{known}");
    }
}

/// So many people, each with medicines, about whom nobody did anything for more than a year; two are too many to open.
async fn after_a_year(people: u64) -> (Scene, Vec<PatientId>) {
    after_a_year_with(people, Settings::default()).await
}

async fn after_a_year_with(people: u64, mut settings: Settings) -> (Scene, Vec<PatientId>) {
    settings.detection.dormant = threshold(2);
    let scene = scene_with(settings).await;
    let mut patients = Vec::new();
    for number in 1..=people {
        let patient = scene.patient(number).await;
        scene.segment(number, patient, Section::Medicines).await;
        patients.push(patient);
    }
    scene
        .keeper
        .clock
        .advance(SignedDuration::from_hours(366 * 24));
    (scene, patients)
}

/// The clinician, whose session of a year ago is over.
fn clinician_again(scene: &Scene) -> Staff {
    scene
        .keeper
        .sign_in_staff(scene.clinician.person, scene.practice, Role::Clinician)
}

/// Opens somebody's medicines to care for them, twenty seconds after whatever came before.
async fn look(scene: &Scene, token: &Token, patient: PatientId) -> Result<(), Reason> {
    scene.keeper.clock.advance(SignedDuration::from_secs(20));
    let opened = scene
        .open_section(token, Purpose::DirectCare, patient, Section::Medicines)
        .await;
    opened.map(drop)
}

#[tokio::test]
async fn records_that_slept_for_a_year_freeze_whoever_opens_many_of_them() {
    let (scene, patients) = after_a_year(4).await;
    // Somebody who looks at their own record is awake; so is somebody for whom something came.
    let own = scene.keeper.as_patient(patients[0]).await;
    scene
        .open_section(
            &own.token,
            Purpose::OwnRecord,
            patients[0],
            Section::Medicines,
        )
        .await
        .unwrap();
    let program = scene
        .keeper
        .program(
            scene.practice,
            candour_keeper::instances::InstanceKind::Import,
        )
        .await;
    let scene = Scene { program, ..scene };
    scene.segment(9, patients[1], Section::Medicines).await;
    let clinician = clinician_again(&scene);
    let open = async |patient| look(&scene, &clinician.token, patient).await;
    for patient in [patients[0], patients[1], patients[2]] {
        assert_eq!(open(patient).await, Ok(()));
    }
    assert_eq!(scene.count(EntryKind::Alarm, 8).await, 0);
    assert_eq!(open(patients[3]).await, Err(Reason::Frozen));
    eventually(|| async { scene.count(EntryKind::Alarm, 8).await == 1 }).await;
}

#[tokio::test]
async fn whoever_opens_a_record_that_slept_does_not_wake_it_by_writing_to_it_first() {
    let (scene, patients) = after_a_year(2).await;
    let keys = &scene.keeper.core.keys;
    let clinician = clinician_again(&scene);
    let mut opened = Vec::new();
    for patient in patients {
        for kind in [EntryKind::Sealed, EntryKind::Change] {
            let mut wrote = Draft::of_keeper(kind).about(patient, keys.patient(patient));
            wrote.row.principal = keys.person(scene.clinician.person).surrogate();
            scene.keeper.core.ledger.append_one(wrote).await.unwrap();
        }
        opened.push(look(&scene, &clinician.token, patient).await);
    }
    assert_eq!(opened, [Ok(()), Err(Reason::Frozen)]);
}

#[tokio::test]
async fn what_is_frozen_after_the_entry_and_before_the_keys_leave_is_not_released() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    scene.segment(1, patient, Section::Medicines).await;
    let token = &scene.clinician.token;
    let opening = scene.open_section(token, Purpose::DirectCare, patient, Section::Medicines);
    let core = &scene.keeper.core;
    // The entry waits; meanwhile the patient's keys are forgotten, and the table that has them is held.
    let head = Held::head(&scene.superuser).await;
    let freezing = async {
        head.somebody_waits("ledger_head").await;
        let keys = Held::table(&scene.superuser, "subject_key").await;
        core.subject_keys.forget(core.keys.patient(patient));
        head.let_go().await;
        // The entry is written, and the release waits for the keys.
        keys.somebody_waits("from subject_key").await;
        let person = core.keys.person(scene.clinician.person);
        let what = Frozen::Principal(Principal(person.surrogate()));
        scene.keeper.freeze(what).await;
        keys.let_go().await;
    };
    let (opened, ()) = tokio::join!(opening, freezing);
    assert_eq!(opened.err(), Some(Reason::Frozen));
    assert_eq!(scene.count(EntryKind::Open, 0).await, 1);
    let withheld = scene.count(EntryKind::Withheld, Reason::Frozen.number());
    assert_eq!(withheld.await, 1);
}

#[tokio::test]
async fn proof_mode_that_a_rule_began_survives_a_restart_and_is_no_freeze_of_its_own() {
    let mut settings = Settings::default();
    settings.detection.frozen_sessions = threshold(1);
    let (scene, patients) = after_a_year_with(4, settings).await;
    let clinician = clinician_again(&scene);
    for patient in &patients {
        let _ = look(&scene, &clinician.token, *patient).await;
    }
    // The rule's number: sessions of one instance that were frozen over what they were given.
    eventually(|| async { scene.count(EntryKind::Alarm, 12).await == 1 }).await;
    assert_eq!(scene.count(EntryKind::Freeze, 0).await, 1);
    let portal = candour_testkit::keeper::instance(candour_keeper::instances::InstanceKind::Portal);
    let in_proof_mode = |keeper: &TestKeeper| {
        let portal = keeper.core.keys.instance(portal).surrogate();
        keeper.core.freezes.needs_proof(portal)
    };
    assert!(in_proof_mode(&scene.keeper));
    let keeper = scene.keeper.restart().await;
    assert!(in_proof_mode(&keeper));
}
