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
        /// The patient, by surrogate.
        patient: i64,
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
    /// Two receipts of one entry that do not say the same, each under a signed checkpoint: the log was rewritten.
    Rewritten {
        /// The entry.
        index: u64,
    },
    /// An entry without number beside or after one that has one: it was taken off, or the ledger was written falsely.
    Unnumbered {
        /// The entry.
        index: u64,
    },
    /// A number of an entry about nobody, or number 0 of one about a patient.
    Number {
        /// The entry.
        index: u64,
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
                patient,
                from,
                to,
                before,
                after,
            } => {
                if from == to {
                    write!(
                        out,
                        "Number {from} of patient {patient:016x} has no receipt here: one entry"
                    )?;
                } else {
                    let count = to - from + 1;
                    write!(
                        out,
                        "Numbers {from} to {to} of patient {patient:016x} have no receipt here: {count} entries"
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
            Self::Rewritten { index } => write!(
                out,
                "Two receipts of entry {index} do not say the same, and both are signed: the log was rewritten."
            ),
            Self::Unnumbered { index } => write!(
                out,
                "Entry {index} shows no number, but was written when entries had one: whoever passed the receipt on \
                 took it off, or the log was written falsely."
            ),
            Self::Number { index } => write!(
                out,
                "Entry {index} has a number although it is about nobody, or none although it is about a patient: the \
                 log was written falsely."
            ),
        }
    }
}

/// What these proved entries show together, by patient and in the order of the log.
pub fn check(proved: &[Proved]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut roots: HashMap<u64, Hash> = HashMap::new();
    let mut leaves: HashMap<u64, Hash> = HashMap::new();
    let mut patients: BTreeMap<i64, BTreeMap<u64, u64>> = BTreeMap::new();
    let numbered = proved.iter().filter(|proved| proved.number.is_some());
    let first_numbered = numbered.map(|proved| proved.entry.index).min();
    for Proved {
        entry,
        number,
        leaf,
        checkpoint,
    } in proved
    {
        let (size, index) = (checkpoint.size, entry.index);
        if *roots.entry(size).or_insert(checkpoint.root) != checkpoint.root {
            findings.push(Finding::Fork { size });
        }
        if *leaves.entry(index).or_insert(*leaf) != *leaf {
            findings.push(Finding::Rewritten { index });
        }
        match number {
            None if first_numbered.is_some_and(|first| first <= index) => {
                findings.push(Finding::Unnumbered { index });
            }
            Some(number) if (*number == 0) != (entry.patient == 0) => {
                findings.push(Finding::Number { index });
            }
            Some(number) if entry.patient != 0 => {
                let numbers = patients.entry(entry.patient).or_default();
                numbers.insert(index, *number);
            }
            _ => {}
        }
    }
    for (&patient, numbers) in &patients {
        of_patient(patient, numbers, &mut findings);
    }
    findings
}

/// What the numbers of one patient's entries show.
fn of_patient(patient: i64, numbers: &BTreeMap<u64, u64>, findings: &mut Vec<Finding>) {
    let mut last: Option<(u64, u64)> = None;
    for (&after, &number) in numbers {
        let expected = last.map_or(Some(1), |(_, number)| number.checked_add(1));
        match (last, expected.filter(|expected| *expected <= number)) {
            (Some((one, _)), None) => {
                findings.push(Finding::Order { one, other: after });
                continue;
            }
            (_, Some(from)) if from < number => findings.push(Finding::Gap {
                patient,
                from,
                to: number - 1,
                before: last.map(|(index, _)| index),
                after,
            }),
            _ => {}
        }
        last = Some((after, number));
    }
}
