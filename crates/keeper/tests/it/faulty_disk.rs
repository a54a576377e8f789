//! A disk that fails, that keeps everybody waiting, that loses its power: nothing is granted that it has not kept.

use crate::arrange::{scene_of, scene_on};
use crate::disk::Reading;
use candour_testkit::TestKeeper;
use candour_testkit::cluster::{FaultyFolder, FaultyServer, TestCluster, Trouble};
use candour_testkit::keeper::{KEEPER, Settings};
use candour_testkit::skipped::skipped;
use std::pin::pin;
use std::time::Duration;

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

/// Checkpoints and tiles are written from what is committed: a disk that fails them keeps nobody from reading, shows
/// outsiders nothing that is not whole, and is caught up with.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_no_checkpoint_and_no_tile_shows_outsiders_nothing_half_and_is_caught_up_with()
 {
    for trouble in [
        Trouble::WritesFail,
        Trouble::SyncsFail,
        Trouble::FolderSyncsFail,
    ] {
        let disk = match FaultyFolder::mount() {
            Ok(disk) => disk,
            Err(reason) => return skipped(reason),
        };
        let database = TestCluster::shared().database(&KEEPER).await;
        let settings = Settings {
            files: Some(disk.path().into()),
            ..Settings::default()
        };
        let keeper = TestKeeper::start_with(&database, settings).await;
        let mut reading = Reading::of(scene_of(database, keeper).await).await;
        reading.is_shown().await;
        disk.keep_all();
        disk.turn(trouble);
        for _ in 0..3 {
            reading.opens().await;
        }
        // Two rounds of checkpoints.
        tokio::time::sleep(Duration::from_secs(3)).await;
        reading.opens().await;
        // The power goes: what outsiders saw before is still whole, and nothing newer is half there.
        disk.lose_power();
        assert!(reading.shown() > 0, "{trouble:?}");
        reading.opens().await;
        reading.is_shown().await;
        reading.nothing_is_lost().await;
        let seen = reading.shown();
        disk.lose_power();
        assert_eq!(reading.shown(), seen, "{trouble:?}");
    }
}
