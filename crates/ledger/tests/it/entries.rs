use candour_ledger::{ENTRY_LENGTH, Entry, EntryError};
use proptest::prelude::*;

use crate::{entry, salt};

/// The worked example of `docs/formats/entries.md`.
#[test]
fn the_documented_example_encodes_as_documented() {
    let example = Entry {
        index: 258,
        at: 1_767_052_800_000_000,
        kind: 1,
        decision: 2,
        purpose: 3,
        role: 4,
        practice: Some(*b"0123456789abcdef"),
        item_kind: 5,
        session: 6,
        principal: 7,
        patient: 8,
        item: 0,
        body: [0xbb; 32],
    };
    let digits = example
        .to_bytes()
        .into_iter()
        .flat_map(|byte| [byte >> 4, byte & 15]);
    let hex: String = digits
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect();
    let documented = include_str!("../../../../docs/formats/entries.md");
    assert!(documented.replace(['\n', ' '], "").contains(&hex), "{hex}");
    let leaf = example.leaf(&[0x11; 32]).to_string();
    assert!(documented.contains(&leaf), "{leaf}");
}

#[test]
fn another_salt_or_another_body_is_another_leaf() {
    let first = entry(1);
    assert_eq!(first.leaf(&salt(1)), entry(1).leaf(&salt(1)));
    assert_ne!(first.leaf(&salt(1)), first.leaf(&salt(2)));
    let other = Entry {
        body: [0; 32],
        ..first
    };
    assert_ne!(first.leaf(&salt(1)), other.leaf(&salt(1)));
}

#[test]
fn bytes_that_no_entry_encodes_to_are_refused() {
    let bytes = entry(1).to_bytes();
    assert_eq!(Entry::from_bytes(&bytes[1..]), Err(EntryError::Length));
    let mut changed = bytes;
    changed[0] = 2;
    assert_eq!(Entry::from_bytes(&changed), Err(EntryError::Version));
    // Entry 1 has no practice: neither the flag alone nor the bytes alone may say otherwise.
    let mut changed = bytes;
    changed[22] = 7;
    assert_eq!(Entry::from_bytes(&changed), Err(EntryError::Practice));
    let mut changed = bytes;
    changed[21] = 2;
    assert_eq!(Entry::from_bytes(&changed), Err(EntryError::Practice));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn an_entry_reads_back_and_no_two_encode_alike(bytes in any::<[u8; ENTRY_LENGTH]>(), at in 0..ENTRY_LENGTH, bit in 0..8) {
        let mut bytes = bytes;
        bytes[0] = 1;
        bytes[21] %= 2;
        if bytes[21] == 0 {
            bytes[22..38].fill(0);
        }
        let entry = Entry::from_bytes(&bytes).unwrap();
        prop_assert_eq!(entry.to_bytes(), bytes);
        let mut changed = bytes;
        changed[at] ^= 1_u8 << bit;
        prop_assert_ne!(Entry::from_bytes(&changed), Ok(entry));
    }
}
