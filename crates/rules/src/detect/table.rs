//! The thresholds of the rules; a configuration may set each.
//!
//! Source: `research/anchors-security.md` (e), as amended by the design's section 7.

use crate::time::Span;

/// So many within so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// The count at which the rule speaks.
    pub count: u32,
    /// The sliding window.
    pub within: Span,
}

impl Threshold {
    pub(super) const fn new(count: u32, within: Span) -> Self {
        Self { count, within }
    }
}

/// All thresholds of an installation.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetectionTable {
    /// Distinct patients never granted to this principal and denied to one session; 4 in 60 s. What is denied is not
    /// shown, so one more costs nothing, and three are what a family's computer has in its history.
    pub foreign_patients: Threshold,
    /// Ids that do not exist, asked for in one session; 20 in 60 s.
    pub unknown_ids: Threshold,
    /// Requests of one session refused by a spent budget or for want of a step-up; 20 in 60 s.
    pub insistence: Threshold,
    /// Many patients, hardly more than one document of each.
    pub breadth: Breadth,
    /// Documents opened in the order they were deposited.
    pub ordered_walk: OrderedWalk,
    /// Faster than hands.
    pub machine_timing: MachineTiming,
    /// Documents opened in the whole installation.
    pub global_rate: GlobalRate,
    /// Patient sessions from one network; 20 in 10 min.
    pub many_accounts: Threshold,
    /// Networks known to hold many accounts (a clinic, a carrier), by address: the rule leaves them alone.
    pub known_networks: Vec<String>,
    /// Dormant patients opened by one principal; 20 in 10 min.
    pub dormant: Threshold,
    /// Sessions frozen on one instance; 5 in 10 min.
    pub frozen_sessions: Threshold,
    /// Emergency accesses by one principal, for review; 3 in 1 h.
    pub emergency: Threshold,
    /// Networks from which signing in to one account failed, for review; 8 in 1 h.
    pub failing_networks: Threshold,
    /// Accounts to which signing in failed from one network; 20 in 10 min.
    pub failing_accounts: Threshold,
}

impl Default for DetectionTable {
    fn default() -> Self {
        let minute = Span::minutes(1);
        let ten_minutes = Span::minutes(10);
        Self {
            foreign_patients: Threshold::new(4, minute),
            unknown_ids: Threshold::new(20, minute),
            insistence: Threshold::new(20, minute),
            breadth: Breadth::default(),
            ordered_walk: OrderedWalk::default(),
            machine_timing: MachineTiming::default(),
            global_rate: GlobalRate::default(),
            many_accounts: Threshold::new(20, ten_minutes),
            known_networks: Vec::new(),
            dormant: Threshold::new(20, ten_minutes),
            frozen_sessions: Threshold::new(5, ten_minutes),
            emergency: Threshold::new(3, Span::hours(1)),
            failing_networks: Threshold::new(8, Span::hours(1)),
            failing_accounts: Threshold::new(20, ten_minutes),
        }
    }
}

/// Clinic work opens several things of each patient; a thief who wants people takes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Breadth {
    /// Distinct patients opened by one principal; 40.
    pub patients: u32,
    /// At most so many distinct things opened for every hundred patients; 150.
    pub things_per_hundred: u32,
    /// The window; 5 min.
    pub within: Span,
    /// So many within this freeze; 1 min. Slower, they are asked for a fresh factor and reviewed: who files a day's normal
    /// results at a glance opens one thing of each too, and needs seven seconds for it.
    pub at_once: Span,
}

impl Default for Breadth {
    fn default() -> Self {
        Self {
            patients: 40,
            things_per_hundred: 150,
            within: Span::minutes(5),
            at_once: Span::minutes(1),
        }
    }
}

/// A run of opened documents, rising or falling by order of deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrderedWalk {
    /// Length of the run; 12.
    pub documents: u32,
    /// Distinct patients in it; 5.
    pub patients: u32,
    /// Younger documents are not looked at; 14 d. An inbox is worked through in the order it arrived.
    pub older_than: Span,
    /// A run opened within this freezes; 1 min. A slower one is asked for a fresh factor and reviewed: who recalls people
    /// by their last letter, oldest first, walks in order too, and so does who comes back to a month of letters.
    pub at_once: Span,
}

impl Default for OrderedWalk {
    fn default() -> Self {
        Self {
            documents: 12,
            patients: 5,
            older_than: Span::days(14),
            at_once: Span::minutes(1),
        }
    }
}

/// Openings by a person, one request each, that follow each other faster than hands can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MachineTiming {
    /// Consecutive requests; 10.
    pub requests: u32,
    /// Each less than this after the one before; 400 ms.
    pub gap: Span,
    /// So often in ten minutes, each answered with a fresh factor, and the session is frozen; 3. A person who is asked
    /// for a passkey does not go on faster than hands can.
    pub times: u32,
}

impl Default for MachineTiming {
    fn default() -> Self {
        Self {
            requests: 10,
            gap: Span::millis(400),
            times: 3,
        }
    }
}

/// One row of the computed thresholds: negative binomial, variance four times the mean, one false alarm a year.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateRow {
    /// Documents opened each second in ordinary use.
    pub base_per_second: f64,
    /// The window.
    pub within: Span,
    /// The count at which the rule speaks.
    pub count: u32,
}

/// Documents opened in the whole installation, runs left out.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GlobalRate {
    /// Documents a second in the busiest ordinary minutes; 3, which are those of eighty thousand people enrolled.
    pub base_per_second: f64,
    /// The thresholds of `research/anchors-security.md` e.2.
    pub rows: Vec<RateRow>,
}

impl Default for GlobalRate {
    fn default() -> Self {
        let rows = [
            (0.2, 10, 49),
            (1.0, 10, 73),
            (1.0, 60, 157),
            (3.0, 10, 115),
            (3.0, 60, 329),
            (10.0, 10, 230),
            (10.0, 60, 852),
        ];
        let row = |(base_per_second, seconds, count)| RateRow {
            base_per_second,
            within: Span::seconds(seconds),
            count,
        };
        Self {
            base_per_second: 3.0,
            rows: rows.into_iter().map(row).collect(),
        }
    }
}

impl GlobalRate {
    /// The thresholds for a base rate, one for each window of the table.
    ///
    /// The row with the next higher base holds; above the highest the threshold grows with the mean and seven times
    /// the spread, which keeps what the highest rows keep.
    pub(crate) fn thresholds(&self, base_per_second: f64) -> Vec<Threshold> {
        let mut windows: Vec<Span> = self.rows.iter().map(|row| row.within).collect();
        windows.sort_unstable();
        windows.dedup();
        let for_window = |within: Span| {
            let fitting = self
                .rows
                .iter()
                .filter(|row| row.within == within && row.base_per_second >= base_per_second);
            let count = fitting
                .map(|row| row.count)
                .min()
                .unwrap_or_else(|| beyond(base_per_second, within));
            Threshold { count, within }
        };
        windows.into_iter().map(for_window).collect()
    }
}

fn beyond(base_per_second: f64, within: Span) -> u32 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a window is far shorter than 2^53 microseconds"
    )]
    let mean = base_per_second * (within.as_micros() as f64 / 1e6);
    let count = (mean + 7.0 * (4.0 * mean).sqrt()).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped; a negative base is none"
    )]
    let count = count.clamp(1.0, f64::from(u32::MAX)) as u32;
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_higher_row_holds() {
        let counts = |base| {
            GlobalRate::default()
                .thresholds(base)
                .iter()
                .map(|row| row.count)
                .collect::<Vec<_>>()
        };
        assert_eq!(counts(0.1), [49, 157]);
        assert_eq!(counts(1.0), [73, 157]);
        assert_eq!(counts(2.0), [115, 329]);
        assert_eq!(counts(10.0), [230, 852]);
        assert!(
            counts(11.0)[0] > 230 && counts(11.0)[1] > 852,
            "{:?}",
            counts(11.0)
        );
    }

    #[test]
    fn a_configuration_sets_what_it_names_and_nothing_else() {
        let table: DetectionTable = serde_json::from_str(
            r#"{"unknown_ids":{"count":5,"within":"2 min"},"breadth":{"patients":10}}"#,
        )
        .expect("readable");
        let defaults = DetectionTable::default();
        assert_eq!(table.unknown_ids, Threshold::new(5, Span::minutes(2)));
        assert_eq!(
            table.breadth,
            Breadth {
                patients: 10,
                ..defaults.breadth
            }
        );
        assert_eq!(table.global_rate, defaults.global_rate);
        assert!(
            serde_json::from_str::<DetectionTable>(r#"{"breath":{}}"#).is_err(),
            "a misspelt rule is refused"
        );
    }
}
