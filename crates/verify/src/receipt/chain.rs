//! Holds receipts against each other: every patient's entries are numbered without gap, and one log has one past.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use candour_ledger::Hash;

use super::Proved;

/// What receipts show only together; each is a whole sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Numbers of one patient that no receipt here has. It may have been left out by whoever chose the receipts.
    Gap {
        /// First missing number.
        from: u64,
        /// Last missing number.
        to: u64,
        /// The entry before, if there is one.
        before: Option<u64>,
        /// The entry after.
        after: u64,
    },
    /// Two entries with one number, or numbers that run backwards: entries were lost, or a false ledger was written.
    Order {
        /// An entry.
        one: u64,
        /// Another, which stands later in the log and has no higher number.
        other: u64,
    },
    /// Two signed checkpoints of one size with different roots: the log was forked.
    Fork {
        /// The size.
        size: u64,
    },
}

impl Finding {
    /// It cannot be so in a whole and honest log. A gap can: nobody has to show every receipt.
    pub const fn is_fault(&self) -> bool {
        !matches!(self, Self::Gap { .. })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap {
                from,
                to,
                before,
                after,
            } => {
                if from == to {
                    write!(
                        out,
                        "Number {from} of this patient has no receipt here: one entry"
                    )?;
                } else {
                    let count = to - from + 1;
                    write!(
                        out,
                        "Numbers {from} to {to} of this patient have no receipt here: {count} entries"
                    )?;
                }
                match before {
                    Some(before) => write!(out, " between entries {before} and {after}."),
                    None => write!(out, " before entry {after}."),
                }
            }
            Self::Order { one, other } => write!(
                out,
                "Entry {other} stands after entry {one} in the log and does not have a higher number of the same \
                 patient: entries were lost, or the log was written falsely."
            ),
            Self::Fork { size } => write!(
                out,
                "Two checkpoints are signed over {size} entries and do not agree: the log was forked."
            ),
        }
    }
}

/// What these proved entries show together, by patient and in the order of the log.
pub fn check(proved: &[Proved]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut roots: HashMap<u64, Hash> = HashMap::new();
    let mut patients: BTreeMap<i64, BTreeMap<u64, u64>> = BTreeMap::new();
    for Proved {
        entry,
        number,
        checkpoint,
    } in proved
    {
        let known = roots.entry(checkpoint.size).or_insert(checkpoint.root);
        if *known != checkpoint.root {
            findings.push(Finding::Fork {
                size: checkpoint.size,
            });
        }
        if let Some(number) = number.filter(|_| entry.patient != 0) {
            patients
                .entry(entry.patient)
                .or_default()
                .insert(entry.index, number);
        }
    }
    for numbers in patients.values() {
        let mut last: Option<(u64, u64)> = None;
        for (&index, &number) in numbers {
            let expected = last.map_or(1, |(_, number)| number + 1);
            if let Some((one, _)) = last.filter(|_| number < expected) {
                findings.push(Finding::Order { one, other: index });
                continue;
            }
            if number > expected {
                let before = last.map(|(index, _)| index);
                findings.push(Finding::Gap {
                    from: expected,
                    to: number - 1,
                    before,
                    after: index,
                });
            }
            last = Some((index, number));
        }
    }
    findings
}
