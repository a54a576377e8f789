//! Tiles of the public ledger: paths, the right edge that a keeper resumes from, and proofs out of foreign tiles.
//!
//! Input: which of the three; then a path, or a log's length and where its tiles are spoiled.

use super::feed::Feed;
use candour_ledger::{FromTiles, Hash, ProofError, Tile, Tiler, leaf_hash, tree_head};
use std::collections::BTreeMap;

/// Most entries of a log.
const MOST: usize = 1_100;

pub fn feed(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    match feed.byte() % 3 {
        0 => path(feed.text()),
        1 => resume(&mut feed),
        _ => foreign(&mut feed),
    }
}

fn path(text: Option<&str>) {
    let Some((text, tile)) = text.and_then(|text| Some((text, Tile::parse(text)?))) else {
        return;
    };
    assert_eq!(tile.to_string(), text);
    assert_eq!(Tile::parse(&tile.filled().to_string()), Some(tile.filled()));
    let full = tile.filled().to_string();
    assert_eq!(tile.path_of_partial(), format!("{full}.p"));
}

/// A log of so many entries: its commitments, and all its tiles.
fn log(count: usize) -> (Vec<[u8; 32]>, Tiler, BTreeMap<String, Vec<u8>>) {
    let mut tiler = Tiler::default();
    let mut tiles = Vec::new();
    let commitments: Vec<[u8; 32]> = (0..count as u64)
        .map(|at| {
            let mut commitment = [0x5a; 32];
            commitment[..8].copy_from_slice(&at.to_be_bytes());
            tiler.append(&commitment, &mut tiles);
            commitment
        })
        .collect();
    tiles.extend(tiler.partial());
    let named = tiles
        .into_iter()
        .map(|(tile, bytes)| (tile.to_string(), bytes));
    (commitments, tiler, named.collect())
}

fn naive(commitments: &[[u8; 32]]) -> Hash {
    let leaves: Vec<Hash> = commitments.iter().map(|one| leaf_hash(one)).collect();
    tree_head(&leaves)
}

fn resume(feed: &mut Feed<'_>) {
    let (commitments, honest, mut tiles) = log(feed.below(MOST));
    assert_eq!(honest.root(), naive(&commitments));
    let is_spoiled = spoil(feed, &mut tiles);
    let claimed = match feed.byte() {
        1 => feed.number(),
        _ => honest.size(),
    };
    let resumed = Tiler::resume(claimed, |tile| tiles.get(&tile.to_string()).cloned());
    match resumed {
        Some(mut resumed) if claimed == honest.size() => {
            assert_eq!(resumed == honest, !is_spoiled, "spoiled, and not noticed");
            let mut full = Vec::new();
            for _ in 0..feed.byte() {
                resumed.append(&feed.array(), &mut full);
            }
            let _ = resumed.root();
        }
        Some(resumed) => {
            let _ = resumed.root();
        }
        None => assert!(is_spoiled || claimed != honest.size()),
    }
}

fn foreign(feed: &mut Feed<'_>) {
    let (commitments, honest, mut tiles) = log(feed.below(MOST));
    spoil(feed, &mut tiles);
    let read = |tile: &Tile| {
        tiles
            .get(&tile.to_string())
            .cloned()
            .ok_or(ProofError::Size)
    };
    let (older, newer) = (feed.below(MOST), honest.size());
    let source = FromTiles { size: newer, read };
    let continued = candour_ledger::continued::<_>(older as u64, newer, &honest.root(), &source);
    if let Ok((root, _)) = continued {
        assert_eq!(Some(root), commitments.get(..older).map(naive));
    }
    let claimed = FromTiles {
        size: feed.number(),
        read,
    };
    let _ = candour_ledger::prove_inclusion(feed.number(), feed.number(), &claimed);
}

/// Changes one byte of one tile, cuts it, or takes it away; whether it did.
fn spoil(feed: &mut Feed<'_>, tiles: &mut BTreeMap<String, Vec<u8>>) -> bool {
    let (how, which) = (feed.byte(), feed.below(tiles.len()));
    let Some(name) = tiles.keys().nth(which).cloned() else {
        return false;
    };
    let Some(bytes) = tiles.get_mut(&name) else {
        return false;
    };
    let is_partial = name.contains(".p/");
    match how {
        1 => {
            let at = feed.below(bytes.len());
            bytes[at] ^= feed.byte() | 1;
        }
        2 => {
            bytes.pop();
        }
        3 => bytes.extend(feed.array::<34>()),
        4 => drop(tiles.remove(&name)),
        _ => return false,
    }
    // Only the right edge is read to go on from; full tiles lie behind it.
    is_partial
}

pub fn seeds() -> Vec<Vec<u8>> {
    vec![
        b"\x00tile/0/000".to_vec(),
        b"\x00tile/entries/x001/x234/067.p/42".to_vec(),
        vec![1, 2, 44, 0],
        vec![1, 4, 40, 1, 0, 1, 0, 9, 7],
        vec![2, 2, 44, 0, 0, 0, 1, 1],
        vec![2, 4, 40, 3, 0, 2, 0, 9, 7],
    ]
}
