//! What a session and many together have in an hour, with the keeper as it is.

use crate::arrange::{Scene, person, scene_of, viewer};
use candour_keeper::instances::InstanceKind;
use candour_keeper_api::bodies::{open_body, open_hour_key};
use candour_keeper_api::wire::{self, AlarmDetails, Call, Reply};
use candour_keeper_api::words::{EntryKind, Purpose, Reason, Role, Section};
use candour_keeper_api::{CallError, Token};
use candour_rules::budget::BudgetTable;
use candour_seal::{PatientId, RoomPrivateKey};
use candour_testkit::keeper::acts::in_an_emergency;
use candour_testkit::keeper::{KEEPER, Settings};
use candour_testkit::{TestCluster, TestKeeper};
use jiff::SignedDuration;
use prost::Message;
use std::time::Duration;

/// A scene in which `set` sets the budgets, with so many people enrolled.
async fn with(count: u64, set: impl FnOnce(&mut BudgetTable)) -> (Scene, Vec<PatientId>) {
    let mut settings = Settings::default();
    set(&mut settings.budgets);
    let database = TestCluster::shared().database(&KEEPER).await;
    let keeper = TestKeeper::start_with(&database, settings).await;
    let scene = scene_of(database, keeper).await;
    let people = (1..=count).map(person).collect();
    let enrolled = scene.enrol_as(&scene.program, people).await;
    let patients = enrolled.into_iter().map(Result::unwrap).collect();
    (scene, patients)
}

impl Scene {
    async fn look(&self, token: &Token, patient: PatientId) -> Result<(), Reason> {
        let opened = self.open_section(token, Purpose::DirectCare, patient, Section::Medicines);
        opened.await.map(drop)
    }

    fn waits(&self, seconds: i64) {
        self.keeper
            .clock
            .advance(SignedDuration::from_secs(seconds));
    }
}

#[tokio::test]
async fn a_session_is_spent_by_things_and_its_person_signs_in_again() {
    let (scene, patients) = with(1, |budgets| budgets.session.things_hour = 3).await;
    let first = &scene.clinician.token;
    for _ in 0..3 {
        scene.waits(2);
        assert_eq!(scene.look(first, patients[0]).await, Ok(()));
    }
    let spent = Err(Reason::SessionSpent);
    assert_eq!(scene.look(first, patients[0]).await, spent);
    let denied = Reason::SessionSpent.number();
    assert_eq!(
        scene.count(EntryKind::Open, denied).await,
        1,
        "it is in the ledger"
    );
    let (person, practice) = (scene.clinician.person, scene.practice);
    let again = scene
        .keeper
        .sign_in_staff(person, practice, Role::Clinician);
    assert_eq!(scene.look(&again.token, patients[0]).await, Ok(()));
}

#[tokio::test]
async fn staff_together_are_asked_then_refused_a_human_is_woken_and_a_restart_gives_nothing_back() {
    let (scene, patients) = with(8, |budgets| budgets.practice.opened_hour = 4).await;
    let other = scene.keeper.staff(scene.practice, Role::Clinician).await;
    // Both signed in with their passkeys, twenty minutes ago.
    scene.waits(600);
    let keep = [&scene.clinician.token, &other.token];
    for token in keep {
        let identity =
            scene.open_section(token, Purpose::DirectCare, patients[7], Section::Identity);
        identity.await.unwrap();
    }
    scene.waits(600);
    for number in 0..4 {
        let token = keep[number % 2];
        assert_eq!(scene.look(token, patients[number]).await, Ok(()));
        scene.waits(2);
    }
    let asked = Err(Reason::StepUpNeeded);
    assert_eq!(scene.look(keep[0], patients[4]).await, asked);
    assert_eq!(
        scene.look(keep[1], patients[3]).await,
        Ok(()),
        "what is open stays so"
    );
    let proved = scene.keeper.proved(keep[0]);
    for patient in &patients[4..6] {
        assert_eq!(scene.look(&proved, *patient).await, Ok(()));
        scene.waits(2);
    }
    assert_eq!(
        scene.look(&proved, patients[6]).await,
        Err(Reason::OverCeiling)
    );
    let told = alarms(&scene, 2).await;
    let words: Vec<_> = told.iter().map(|alarm| alarm.rule_word.as_str()).collect();
    assert_eq!(words, ["practice_ceiling", "practice_ceiling"]);
    assert!(told.iter().all(|alarm| alarm.pages && alarm.threshold == 4));
    assert_eq!(
        told.iter().map(|alarm| alarm.people).collect::<Vec<_>>(),
        [4, 6]
    );

    let (person, practice) = (scene.clinician.person, scene.practice);
    let keeper = scene.keeper.restart().await;
    let again = keeper.sign_in_staff(person, practice, Role::Clinician);
    let target = candour_keeper_api::Section {
        patient: patients[6],
        section: Section::Medicines,
    };
    let portal = keeper.client(InstanceKind::Portal);
    let refused = portal
        .open(&viewer(&again.token, Purpose::DirectCare), target)
        .await;
    let Err(CallError::Denied(denied)) = refused.map(drop) else {
        panic!("a ceiling was forgotten");
    };
    assert_eq!(denied.reason, Reason::OverCeiling);
    assert!(
        (3_000..=3_720).contains(&denied.retry_after_seconds),
        "{denied:?}"
    );
}

#[tokio::test]
async fn an_instance_at_its_ceiling_is_remembered_after_a_restart_and_emergencies_pass() {
    let (scene, patients) = with(6, |budgets| {
        budgets.enrolled = 80_000;
        budgets.refused_percent = 100;
        budgets.instance.opened_hour = 2;
    })
    .await;
    let token = scene.clinician.token.clone();
    for patient in &patients[..2] {
        assert_eq!(scene.look(&token, *patient).await, Ok(()));
        scene.waits(2);
    }
    assert_eq!(
        scene.look(&token, patients[2]).await,
        Err(Reason::OverCeiling)
    );
    let (person, practice) = (scene.clinician.person, scene.practice);
    let keeper = scene.keeper.restart().await;
    let portal = keeper.client(InstanceKind::Portal);
    let again = keeper.sign_in_staff(person, practice, Role::Clinician);
    let section = |patient| candour_keeper_api::Section {
        patient,
        section: Section::Medicines,
    };
    let refused = portal
        .open(
            &viewer(&again.token, Purpose::DirectCare),
            section(patients[3]),
        )
        .await;
    assert!(
        matches!(refused.map(drop), Err(CallError::Denied(denied)) if denied.reason == Reason::OverCeiling)
    );
    let mut device = keeper.give_passkey(person).await;
    let asked = wire::EmergencyStart {
        patient: patients[4].as_bytes().to_vec(),
        words: "collapsed in the waiting room".to_owned(),
        ..wire::EmergencyStart::default()
    };
    let targets = vec![section(patients[4])];
    let answers = in_an_emergency(&portal, &again.token, &mut device, asked, targets).await;
    assert!(answers.unwrap().into_iter().all(|answer| answer.is_ok()));
}

/// What the first alarms say, oldest first, once there are so many.
async fn alarms(scene: &Scene, count: usize) -> Vec<AlarmDetails> {
    let private = scene.keeper.core.room_key().unwrap();
    let private = RoomPrivateKey::from_bytes(&private);
    let room = scene.keeper.client(InstanceKind::Room);
    let mut told = Vec::new();
    for _ in 0..200 {
        let question = Call::EntriesAfter(wire::EntriesAfter {
            from: 0,
            limit: 1_000,
            wait_ms: 0,
        });
        let Reply::Entries(read) = room.call(question).await.unwrap() else {
            panic!("not an answer to entries");
        };
        let key = |number| read.keys.iter().find(|key| key.hour == number).unwrap();
        let spoken = read.entries.iter();
        let spoken = spoken.filter(|entry| entry.kind == i32::from(EntryKind::Alarm));
        told = spoken
            .map(|entry| {
                let hour = open_hour_key(&key(entry.hour).sealed, entry.hour, &private).unwrap();
                let body = open_body(&entry.body, &entry.room_wrap, entry.index, &hour).unwrap();
                AlarmDetails::decode(body.details.as_slice()).unwrap()
            })
            .collect();
        if told.len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    told
}
