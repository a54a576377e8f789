//! Tiles as an outsider reads them: with paths and proofs of two implementations that are not ours.

use std::collections::BTreeMap;

use candour_ledger::tile::FULL;
use candour_ledger::{
    FromTiles, Hash, Of, ProofError, Tile, Tiler, leaf_hash, prove_consistency, prove_inclusion,
    verify_consistency, verify_inclusion,
};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::Sha256;
use tlog_tiles::{TileHashReader, TileReader};

const LEAVES: Of = Of::Hashes { level: 0 };

fn commitment(index: u64) -> [u8; 32] {
    *leaf_hash(&index.to_le_bytes()).as_bytes()
}

/// The public folder: a file for each path.
#[derive(Default)]
struct Folder(BTreeMap<String, Vec<u8>>);

impl Folder {
    /// Goes on from the folder alone, as a keeper does that was started again, and writes up to `size` entries.
    fn publish(&mut self, from: u64, size: u64) -> Hash {
        let mut tiler = Tiler::resume(from, |tile| self.0.get(&tile.to_string()).cloned()).unwrap();
        let mut tiles = Vec::new();
        for index in from..size {
            tiler.append(&commitment(index), &mut tiles);
        }
        tiles.extend(tiler.partial());
        for (tile, bytes) in tiles {
            let before = self.0.insert(tile.to_string(), bytes.clone());
            assert!(
                before.is_none_or(|before| before == bytes),
                "{tile} was rewritten"
            );
        }
        assert_eq!(tiler.size(), size);
        tiler.root()
    }

    fn read(&self, tile: &Tile) -> Result<Vec<u8>, ProofError> {
        self.0
            .get(&tile.to_string())
            .cloned()
            .ok_or(ProofError::Size)
    }

    fn entry(&self, index: u64, size: u64) -> Vec<u8> {
        let tile = Tile::at(Of::Entries, index / 256, size).unwrap();
        let bundle = self.read(&tile).unwrap();
        let at = usize::try_from(index % 256).unwrap() * 34;
        assert_eq!(bundle[at..at + 2], [0, 32]);
        bundle[at + 2..at + 34].to_vec()
    }
}

/// Tiles of theirs say their height in the path, and call bundles data.
impl TileReader for Folder {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let path = |tile: &tlog_tiles::Tile| tile.path().replacen("tile/8/", "tile/", 1);
        Ok(tiles
            .iter()
            .map(|tile| self.0[&path(tile)].clone())
            .collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

fn ours(proof: &[tlog_tiles::Hash]) -> Vec<Hash> {
    proof.iter().map(|hash| Hash::from_bytes(hash.0)).collect()
}

/// Checks one entry and one older size of a log with both implementations.
fn agree(folder: &Folder, (older, older_root): (u64, Hash), (size, root): (u64, Hash), index: u64) {
    let theirs = tlog_tiles::Hash(*root.as_bytes());
    let reader = TileHashReader::new(size, theirs, folder);
    let read = |tile: &Tile| folder.read(tile);
    let source = FromTiles { size, read };

    let entry = folder.entry(index, size);
    assert_eq!(entry, commitment(index));
    let inclusion = tlog_tiles::prove_record(size, index, &reader).unwrap();
    assert_eq!(
        prove_inclusion(index, size, &source).unwrap(),
        ours(&inclusion)
    );
    let leaf = tlog_tiles::record_hash(&entry);
    tlog_tiles::check_record(&inclusion, size, theirs, index, leaf).unwrap();
    let leaf = Hash::from_bytes(leaf.0);
    assert_eq!(
        verify_inclusion(&leaf, index, size, &ours(&inclusion), &root),
        Ok(())
    );

    let consistency = tlog_tiles::prove_tree(size, older, &reader).unwrap();
    assert_eq!(
        prove_consistency(older, size, &source).unwrap(),
        ours(&consistency)
    );
    let proof = ours(&consistency);
    assert_eq!(
        verify_consistency(older, &older_root, size, &root, &proof),
        Ok(())
    );
}

#[test]
fn paths_are_those_of_the_specification() {
    let path = |of, index, size| Tile::at(of, index, size).unwrap().to_string();
    assert_eq!(path(LEAVES, 1_234_067, u64::MAX), "tile/0/x001/x234/067");
    assert_eq!(path(Of::Entries, 999, u64::MAX), "tile/entries/999");
    assert_eq!(
        path(Of::Entries, 1_000, 256_001),
        "tile/entries/x001/000.p/1"
    );
    let edge = |size| {
        Tile::partial(size)
            .map(|tile| tile.to_string())
            .collect::<Vec<_>>()
    };
    // The example of the specification.
    let example = [
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
        "tile/entries/273.p/112",
    ];
    assert_eq!(edge(70_000), example);
    assert_eq!(edge(256), ["tile/1/000.p/1"]);
    assert!(edge(0).is_empty());
    assert_eq!(Tile::at(LEAVES, 1, 256), None);
    assert_eq!(Tile::at(LEAVES, u64::MAX, u64::MAX), None);
}

#[test]
fn a_path_has_one_spelling() {
    for path in [
        "tile/0/000",
        "tile/63/x001/234.p/255",
        "tile/entries/x018/x446/x744/x073/x709/x551/615",
    ] {
        assert_eq!(
            Tile::parse(path).map(|tile| tile.to_string()).as_deref(),
            Some(path)
        );
    }
    for path in [
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/0/1000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/001.p/",
        "tile/0/001.p",
        "tile/0/../001",
        "tile/0/",
        "tile/data/001",
        "/tile/0/001",
        "tile/0/001/",
        "tile/0/xx01/001",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/001.p/5/6",
        "tile/0/\u{661}01",
    ] {
        assert_eq!(Tile::parse(path), None, "{path}");
    }
}

#[test]
fn a_log_of_seventy_thousand_is_read_by_others_across_three_levels() {
    let mut folder = Folder::default();
    let sizes = [65_535, 65_536, 65_537, 70_000];
    let mut from = 0;
    let roots = sizes.map(|size| {
        let root = folder.publish(from, size);
        from = size;
        (size, root)
    });
    for older in roots {
        for index in [0, 255, 256, 65_534, older.0 - 1] {
            agree(&folder, older, roots[3], index);
        }
    }
    assert_eq!(folder.0["tile/2/000.p/1"].len(), 32);
    let full = folder.0.iter().filter(|(path, _)| !path.contains(".p/"));
    assert!(full.clone().count() == 273 + 273 + 1);
    let hashes = full.filter(|(path, _)| !path.contains("entries"));
    assert!(
        hashes
            .map(|(_, bytes)| bytes.len())
            .all(|length| length == 8_192)
    );
}

/// What is done to the bytes of a path before they are read.
type Change<'a> = &'a dyn Fn(&str, Vec<u8>) -> Option<Vec<u8>>;

#[test]
fn a_tiler_does_not_go_on_from_tiles_that_are_missing_cut_or_not_of_their_bundle() {
    let mut folder = Folder::default();
    folder.publish(0, 700);
    let resume = |change: Change<'_>| {
        Tiler::resume(700, |tile| {
            let path = tile.to_string();
            change(&path, folder.0[&path].clone())
        })
    };
    assert!(resume(&|_, bytes| Some(bytes)).is_some());
    for wrong in [
        "tile/0/002.p/188",
        "tile/1/000.p/2",
        "tile/entries/002.p/188",
    ] {
        let of = |path: &str| path == wrong;
        assert!(resume(&|path, bytes| (!of(path)).then_some(bytes)).is_none());
        let cut = |path: &str, mut bytes: Vec<u8>| {
            bytes.truncate(bytes.len() - usize::from(of(path)));
            Some(bytes)
        };
        assert!(resume(&cut).is_none(), "{wrong}");
    }
    let changed = |path: &str, mut bytes: Vec<u8>| {
        bytes[3] ^= u8::from(path.contains("entries"));
        Some(bytes)
    };
    assert!(resume(&changed).is_none());
    // A row above the leaves has nothing to be held against but the signed root.
    let foreign = |path: &str, mut bytes: Vec<u8>| {
        bytes[3] ^= u8::from(path.contains("tile/1/"));
        Some(bytes)
    };
    let right = resume(&|_, bytes| Some(bytes)).unwrap().root();
    assert_ne!(resume(&foreign).unwrap().root(), right);
}

#[test]
fn a_proof_is_not_made_of_a_tile_that_is_too_short() {
    let mut folder = Folder::default();
    folder.publish(0, 300);
    let read = |tile: &Tile| -> Result<Vec<u8>, ProofError> {
        let mut bytes = folder.read(tile)?;
        bytes.truncate(32);
        Ok(bytes)
    };
    let proof = prove_inclusion(9, 300, &FromTiles { size: 300, read });
    assert_eq!(proof, Err(ProofError::Length));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn any_two_checkpoints_of_a_log_are_read_by_others(older in 1_u64..900, more in 0_u64..900, at in any::<u64>()) {
        let (size, index) = (older + more, at % (older + more));
        let mut folder = Folder::default();
        let first = folder.publish(0, older);
        let second = folder.publish(older, size);
        agree(&folder, (older, first), (size, second), index);
        let mut tree = MemoryBackedTree::<Sha256, [u8; 32]>::new();
        for index in 0..size {
            tree.push(commitment(index));
        }
        let root = tree.root();
        prop_assert_eq!(root.as_bytes().as_slice(), second.as_bytes().as_slice());
        let from_tiles = prove_inclusion(index, size, &FromTiles { size, read: |tile: &Tile| folder.read(tile) });
        let inclusion = tree.prove_inclusion(usize::try_from(index).unwrap());
        let from_tiles: Vec<u8> = from_tiles.unwrap().iter().flat_map(|hash| *hash.as_bytes()).collect();
        prop_assert_eq!(inclusion.as_bytes(), from_tiles.as_slice());
    }

    #[test]
    fn every_tile_has_the_path_of_others_and_is_read_back_from_it(
        level in 0_u8..8, index in 0_u64..(1 << 48), width in 1_u16..=FULL,
    ) {
        let index = index >> (8 * level.min(5));
        let Some(row) = index.checked_mul(256).and_then(|row| row.checked_add(u64::from(width))) else {
            return Ok(());
        };
        let size = row.checked_shl(8 * u32::from(level)).filter(|size| size >> (8 * level) == row);
        prop_assume!(size.is_some());
        let tile = Tile::at(Of::Hashes { level }, index, size.unwrap()).unwrap();
        let path = tile.to_string();
        prop_assert_eq!(Tile::parse(&path), Some(tile));
        prop_assert_eq!(tile.is_full(), width == FULL);
        let theirs = tlog_tiles::Tile::new(8, level, index, u32::from(width), false);
        prop_assert_eq!(theirs.path().replacen("tile/8/", "tile/", 1), path);
        let bundle = Tile::at(Of::Entries, index, row).unwrap();
        let mut theirs = tlog_tiles::Tile::new(8, 0, index, u32::from(width), false);
        theirs.set_is_data();
        prop_assert_eq!(theirs.path().replacen("tile/8/data/", "tile/entries/", 1), bundle.to_string());
    }

    #[test]
    fn the_tiles_at_the_edge_are_as_wide_as_the_specification_says(size in any::<u64>()) {
        let widths: u64 = Tile::partial(size)
            .filter_map(|tile| tile.to_string().strip_prefix("tile/").and_then(|rest| {
                let (level, rest) = rest.split_once('/')?;
                let width: u64 = rest.rsplit_once('/')?.1.parse().ok()?;
                Some(width << (8 * level.parse::<u32>().ok()?))
            }))
            .sum();
        prop_assert_eq!(widths, size);
    }
}
