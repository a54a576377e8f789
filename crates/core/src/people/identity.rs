//! Who a patient is.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::name::PersonName;
use crate::block::Block;
use crate::nhi::Nhi;

/// Why a text is not a full birth date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a birth date is a whole day written year-month-day, after 1850")]
pub struct BirthDateError;

/// A civil birth date; it has no time zone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BirthDate(Date);

impl BirthDate {
    /// The birth date on this day.
    pub const fn new(date: Date) -> Self {
        Self(date)
    }

    /// The day.
    pub const fn date(self) -> Date {
        self.0
    }

    /// The year, which the keeper holds in clear.
    pub fn year(self) -> i16 {
        self.0.year()
    }

    /// Whole years on a day; 0 before the first birthday and before birth.
    pub fn age_on(self, day: Date) -> u8 {
        let had_birthday = (day.month(), day.day()) >= (self.0.month(), self.0.day());
        let years = i32::from(day.year()) - i32::from(self.0.year()) - i32::from(!had_birthday);
        u8::try_from(years.clamp(0, 255)).unwrap_or(0)
    }
}

impl FromStr for BirthDate {
    type Err = BirthDateError;

    fn from_str(text: &str) -> Result<Self, BirthDateError> {
        // jiff reads more shapes than FHIR has; a birth date is exactly ten characters.
        if text.len() != 10 {
            return Err(BirthDateError);
        }
        match text.parse::<Date>() {
            Ok(date) if date.year() > 1850 => Ok(Self(date)),
            _ => Err(BirthDateError),
        }
    }
}

impl fmt::Display for BirthDate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Shows nothing of the date.
impl fmt::Debug for BirthDate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("BirthDate(…)")
    }
}

/// Administrative gender, FHIR's code list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gender {
    /// Female.
    Female,
    /// Male.
    Male,
    /// Another one.
    Other,
    /// Not known.
    Unknown,
}

/// What is known of a death.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deceased {
    /// Died on this day.
    On(Date),
    /// Died; the day is not known.
    DayUnknown,
}

/// Who a patient is; sealed as the identity block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name in use.
    pub name: PersonName,
    /// Earlier and other names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_names: Vec<PersonName>,
    /// Birth date.
    pub birth_date: BirthDate,
    /// Administrative gender.
    pub gender: Gender,
    /// The live NHI number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nhi: Option<Nhi>,
    /// Dormant NHI numbers that once were this person's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dormant: Vec<Nhi>,
    /// Death, if it is known of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deceased: Option<Deceased>,
}

impl Block for Identity {
    const KIND: &'static str = "identity";
    const VERSION: u32 = 1;
}

impl Identity {
    /// Whether two records are about one person: a shared NHI number, live or dormant, *and* the same birth date.
    ///
    /// Never by name: two people of one name and birth date are not rare.
    pub fn is_same_person(&self, other: &Self) -> bool {
        let theirs: Vec<_> = other.nhi.iter().chain(&other.dormant).collect();
        self.birth_date == other.birth_date
            && self
                .nhi
                .iter()
                .chain(&self.dormant)
                .any(|number| theirs.contains(&number))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn somebody() -> Identity {
        Identity {
            name: PersonName::new("Wiremu", "Tāmihana"),
            other_names: vec![PersonName::new("William", "Thompson")],
            birth_date: "1961-02-28".parse().unwrap(),
            gender: Gender::Male,
            nhi: Nhi::parse("ZKP3424").ok(),
            dormant: vec![Nhi::parse("ZNK28DJ").unwrap()],
            deceased: Some(Deceased::On(date(2024, 5, 1))),
        }
    }

    #[test]
    fn an_identity_reads_back() {
        let block = somebody().to_block().unwrap();
        assert_eq!(Identity::from_block(&block).unwrap(), somebody());
    }

    #[test]
    fn a_newer_version_is_refused() {
        let text = String::from_utf8(somebody().to_block().unwrap()).unwrap();
        let newer = text.replace("\"version\":1", "\"version\":2");
        assert!(matches!(
            Identity::from_block(newer.as_bytes()),
            Err(crate::block::BlockError::Version)
        ));
    }

    #[test]
    fn people_match_by_any_number_with_the_same_birth_date_and_never_by_name() {
        let mut other = somebody();
        other.nhi = Nhi::parse("ZNK28DJ").ok();
        other.dormant.clear();
        other.name = PersonName::new("Other", "Name");
        assert!(somebody().is_same_person(&other));
        other.birth_date = "1961-03-01".parse().unwrap();
        assert!(!somebody().is_same_person(&other));
        let mut nameless = somebody();
        nameless.nhi = None;
        nameless.dormant.clear();
        assert!(!nameless.is_same_person(&nameless.clone()));
    }

    #[test]
    fn nothing_of_a_person_shows_in_debug_output() {
        let shown = format!("{:?}", somebody());
        for secret in ["Wiremu", "Tāmihana", "1961", "ZKP", "Thompson"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn ages_count_birthdays() {
        let birth: BirthDate = "2000-02-29".parse().unwrap();
        assert_eq!(birth.age_on(date(2026, 2, 28)), 25);
        assert_eq!(birth.age_on(date(2026, 3, 1)), 26);
        assert_eq!(birth.age_on(date(1999, 1, 1)), 0);
        assert!("2000-02".parse::<BirthDate>().is_err());
        assert!("2001-02-29".parse::<BirthDate>().is_err());
    }
}
