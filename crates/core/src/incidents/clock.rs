//! A legal duty with its start, its limit and its state.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Moments that start clocks. Each is stamped once, with author and reason: it cannot be reconstructed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Moment {
    /// Reasonable grounds to suspect.
    Suspect,
    /// A breach has or may have occurred.
    Maybe,
    /// Aware, or reasonably certain; an agent's knowledge counts.
    Aware,
    /// Reasonable grounds to believe.
    Believe,
    /// Known, or would have been known with diligence, to any worker or agent.
    Discover,
    /// Detected by the facility.
    Detect,
    /// Sufficient evidence concluded.
    Determine,
    /// Assessed as one that must be notified.
    Assessed,
    /// The individuals were told.
    PersonTold,
    /// The regulator was notified in full.
    Notified,
    /// The fault was fixed.
    Fixed,
}

/// The moments stamped so far.
pub type Moments = std::collections::BTreeMap<Moment, Timestamp>;

/// Why a text is not a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a limit is a number with h, d, bd or mo")]
pub struct LimitError;

/// How long a duty may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Hours.
    Hours(u16),
    /// Calendar days of 24 hours of the place's clock.
    Days(u16),
    /// Days that are neither Saturday, Sunday nor a holiday of the place.
    BusinessDays(u16),
    /// Calendar months.
    Months(u16),
}

impl FromStr for Limit {
    type Err = LimitError;

    /// Reads `72h`, `30d`, `15bd`, `1mo`.
    fn from_str(text: &str) -> Result<Self, LimitError> {
        let unit_at = text
            .find(|character: char| !character.is_ascii_digit())
            .ok_or(LimitError)?;
        let (number, unit) = text.split_at(unit_at);
        let number = number.parse().map_err(|_| LimitError)?;
        match unit {
            "h" => Ok(Self::Hours(number)),
            "d" => Ok(Self::Days(number)),
            "bd" => Ok(Self::BusinessDays(number)),
            "mo" => Ok(Self::Months(number)),
            _ => Err(LimitError),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hours(number) => write!(out, "{number}h"),
            Self::Days(number) => write!(out, "{number}d"),
            Self::BusinessDays(number) => write!(out, "{number}bd"),
            Self::Months(number) => write!(out, "{number}mo"),
        }
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The place whose days count.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// Its time zone.
    pub zone: TimeZone,
    /// Its public holidays.
    pub holidays: Vec<Date>,
}

impl Calendar {
    fn is_business_day(&self, day: Date) -> bool {
        !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
            && !self.holidays.contains(&day)
    }

    /// The end of a limit that began at `start`; `None` past the end of the calendar (the year 9999).
    pub fn due(&self, start: Timestamp, limit: Limit) -> Option<Timestamp> {
        let local = start.to_zoned(self.zone.clone());
        let span: Span = match limit {
            Limit::Hours(hours) => return start.checked_add(i64::from(hours).hours()).ok(),
            Limit::Days(days) => i64::from(days).days(),
            Limit::Months(months) => i64::from(months).months(),
            Limit::BusinessDays(days) => {
                let mut last = local.date();
                let mut counted = 0;
                while counted < days {
                    last = last.tomorrow().ok()?;
                    counted += u16::from(self.is_business_day(last));
                }
                let due = local.with().date(last).build().ok()?;
                return Some(due.timestamp());
            }
        };
        Some(local.checked_add(span).ok()?.timestamp())
    }
}

/// Where a clock stands at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockState {
    /// The moment that starts it has not been stamped.
    NotStarted,
    /// Running; `None` where the law says "as soon as practicable" without a number.
    Running {
        /// When it ends.
        due: Option<Timestamp>,
    },
    /// Ended without the duty being done.
    Overdue {
        /// When it ended.
        since: Timestamp,
    },
    /// Done within its limit.
    Met {
        /// When.
        at: Timestamp,
    },
    /// Done after its limit; the reasons for the delay must be kept.
    Late {
        /// When.
        at: Timestamp,
        /// When it had been due.
        due: Timestamp,
    },
}

/// One duty of one regime in one incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// The regime's id, for example `NZ-PA2020`.
    pub regime: String,
    /// What starts it.
    pub start: Moment,
    /// Its limit; `None` means as soon as practicable.
    pub limit: Option<Limit>,
    /// When the duty was done.
    pub done: Option<Timestamp>,
}

impl Clock {
    /// When the duty is due, if it has started and has a number.
    pub fn due(&self, moments: &Moments, calendar: &Calendar) -> Option<Timestamp> {
        calendar.due(*moments.get(&self.start)?, self.limit?)
    }

    /// Where the clock stands at `now`.
    pub fn state(&self, moments: &Moments, calendar: &Calendar, now: Timestamp) -> ClockState {
        let due = self.due(moments, calendar);
        match (moments.get(&self.start), self.done, due) {
            (_, Some(at), Some(due)) if at > due => ClockState::Late { at, due },
            (_, Some(at), _) => ClockState::Met { at },
            (None, None, _) => ClockState::NotStarted,
            (Some(_), None, Some(since)) if now > since => ClockState::Overdue { since },
            (Some(_), None, due) => ClockState::Running { due },
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn auckland() -> Calendar {
        Calendar {
            zone: TimeZone::get("Pacific/Auckland").unwrap(),
            holidays: vec![date(2026, 1, 1), date(2026, 1, 2)],
        }
    }

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_friday_find_burns_the_weekend_except_in_business_days() {
        let friday = time("2026-03-13T17:00:00+13:00");
        let due = |limit: &str| auckland().due(friday, limit.parse().unwrap()).unwrap();
        assert_eq!(due("72h"), time("2026-03-16T17:00:00+13:00"));
        assert_eq!(due("3bd"), time("2026-03-18T17:00:00+13:00"));
    }

    #[test]
    fn holidays_are_no_business_days_and_days_keep_the_local_hour() {
        let eve = time("2025-12-30T09:00:00+13:00");
        assert_eq!(
            auckland().due(eve, Limit::BusinessDays(2)),
            Some(time("2026-01-05T09:00:00+13:00"))
        );
        let before_winter = time("2026-04-01T09:00:00+13:00");
        assert_eq!(
            auckland().due(before_winter, Limit::Days(30)),
            Some(time("2026-05-01T09:00:00+12:00"))
        );
        assert_eq!(
            auckland().due(time("2026-01-31T09:00:00+13:00"), Limit::Months(1)),
            Some(time("2026-02-28T09:00:00+13:00"))
        );
    }

    #[test]
    fn a_clock_goes_from_not_started_to_met_late_or_overdue() {
        let mut clock = Clock {
            regime: "NZ-PA2020".into(),
            start: Moment::Aware,
            limit: Some(Limit::Hours(72)),
            done: None,
        };
        let mut moments = Moments::new();
        let (aware, due) = (time("2026-03-01T00:00:00Z"), time("2026-03-04T00:00:00Z"));
        let state = |clock: &Clock, moments: &Moments, now: &str| {
            clock.state(moments, &auckland(), time(now))
        };
        assert_eq!(
            state(&clock, &moments, "2026-03-02T00:00:00Z"),
            ClockState::NotStarted
        );
        moments.insert(Moment::Aware, aware);
        assert_eq!(
            state(&clock, &moments, "2026-03-02T00:00:00Z"),
            ClockState::Running { due: Some(due) }
        );
        assert_eq!(
            state(&clock, &moments, "2026-03-05T00:00:00Z"),
            ClockState::Overdue { since: due }
        );
        clock.done = Some(time("2026-03-03T00:00:00Z"));
        assert_eq!(
            state(&clock, &moments, "2026-03-05T00:00:00Z"),
            ClockState::Met {
                at: time("2026-03-03T00:00:00Z")
            }
        );
        clock.done = Some(time("2026-03-06T00:00:00Z"));
        assert_eq!(
            state(&clock, &moments, "2026-03-07T00:00:00Z"),
            ClockState::Late {
                at: time("2026-03-06T00:00:00Z"),
                due
            }
        );
        clock.limit = None;
        clock.done = None;
        assert_eq!(
            state(&clock, &moments, "2027-03-07T00:00:00Z"),
            ClockState::Running { due: None }
        );
    }

    #[test]
    fn limits_read_back() {
        for text in ["72h", "60d", "15bd", "1mo"] {
            assert_eq!(text.parse::<Limit>().unwrap().to_string(), text);
        }
        for text in ["", "h", "72", "72x", "-1d", "60 d"] {
            assert_eq!(text.parse::<Limit>(), Err(LimitError), "{text}");
        }
    }
}
