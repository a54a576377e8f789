//! A made-up log: who signs it, its entries and their salts.

use candour_ledger::{Entry, LogSigner, body_digest, leaf_hash};

pub fn signer() -> LogSigner {
    LogSigner::from_seed("candour.example/ledger", &[7; 32]).unwrap()
}

pub fn entry(index: u64) -> Entry {
    Entry {
        index,
        at: 1_700_000_000_000_000 + i64::try_from(index).unwrap() * 1000,
        kind: 1,
        decision: 1,
        purpose: 2,
        role: 3,
        practice: index.is_multiple_of(2).then_some([5; 16]),
        item_kind: 4,
        session: 10,
        principal: 11,
        patient: 12,
        item: -13,
        body: body_digest(&index.to_be_bytes()),
    }
}

pub fn salt(index: u64) -> [u8; 32] {
    *leaf_hash(&index.to_le_bytes()).as_bytes()
}
