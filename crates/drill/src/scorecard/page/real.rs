//! The real event, each figure with its source: Manage My Health, New Zealand, from 29 December 2025.

use super::DAY;

/// One row of the table.
pub(super) struct Figure {
    pub what: &'static str,
    pub value: &'static str,
    /// Number in [`SOURCES`].
    pub source: usize,
}

const fn figure(what: &'static str, value: &'static str, source: usize) -> Figure {
    Figure {
        what,
        value,
        source,
    }
}

/// Rows in the order of the table.
pub(super) const FIGURES: [Figure; 8] = [
    figure("Found by", "a partner, who told the operator", 1),
    figure(
        "Documents lost",
        "428,337 files, by the thief’s own claim",
        2,
    ),
    figure(
        "People whose record or documents were opened",
        "99,416 of about 1.8 million",
        3,
    ),
    figure("Noticed after", "about a day", 4),
    figure(
        "List of who lost what after",
        "4 days, as “may have been accessed”; final number on day 148",
        5,
    ),
    figure(
        "Of what was lost, on the list",
        "not all: some were first told “not affected”",
        6,
    ),
    figure(
        "Of the list, truly lost",
        "not all: some told people were not affected",
        6,
    ),
    figure("Last person told after", "more than 34 days", 2),
];

/// What happened when: where it stands on the scale, in seconds after the operator became aware (30 December 2025),
/// and how it is said.
pub(super) const EVENTS: [(f64, &str, &str); 5] = [
    (1.5 * DAY, "1 to 2 days", "first public statement"),
    (4.0 * DAY, "4 days", "list of who “may” be affected"),
    (9.0 * DAY, "9 days", "first patients told"),
    (34.0 * DAY, "34 days", "patients still being told"),
    (148.0 * DAY, "148 days", "final number"),
];

/// Sources by number, from 1.
pub(super) const SOURCES: [&str; 6] = [
    "Manage My Health, statements of January 2026, as collected at utf9k.net",
    "utf9k.net, running record of the incident, January and February 2026",
    "Office of the Privacy Commissioner, phase 1 report of 27 May 2026, as reported by richardbestlaw.com and \
     buddlefindlay.com; number of users: Wikipedia, “ManageMyHealth data breach”",
    "New Zealand Herald (Northern Advocate), 9 January 2026: documents taken on 29 December; the operator says that it \
     was told on 30 December",
    "Manage My Health, 3 January 2026, in RNZ and 1News; final number as in 3",
    "eveningreport.nz, 9 and 20 January 2026",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_a_source_and_every_source_a_figure() {
        let used: std::collections::BTreeSet<usize> =
            FIGURES.iter().map(|figure| figure.source).collect();
        assert_eq!(used, (1..=SOURCES.len()).collect());
    }
}
