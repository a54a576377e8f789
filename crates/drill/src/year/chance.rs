//! Draws from the distributions that ordinary life has, on the repeatable dice of the drill.

use crate::crash::dice::Dice;
use candour_rules::time::Span;

/// One stream of chance.
pub(super) struct Chance(Dice);

impl Chance {
    pub(super) const fn new(seed: u64, stream: u64) -> Self {
        Self(Dice::new(seed, stream))
    }

    pub(super) const fn draw(&mut self) -> u64 {
        self.0.draw()
    }

    /// At least 0 and less than 1.
    #[expect(
        clippy::cast_precision_loss,
        reason = "53 bits are what a double holds"
    )]
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From 0 to `limit - 1`; 0 when there is nothing to choose from.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0.below(limit)
    }

    pub(super) fn one_of<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        self.0.one_of(list)
    }

    /// True in this part of all cases.
    pub(super) fn is_one_of(&mut self, part: f64) -> bool {
        self.unit() < part
    }

    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Where most are near the median and a few far above it: how long somebody looks at a page.
    pub(super) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// How many of something that happens so often on average.
    pub(super) fn poisson(&mut self, mean: f64) -> usize {
        if mean > 30.0 {
            return rounded(mean + mean.sqrt() * self.normal());
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0);
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// One place of a list of weights.
    pub(super) fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (place, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return place;
            }
        }
        weights.len().saturating_sub(1)
    }
}

/// A count; 0 for what is below it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast saturates, and no count here comes near 2^53"
)]
pub(super) fn rounded(number: f64) -> usize {
    number.round() as usize
}

#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^53")]
pub(super) fn float(number: usize) -> f64 {
    number as f64
}

pub(super) fn signed(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast saturates, and a year has 2^45 microseconds"
)]
pub(super) fn seconds(number: f64) -> Span {
    Span::micros((number * 1e6) as i64)
}

pub(super) fn minutes(number: f64) -> Span {
    seconds(number * 60.0)
}

pub(super) fn hours(number: f64) -> Span {
    minutes(number * 60.0)
}

/// Spreads two numbers over 64 bits, always the same way.
pub(super) const fn spread(one: u64, other: u64) -> u64 {
    Dice::new(one, other).draw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distributions_have_the_means_they_are_asked_for() {
        let mut chance = Chance::new(1, 1);
        let mut mean = |draw: &mut dyn FnMut(&mut Chance) -> f64| {
            (0..20_000).map(|_| draw(&mut chance)).sum::<f64>() / 20_000.0
        };
        let is_near = |found: f64, expected: f64| (found / expected - 1.0).abs() < 0.05;
        assert!(is_near(mean(&mut |chance| chance.exponential(7.0)), 7.0));
        assert!(is_near(mean(&mut |chance| float(chance.poisson(3.0))), 3.0));
        assert!(is_near(
            mean(&mut |chance| float(chance.poisson(90.0))),
            90.0
        ));
        // The mean of a lognormal lies above its median by exp(sigma² / 2).
        let above = 10.0 * (0.32_f64).exp();
        assert!(is_near(
            mean(&mut |chance| chance.lognormal(10.0, 0.8)),
            above
        ));
        assert!(is_near(
            mean(&mut |chance| float(chance.weighted(&[1.0, 0.0, 3.0]))),
            1.5
        ));
    }
}
