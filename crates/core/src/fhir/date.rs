//! FHIR dates: a year, a month, a day or an instant, as precise as they were sent.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;

/// A FHIR `date`, `dateTime` or `instant`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FhirDate {
    /// The day, in the offset it was sent with; the first day of a month or year sent alone.
    day: Date,
    precision: Precision,
    /// The instant, where there is one.
    at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    Year,
    Month,
    Day,
}

impl FhirDate {
    /// Reads `2008`, `2008-03`, `2008-03-17` or a date and time with offset; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let part = |from: usize, to: usize| text.get(from..to).filter(|part| digits(part));
        let year = part(0, 4)?.parse().ok()?;
        let (day, precision) = match text.len() {
            4 => (Date::new(year, 1, 1).ok()?, Precision::Year),
            7 if text.get(4..5) == Some("-") => (
                Date::new(year, part(5, 7)?.parse().ok()?, 1).ok()?,
                Precision::Month,
            ),
            _ => (text.get(..10)?.parse().ok()?, Precision::Day),
        };
        let at = match text.get(10..) {
            None | Some("") => None,
            Some(_) => Some(text.parse().ok()?),
        };
        Some(Self { day, precision, at })
    }

    /// The whole day.
    pub const fn of_day(day: Date) -> Self {
        Self {
            day,
            precision: Precision::Day,
            at: None,
        }
    }

    /// The day it falls on; the first of a month or year sent alone.
    pub const fn day(self) -> Date {
        self.day
    }

    /// The day, only if the sender knew it.
    pub fn exact_day(self) -> Option<Date> {
        (self.precision == Precision::Day).then_some(self.day)
    }

    /// What to sort by: day, then instant.
    pub fn sort_key(self) -> (Date, Option<Timestamp>) {
        (self.day, self.at)
    }
}

/// `17 March 2008`, `March 2008` or `2008`.
impl fmt::Display for FhirDate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.precision {
            Precision::Year => write!(out, "{}", self.day.year()),
            Precision::Month => write!(out, "{}", self.day.strftime("%B %Y")),
            Precision::Day => write!(out, "{}", self.day.strftime("%-d %B %Y")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_show_what_the_sender_knew() {
        for (text, shown) in [
            ("2008", "2008"),
            ("2008-03", "March 2008"),
            ("2008-03-07", "7 March 2008"),
            ("2008-03-17T23:47:14+13:00", "17 March 2008"),
            ("2011-11-30T01:23:28.317+00:00", "30 November 2011"),
            ("2011-11-30T01:23:28Z", "30 November 2011"),
        ] {
            assert_eq!(FhirDate::parse(text).unwrap().to_string(), shown, "{text}");
        }
        for text in [
            "",
            "08",
            "2008-3",
            "2008-13",
            "2008-02-30",
            "2008-03-17T25:00:00Z",
            "tomorrow",
            "２００８",
        ] {
            assert!(FhirDate::parse(text).is_none(), "{text}");
        }
    }
}
