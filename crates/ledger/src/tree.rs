//! The Merkle tree of RFC 6962 section 2.1 over SHA-256.

use std::array::TryFromSliceError;
use std::fmt;

use aws_lc_rs::digest;

/// A node of the tree, a leaf or a root: 32 bytes; as text, lower-case hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The hash with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// SHA-256 of the parts, one after the other.
    pub(crate) fn of(parts: &[&[u8]]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            context.update(part);
        }
        Self::from_slice(context.finish().as_ref())
    }

    /// The first 32 bytes of a slice that has them.
    pub(crate) fn from_slice(bytes: &[u8]) -> Self {
        let mut out = [0; 32];
        for (byte, from) in out.iter_mut().zip(bytes) {
            *byte = *from;
        }
        Self(out)
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, TryFromSliceError> {
        bytes.try_into().map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// The hash of a leaf: SHA-256 of `0x00 ‖ data`.
pub fn leaf_hash(data: &[u8]) -> Hash {
    Hash::of(&[&[0], data])
}

/// The hash of an inner node: SHA-256 of `0x01 ‖ left ‖ right`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash::of(&[&[1], &left.0, &right.0])
}

/// The root of the tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Hash::of(&[])
}

/// The root over these leaf hashes.
pub fn tree_head(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.append(*leaf);
    }
    frontier.root()
}

/// Why bytes are no frontier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrontierError {
    /// Not 8 bytes of size followed by 32 bytes for each bit set in the size.
    #[error("the stored right edge of the tree has the wrong length")]
    Length,
}

/// The right edge of a tree: enough to append leaves and to give the root; at most 64 hashes.
///
/// Holds the roots of the perfect subtrees that the tree consists of, largest (leftmost) first:
/// one for each bit set in the size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    subtrees: Vec<Hash>,
}

impl Frontier {
    /// The right edge of the tree without leaves.
    pub const fn new() -> Self {
        Self {
            size: 0,
            subtrees: Vec::new(),
        }
    }

    /// The right edge that these roots make, largest first; there is one for each bit set in the size.
    pub(crate) const fn of_subtrees(size: u64, subtrees: Vec<Hash>) -> Self {
        Self { size, subtrees }
    }

    /// Number of leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf at the right.
    pub fn append(&mut self, leaf: Hash) {
        let mut node = leaf;
        // Each trailing one of the size is a perfect subtree that the new leaf completes to the next.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.subtrees.push(node);
        self.size += 1;
    }

    /// The root over all leaves appended so far.
    pub fn root(&self) -> Hash {
        self.subtrees
            .iter()
            .copied()
            .rev()
            .reduce(|right, left| node_hash(&left, &right))
            .unwrap_or_else(empty_root)
    }

    /// `size (8, big-endian) ‖ subtree roots, largest first (32 each)`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.size.to_be_bytes().to_vec();
        for subtree in &self.subtrees {
            out.extend_from_slice(subtree.as_bytes());
        }
        out
    }

    /// Reads what [`Frontier::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`FrontierError::Length`] when the length does not fit the size that the bytes state.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrontierError> {
        let (size, rest) = bytes.split_first_chunk().ok_or(FrontierError::Length)?;
        let size = u64::from_be_bytes(*size);
        let (hashes, over) = rest.as_chunks::<32>();
        if !over.is_empty() || hashes.len() as u64 != u64::from(size.count_ones()) {
            return Err(FrontierError::Length);
        }
        let subtrees = hashes.iter().copied().map(Hash).collect();
        Ok(Self { size, subtrees })
    }
}
