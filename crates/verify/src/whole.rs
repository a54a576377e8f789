//! Checks a whole ledger against its signed checkpoints; every finding is a plain sentence.

mod finding;

pub use finding::Finding;

use std::collections::BTreeMap;
use std::io::Read;

use candour_ledger::entry::LOSS_ACCEPTED;
use candour_ledger::export::{ExportError, ExportReader, Next, Record};
use candour_ledger::{Checkpoint, CheckpointError, Frontier, Hash, LogVerifier};

/// Findings of one kind and place are reported up to this many; the rest are counted.
const MOST_FINDINGS: usize = 1000;

/// What the check of a ledger found.
#[derive(Debug, Default)]
pub struct Report {
    /// Entries read.
    pub entries: u64,
    /// Entries whose leaf was recomputed from row, body digest and salt.
    pub recomputed: u64,
    /// Entries without salt (destroyed or withheld): only their leaf is checked.
    pub unsalted: u64,
    /// Entries that say of their own index that what stood there is lost, and that two operators accepted it.
    pub lost: u64,
    /// Signed checkpoints that were compared with the recomputed tree.
    pub checkpoints: u64,
    /// The largest size at which a signed checkpoint agrees with the ledger.
    pub covered: u64,
    /// The root over all entries read.
    pub root: Option<Hash>,
    /// Everything that is not as it should be, in the order it was seen.
    pub findings: Vec<Finding>,
    /// Findings beyond those listed.
    pub unlisted: u64,
}

impl Report {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, finding: Finding) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(finding);
        } else {
            self.unlisted += 1;
        }
    }
}

/// The signed checkpoints that a ledger is checked against, by size.
#[derive(Debug)]
pub struct Checkpoints {
    verifier: LogVerifier,
    by_size: BTreeMap<u64, (Hash, String)>,
    findings: Vec<Finding>,
}

impl Checkpoints {
    /// No checkpoints yet, of the log with this key.
    pub fn new(verifier: LogVerifier) -> Self {
        Self {
            verifier,
            by_size: BTreeMap::new(),
            findings: Vec::new(),
        }
    }

    /// Takes a checkpoint file; one that is not signed by the log, or contradicts another, becomes a finding.
    pub fn add(&mut self, name: &str, note: &[u8]) {
        let text = std::str::from_utf8(note).map_err(|_| CheckpointError::Note);
        let checkpoint = match text.and_then(|text| self.verifier.open(text)) {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                let name = name.to_owned();
                self.findings.push(Finding::BadCheckpoint { name, error });
                return;
            }
        };
        let known = self
            .by_size
            .entry(checkpoint.size)
            .or_insert_with(|| (checkpoint.root, name.to_owned()));
        if known.0 != checkpoint.root {
            self.findings.push(Finding::Contradiction {
                size: checkpoint.size,
                one: known.1.clone(),
                other: name.to_owned(),
            });
        }
    }

    /// Holds the checkpoints of receipts against these.
    pub fn compare<'a>(mut self, receipts: impl Iterator<Item = &'a Checkpoint>) -> Compared {
        let (mut all, mut agreeing) = (0, 0);
        for of_receipt in receipts {
            all += 1;
            match self.by_size.get(&of_receipt.size) {
                Some((root, _)) if *root == of_receipt.root => agreeing += 1,
                Some((_, name)) => self.findings.push(Finding::Contradiction {
                    size: of_receipt.size,
                    one: name.clone(),
                    other: "the receipt".to_owned(),
                }),
                None => {}
            }
        }
        Compared {
            all,
            agreeing,
            findings: self.findings,
        }
    }

    /// Number of different sizes with a good checkpoint.
    pub fn len(&self) -> usize {
        self.by_size.len()
    }

    /// Whether there is no good checkpoint.
    pub fn is_empty(&self) -> bool {
        self.by_size.is_empty()
    }
}

/// What comparing checkpoints of receipts with kept ones gave.
#[derive(Debug)]
pub struct Compared {
    /// How many receipts there were.
    pub all: usize,
    /// How many of their checkpoints are among the kept ones.
    pub agreeing: usize,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Reads the whole export, recomputes the tree and compares it with every checkpoint.
///
/// Constant memory beside the checkpoints. The caller decides what a finding means; an unreadable
/// file is a finding too.
pub fn verify(ledger: impl Read, checkpoints: Checkpoints) -> Report {
    let Checkpoints {
        by_size, findings, ..
    } = checkpoints;
    let mut check = Check {
        report: Report {
            findings,
            ..Report::default()
        },
        frontier: Frontier::new(),
        checkpoints: by_size,
        last: None,
        missing: BTreeMap::new(),
    };
    if check.checkpoints.is_empty() {
        check.report.find(Finding::NoCheckpoint);
    }
    check.compare_with_checkpoint();
    match check.read(ledger) {
        Ok(()) => {}
        Err(error) => check.report.find(Finding::Unreadable {
            after: check.frontier.size(),
            error,
        }),
    }
    check.finish()
}

struct Check {
    report: Report,
    frontier: Frontier,
    checkpoints: BTreeMap<u64, (Hash, String)>,
    /// Largest index so far, and that entry's time.
    last: Option<(u64, i64)>,
    /// Gaps so far: first and last index of each.
    missing: BTreeMap<u64, u64>,
}

impl Check {
    fn read(&mut self, ledger: impl Read) -> Result<(), ExportError> {
        let mut reader = ExportReader::new(ledger)?;
        loop {
            match reader.read()? {
                Next::Record { record, is_chained } => {
                    if !is_chained {
                        let index = record.entry.index;
                        self.report.find(Finding::Unchained { index });
                    }
                    self.record(&record);
                }
                Next::End { count, is_chained } => {
                    self.end(count, is_chained);
                    return Ok(());
                }
            }
        }
    }

    fn record(&mut self, record: &Record) {
        let entry = &record.entry;
        self.place(entry.index, entry.at);
        match record.salt {
            Some(salt) => {
                self.report.recomputed += 1;
                if entry.leaf(&salt) != record.leaf {
                    self.report.find(Finding::Changed { index: entry.index });
                }
            }
            None => self.report.unsalted += 1,
        }
        self.report.lost += u64::from(entry.kind == LOSS_ACCEPTED);
        self.frontier.append(record.leaf);
        self.report.entries += 1;
        self.compare_with_checkpoint();
    }

    /// Checks that the index follows without gap and the time does not run backwards.
    fn place(&mut self, index: u64, at: i64) {
        let expected = self.last.map_or(0, |(last, _)| last.saturating_add(1));
        if index < expected {
            let finding = if self.take_missing(index) {
                Finding::OutOfOrder { index, expected }
            } else {
                Finding::Repeated { index }
            };
            self.report.find(finding);
            return;
        }
        if index > expected {
            self.miss(expected, index - 1);
        }
        if let Some((before, then)) = self.last
            && at < then
        {
            self.report.find(Finding::Backwards { index, before });
        }
        self.last = Some((index, at));
    }

    /// Remembers a gap until the end, because its entries may only stand in the wrong place.
    fn miss(&mut self, from: u64, to: u64) {
        if self.missing.len() < MOST_FINDINGS {
            self.missing.insert(from, to);
        } else {
            self.report.find(Finding::Missing { from, to });
        }
    }

    /// Whether the entry was missing so far; from now on it is not.
    fn take_missing(&mut self, index: u64) -> bool {
        let Some((&from, &to)) = self.missing.range(..=index).next_back() else {
            return false;
        };
        if index > to {
            return false;
        }
        self.missing.remove(&from);
        if from < index {
            self.missing.insert(from, index - 1);
        }
        if index < to {
            self.missing.insert(index + 1, to);
        }
        true
    }

    fn compare_with_checkpoint(&mut self) {
        let size = self.frontier.size();
        let Some((root, name)) = self.checkpoints.remove(&size) else {
            return;
        };
        self.report.checkpoints += 1;
        if root == self.frontier.root() {
            self.report.covered = size;
        } else {
            self.report.find(Finding::OtherRoot {
                size,
                name,
                agreed: self.report.covered,
            });
        }
    }

    fn end(&mut self, count: u64, is_chained: bool) {
        if !is_chained {
            self.report.find(Finding::UnchainedEnd);
        }
        if count != self.report.entries {
            self.report.find(Finding::OtherCount {
                stated: count,
                read: self.report.entries,
            });
        }
    }

    fn finish(mut self) -> Report {
        let size = self.frontier.size();
        self.report.root = Some(self.frontier.root());
        for (from, to) in std::mem::take(&mut self.missing) {
            self.report.find(Finding::Missing { from, to });
        }
        if let Some((larger, (_, name))) = self.checkpoints.pop_last() {
            self.report.find(Finding::Short {
                size,
                signed: larger,
                name,
            });
        }
        self.report
    }
}
