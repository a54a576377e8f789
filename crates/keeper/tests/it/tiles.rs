//! What outsiders see of the ledger: whole at every checkpoint, never rewritten, made anew where it is not the ledger's.

use crate::arrange::scene_of;
use candour_keeper::draft::Draft;
use candour_keeper_api::words::EntryKind;
use candour_ledger::{Frontier, Hash, LogVerifier, Of, Tile, Tiler, leaf_hash};
use candour_testkit::TestKeeper;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Writes this many entries, ends the keeper, and gives the size of its ledger.
async fn grow(keeper: &TestKeeper, entries: usize) -> u64 {
    let drafts = (0..entries).map(|_| Draft::of_keeper(EntryKind::KeyUse));
    let written = keeper.core.ledger.append(drafts.collect()).await.unwrap();
    assert!(written.iter().all(Result::is_ok));
    keeper.stop().await;
    keeper.core.ledger.size()
}

/// Rebuilds the whole tree from the bundles alone, holds every tile and the signed root against it, and gives the size.
pub fn whole(keeper: &TestKeeper) -> u64 {
    let (folder, verifier) = (keeper.public(), keeper.core.checkpoints.verifier());
    let (size, root) = signed(&folder, &verifier);
    let read = |tile: &Tile| fs::read(folder.join(tile.to_string())).unwrap();
    let mut tiler = Tiler::default();
    let mut tiles = Vec::new();
    for bundle in 0..size.div_ceil(256) {
        let bundle = read(&Tile::at(Of::Entries, bundle, size).unwrap());
        for entry in bundle.as_chunks::<34>().0 {
            tiler.append(entry.last_chunk().unwrap(), &mut tiles);
        }
    }
    assert_eq!((tiler.size(), tiler.root()), (size, root));
    tiles.extend(tiler.partial());
    for (tile, bytes) in tiles {
        assert!(read(&tile) == bytes, "{tile}");
    }
    size
}

fn signed(folder: &Path, verifier: &LogVerifier) -> (u64, Hash) {
    let note = fs::read_to_string(folder.join("checkpoint")).unwrap();
    let checkpoint = verifier.open(&note).unwrap();
    (checkpoint.size, checkpoint.root)
}

/// Every file below a folder, with its inode.
fn files(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            files.extend(self::files(&entry.path()));
        } else {
            files.insert(entry.path(), entry.metadata().unwrap().ino());
        }
    }
    files
}

fn is_full(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name != "checkpoint")
        && !path.display().to_string().contains(".p/")
}

#[tokio::test]
async fn outsiders_see_the_whole_tree_that_was_signed_and_full_tiles_are_written_once() {
    let (_database, keeper) = TestKeeper::fresh().await;
    let size = grow(&keeper, 300).await;
    assert!(size > 300 && whole(&keeper) == size);
    let public = keeper.public();
    let narrow = public.join("tile/0/001.p");
    assert!(narrow.is_dir());
    let full_at_first: Vec<_> = files(&public)
        .into_iter()
        .filter(|(path, _)| is_full(path))
        .collect();
    assert_eq!(full_at_first.len(), 2);

    let keeper = keeper.restart().await;
    let size = grow(&keeper, 400).await;
    assert_eq!(whole(&keeper), size);
    let now = files(&public);
    for (path, inode) in full_at_first {
        assert_eq!(now[&path], inode, "{} was written again", path.display());
    }
    // A full tile takes the place of the narrower ones.
    assert!(public.join("tile/0/001").is_file() && !narrow.exists());
    assert!(
        now.keys()
            .all(|path| path.extension().is_none_or(|ending| ending != "incoming"))
    );
}

#[tokio::test]
async fn a_keeper_that_was_killed_between_tiles_and_checkpoint_goes_on_from_what_stands() {
    let (_database, keeper) = TestKeeper::fresh().await;
    grow(&keeper, 300).await;
    let public = keeper.public();
    let before = copied(&public);
    let keeper = keeper.restart().await;
    grow(&keeper, 300).await;
    // As it was killed: newer tiles stand, one is half-written, and the checkpoint is the one before.
    for (path, content) in before {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    fs::write(public.join("tile/0/002.incoming"), "half").unwrap();
    let stood = files(&public);
    let keeper = keeper.restart().await;
    let size = grow(&keeper, 200).await;
    assert_eq!(whole(&keeper), size);
    let now = files(&public);
    let written_again = stood
        .iter()
        .filter(|(path, inode)| is_full(path) && now.get(*path) != Some(inode));
    let names: Vec<_> = written_again
        .map(|(path, _)| path.file_name().unwrap())
        .collect();
    assert_eq!(names, ["002.incoming"]);
}

fn copied(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = files(folder).into_keys();
    paths
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

#[tokio::test]
async fn tiles_that_are_gone_or_not_the_ledger_s_are_made_anew() {
    let (_database, mut keeper) = TestKeeper::fresh().await;
    grow(&keeper, 600).await;
    let public = keeper.public();
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[40] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let narrow = |level: &str| -> PathBuf {
        let found = files(&public.join("tile").join(level)).into_keys();
        found.filter(|path| !is_full(path)).max().unwrap()
    };
    let damages: [&dyn Fn(); 6] = [
        &|| fs::remove_dir_all(&public).unwrap(),
        &|| fs::write(public.join("checkpoint"), "forged\n").unwrap(),
        &|| flip(&narrow("1")),
        &|| fs::remove_file(narrow("0")).unwrap(),
        &|| flip(&narrow("entries")),
        // A full tile is only looked at again when everything is.
        &|| {
            flip(&public.join("tile/0/001"));
            fs::remove_file(public.join("checkpoint")).unwrap();
        },
    ];
    for damage in damages {
        damage();
        keeper = keeper.restart().await;
        let size = grow(&keeper, 1).await;
        assert_eq!(whole(&keeper), size);
    }
}

#[tokio::test]
async fn entries_that_were_changed_past_the_keeper_are_not_published() {
    let (database, keeper) = TestKeeper::fresh().await;
    let scene = scene_of(database, keeper).await;
    scene.keeper.stop().await;
    let public = scene.keeper.public();
    fs::remove_dir_all(&public).unwrap();
    scene
        .past_the_keeper("update entry set role = 3 where index = 2")
        .await;
    let keeper = scene.keeper.restart().await;
    grow(&keeper, 300).await;
    assert!(!public.join("checkpoint").exists());
    assert!(!public.join("tile").exists());
}

#[tokio::test]
async fn while_the_ledger_does_not_give_what_was_signed_the_good_tiles_stay() {
    let (database, keeper) = TestKeeper::fresh().await;
    let scene = scene_of(database, keeper).await;
    scene.keeper.stop().await;
    let public = scene.keeper.public();
    scene
        .past_the_keeper("update entry set role = 3 where index = 2")
        .await;
    // So that the whole folder is doubted.
    fs::write(public.join("checkpoint"), "forged\n").unwrap();
    let stood = files(&public);
    assert!(stood.len() > 2);
    let keeper = scene.keeper.restart().await;
    grow(&keeper, 300).await;
    assert_eq!(files(&public), stood);
}

#[tokio::test]
async fn a_public_checkpoint_that_the_ledger_contradicts_is_set_aside_as_evidence() {
    let (_database, keeper) = TestKeeper::fresh().await;
    let size = grow(&keeper, 300).await;
    let mut other = Frontier::new();
    for entry in 0..size + 5 {
        other.append(leaf_hash(&entry.to_be_bytes()));
    }
    let note = keeper.core.checkpoints.write(&other).unwrap();
    let name = format!("{:020}.checkpoint", other.size());
    fs::remove_file(keeper.folder().join("checkpoints").join(&name)).unwrap();
    let public = keeper.public();
    fs::write(public.join("checkpoint"), &note).unwrap();
    let keeper = keeper.restart().await;
    let size = grow(&keeper, 1).await;
    assert_eq!(whole(&keeper), size);
    let kept = fs::read_to_string(public.join("lost").join(name)).unwrap();
    assert_eq!(kept, note);
}
