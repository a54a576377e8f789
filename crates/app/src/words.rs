//! Where the domain's words meet the keeper's closed lists.

use candour_core::fhir::{self, Sensitivities, Sensitivity};
use candour_keeper_api::words::{ProxyAction, Section, Tag};
use jiff::Timestamp;
use jiff::civil::Date;

/// The keeper's section for a segment of the record. Documents have a shelf; a directory is about nobody
/// and is kept with the rest of what came.
pub(crate) const fn section(of: fhir::Section) -> Section {
    match of {
        fhir::Section::Conditions => Section::Conditions,
        fhir::Section::Medicines => Section::Medicines,
        fhir::Section::Allergies => Section::Allergies,
        fhir::Section::Immunisations => Section::Immunisations,
        fhir::Section::Results => Section::Results,
        fhir::Section::Documents | fhir::Section::Other | fhir::Section::Directory => {
            Section::Other
        }
    }
}

/// The keeper's tags for a set of sensitivities.
pub(crate) fn tags(of: Sensitivities) -> Vec<i32> {
    of.iter()
        .map(|sensitivity| match sensitivity {
            Sensitivity::Sexual => Tag::Sexual,
            Sensitivity::Mental => Tag::Mental,
            Sensitivity::Violence => Tag::Violence,
            Sensitivity::Addiction => Tag::Addiction,
            Sensitivity::Pregnancy => Tag::Pregnancy,
            Sensitivity::Genetic => Tag::Genetic,
        })
        .map(i32::from)
        .collect()
}

/// What a proxy may do, of the numbers of the wire.
pub(crate) fn actions(may: &[i32]) -> Vec<ProxyAction> {
    let known = may.iter().map(|action| ProxyAction::try_from(*action));
    known.flatten().collect()
}

/// A month as the keeper counts it, year × 12 + (month − 1); 0 when unknown.
pub(crate) fn month(date: Option<Date>) -> u32 {
    date.and_then(|date| {
        let year = u32::try_from(date.year()).ok()?;
        let month = u32::try_from(date.month()).ok()?;
        Some(year * 12 + month - 1)
    })
    .unwrap_or(0)
}

/// The day in UTC.
pub(crate) fn day(now: Timestamp) -> Date {
    now.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// A time of the wire, microseconds since 1970; `None` for 0, which there means "none".
pub(crate) fn time(microseconds: i64) -> Option<Timestamp> {
    (microseconds != 0)
        .then(|| Timestamp::from_microsecond(microseconds).ok())
        .flatten()
}
