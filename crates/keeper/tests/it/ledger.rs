//! The ledger as others see it: chained, signed, complete.

use crate::arrange::{eventually, scene, scene_of};
use candour_keeper::draft::Draft;
use candour_keeper::keys::Keys;
use candour_keeper::ledger::Health;
use candour_keeper_api::wire::{Call, Reply, StatusQuestion};
use candour_keeper_api::words::{EntryKind, Purpose, Reason};
use candour_ledger::Frontier;
use candour_ledger::export::{ExportReader, Next};
use candour_testkit::keeper::{KEEPER, Settings};
use candour_testkit::{TestCluster, TestKeeper};
use jiff::SignedDuration;
use std::sync::Arc;

#[tokio::test]
async fn every_leaf_follows_from_its_row_and_the_whole_from_the_checkpoint() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let own = scene.keeper.as_patient(patient).await;
    for _ in 0..5 {
        scene
            .open_document(&own.token, Purpose::OwnRecord, stored.item)
            .await
            .unwrap();
    }
    let size = scene.keeper.core.ledger.size();
    scene.keeper.stop().await;
    let (_, root, _) = scene.keeper.core.checkpoints.last().unwrap().unwrap();
    let keys = Keys::new(scene.keeper.root_key()).unwrap();
    let mut out = Vec::new();
    let config = scene.config.clone();
    let count = candour_keeper::export::export(&config, &keys, &mut out)
        .await
        .unwrap();
    assert!(count >= size);
    let mut reader = ExportReader::new(out.as_slice()).unwrap();
    let mut tree = Frontier::new();
    while let Next::Record { record, is_chained } = reader.read().unwrap() {
        assert!(is_chained);
        assert_eq!(record.entry.leaf(&record.salt.unwrap()), record.leaf);
        tree.append(record.leaf);
    }
    assert_eq!(tree.root(), root);
}

#[tokio::test]
async fn a_patient_s_counter_has_no_gap_and_times_never_run_backwards() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    let stored = scene.document(1, patient).await;
    let own = scene.keeper.as_patient(patient).await;
    for _ in 0..3 {
        scene.keeper.clock.advance(-SignedDuration::from_secs(30));
        let opened = scene.open_document(&own.token, Purpose::OwnRecord, stored.item);
        let _ = opened.await;
    }
    let client = scene.keeper.core.pool.get().await.unwrap();
    let surrogate = scene.keeper.core.keys.patient(patient).surrogate();
    let rows = client
        .query(
            "select sequence from entry where patient = $1 order by index",
            &[&surrogate],
        )
        .await
        .unwrap();
    let sequence: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    let expected: Vec<i64> = (1..).take(sequence.len()).collect();
    assert_eq!(sequence, expected);
    let backwards =
        "select count(*) from (select at - lag(at) over (order by index) as step from entry) s
        where step < 0";
    let row = client.query_one(backwards, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
}

#[tokio::test]
async fn the_key_of_each_entry_s_hour_is_stored() {
    let mut scene = scene().await;
    scene.patient(1).await;
    scene.keeper = scene.keeper.restart().await;
    scene.keeper.practice().await;
    let client = scene.keeper.core.pool.get().await.unwrap();
    let text = "select count(distinct hour), count(*) filter (where sealed is null)
        from entry left join room_hour_key using (hour)";
    let row = client.query_one(text, &[]).await.unwrap();
    let [hours, without]: [i64; 2] = [row.get(0), row.get(1)];
    assert!(hours >= 2, "each start has an hour of its own");
    assert_eq!(without, 0);
}

#[tokio::test]
async fn a_clock_that_steps_back_and_forth_gives_no_budget_back_and_stops_nobody_for_good() {
    let mut settings = Settings::default();
    settings.budgets.staff.opened_hour = 3;
    let database = TestCluster::shared().database(&KEEPER).await;
    let keeper = TestKeeper::start_with(&database, settings).await;
    let scene = scene_of(database, keeper).await;
    let people = (1..=8).map(crate::arrange::person).collect();
    let patients = scene.enrol_as(&scene.program, people).await;
    // Signed in anew each time: a session does not outlive the longer steps.
    let open = async |number: usize| {
        let (person, practice) = (scene.clinician.person, scene.practice);
        let role = candour_keeper_api::words::Role::Clinician;
        let again = scene.keeper.sign_in_staff(person, practice, role);
        let section = candour_keeper_api::words::Section::Medicines;
        let patient = patients[number].unwrap();
        scene
            .open_section(&again.token, Purpose::DirectCare, patient, section)
            .await
            .map(drop)
    };
    let over = Err(Reason::OverBudget);
    for number in 0..3 {
        assert_eq!(open(number).await, Ok(()));
    }
    let step = |seconds| {
        let clock = &scene.keeper.clock;
        clock.advance(SignedDuration::from_secs(seconds));
    };
    let (hour, day) = (3_600, 86_400);
    for seconds in [-30, -hour, hour, -day, day, 50 * 60] {
        step(seconds);
        assert_eq!(open(3).await, over, "{seconds}");
    }
    // A day too far, and back: what was opened meanwhile is counted on that day, and not twice.
    step(day);
    assert_eq!(open(3).await, Ok(()));
    step(-day);
    assert_eq!(open(4).await, Ok(()));
    // The last of a budget takes a passkey younger than five minutes, and the ledger's time is a day on.
    assert_eq!(open(5).await, Err(Reason::StepUpNeeded));
    step(day + 60);
    assert_eq!(open(5).await, Ok(()));
    assert_eq!(open(6).await, over);
    step(hour);
    assert_eq!(open(6).await, Ok(()));
}

#[tokio::test]
async fn a_head_rolled_back_to_yesterday_opens_nothing() {
    let scene = scene().await;
    let patient = scene.patient(1).await;
    scene.keeper.stop().await;
    // Somebody restores the database as it was some entries ago.
    scene
        .past_the_keeper(
            "delete from entry where index >= 3;
             update ledger_head set size = 3, frontier = '\\x0000000000000003'::bytea
               || substring(frontier from 9 for 64)",
        )
        .await;
    let (practice, person) = (scene.practice, scene.clinician.person);
    let keeper = scene.keeper.restart().await;
    assert_eq!(keeper.core.ledger.health(), Health::RolledBack);
    let (signed, _, _) = keeper.core.checkpoints.last().unwrap().unwrap();
    let role = candour_keeper_api::words::Role::Clinician;
    let staff = keeper.sign_in_staff(person, practice, role);
    let portal = keeper.client(candour_keeper::instances::InstanceKind::Portal);
    let target = candour_keeper_api::Section {
        patient,
        section: candour_keeper_api::words::Section::Medicines,
    };
    let viewer = crate::arrange::viewer(&staff.token, Purpose::DirectCare);
    let refused = portal.open(&viewer, target).await.map(drop).unwrap_err();
    assert_eq!(crate::arrange::denied(&refused), Reason::LedgerUnavailable);
    let status = portal.call(Call::Status(StatusQuestion {})).await.unwrap();
    let Reply::Status(status) = status else {
        panic!("not a status")
    };
    assert!(!status.ledger_writable);
    assert_eq!((status.missing_from, status.missing_to), (3, signed));
}

#[tokio::test]
async fn a_second_keeper_takes_over_and_the_first_writes_nothing_more() {
    let (database, first) = TestKeeper::fresh().await;
    let scene = scene_of(database, first).await;
    let config = scene.config.clone();
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    let driven = tokio_util::task::TaskTracker::new();
    driven.spawn(connection);
    client
        .execute("update ledger_head set epoch = epoch + 1", &[])
        .await
        .unwrap();
    let ledger = &scene.keeper.core.ledger;
    let size = ledger.size();
    let refused = ledger.append_one(Draft::of_keeper(EntryKind::Start)).await;
    assert!(refused.is_err());
    eventually(|| async { ledger.health() == Health::Ended }).await;
    let row = client
        .query_one("select count(*) from entry", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), i64::try_from(size).unwrap());
}

#[tokio::test]
async fn many_at_once_share_commits_and_each_has_its_own_place() {
    let scene = scene().await;
    let ledger = scene.keeper.core.ledger.clone();
    let calls = (0..300).map(|_| {
        let ledger = ledger.clone();
        async move { ledger.append_one(Draft::of_keeper(EntryKind::KeyUse)).await }
    });
    let mut places: Vec<u64> = futures_util::future::join_all(calls)
        .await
        .into_iter()
        .map(|outcome| outcome.unwrap().index)
        .collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), 300);
    assert_eq!(ledger.size(), places[299] + 1);
    drop(Arc::new(scene));
}
