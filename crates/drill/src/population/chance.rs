//! Repeatable chance: PCG-XSH-RR 64/32 (O'Neill 2014). It is for made-up people only and keeps no secret.

use std::ops::RangeInclusive;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

/// One stream of repeatable chance.
pub(super) struct Chance {
    state: u64,
    increment: u64,
}

/// What a stream is for; each person has one of each, so that a change in letters does not change names.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    Practice = 1,
    Household,
    Person,
    Record,
    Letters,
    Order,
}

/// Splitmix64: spreads neighbouring seeds over all 64 bits.
const fn spread(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

impl Chance {
    pub(super) const fn new(seed: u64, stream: Stream, number: u32) -> Self {
        let increment = spread(((stream as u64) << 32) | number as u64) | 1;
        Self {
            state: spread(seed ^ increment),
            increment,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "PCG's output is the low half by definition"
    )]
    fn next(&mut self) -> u32 {
        let state = self.state;
        self.state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(self.increment);
        let mixed = (((state >> 18) ^ state) >> 27) as u32;
        mixed.rotate_right((state >> 59) as u32)
    }

    /// From 0 to `limit - 1`; 0 when there is nothing to choose from.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        let product = u64::from(self.next()) * limit as u64;
        usize::try_from(product >> 32).unwrap_or(0)
    }

    /// A whole number of the range.
    pub(super) fn within(&mut self, range: RangeInclusive<i32>) -> i32 {
        let width = range.end().abs_diff(*range.start()) as usize + 1;
        range.start() + i32::try_from(self.below(width)).unwrap_or(0)
    }

    /// A number with `decimals` digits after the point, roughly bell-shaped around the middle of the range.
    pub(super) fn around(&mut self, low: f64, high: f64, decimals: i32) -> f64 {
        let sum: f64 = (0..3)
            .map(|_| f64::from(self.next()) / f64::from(u32::MAX))
            .sum();
        let scale = 10_f64.powi(decimals);
        ((low + (high - low) * sum / 3.0) * scale).round() / scale
    }

    /// True so many times in a thousand.
    pub(super) fn in_thousand(&mut self, times: u32) -> bool {
        self.below(1000) < times as usize
    }

    /// One of a list that is never empty.
    pub(super) fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    /// One of a list with weights that are not all 0.
    pub(super) fn weighted<'a, T>(&mut self, list: &'a [(u32, T)]) -> &'a T {
        let all: u32 = list.iter().map(|(weight, _)| weight).sum();
        let mut left = self.below(all as usize);
        for (weight, item) in list {
            match left.checked_sub(*weight as usize) {
                Some(rest) => left = rest,
                None => return item,
            }
        }
        &list[0].1
    }

    /// A day of the range; `first` when it is empty.
    pub(super) fn day(&mut self, first: Date, last: Date) -> Date {
        let days = first.until(last).map_or(0, |span| span.get_days());
        days_after(first, self.within(0..=days.max(0)))
    }
}

/// So many days later (or earlier).
pub(super) fn days_after(day: Date, days: i32) -> Date {
    day.saturating_add(i64::from(days).days())
}

/// So many months later.
pub(super) fn months_after(day: Date, months: i32) -> Date {
    day.saturating_add(i64::from(months).months())
}

/// The same day, or the Friday before a weekend.
pub(super) fn working_day(day: Date) -> Date {
    match day.weekday() {
        Weekday::Saturday => days_after(day, -1),
        Weekday::Sunday => days_after(day, -2),
        _ => day,
    }
}

/// So many years later (or earlier); 29 February becomes 28.
pub(super) fn years_after(day: Date, years: i32) -> Date {
    day.saturating_add(i64::from(years).years())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let draw = |seed, number| {
            let mut chance = Chance::new(seed, Stream::Person, number);
            [chance.next(), chance.next(), chance.next()]
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn draws_stay_in_their_range_and_use_all_of_it() {
        let mut chance = Chance::new(7, Stream::Record, 0);
        let mut seen = [false; 6];
        for _ in 0..1000 {
            seen[usize::try_from(chance.within(-2..=3) + 2).unwrap()] = true;
            let number = chance.around(3.5, 5.2, 1);
            assert!((3.5..=5.2).contains(&number));
        }
        assert_eq!(seen, [true; 6]);
    }
}
