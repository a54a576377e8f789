//! Instants and lengths of time in microseconds.

use std::fmt;
use std::ops::{Add, Sub};

/// An instant: microseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub i64);

impl Micros {
    /// How long after `earlier` this is; negative when it lies before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Span> for Micros {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Micros {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

/// A length of time; in configuration a number and a unit: `"400 ms"`, `"60 s"`, `"10 min"`, `"1 h"`, `"28 d"`.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Span(i64);

const UNITS: [(&str, i64); 6] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("min", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

impl Span {
    /// `count` microseconds.
    #[must_use]
    pub const fn micros(count: i64) -> Self {
        Self(count)
    }
    /// `count` milliseconds.
    #[must_use]
    pub const fn millis(count: i64) -> Self {
        Self(count.saturating_mul(1_000))
    }
    /// `count` seconds.
    #[must_use]
    pub const fn seconds(count: i64) -> Self {
        Self(count.saturating_mul(1_000_000))
    }
    /// `count` minutes.
    #[must_use]
    pub const fn minutes(count: i64) -> Self {
        Self::seconds(count.saturating_mul(60))
    }
    /// `count` hours.
    #[must_use]
    pub const fn hours(count: i64) -> Self {
        Self::minutes(count.saturating_mul(60))
    }
    /// `count` days of 24 hours.
    #[must_use]
    pub const fn days(count: i64) -> Self {
        Self::hours(count.saturating_mul(24))
    }
    /// The length in microseconds.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }
}

/// A length of time that is not a positive number followed by `us`, `ms`, `s`, `min`, `h` or `d`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a length of time like \"400 ms\" or \"10 min\": {0:?}")]
pub struct NotASpan(String);

impl TryFrom<String> for Span {
    type Error = NotASpan;
    fn try_from(text: String) -> Result<Self, NotASpan> {
        let trimmed = text.trim();
        let digits = trimmed
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits);
        let factor = UNITS
            .iter()
            .find(|(name, _)| *name == unit.trim())
            .map(|(_, factor)| *factor);
        let length = factor
            .zip(number.parse::<i64>().ok())
            .and_then(|(factor, count)| count.checked_mul(factor));
        match length {
            Some(length) if length > 0 => Ok(Self(length)),
            _ => Err(NotASpan(text)),
        }
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().find(|(_, factor)| self.0 % factor == 0);
        let (unit, factor) = whole.copied().unwrap_or(("us", 1));
        write!(formatter, "{} {unit}", self.0 / factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read_as_it_is_written() {
        for text in ["400 ms", "60 s", "10 min", "1 h", "28 d", "1 us"] {
            let span = Span::try_from(text.to_owned()).expect(text);
            assert_eq!(Span::try_from(span.to_string()), Ok(span), "{text}");
        }
        assert_eq!(Span::try_from("60s".to_owned()), Ok(Span::minutes(1)));
    }

    #[test]
    fn a_span_without_unit_or_length_is_refused() {
        for text in [
            "",
            "10",
            "0 s",
            "-1 s",
            "10 weeks",
            "9223372036854775807 d",
            "1.5 h",
        ] {
            assert!(Span::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
