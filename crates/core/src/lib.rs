//! The domain without input or output: NHI, people, records, FHIR, incidents, clocks, notices.
//!
//! Pure: values in, values out. No clock, socket, file or database.

pub mod block;
pub mod document;
pub mod fhir;

pub mod hpi;
pub mod incidents;
pub mod nhi;
pub mod notices;
pub mod people;
pub mod record;
pub mod tested;
