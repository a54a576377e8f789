//! The tree for outsiders: [C2SP tlog-tiles](https://c2sp.org/tlog-tiles), as arithmetic and bytes alone.
//!
//! A tile holds up to 256 hashes of one tree level in eight; a bundle holds the entries below a tile of leaves. What
//! an outsider gets as an entry is its commitment, from which the leaf follows and nothing else. Bytes and folder:
//! `docs/formats/tiles.md`.

use std::fmt;

use crate::proof::{ProofError, Subtrees};
use crate::tree::{Frontier, Hash, leaf_hash, tree_head};

/// Hashes of a full tile, entries of a full bundle.
pub const FULL: u16 = 256;
/// The bytes before each commitment in a bundle: its length.
const PREFIX: [u8; 2] = [0, 32];

/// What a tile is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    /// Hashes of the tree's level `8 × level`.
    Hashes {
        /// From 0, leaves, to 63.
        level: u8,
    },
    /// Entries: an entry bundle.
    Entries,
}

/// One static file: which tile or bundle, and how many hashes or entries it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    of: Of,
    index: u64,
    width: u16,
}

impl Tile {
    /// The tile with this index in its level, as it is in a log of `size` entries; `None` where that has none.
    pub fn at(of: Of, index: u64, size: u64) -> Option<Self> {
        let left = row_length(of, size).checked_sub(index.checked_mul(u64::from(FULL))?)?;
        let width = u16::try_from(left.min(u64::from(FULL))).ok()?;
        (width > 0).then_some(Self { of, index, width })
    }

    /// The tiles that are not full in a log of `size` entries: at most one for each level, and one of entries.
    pub fn partial(size: u64) -> impl Iterator<Item = Self> {
        let levels = (0..8).map(|level| Of::Hashes { level });
        levels.chain([Of::Entries]).filter_map(move |of| {
            let tile = Self::at(of, row_length(of, size) / u64::from(FULL), size);
            tile.filter(|tile| !tile.is_full())
        })
    }

    /// It holds 256 and will never hold more.
    pub const fn is_full(&self) -> bool {
        self.width == FULL
    }

    /// The full tile in whose place this one is.
    #[must_use]
    pub const fn filled(self) -> Self {
        Self {
            width: FULL,
            ..self
        }
    }

    /// Where the narrower ones of a full tile are: what may go once it is there.
    pub fn path_of_partial(&self) -> String {
        format!("{}.p", self.filled())
    }

    /// Reads a path as [`Tile`] writes it, and no other spelling.
    pub fn parse(path: &str) -> Option<Self> {
        let (of, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let of = match of {
            "entries" => Of::Entries,
            level => Of::Hashes {
                level: level.parse().ok().filter(|level| *level < 64)?,
            },
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, width.parse().ok().filter(|width| *width < FULL)?),
            None => (rest, FULL),
        };
        let index = index.split('/').try_fold(0_u64, |index, part| {
            let digits = part.trim_start_matches('x').parse().ok()?;
            index.checked_mul(1_000)?.checked_add(digits)
        })?;
        let tile = Self { of, index, width };
        (width > 0 && tile.to_string() == path).then_some(tile)
    }
}

/// `tile/<level>/<index>[.p/<width>]`: the index in groups of three digits, all but the last after an `x`.
impl fmt::Display for Tile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            Of::Hashes { level } => write!(out, "tile/{level}")?,
            Of::Entries => out.write_str("tile/entries")?,
        }
        let groups = self.index.checked_ilog(1_000).unwrap_or(0);
        for group in (1..=groups).rev() {
            write!(out, "/x{:03}", self.index / 1_000_u64.pow(group) % 1_000)?;
        }
        write!(out, "/{:03}", self.index % 1_000)?;
        match self.width {
            FULL => Ok(()),
            width => write!(out, ".p/{width}"),
        }
    }
}

/// How many hashes or entries a log of `size` entries has for tiles of this kind.
fn row_length(of: Of, size: u64) -> u64 {
    match of {
        Of::Hashes { level } => size.checked_shr(8 * u32::from(level)).unwrap_or(0),
        Of::Entries => size,
    }
}

/// Makes tiles from commitments; holds only what the tiles at the right edge hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tiler {
    size: u64,
    rows: Vec<Vec<Hash>>,
    bundle: Vec<u8>,
}

impl Tiler {
    /// Goes on from a log of `size` entries, whose partial tiles `read` gives. `None` when one is missing, or its bytes
    /// cannot be its own. Whether they are those of the log, its root says.
    pub fn resume(size: u64, mut read: impl FnMut(&Tile) -> Option<Vec<u8>>) -> Option<Self> {
        let mut tiler = Self {
            size,
            ..Self::default()
        };
        for level in 0..8 {
            if row_length(Of::Hashes { level }, size) > 0 {
                tiler.rows.push(Vec::new());
            }
        }
        for tile in Tile::partial(size) {
            let bytes = read(&tile)?;
            match tile.of {
                Of::Hashes { level } => {
                    let (hashes, over) = bytes.as_chunks::<32>();
                    if hashes.len() != usize::from(tile.width) || !over.is_empty() {
                        return None;
                    }
                    let row = tiler.rows.get_mut(usize::from(level))?;
                    row.extend(hashes.iter().copied().map(Hash::from_bytes));
                }
                Of::Entries => tiler.bundle = bytes,
            }
        }
        let leaves = tiler.rows.first().map_or(&[][..], Vec::as_slice);
        let is_theirs = commitments(&tiler.bundle)
            .is_some_and(|entries| entries.map(leaf_hash_of).eq(leaves.iter().copied()));
        is_theirs.then_some(tiler)
    }

    /// How many entries.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root over them.
    pub fn root(&self) -> Hash {
        let mut subtrees = Vec::new();
        for row in self.rows.iter().rev() {
            let mut rest = row.as_slice();
            while let Some(bit) = rest.len().checked_ilog2() {
                let (perfect, smaller) = rest.split_at(1 << bit);
                subtrees.push(tree_head(perfect));
                rest = smaller;
            }
        }
        Frontier::of_subtrees(self.size, subtrees).root()
    }

    /// Adds the next entry by its commitment; tiles that are full now go to `full`, with their bytes.
    pub fn append(&mut self, commitment: &[u8; 32], full: &mut Vec<(Tile, Vec<u8>)>) {
        let index = self.size / u64::from(FULL);
        self.size += 1;
        self.bundle.extend(PREFIX);
        self.bundle.extend(commitment);
        if self.size.is_multiple_of(u64::from(FULL)) {
            let of = Of::Entries;
            let width = FULL;
            full.push((Tile { of, index, width }, std::mem::take(&mut self.bundle)));
        }
        let mut node = leaf_hash(commitment);
        for level in 0_u8.. {
            if self.rows.len() == usize::from(level) {
                self.rows.push(Vec::new());
            }
            let row = &mut self.rows[usize::from(level)];
            row.push(node);
            if row.len() < usize::from(FULL) {
                return;
            }
            node = tree_head(row);
            let of = Of::Hashes { level };
            let index = row_length(of, self.size) / u64::from(FULL) - 1;
            let width = FULL;
            full.push((Tile { of, index, width }, bytes_of(row)));
            row.clear();
        }
    }

    /// The tiles that are not full, with their bytes.
    pub fn partial(&self) -> Vec<(Tile, Vec<u8>)> {
        Tile::partial(self.size)
            .map(|tile| match tile.of {
                Of::Hashes { level } => (tile, bytes_of(&self.rows[usize::from(level)])),
                Of::Entries => (tile, self.bundle.clone()),
            })
            .collect()
    }
}

fn bytes_of(row: &[Hash]) -> Vec<u8> {
    row.iter().flat_map(Hash::as_bytes).copied().collect()
}

fn leaf_hash_of(commitment: &[u8; 32]) -> Hash {
    leaf_hash(commitment)
}

/// The entries of a bundle; `None` when it is none of ours.
fn commitments(bundle: &[u8]) -> Option<impl Iterator<Item = &[u8; 32]>> {
    let (entries, over) = bundle.as_chunks::<34>();
    let is_ours = over.is_empty() && entries.iter().all(|entry| entry.starts_with(&PREFIX));
    is_ours.then(|| entries.iter().filter_map(|entry| entry.last_chunk()))
}

/// Roots of perfect subtrees out of the tiles of a log, for proofs over its first `size` entries.
///
/// `read` gives a tile's bytes. A proof from foreign tiles is to be checked against a signed root.
pub struct FromTiles<F> {
    /// How many entries the tree has.
    pub size: u64,
    /// Gives the bytes of a tile.
    pub read: F,
}

impl<E: From<ProofError>, F: Fn(&Tile) -> Result<Vec<u8>, E>> Subtrees for FromTiles<F> {
    type Error = E;

    fn subtree(&self, level: u32, index: u64) -> Result<Hash, E> {
        let (row, height) = (level / 8, level % 8);
        let level = u8::try_from(row).map_err(|_| ProofError::Size)?;
        let first = index.checked_shl(height).ok_or(ProofError::Size)?;
        let tile = Tile::at(Of::Hashes { level }, first / u64::from(FULL), self.size)
            .ok_or(ProofError::Size)?;
        let bytes = (self.read)(&tile)?;
        let at = usize::try_from(first % u64::from(FULL)).map_err(|_| ProofError::Size)?;
        let hashes = bytes.as_chunks::<32>().0.iter().copied();
        let hashes: Vec<Hash> = hashes
            .map(Hash::from_bytes)
            .skip(at)
            .take(1 << height)
            .collect();
        if hashes.len() < 1 << height {
            return Err(ProofError::Length.into());
        }
        Ok(tree_head(&hashes))
    }
}
