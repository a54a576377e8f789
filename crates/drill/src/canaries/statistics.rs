//! Two samples compared, a naive Bayes classifier, and the area under its curve: as textbooks have them.

use super::Seen;
use std::collections::BTreeMap;

/// Equally full ranges into which a column is cut for the classifier.
const RANGES: usize = 8;
/// Fewer different values than this are compared as categories.
const CATEGORIES: usize = 12;
/// Two-sided 99.99 % of the normal distribution.
const WIDE: f64 = 3.891;

/// The area under a classifier's curve, with its interval as chance would have it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Auc {
    /// The area.
    pub value: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// A number of patients, as a number to reckon with.
pub fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

impl Auc {
    /// Of scores and whether each is of a canary; Mann and Whitney's count of pairs, ties half.
    pub fn of(mut scores: Vec<(f64, bool)>) -> Self {
        scores.sort_by(|one, other| one.0.total_cmp(&other.0));
        let positive = number(scores.iter().filter(|(_, is)| *is).count());
        let negative = number(scores.len()) - positive;
        let (mut ranks, mut before) = (0.0, 0.0);
        for tied in scores.chunk_by(|one, other| one.0.total_cmp(&other.0).is_eq()) {
            let count = number(tied.len());
            let of_positive = number(tied.iter().filter(|(_, is)| *is).count());
            ranks += of_positive * (before + f64::midpoint(count, 1.0));
            before += count;
        }
        let pairs = positive * negative;
        let value = (ranks - positive * (positive + 1.0) / 2.0) / pairs;
        let error = ((positive + negative + 1.0) / (12.0 * pairs)).sqrt();
        Self::around(value, error)
    }

    fn around(value: f64, error: f64) -> Self {
        Self {
            value,
            low: value - WIDE * error,
            high: value + WIDE * error,
        }
    }

    /// The mean of two of the same people, each learned on those whom the other is asked about. Both are high where the two
    /// halves are alike by chance, so together they are no surer than one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let error = |of: Self| (of.high - of.value) / WIDE;
        let both = f64::midpoint(error(self), error(other));
        Self::around(f64::midpoint(self.value, other.value), both)
    }
}

/// For each column its cuts, and how much each range speaks for a canary.
pub struct Bayes(Vec<(Vec<f64>, Vec<f64>)>);

impl Bayes {
    /// Learns from patients of whom it is known.
    pub fn learn(from: &[&Seen]) -> Self {
        let columns = from.first().map_or(0, |one| one.values.len());
        Self((0..columns).map(|column| learned(from, column)).collect())
    }

    /// The logarithm of the odds that somebody is a canary, but for a constant.
    pub fn score(&self, values: &[f64]) -> f64 {
        let columns = self.0.iter().zip(values);
        let odds = columns.map(|((cuts, odds), value)| {
            odds.get(range_of(cuts, *value))
                .copied()
                .unwrap_or_default()
        });
        odds.sum()
    }
}

fn range_of(cuts: &[f64], value: f64) -> usize {
    cuts.partition_point(|cut| *cut < value)
}

fn learned(from: &[&Seen], column: usize) -> (Vec<f64>, Vec<f64>) {
    let value = |one: &&Seen| one.values.get(column).copied().unwrap_or_default();
    let mut sorted: Vec<f64> = from.iter().map(value).collect();
    sorted.sort_by(f64::total_cmp);
    let mut cuts: Vec<f64> = (1..RANGES)
        .filter_map(|part| sorted.get(part * sorted.len() / RANGES).copied())
        .collect();
    cuts.dedup();
    let mut counts = vec![(1.0, 1.0); cuts.len() + 1];
    for one in from {
        if let Some((canaries, others)) = counts.get_mut(range_of(&cuts, value(one))) {
            *if one.is_canary { canaries } else { others } += 1.0;
        }
    }
    let total = counts
        .iter()
        .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let odds = counts
        .iter()
        .map(|(canaries, others): &(f64, f64)| (canaries / total.0 / (others / total.1)).ln());
    (cuts.clone(), odds.collect())
}

/// How likely chance alone makes two samples differ as much: Kolmogorov and Smirnov's test, or Pearson's where there are
/// only a few different values.
pub fn p_of_difference(one: &[f64], other: &[f64]) -> f64 {
    let mut counts: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    // Of values that are not negative the bits are in the order of the values; what is missing comes last.
    for value in one {
        counts.entry(value.to_bits()).or_default().0 += 1.0;
    }
    for value in other {
        counts.entry(value.to_bits()).or_default().1 += 1.0;
    }
    let counts: Vec<(f64, f64)> = counts.into_values().collect();
    let sizes = (number(one.len()), number(other.len()));
    if counts.len() <= CATEGORIES {
        of_categories(&counts, sizes)
    } else {
        of_distances(&counts, sizes)
    }
}

fn of_distances(counts: &[(f64, f64)], (one, other): (f64, f64)) -> f64 {
    let (mut sums, mut largest) = ((0.0, 0.0), 0.0_f64);
    for count in counts {
        sums = (sums.0 + count.0, sums.1 + count.1);
        largest = largest.max((sums.0 / one - sums.1 / other).abs());
    }
    let root = (one * other / (one + other)).sqrt();
    let lambda = (root + 0.12 + 0.11 / root) * largest;
    if lambda < 0.3 {
        return 1.0;
    }
    let terms = (1..=100).map(|term| {
        let sign = if term % 2 == 1 { 2.0 } else { -2.0 };
        let term = f64::from(term);
        sign * (-2.0 * term * term * lambda * lambda).exp()
    });
    terms.sum::<f64>().clamp(0.0, 1.0)
}

fn of_categories(counts: &[(f64, f64)], (one, other): (f64, f64)) -> f64 {
    // Rare values are put together until enough of both samples are expected.
    let (mut merged, mut open) = (Vec::new(), (0.0, 0.0));
    let share = one.min(other) / (one + other);
    for count in counts {
        open = (open.0 + count.0, open.1 + count.1);
        if (open.0 + open.1) * share >= 5.0 {
            merged.push(open);
            open = (0.0, 0.0);
        }
    }
    match merged.last_mut() {
        Some(last) => *last = (last.0 + open.0, last.1 + open.1),
        None => return 1.0,
    }
    let cell = |seen: f64, expected: f64| (seen - expected).powi(2) / expected;
    let squares = merged.iter().map(|(first, second)| {
        let all = (first + second) / (one + other);
        cell(*first, all * one) + cell(*second, all * other)
    });
    let squares: f64 = squares.sum();
    let freedom = number(merged.len()) - 1.0;
    if freedom < 1.0 {
        return 1.0;
    }
    // Wilson and Hilferty.
    let spread = 2.0 / (9.0 * freedom);
    let z = ((squares / freedom).cbrt() - (1.0 - spread)) / spread.sqrt();
    above(z)
}

/// How much of the normal distribution lies above (Abramowitz and Stegun 7.1.26).
fn above(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let polynomial = [
        0.254_829_592,
        -0.284_496_736,
        1.421_413_741,
        -1.453_152_027,
        1.061_405_429,
    ];
    let sum = polynomial
        .iter()
        .rev()
        .fold(0.0, |sum, part| (sum + part) * t);
    let tail = sum * (-x * x).exp() / 2.0;
    if z > 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_is_what_counting_pairs_gives() {
        let scores = [(1.0, false), (2.0, true), (2.0, false), (3.0, true)];
        // Of four pairs three are right and one is tied.
        assert!((Auc::of(scores.to_vec()).value - 0.875).abs() < 1e-12);
    }

    #[test]
    fn tails_are_those_of_the_tables() {
        for (z, p) in [
            (0.0, 0.5),
            (1.96, 0.024_998),
            (3.0, 0.001_35),
            (-1.0, 0.841_345),
        ] {
            assert!((above(z) - p).abs() < 1e-5, "{z}");
        }
        // 20 of 100 against 40 of 100: chi-squared 9.52 of one degree, p 0.002.
        let of = |ones: usize| [vec![1.0; ones], vec![0.0; 100 - ones]].concat();
        let p = p_of_difference(&of(20), &of(40));
        assert!((p - 0.002).abs() < 0.000_8, "{p}");
        // Two hundred numbers against the same moved by a quarter of their range.
        let range = |from: u32| (from..from + 200).map(f64::from).collect::<Vec<_>>();
        let p = p_of_difference(&range(0), &range(50));
        assert!(p < 1e-4 && p > 1e-6, "{p}");
        assert!(p_of_difference(&range(0), &range(0)) > 0.99);
    }
}
