//! Inclusion and consistency proofs: made from perfect subtrees (RFC 6962 2.1.1, 2.1.2), checked as RFC 9162 2.1.3.2 and 2.1.4.2 say.

use std::ops::Range;

use crate::tree::{Hash, node_hash};

/// Why a proof is not made or does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf or the older size lies outside the tree, or the older tree is empty.
    #[error("there is no such leaf or older tree")]
    Size,
    /// The proof has more or fewer hashes than trees of these sizes need.
    #[error("the proof has the wrong length")]
    Length,
    /// The hashes do not lead to the root.
    #[error("the proof does not lead to the root")]
    Root,
}

/// Gives the roots of perfect subtrees of a tree.
///
/// `subtree(level, index)` is the root over the leaves `index·2^level .. (index+1)·2^level`; it is
/// asked only for subtrees that are complete at the size in question. Any closure of that shape is one.
pub trait Subtrees {
    /// Why a hash could not be had.
    type Error: From<ProofError>;

    /// The root over the leaves `index·2^level .. (index+1)·2^level`.
    fn subtree(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

impl<E: From<ProofError>, F: Fn(u32, u64) -> Result<Hash, E>> Subtrees for F {
    type Error = E;

    fn subtree(&self, level: u32, index: u64) -> Result<Hash, E> {
        self(level, index)
    }
}

/// All perfect subtrees of a tree in memory: one row of hashes for each level; 64 bytes a leaf.
#[derive(Debug, Clone, Default)]
pub struct Levels(Vec<Vec<Hash>>);

impl Levels {
    /// A tree without leaves.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The tree over these leaf hashes.
    pub fn of(leaves: &[Hash]) -> Self {
        let mut levels = Self::new();
        for leaf in leaves {
            levels.append(*leaf);
        }
        levels
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.0.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Adds a leaf at the right.
    pub fn append(&mut self, leaf: Hash) {
        let mut node = leaf;
        for level in 0.. {
            if self.0.len() == level {
                self.0.push(Vec::new());
            }
            let row = &mut self.0[level];
            row.push(node);
            match row.as_slice() {
                [.., left, right] if row.len().is_multiple_of(2) => node = node_hash(left, right),
                _ => return,
            }
        }
    }

    /// The root over the first `size` leaves.
    ///
    /// # Errors
    /// [`ProofError::Size`] when the tree has fewer.
    pub fn root(&self, size: u64) -> Result<Hash, ProofError> {
        root_of(size, self)
    }
}

/// The root over the first `size` leaves.
///
/// # Errors
/// The source's own errors.
pub fn root_of<S: Subtrees>(size: u64, source: &S) -> Result<Hash, S::Error> {
    match size {
        0 => Ok(crate::tree::empty_root()),
        _ => range_root(source, 0..size),
    }
}

impl Subtrees for Levels {
    type Error = ProofError;

    fn subtree(&self, level: u32, index: u64) -> Result<Hash, ProofError> {
        let row = usize::try_from(level)
            .ok()
            .and_then(|level| self.0.get(level));
        let at = usize::try_from(index).map_err(|_| ProofError::Size)?;
        row.and_then(|row| row.get(at))
            .copied()
            .ok_or(ProofError::Size)
    }
}

/// The hashes that lead from the leaf at `index` to the root of the tree of `size` leaves.
///
/// # Errors
/// [`ProofError::Size`] when there is no such leaf; the source's own errors.
pub fn prove_inclusion<S: Subtrees>(
    index: u64,
    size: u64,
    source: &S,
) -> Result<Vec<Hash>, S::Error> {
    if index >= size {
        return Err(ProofError::Size.into());
    }
    let mut path = Vec::new();
    let mut range = 0..size;
    while range.end - range.start > 1 {
        let middle = split(&range);
        let (inside, beside) = if index < middle {
            (range.start..middle, middle..range.end)
        } else {
            (middle..range.end, range.start..middle)
        };
        path.push(range_root(source, beside)?);
        range = inside;
    }
    path.reverse();
    Ok(path)
}

/// The hashes that show the tree of `older` leaves to be a beginning of the tree of `newer` leaves.
///
/// # Errors
/// [`ProofError::Size`] unless 1 ≤ older ≤ newer; the source's own errors.
pub fn prove_consistency<S: Subtrees>(
    older: u64,
    newer: u64,
    source: &S,
) -> Result<Vec<Hash>, S::Error> {
    if older == 0 || older > newer {
        return Err(ProofError::Size.into());
    }
    let mut proof = Vec::new();
    let mut range = 0..newer;
    // Whether the older tree's part of the range is a subtree whose root the verifier already has.
    let mut known = true;
    while range.end != older {
        let middle = split(&range);
        if older <= middle {
            proof.push(range_root(source, middle..range.end)?);
            range = range.start..middle;
        } else {
            proof.push(range_root(source, range.start..middle)?);
            range = middle..range.end;
            known = false;
        }
    }
    if !known {
        proof.push(range_root(source, range)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The root over the first `older` leaves, and the proof that the tree of `newer` leaves continues that one; both are
/// checked against the root of the newer one, so that a source which gives wrong hashes is found out.
///
/// # Errors
/// As [`prove_consistency`]; also when the source's hashes do not lead to `newer_root`.
pub fn continued<S: Subtrees>(
    older: u64,
    newer: u64,
    newer_root: &Hash,
    source: &S,
) -> Result<(Hash, Vec<Hash>), S::Error> {
    let proof = prove_consistency(older, newer, source)?;
    let root = root_of(older, source)?;
    verify_consistency(older, &root, newer, newer_root, &proof)?;
    Ok((root, proof))
}

/// Checks that the leaf with hash `leaf` stands at `index` in the tree of `size` leaves with this root.
///
/// # Errors
/// [`ProofError`] when it is not shown.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Size);
    }
    let (mut at, mut last, mut node) = (index, size - 1, *leaf);
    for hash in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if at % 2 == 1 || at == last {
            node = node_hash(hash, &node);
            climb_to_left_child(&mut at, &mut last);
        } else {
            node = node_hash(&node, hash);
        }
        at >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    if node == *root {
        Ok(())
    } else {
        Err(ProofError::Root)
    }
}

/// Checks that the tree of `older` leaves is a beginning of the tree of `newer` leaves.
///
/// An empty older tree is refused: it says nothing.
///
/// # Errors
/// [`ProofError`] when it is not shown.
pub fn verify_consistency(
    older: u64,
    older_root: &Hash,
    newer: u64,
    newer_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if older == 0 || older > newer {
        return Err(ProofError::Size);
    }
    if older == newer {
        return match (proof, older_root == newer_root) {
            ([], true) => Ok(()),
            ([], false) => Err(ProofError::Root),
            _ => Err(ProofError::Length),
        };
    }
    let (first, rest) = if older.is_power_of_two() {
        (older_root, proof)
    } else {
        proof.split_first().ok_or(ProofError::Length)?
    };
    let (mut at, mut last) = (older - 1, newer - 1);
    let levels = at.trailing_ones();
    at >>= levels;
    last >>= levels;
    let (mut old, mut new) = (*first, *first);
    for hash in rest {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if at % 2 == 1 || at == last {
            old = node_hash(hash, &old);
            new = node_hash(hash, &new);
            climb_to_left_child(&mut at, &mut last);
        } else {
            new = node_hash(&new, hash);
        }
        at >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    if old == *older_root && new == *newer_root {
        Ok(())
    } else {
        Err(ProofError::Root)
    }
}

/// A node at the right edge that is a left child has no sibling: it is its own parent, level by level.
fn climb_to_left_child(at: &mut u64, last: &mut u64) {
    while at.is_multiple_of(2) && *at != 0 {
        *at >>= 1;
        *last >>= 1;
    }
}

/// Where a range of at least two leaves divides: after the largest power of two below its length.
fn split(range: &Range<u64>) -> u64 {
    let length = range.end - range.start;
    range.start + (1 << (length - 1).ilog2())
}

/// The root over a range that starts at a multiple of its largest perfect subtree.
fn range_root<S: Subtrees>(source: &S, range: Range<u64>) -> Result<Hash, S::Error> {
    let mut parts = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let level = (range.end - start).ilog2();
        parts.push(source.subtree(level, start >> level)?);
        start += 1 << level;
    }
    let root = parts
        .into_iter()
        .rev()
        .reduce(|right, left| node_hash(&left, &right));
    root.ok_or_else(|| ProofError::Size.into())
}
