//! The pages: one struct each, filled with words that are ready to be shown.

pub mod access_history;
pub mod demonstration;
pub mod deposit;
pub mod documents;
pub mod emergency;
pub mod erasures;
pub mod home;
pub mod invitations;
pub mod merges;
pub mod notices;
pub mod practice;
pub mod problem;
pub mod programs;
pub mod recalls;
pub mod record;
pub mod recoveries;
pub mod reopenings;
pub mod sessions;
pub mod sharing;
pub mod sign_in;
pub mod sign_in_ways;
pub mod trust;

use crate::portal::Portal;
use crate::texts::Language;
use candour_app::practices;
use candour_seal::PracticeId;
use candour_store::Practice;
use serde::Deserialize;

/// A practice, or whoever else helps, and the number to ring.
#[derive(Debug, Clone)]
pub struct ToRing {
    /// Its name.
    pub name: String,
    /// The number as people write it.
    pub phone: String,
    /// The same for a telephone to dial.
    pub link: String,
}

impl ToRing {
    /// `None` where the directory has no number. Whom the operator rings at night is not for patients.
    pub fn of(practice: &Practice) -> Option<Self> {
        Self::new(&practice.name, &practice.phone)
    }

    /// `None` where the number is none.
    pub fn new(name: &str, phone: &str) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            phone: spoken(phone),
            link: dialled(phone)?,
        })
    }
}

/// A practice's name, or the word for one that the directory does not have.
pub(crate) async fn practice_name(portal: &Portal, practice: Option<PracticeId>) -> String {
    let found = match practice {
        Some(id) => practices::one(portal.app(), id).await.unwrap_or_default(),
        None => None,
    };
    let some = || Language::English.texts().say("invitation.some_practice");
    found.map_or_else(|| some().to_owned(), |practice| practice.name)
}

/// A `tel:` address (RFC 3966): the digits and a leading plus; `None` for what is no number.
fn dialled(written: &str) -> Option<String> {
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    let plus = if written.trim_start().starts_with('+') {
        "+"
    } else {
        ""
    };
    (digits.len() >= 3).then(|| format!("tel:{plus}{digits}"))
}

/// A New Zealand number as it is said and written there ("09 430 0000"); any other as it came.
fn spoken(written: &str) -> String {
    let Some(rest) = written.strip_prefix("+64") else {
        return written.to_owned();
    };
    let national: Vec<char> = std::iter::once('0')
        .chain(rest.chars().filter(char::is_ascii_digit))
        .collect();
    let prefix = match national.get(1..3) {
        Some(['8' | '5', '0']) => 4,
        Some(['2', _]) => 3,
        _ => 2,
    };
    let (prefix, rest) = national.split_at(prefix.min(national.len()));
    let (first, last) = rest.split_at(rest.len().min(3));
    let parts = [prefix, first, last].map(|part| part.iter().collect::<String>());
    parts.join(" ").trim_end().to_owned()
}

/// A date as somebody typed it.
#[derive(Debug, Clone, Default)]
pub struct GivenDate {
    /// Day of the month.
    pub day: String,
    /// Month, 1 to 12.
    pub month: String,
    /// Year, four digits.
    pub year: String,
}

impl GivenDate {
    /// The date; `None` when the three are not one.
    pub fn read(&self) -> Option<jiff::civil::Date> {
        let year: i16 = self.year.trim().parse().ok()?;
        if !(1880..=2200).contains(&year) {
            return None;
        }
        jiff::civil::Date::new(
            year,
            self.month.trim().parse().ok()?,
            self.day.trim().parse().ok()?,
        )
        .ok()
    }

    /// Nothing was typed.
    pub fn is_empty(&self) -> bool {
        [&self.day, &self.month, &self.year]
            .iter()
            .all(|part| part.trim().is_empty())
    }

    /// The three inputs: name, key of the label, width in letters, value.
    pub fn parts(&self) -> [(&'static str, &'static str, &'static str, &str); 3] {
        [
            ("day", "deposit.day", "2", &self.day),
            ("month", "deposit.month", "2", &self.month),
            ("year", "deposit.year", "4", &self.year),
        ]
    }
}

/// What was sent under a name that can stand several times in a form.
pub(crate) fn values<'a>(
    form: &'a [(String, String)],
    name: &'static str,
) -> impl Iterator<Item = &'a str> {
    let those = form.iter().filter(move |(field, _)| field == name);
    those.map(|(_, value)| value.as_str())
}

/// Which part of a long list, newest first: only what is before this ledger index.
#[derive(Deserialize)]
pub struct Before {
    pub(crate) before: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::{dialled, spoken};

    #[test]
    fn a_number_is_written_as_people_say_it() {
        for (stored, said) in [
            ("+6494300000", "09 430 0000"),
            ("+64215550100", "021 555 0100"),
            ("+648005550100", "0800 555 0100"),
            ("+61 2 5550 0100", "+61 2 5550 0100"),
            ("09 430 0000", "09 430 0000"),
        ] {
            assert_eq!(spoken(stored), said);
        }
    }

    #[test]
    fn a_number_is_dialled_as_it_is_spoken() {
        assert_eq!(dialled("09 430 0000").as_deref(), Some("tel:094300000"));
        assert_eq!(
            dialled("+64 (9) 430-0000").as_deref(),
            Some("tel:+6494300000")
        );
        assert_eq!(dialled("ask at the desk"), None);
    }
}
