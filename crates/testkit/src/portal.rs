//! The portal's database, and somebody to put there.

use crate::Template;
use candour_core::nhi::{Nhi, NhiFormat};
use candour_core::people::{BirthDate, Gender, Identity, PersonName};
use jiff::civil::date;

/// The portal's database, migrated.
pub const PORTAL: Template = Template {
    name: "portal",
    owner: "candour_migrator",
    guests: &["candour_portal", "candour_worker", "candour_room"],
    migrate: |config| {
        Box::pin(async move {
            candour_store::migrate(&config).await?;
            Ok(())
        })
    },
};

/// Hēmi Walker, born 27 March 1946, with the test NHI of that number.
pub fn walker(number: u32) -> Identity {
    Identity {
        name: PersonName::new("Hēmi", "Walker"),
        other_names: Vec::new(),
        birth_date: BirthDate::new(date(1946, 3, 27)),
        gender: Gender::Male,
        nhi: Nhi::test_number(NhiFormat::Digits, number),
        dormant: Vec::new(),
        deceased: None,
    }
}
