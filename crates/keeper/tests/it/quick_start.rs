//! A start that does not read a long ledger again: what it still finds at once, and what it finds beside the work.

use crate::arrange::{Scene, eventually, scene_of};
use candour_keeper::ledger::Health;
use candour_ledger::Frontier;
use candour_testkit::keeper::{KEEPER, Settings};
use candour_testkit::{TestCluster, TestKeeper};
use std::fs;
use std::path::PathBuf;

/// A keeper for which a ledger of more than ten entries is a long one; it has ended, and its ledger has some more.
async fn long_ledger() -> Scene {
    let database = TestCluster::shared().database(&KEEPER).await;
    let settings = Settings {
        read_at_start: 10,
        ..Settings::default()
    };
    let keeper = TestKeeper::start_with(&database, settings).await;
    let scene = scene_of(database, keeper).await;
    for number in 1..=8 {
        scene.patient(number).await;
    }
    scene.keeper.stop().await;
    assert!(tree(&scene).size() > 10);
    scene
}

fn tree_file(scene: &Scene) -> PathBuf {
    scene.keeper.folder().join("ledger-tree")
}

fn tree(scene: &Scene) -> Frontier {
    Frontier::from_bytes(&fs::read(tree_file(scene)).unwrap()).unwrap()
}

/// Whether a keeper ends by itself.
async fn ends(keeper: &TestKeeper) {
    eventually(|| async { keeper.core.restart.is_cancelled() }).await;
}

#[tokio::test]
async fn a_long_ledger_goes_on_from_the_last_tree_that_was_signed() {
    let mut scene = long_ledger().await;
    let had = scene.keeper.core.ledger.size();
    scene.keeper = scene.keeper.restart().await;
    assert_eq!(scene.keeper.core.ledger.health(), Health::Well);
    scene.keeper.practice().await;
    assert!(scene.keeper.core.ledger.size() > had);
    // All of it is read once more beside the work, and is what was signed.
    eventually(|| async { scene.keeper.core.ledger.is_looked_through() }).await;
    assert!(!scene.keeper.core.restart.is_cancelled());
    scene.keeper.stop().await;
    assert!(tree(&scene).size() > had);
}

#[tokio::test]
async fn an_older_entry_that_was_changed_or_is_missing_ends_the_keeper_and_the_next_one_opens_nothing()
 {
    for tampered in [
        "update entry set leaf = sha256(leaf) where index = 3",
        "delete from entry where index = 3",
    ] {
        let mut scene = long_ledger().await;
        scene.past_the_keeper(tampered).await;
        scene.keeper = scene.keeper.restart().await;
        // It began from the tree, so it did not see it yet.
        assert!(scene.keeper.core.ledger.loss().is_none(), "{tampered}");
        ends(&scene.keeper).await;
        let health = scene.keeper.core.ledger.health();
        assert_eq!(health, Health::RolledBack, "{tampered}");
        scene.keeper.stop().await;
        assert!(!tree_file(&scene).exists(), "{tampered}");
        scene.keeper = scene.keeper.restart().await;
        let ledger = &scene.keeper.core.ledger;
        assert_eq!(ledger.health(), Health::RolledBack, "{tampered}");
        assert!(!ledger.loss().unwrap().is_whole, "{tampered}");
    }
}

#[tokio::test]
async fn an_entry_above_the_tree_that_was_changed_is_found_before_anything_opens() {
    let mut scene = long_ledger().await;
    let older = fs::read(tree_file(&scene)).unwrap();
    let size = tree(&scene).size();
    scene.keeper = scene.keeper.restart().await;
    scene.keeper.practice().await;
    scene.keeper.stop().await;
    fs::write(tree_file(&scene), older).unwrap();
    let changed = format!("update entry set leaf = sha256(leaf) where index = {size}");
    scene.past_the_keeper(&changed).await;
    scene.keeper = scene.keeper.restart().await;
    assert_eq!(scene.keeper.core.ledger.health(), Health::RolledBack);
}

#[tokio::test]
async fn a_tree_that_nobody_signed_is_not_gone_on_from() {
    let mut scene = long_ledger().await;
    let mut other = tree(&scene);
    let mut bytes = other.to_bytes();
    *bytes.last_mut().unwrap() ^= 1;
    for forged in [bytes, Vec::new(), {
        // A size for which there is no checkpoint.
        other.append(candour_ledger::leaf_hash(b"made up"));
        other.to_bytes()
    }] {
        fs::write(tree_file(&scene), forged).unwrap();
        assert!(scene.keeper.core.checkpoints.tree().is_none());
    }
    // So the whole ledger is read, and what was changed in it is found at once.
    scene
        .past_the_keeper("update entry set leaf = sha256(leaf) where index = 3")
        .await;
    scene.keeper = scene.keeper.restart().await;
    assert_eq!(scene.keeper.core.ledger.health(), Health::RolledBack);
}
