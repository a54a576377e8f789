//! Inclusion and consistency proofs.
//!
//! Input: a small tree's leaves, which proof, and how it is spoiled. Held against a tree that is computed as RFC 6962
//! writes it down, in the plainest way: an honest proof is accepted, and an accepted one shows what is so.

use super::feed::Feed;
use candour_ledger::{
    Hash, Levels, empty_root, leaf_hash, node_hash, prove_consistency, prove_inclusion,
    verify_consistency, verify_inclusion,
};

/// Most leaves.
const MOST: usize = 80;

pub fn feed(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    let count = feed.below(MOST) + 1;
    let salt = feed.byte();
    let leaves: Vec<Hash> = (0..count)
        .map(|at| leaf_hash(&[salt, u8::try_from(at).unwrap_or_default()]))
        .collect();
    let levels = Levels::of(&leaves);
    let size = feed.below(count) + 1;
    assert_eq!(levels.root(size as u64), Ok(head(&leaves[..size])));
    if feed.byte().is_multiple_of(2) {
        inclusion(&mut feed, &leaves[..size], &levels);
    } else {
        consistency(&mut feed, &leaves[..size], &levels);
    }
}

fn inclusion(feed: &mut Feed<'_>, leaves: &[Hash], levels: &Levels) {
    let (at, size) = (feed.below(leaves.len()), leaves.len() as u64);
    let root = head(leaves);
    let honest = path(at, leaves);
    let mut proof = honest.clone();
    assert_eq!(prove_inclusion(at as u64, size, levels), Ok(honest.clone()));
    spoil(feed, &mut proof);
    let leaf = claimed(feed, leaves, leaves[at]);
    let index = number(feed, at as u64);
    let is_honest = proof == honest && leaf == leaves[at] && index == at as u64;
    let accepted = verify_inclusion(&leaf, index, size, &proof, &root).is_ok();
    // Leaves are all different, so exactly one index and one path are a leaf's.
    let is_so = usize::try_from(index).ok().and_then(|at| leaves.get(at)) == Some(&leaf);
    assert!(!accepted || is_so, "accepted, and not so");
    assert!(accepted || !is_honest, "refused, and so");
    // Whatever size somebody claims, nothing else is done with it than to refuse or accept.
    let _ = verify_inclusion(&leaf, feed.number(), feed.number(), &proof, &root);
}

fn consistency(feed: &mut Feed<'_>, leaves: &[Hash], levels: &Levels) {
    let (older, newer) = (feed.below(leaves.len()) + 1, leaves.len());
    let (old_root, root) = (head(&leaves[..older]), head(leaves));
    let honest = prove_consistency(older as u64, newer as u64, levels);
    assert!(honest.is_ok(), "every beginning has a proof");
    let honest = honest.unwrap_or_default();
    let mut proof = honest.clone();
    spoil(feed, &mut proof);
    let claim = claimed(feed, leaves, old_root);
    let size = number(feed, older as u64);
    let is_honest = proof == honest && claim == old_root && size == older as u64;
    let accepted = verify_consistency(size, &claim, newer as u64, &root, &proof).is_ok();
    let beginning = usize::try_from(size)
        .ok()
        .and_then(|size| leaves.get(..size));
    let is_so = beginning.is_some_and(|beginning| head(beginning) == claim);
    assert!(!accepted || is_so, "accepted, and not so");
    assert!(accepted || !is_honest, "refused, and so");
    let _ = verify_consistency(feed.number(), &claim, feed.number(), &root, &proof);
}

/// Adds, takes away, changes or exchanges hashes; mostly nothing.
fn spoil(feed: &mut Feed<'_>, proof: &mut Vec<Hash>) {
    for _ in 0..feed.byte() % 4 {
        let (how, at, other) = (
            feed.byte(),
            feed.below(proof.len()),
            feed.below(proof.len()),
        );
        match how % 5 {
            0 if !proof.is_empty() => drop(proof.remove(at)),
            1 => proof.insert(at, Hash::from_bytes(feed.array())),
            2 if !proof.is_empty() => proof.swap(at, other),
            3 if !proof.is_empty() => proof[at] = Hash::from_bytes(feed.array()),
            4 => proof.extend(proof.clone()),
            _ => {}
        }
    }
}

/// What is claimed to be there: mostly what is.
fn claimed(feed: &mut Feed<'_>, leaves: &[Hash], honest: Hash) -> Hash {
    match feed.byte() {
        1 => leaves[feed.below(leaves.len())],
        2 => head(&leaves[..feed.below(leaves.len())]),
        3 => Hash::from_bytes(feed.array()),
        _ => honest,
    }
}

/// The number that is claimed: mostly the one that it is.
fn number(feed: &mut Feed<'_>, honest: u64) -> u64 {
    match feed.byte() {
        1 => feed.number(),
        2 => u64::from(feed.byte()),
        _ => honest,
    }
}

/// RFC 6962, 2.1: MTH.
fn head(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(half(leaves.len()));
            node_hash(&head(left), &head(right))
        }
    }
}

/// RFC 6962, 2.1.1: PATH.
fn path(at: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(half(leaves.len()));
    let (mut path, beside) = match at.checked_sub(left.len()) {
        None => (path(at, left), right),
        Some(at) => (path(at, right), left),
    };
    path.push(head(beside));
    path
}

/// The largest power of two below a length.
fn half(length: usize) -> usize {
    length.div_ceil(2).next_power_of_two()
}

pub fn seeds() -> Vec<Vec<u8>> {
    // Leaves less one, salt, size less one, kind, which, what is spoiled.
    vec![
        vec![0, 12, 1, 0, 12, 0, 0, 5, 0],
        vec![0, 12, 1, 0, 10, 1, 0, 5, 0],
        vec![0, 70, 2, 0, 69, 0, 0, 64, 1, 3, 0, 1],
        vec![0, 70, 2, 0, 69, 1, 0, 30, 1, 0, 0, 0],
        vec![0, 7, 3, 0, 7, 1, 0, 7, 0, 2, 0, 3, 2, 4],
    ]
}
