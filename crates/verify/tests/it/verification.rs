//! Each kind of damage is named.

use candour_ledger::export::{ExportWriter, MAGIC};
use candour_ledger::{Frontier, Hash, Record};
use candour_verify::{Checkpoints, Report, verify};

use crate::{entry, salt, signer};

const COUNT: u64 = 20;

pub fn records() -> Vec<Record> {
    (0..COUNT)
        .map(|index| Record::open(entry(index), salt(index)))
        .collect()
}

pub fn export(records: &[Record]) -> Vec<u8> {
    let mut writer = ExportWriter::new(Vec::new()).unwrap();
    for record in records {
        writer.push(record).unwrap();
    }
    writer.finish().unwrap()
}

pub fn root_at(records: &[Record], size: usize) -> Hash {
    let mut frontier = Frontier::new();
    records[..size]
        .iter()
        .for_each(|record| frontier.append(record.leaf));
    frontier.root()
}

/// Checkpoints after 0, 7, 15 and 20 entries, as the keeper signed them.
pub fn notes() -> Vec<(String, String)> {
    let sizes = [0, 7, 15, 20_u64];
    let note = |size: u64| signer().sign(size, root_at(&records(), usize::try_from(size).unwrap()));
    sizes
        .iter()
        .map(|size| (size.to_string(), note(*size)))
        .collect()
}

fn check(ledger: &[u8], notes: &[(String, String)]) -> Report {
    let mut checkpoints = Checkpoints::new(signer().verifier());
    for (name, note) in notes {
        checkpoints.add(name, note.as_bytes());
    }
    verify(ledger, checkpoints)
}

fn sentences(ledger: &[u8], notes: &[(String, String)]) -> Vec<String> {
    check(ledger, notes)
        .findings
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn rebuilt(change: impl FnOnce(&mut Vec<Record>)) -> Vec<String> {
    let mut all = records();
    change(&mut all);
    sentences(&export(&all), &notes())
}

#[test]
fn a_whole_ledger_has_no_finding_and_is_counted() {
    let report = check(&export(&records()), &notes());
    assert!(report.is_clean(), "{:?}", report.findings);
    let counts = (
        report.entries,
        report.recomputed,
        report.checkpoints,
        report.covered,
    );
    assert_eq!(counts, (20, 20, 4, 20));
    assert_eq!(report.root, Some(root_at(&records(), 20)));
}

#[test]
fn a_missing_row_is_named() {
    let found = rebuilt(|all| {
        all.remove(9);
    });
    assert_eq!(
        found,
        [
            "The first 15 entries are not those that the checkpoint in 15 signed; ledger and checkpoints agree up to 7 entries.",
            "Entry 9 is missing.",
            "The ledger ends after 19 entries, but the checkpoint in 20 signed 20: entries 19 to 19 are missing.",
        ]
    );
}

#[test]
fn a_missing_row_whose_followers_were_renumbered_is_found_by_their_leaves() {
    let found = rebuilt(|all| {
        all.remove(9);
        for (index, record) in (0..).zip(all.iter_mut()) {
            record.entry.index = index;
        }
    });
    assert!(
        found.contains(&"Entry 9 was changed: its row and body do not give its leaf.".to_owned()),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|sentence| sentence.starts_with("The first 15 entries are not those"))
    );
}

#[test]
fn swapped_rows_are_named() {
    let found = rebuilt(|all| all.swap(10, 11));
    assert_eq!(
        found,
        [
            "Entry 10 stands where entry 12 belongs.",
            "The first 15 entries are not those that the checkpoint in 15 signed; ledger and checkpoints agree up to 7 entries.",
            "The first 20 entries are not those that the checkpoint in 20 signed; ledger and checkpoints agree up to 7 entries.",
        ]
    );
}

#[test]
fn a_repeated_row_is_named() {
    let found = rebuilt(|all| all.insert(16, all[3]));
    assert_eq!(found[0], "Entry 3 appears more than once.");
}

#[test]
fn a_changed_row_is_named() {
    let found = rebuilt(|all| all[4].entry.patient = 99);
    assert_eq!(
        found,
        ["Entry 4 was changed: its row and body do not give its leaf."]
    );
}

#[test]
fn a_changed_body_is_named() {
    let found = rebuilt(|all| all[4].entry.body = [1; 32]);
    assert_eq!(
        found,
        ["Entry 4 was changed: its row and body do not give its leaf."]
    );
}

#[test]
fn a_changed_row_with_a_new_leaf_contradicts_the_signed_root() {
    let found = rebuilt(|all| {
        let mut entry = all[8].entry;
        entry.patient = 99;
        all[8] = Record::open(entry, salt(8));
    });
    assert_eq!(found.len(), 2);
    assert!(
        found[0].contains("checkpoint in 15") && found[0].contains("agree up to 7"),
        "{}",
        found[0]
    );
}

#[test]
fn a_row_changed_inside_the_file_breaks_the_chain_at_the_next() {
    let mut ledger = export(&records());
    // The patient's last byte in the record of entry 4.
    ledger[MAGIC.len() + 4 * 201 + 1 + 62] ^= 1;
    let found = sentences(&ledger, &notes());
    assert_eq!(
        found,
        [
            "Entry 4 was changed: its row and body do not give its leaf.",
            "The record of entry 5 does not follow the record before it: the chain is broken there.",
        ]
    );
}

#[test]
fn a_row_without_salt_is_counted_as_not_recomputed() {
    let mut all = records();
    all[4].salt = None;
    let report = check(&export(&all), &notes());
    assert!(report.is_clean());
    assert_eq!((report.recomputed, report.unsalted), (19, 1));
}

#[test]
fn a_time_that_runs_backwards_is_named() {
    let mut all = records();
    let mut entry = all[12].entry;
    entry.at -= 1_000_000;
    all[12] = Record::open(entry, salt(12));
    let note = ("20".to_owned(), signer().sign(20, root_at(&all, 20)));
    assert_eq!(
        sentences(&export(&all), &[note]),
        ["Entry 12 is earlier than entry 11 before it."]
    );
}

#[test]
fn a_truncated_file_is_named_wherever_it_is_cut() {
    let ledger = export(&records());
    for length in [0, 10, MAGIC.len(), MAGIC.len() + 201 * 20, ledger.len() - 1] {
        let found = sentences(&ledger[..length], &notes());
        assert!(
            found
                .iter()
                .any(|sentence| sentence.ends_with("cannot be read on: the file is cut off.")),
            "{length}: {found:?}"
        );
    }
    let found = sentences(&ledger[..MAGIC.len() + 201 * 17 + 50], &notes());
    assert_eq!(
        found,
        [
            "After 17 entries the ledger cannot be read on: the file is cut off.",
            "The ledger ends after 17 entries, but the checkpoint in 20 signed 20: entries 17 to 19 are missing.",
        ]
    );
}

#[test]
fn a_file_ended_properly_but_too_early_is_short_of_its_checkpoint() {
    let found = rebuilt(|all| all.truncate(16));
    assert_eq!(
        found,
        [
            "The ledger ends after 16 entries, but the checkpoint in 20 signed 20: entries 16 to 19 are missing."
        ]
    );
}

#[test]
fn a_forged_checkpoint_is_named() {
    let mut notes = notes();
    notes[1].1 = notes[1].1.replacen("\n7\n", "\n8\n", 1);
    let found = sentences(&export(&records()), &notes);
    assert_eq!(
        found,
        ["The checkpoint in 7 is not accepted: its signature is forged or damaged."]
    );
}

#[test]
fn two_signed_ledgers_of_one_size_are_named() {
    let mut notes = notes();
    notes.push((
        "other".to_owned(),
        signer().sign(15, root_at(&records(), 14)),
    ));
    let found = sentences(&export(&records()), &notes);
    assert_eq!(
        found,
        ["The checkpoints in 15 and other sign different ledgers of 15 entries."]
    );
}

#[test]
fn nothing_to_compare_with_and_something_after_the_end_are_named() {
    let mut ledger = export(&records());
    ledger.push(0);
    let found = sentences(&ledger, &[]);
    assert_eq!(
        found,
        [
            "There is no signed checkpoint to compare the ledger with.",
            "After 20 entries the ledger cannot be read on: something follows the end of the export.",
        ]
    );
}

#[test]
fn an_end_record_that_counts_otherwise_is_named() {
    let mut ledger = export(&records());
    let count = ledger.len() - 33;
    ledger[count] = 21;
    assert_eq!(
        sentences(&ledger, &notes()),
        ["The file says that it holds 21 entries and holds 20."]
    );
}
