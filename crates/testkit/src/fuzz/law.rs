//! The law as data: what is read is written again as it was, and its clocks run out after they began, or never.
//!
//! Input: a moment, a number of people, then the JSON of a regime.

use super::feed::Feed;
use candour_core::incidents::{Calendar, Moment, Moments, Regime};
use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;

pub fn feed(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    let (second, people) = (feed.number().cast_signed(), u32::from(feed.byte()) * 5);
    let Ok(regime) = serde_json::from_slice::<Regime>(feed.0) else {
        return;
    };
    let written = serde_json::to_string(&regime).ok();
    let again = written.and_then(|text| serde_json::from_str::<Regime>(&text).ok());
    assert_eq!(again.as_ref(), Some(&regime));
    let start = Timestamp::from_second(second).unwrap_or_default();
    let moments: Moments = regime
        .duties
        .iter()
        .map(|duty| (duty.start, start))
        .collect();
    let calendar = Calendar {
        zone: TimeZone::get("Pacific/Auckland").unwrap_or(TimeZone::UTC),
        holidays: vec![date(2026, 2, 6), date(2026, 12, 25)],
    };
    for clock in regime.clocks(people) {
        if let Some(due) = clock.due(&moments, &calendar) {
            assert!(due >= start, "due {due}, begun {start}");
        }
        let _ = clock.state(&moments, &calendar, start);
    }
    let nothing = Moments::from([(Moment::Fixed, start)]);
    for clock in regime.clocks(people) {
        let _ = clock.state(&nothing, &calendar, start);
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let regimes = [
        include_str!("../../../../law/NZ-PA2020.json"),
        include_str!("../../../../law/EU-GDPR.json"),
        include_str!("../../../../law/US-TX.json"),
    ];
    let begun = 1_772_409_600_i64.to_be_bytes();
    regimes
        .map(|text| [begun.as_slice(), &[100], text.as_bytes()].concat())
        .to_vec()
}
