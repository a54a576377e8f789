//! A disk that fails, that keeps everybody waiting, that loses its power: nothing is granted that it has not kept.

use crate::arrange::{scene_of, scene_on};
use crate::disk::Reading;
use candour_testkit::TestKeeper;
use candour_testkit::cluster::{FaultyFolder, FaultyServer, TestCluster, Trouble};
use candour_testkit::keeper::{KEEPER, Places, Settings};
use candour_testkit::skipped::skipped;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A keeper whose database has its log on such a disk; none where this machine cannot make one.
async fn faulty() -> Option<(FaultyServer, Reading)> {
    let server = match FaultyServer::start().await {
        Ok(server) => server,
        Err(reason) => {
            skipped(reason);
            return None;
        }
    };
    let now = "2026-03-02T21:00:00Z".parse().unwrap();
    let keeper = TestKeeper::start_on(server.keeper(), now, Settings::default()).await;
    let scene = scene_on(server.keeper(), server.superuser(), keeper).await;
    Some((server, Reading::of(scene).await))
}

async fn fails(trouble: Trouble) {
    let Some((mut server, mut reading)) = faulty().await else {
        return;
    };
    server.turn(trouble);
    for _ in 0..2 {
        reading.nothing_works().await;
    }
    server.start_again().await.unwrap();
    reading.is_well().await;
    reading.opens().await;
    reading.nothing_is_lost().await;
}

#[tokio::test]
async fn a_disk_that_takes_no_write_opens_nothing_and_loses_nothing() {
    fails(Trouble::WritesFail).await;
}

#[tokio::test]
async fn a_disk_that_cannot_keep_what_it_took_opens_nothing_and_loses_nothing() {
    fails(Trouble::SyncsFail).await;
}

#[tokio::test]
async fn what_the_disk_has_not_kept_yet_is_not_granted_and_a_loss_of_power_takes_nothing_that_was()
{
    let Some((mut server, mut reading)) = faulty().await else {
        return;
    };
    for _ in 0..5 {
        reading.opens().await;
    }
    server.turn(Trouble::SyncsWait);
    {
        let mut opening = pin!(reading.open());
        let mut waited = 0;
        // It has been asked to keep it, and nobody is told anything for as long as it does not answer.
        while waited < 60 {
            tokio::select! {
                answer = &mut opening => panic!("it was granted: {}", answer.is_ok()),
                () = tokio::time::sleep(Duration::from_millis(10)) => {}
            }
            waited += usize::from(server.waiting() > 0);
        }
        server.turn(Trouble::None);
        opening.await.unwrap();
    }
    server.turn(Trouble::SyncsWait);
    {
        let mut opening = pin!(reading.open());
        while server.waiting() == 0 {
            tokio::select! {
                answer = &mut opening => panic!("it was granted: {}", answer.is_ok()),
                () = tokio::time::sleep(Duration::from_millis(10)) => {}
            }
        }
        server.lose_power().await.unwrap();
        assert!(opening.await.is_err());
    }
    server.start_again().await.unwrap();
    reading.is_well().await;
    reading.opens().await;
    reading.nothing_is_lost().await;
}

/// A keeper whose checkpoints, or what outsiders see of its ledger, lie on such a disk, in this trouble while somebody reads;
/// none where this machine cannot make one.
async fn in_trouble(
    trouble: Trouble,
    has_checkpoints: bool,
) -> Option<(FaultyFolder, TempDir, Reading)> {
    let disk = match FaultyFolder::mount() {
        Ok(disk) => disk,
        Err(reason) => {
            skipped(reason);
            return None;
        }
    };
    let database = TestCluster::shared().database(&KEEPER).await;
    let own = tempfile::tempdir().unwrap();
    let mut places = Places::below(own.path());
    if has_checkpoints {
        places.keeper = disk.path().join("keeper");
    } else {
        places.ledger = disk.path().join("ledger");
    }
    let settings = Settings {
        places: Some(Arc::new(places)),
        ..Settings::default()
    };
    let keeper = TestKeeper::start_with(&database, settings).await;
    let mut reading = Reading::of(scene_of(database, keeper).await).await;
    reading.is_shown().await;
    disk.keep_all();
    disk.turn(trouble);
    // It keeps nobody from reading: they are written from what is committed.
    for _ in 0..3 {
        reading.opens().await;
    }
    // All of it is tried, and comes to nothing.
    tokio::time::sleep(Duration::from_secs(3)).await;
    Some((disk, own, reading))
}

/// What can be wrong, with the checkpoints and with the tiles.
fn troubles() -> impl Iterator<Item = (Trouble, bool)> {
    let all = [
        Trouble::WritesFail,
        Trouble::SyncsFail,
        Trouble::FolderSyncsFail,
    ];
    all.into_iter()
        .flat_map(|trouble| [(trouble, true), (trouble, false)])
}

/// The keeper ends in order, on a disk that is well: outsiders see everything, and after a loss of power still.
async fn is_caught_up_with(disk: &FaultyFolder, reading: &Reading) {
    reading.nothing_is_lost().await;
    let seen = reading.shown();
    assert!(seen > reading.last());
    disk.lose_power();
    assert_eq!(reading.shown(), seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_and_tiles_of_a_failing_disk_are_never_half_and_are_caught_up_with_when_it_is_well()
 {
    for (trouble, has_checkpoints) in troubles() {
        let Some((disk, _own, reading)) = in_trouble(trouble, has_checkpoints).await else {
            return;
        };
        reading.shown();
        disk.turn(Trouble::None);
        is_caught_up_with(&disk, &reading).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_and_tiles_of_a_failing_disk_that_loses_its_power_are_whole_and_are_caught_up_with()
 {
    for (trouble, has_checkpoints) in troubles() {
        let Some((disk, _own, mut reading)) = in_trouble(trouble, has_checkpoints).await else {
            return;
        };
        disk.lose_power();
        assert!(reading.shown() > 0, "{trouble:?}");
        reading.opens().await;
        is_caught_up_with(&disk, &reading).await;
    }
}
