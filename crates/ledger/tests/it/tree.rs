use candour_ledger::{
    Frontier, FrontierError, Hash, Levels, ProofError, empty_root, leaf_hash, node_hash,
    prove_consistency, prove_inclusion, tree_head, verify_consistency, verify_inclusion,
};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::Sha256;

use crate::leaves;

fn theirs(count: u64) -> MemoryBackedTree<Sha256, [u8; 8]> {
    let mut tree = MemoryBackedTree::new();
    for at in 0..count {
        tree.push(at.to_be_bytes());
    }
    tree
}

fn hashes(proof: &[u8]) -> Vec<Hash> {
    let (hashes, rest) = proof.as_chunks::<32>();
    assert!(rest.is_empty());
    hashes.iter().copied().map(Hash::from_bytes).collect()
}

fn theirs_root(count: u64) -> Hash {
    let root: [u8; 32] = theirs(count)
        .root()
        .as_bytes()
        .as_slice()
        .try_into()
        .unwrap();
    Hash::from_bytes(root)
}

/// The root as RFC 6962 2.1 defines it, word for word.
fn defined(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let middle = 1 << (leaves.len() - 1).ilog2();
            node_hash(&defined(&leaves[..middle]), &defined(&leaves[middle..]))
        }
    }
}

#[test]
fn the_root_is_the_one_that_rfc_6962_defines() {
    let all = leaves(300);
    let levels = Levels::of(&all);
    let mut frontier = Frontier::new();
    for (size, leaf) in (0..).zip(&all) {
        let expected = defined(&all[..usize::try_from(size).unwrap()]);
        assert_eq!(frontier.root(), expected, "{size}");
        assert_eq!(levels.root(size), Ok(expected), "{size}");
        frontier.append(*leaf);
    }
    assert_eq!(tree_head(&all), defined(&all));
    // RFC 6962 2.1: the empty tree is SHA-256 of nothing.
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(empty_root().to_string(), empty);
}

#[test]
fn a_stored_right_edge_goes_on_where_it_stopped() {
    let all = leaves(100);
    for stop in 0..all.len() {
        let mut frontier = Frontier::new();
        all[..stop].iter().for_each(|leaf| frontier.append(*leaf));
        let stored = frontier.to_bytes();
        let mut again = Frontier::from_bytes(&stored).unwrap();
        assert_eq!(again, frontier);
        all[stop..].iter().for_each(|leaf| again.append(*leaf));
        assert_eq!((again.size(), again.root()), (100, tree_head(&all)));
        for length in 0..stored.len() {
            assert_eq!(
                Frontier::from_bytes(&stored[..length]),
                Err(FrontierError::Length)
            );
        }
    }
}

#[test]
fn every_proof_of_every_small_tree_holds_and_holds_for_nothing_else() {
    let all = leaves(40);
    let levels = Levels::of(&all);
    for size in 1..=40 {
        let root = levels.root(size).unwrap();
        for index in 0..size {
            let at = usize::try_from(index).unwrap();
            let proof = prove_inclusion(index, size, &levels).unwrap();
            assert_eq!(
                verify_inclusion(&all[at], index, size, &proof, &root),
                Ok(())
            );
            let other = leaf_hash(b"another");
            assert!(verify_inclusion(&other, index, size, &proof, &root).is_err());
            for place in (0..size).filter(|place| *place != index) {
                assert!(verify_inclusion(&all[at], place, size, &proof, &root).is_err());
            }
        }
        for older in 1..=size {
            let before = levels.root(older).unwrap();
            let proof = prove_consistency(older, size, &levels).unwrap();
            assert_eq!(
                verify_consistency(older, &before, size, &root, &proof),
                Ok(())
            );
            let other = leaf_hash(b"another");
            assert!(verify_consistency(older, &other, size, &root, &proof).is_err());
            assert!(verify_consistency(older, &before, size, &other, &proof).is_err());
            let longer = [proof.as_slice(), &[other]].concat();
            let length = verify_consistency(older, &before, size, &root, &longer);
            assert_eq!(length, Err(ProofError::Length));
        }
    }
}

#[test]
fn a_leaf_or_an_older_tree_that_is_not_there_has_no_proof() {
    let levels = Levels::of(&leaves(5));
    assert_eq!(prove_inclusion(5, 5, &levels), Err(ProofError::Size));
    assert_eq!(prove_inclusion(0, 6, &levels), Err(ProofError::Size));
    assert_eq!(prove_consistency(0, 5, &levels), Err(ProofError::Size));
    assert_eq!(prove_consistency(6, 5, &levels), Err(ProofError::Size));
    assert_eq!(levels.root(6), Err(ProofError::Size));
}

#[test]
fn a_closure_over_stored_hashes_proves_as_well() {
    let all = leaves(9);
    let asked = |level: u32, index: u64| -> Result<Hash, ProofError> {
        let (from, to) = (index << level, (index + 1) << level);
        Ok(tree_head(
            &all[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()],
        ))
    };
    let proof = prove_inclusion(8, 9, &asked).unwrap();
    assert_eq!(
        verify_inclusion(&all[8], 8, 9, &proof, &tree_head(&all)),
        Ok(())
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(120) })]

    #[test]
    fn roots_and_proofs_are_those_of_ct_merkle(size in 1_u64..700, at in any::<u64>(), older in any::<u64>()) {
        let (index, older) = (at % size, older % size + 1);
        let levels = Levels::of(&leaves(size));
        prop_assert_eq!(levels.root(size), Ok(theirs_root(size)));
        let tree = theirs(size);
        let inclusion = tree.prove_inclusion(usize::try_from(index).unwrap());
        prop_assert_eq!(prove_inclusion(index, size, &levels).unwrap(), hashes(inclusion.as_bytes()));
        let consistency = tree.prove_consistency(usize::try_from(size - older).unwrap());
        prop_assert_eq!(prove_consistency(older, size, &levels).unwrap(), hashes(consistency.as_bytes()));
    }

    #[test]
    fn a_changed_proof_never_holds(size in 2_u64..700, at in any::<u64>(), bit in any::<usize>()) {
        let index = at % size;
        let all = leaves(size);
        let levels = Levels::of(&all);
        let root = levels.root(size).unwrap();
        let leaf = all[usize::try_from(index).unwrap()];
        let mut proof = prove_inclusion(index, size, &levels).unwrap();
        let (place, bit) = (bit % proof.len(), bit % 256);
        let mut bytes = *proof[place].as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        proof[place] = Hash::from_bytes(bytes);
        prop_assert_eq!(verify_inclusion(&leaf, index, size, &proof, &root), Err(ProofError::Root));
        proof.pop();
        prop_assert!(verify_inclusion(&leaf, index, size, &proof, &root).is_err());
    }
}
