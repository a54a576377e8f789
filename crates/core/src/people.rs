//! People: names, birth dates, identity and contact, as they are sealed.

mod contact;
mod identity;
mod name;
mod phone;

pub use contact::{Channel, Contact, EmailAddress, EmailError, PostalAddress};
pub use identity::{BirthDate, BirthDateError, Deceased, Gender, Identity};
pub use name::{PersonName, search_key};
pub use phone::{PhoneError, PhoneKind, PhoneNumber};
