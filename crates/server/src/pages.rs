//! The pages: one struct each, filled with words that are ready to be shown.

pub mod access_history;
pub mod demonstration;
pub mod deposit;
pub mod documents;
pub mod home;
pub mod invitations;
pub mod notices;
pub mod practice;
pub mod problem;
pub mod record;
pub mod sign_in;
pub mod trust;

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
