//! Dates in words, in the installation's own time zone.

use crate::texts::Texts;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

const MONTHS: [&str; 12] = [
    "dates.m1",
    "dates.m2",
    "dates.m3",
    "dates.m4",
    "dates.m5",
    "dates.m6",
    "dates.m7",
    "dates.m8",
    "dates.m9",
    "dates.m10",
    "dates.m11",
    "dates.m12",
];

fn month(texts: &Texts, month: i8) -> &'static str {
    usize::try_from(month - 1)
        .ok()
        .and_then(|index| MONTHS.get(index))
        .map_or("", |key| texts.say(key))
}

/// "3 November 2026".
pub fn day(texts: &Texts, date: Date) -> String {
    texts.fill(
        "dates.on",
        &[
            ("day", &date.day().to_string()),
            ("month", month(texts, date.month())),
            ("year", &date.year().to_string()),
        ],
    )
}

/// "Since 3 November 2026, until 3 November 2027".
pub fn lasting(
    texts: &Texts,
    zone: &TimeZone,
    since: Timestamp,
    until: Option<Timestamp>,
) -> String {
    let of = |at: Timestamp| day(texts, at.to_zoned(zone.clone()).date());
    let since = of(since);
    match until {
        None => texts.fill("sharing.since", &[("since", &since)]),
        Some(until) => {
            let filled = [("since", since.as_str()), ("until", &of(until))];
            texts.fill("sharing.since_until", &filled)
        }
    }
}

/// "3 November 2026 at 9:14 am".
pub fn moment(texts: &Texts, at: Timestamp, zone: &TimeZone) -> String {
    let local = at.to_zoned(zone.clone());
    texts.fill(
        "dates.at",
        &[
            ("day", &local.day().to_string()),
            ("month", month(texts, local.month())),
            ("year", &local.year().to_string()),
            ("time", &clock(texts, &local)),
        ],
    )
}

/// "3 November 2026 at 9:14 am", or "3 November 2026, 9:14 am to 9:20 am".
pub fn span(texts: &Texts, from: Timestamp, until: Timestamp, zone: &TimeZone) -> String {
    let begins = from.to_zoned(zone.clone());
    let (first, last) = (
        clock(texts, &begins),
        clock(texts, &until.to_zoned(zone.clone())),
    );
    if first == last {
        return moment(texts, from, zone);
    }
    let day = day(texts, begins.date());
    texts.fill(
        "dates.span",
        &[("day", &day), ("from", &first), ("until", &last)],
    )
}

/// "9:14 am".
fn clock(texts: &Texts, local: &Zoned) -> String {
    let key = if local.hour() < 12 {
        "dates.am"
    } else {
        "dates.pm"
    };
    let hour = match local.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    texts.fill(
        key,
        &[
            ("hour", &hour.to_string()),
            ("minute", &format!("{:02}", local.minute())),
        ],
    )
}

/// "November 2026".
pub fn month_of(texts: &Texts, date: Date) -> String {
    texts.fill(
        "dates.month_of",
        &[
            ("month", month(texts, date.month())),
            ("year", &date.year().to_string()),
        ],
    )
}

/// "4 minutes", "2 hours"; rounded up, so that nobody comes back too early.
pub fn waiting(texts: &Texts, seconds: u32) -> String {
    let minutes = seconds.div_ceil(60).max(1);
    let (one, many, count) = if minutes < 60 {
        ("dates.minutes_one", "dates.minutes_many", minutes)
    } else {
        ("dates.hours_one", "dates.hours_many", minutes.div_ceil(60))
    };
    if count == 1 {
        texts.say(one).to_owned()
    } else {
        texts.fill(many, &[("count", &count.to_string())])
    }
}

/// "64 KB", "1.2 MB": a size as phones show it.
pub fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * 1024;
    if bytes >= MIB && bytes.is_multiple_of(MIB) {
        format!("{} MB", bytes / MIB)
    } else if bytes >= MIB {
        format!("{}.{} MB", bytes / MIB, bytes % MIB * 10 / MIB)
    } else {
        format!("{} KB", bytes.div_ceil(KIB).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Language;

    #[test]
    fn a_moment_reads_as_it_is_spoken_where_the_practice_is() {
        let texts = Language::English.texts();
        let zone = TimeZone::get("Pacific/Auckland").unwrap();
        let at: Timestamp = "2026-11-02T20:14:00Z".parse().unwrap();
        assert_eq!(moment(texts, at, &zone), "3 November 2026 at 9:14 am");
        let noon: Timestamp = "2026-11-02T23:05:00Z".parse().unwrap();
        assert_eq!(moment(texts, noon, &zone), "3 November 2026 at 12:05 pm");
    }

    #[test]
    fn a_size_is_said_as_phones_say_it() {
        assert_eq!(size(1), "1 KB");
        assert_eq!(size(20 * 1024 * 1024), "20 MB");
        assert_eq!(size(1_300_000), "1.2 MB");
    }

    #[test]
    fn a_wait_is_rounded_up() {
        let texts = Language::English.texts();
        assert_eq!(waiting(texts, 0), "1 minute");
        assert_eq!(waiting(texts, 61), "2 minutes");
        assert_eq!(waiting(texts, 3_600), "1 hour");
        assert_eq!(waiting(texts, 3_601), "2 hours");
    }
}
