//! What an outsider checks the ledger with: entries, receipts, exports, the stored right edge.
//!
//! Input: which, then the bytes or the text.

use super::feed::Feed;
use candour_ledger::{
    Entry, ExportWriter, Frontier, Hash, LogSigner, LogVerifier, Record, leaf_hash,
};
use candour_verify::receipt::{check_chain, said, split, verify as verify_receipt};
use candour_verify::{Checkpoints, verify};
use std::sync::LazyLock;

/// The published examples: receipts of one log, with its key.
const RECEIPTS: &str = include_str!("../../../../docs/formats/receipts.json");
/// How many entries the export of the seeds has.
const COUNT: u64 = 5;

static EXAMPLES: LazyLock<Option<(LogVerifier, Vec<String>)>> = LazyLock::new(|| {
    let read: serde_json::Value = serde_json::from_str(RECEIPTS).ok()?;
    let key = LogVerifier::parse(read["key"].as_str()?).ok()?;
    let texts = read["receipts"].as_array()?.iter();
    let texts = texts.filter_map(|one| Some(one["text"].as_str()?.to_owned()));
    Some((key, texts.collect()))
});

pub fn feed(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    match feed.byte() % 4 {
        0 => {
            if let Ok(entry) = Entry::from_bytes(feed.0) {
                assert_eq!(entry.to_bytes().as_slice(), feed.0);
                let leaf = entry.leaf(&[1; 32]);
                assert_eq!(leaf, leaf_hash(&entry.commitment(&[1; 32])));
            }
        }
        1 => receipts(feed.text()),
        2 => export(feed.0),
        _ => {
            if let Ok(frontier) = Frontier::from_bytes(feed.0) {
                assert_eq!(frontier.to_bytes(), feed.0);
                let _ = frontier.root();
            }
        }
    }
}

/// What is proved is one of the published examples; whoever changes one proves nothing.
fn receipts(text: Option<&str>) {
    let (Some(text), Some((key, examples))) = (text, &*EXAMPLES) else {
        return;
    };
    let parts = split(text);
    assert_eq!(parts.concat(), text);
    let mut proved = Vec::new();
    for part in parts {
        if let Ok(shown) = verify_receipt(part, key) {
            let is_known = |known: &String| {
                let of_known = verify_receipt(known, key);
                of_known.is_ok_and(|known| known.entry == shown.entry)
            };
            assert!(examples.iter().any(is_known), "nobody wrote this entry");
            assert!(!said(&shown).is_empty());
            proved.push(shown);
        }
    }
    let _ = check_chain(&proved);
}

/// An export is clean when it leads to the signed root, and then its first entries are those that were signed.
fn export(bytes: &[u8]) {
    let Some((signed, honest)) = made() else {
        return;
    };
    let Ok(signer) = LogSigner::from_seed(super::notes::LOG, &[7; 32]) else {
        return;
    };
    let mut checkpoints = Checkpoints::new(signer.verifier());
    checkpoints.add("seed", signed.as_bytes());
    let report = verify(bytes, checkpoints);
    assert!(!report.is_clean() || bytes.len() >= honest.len());
}

/// A signed checkpoint, and the export below it.
fn made() -> Option<(String, Vec<u8>)> {
    let mut export = ExportWriter::new(Vec::new()).ok()?;
    let mut frontier = Frontier::new();
    for index in 0..COUNT {
        let entry = Entry {
            index,
            at: 1_772_409_600_000_000 + i64::try_from(index).ok()?,
            kind: 1,
            decision: 0,
            purpose: 1,
            role: 1,
            practice: None,
            item_kind: 1,
            session: 6,
            principal: 7,
            patient: 8,
            item: 9,
            body: [3; 32],
        };
        let record = Record::open(entry, [4; 32]);
        frontier.append(record.leaf);
        export.push(&record).ok()?;
    }
    let signer = LogSigner::from_seed(super::notes::LOG, &[7; 32]).ok()?;
    let root: Hash = frontier.root();
    Some((signer.sign(COUNT, root), export.finish().ok()?))
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    if let Some((_, export)) = made() {
        // The first record's entry, behind the file's first line and the record's tag.
        let entry = export[25..].to_vec();
        let entry = entry[..candour_ledger::ENTRY_LENGTH].to_vec();
        seeds.push([vec![0], entry].concat());
        seeds.push([vec![2], export].concat());
    }
    if let Some((_, texts)) = &*EXAMPLES {
        let first_two = texts.iter().take(2).cloned().collect::<String>();
        seeds.push([vec![1], first_two.into_bytes()].concat());
    }
    let mut frontier = Frontier::new();
    for at in 0..6 {
        frontier.append(leaf_hash(&[at]));
    }
    seeds.push([vec![3], frontier.to_bytes()].concat());
    seeds
}
