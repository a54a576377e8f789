//! The part of FHIR R4 that Candour reads: resources kept exactly as they came, with what is needed to place them.

mod attachment;
mod date;
mod directory;
mod patient;
mod reader;
mod reference;
mod resource;
mod segment;
mod sensitivity;

pub use attachment::{Attachment, Detached, attach, detach};
pub use date::FhirDate;
pub use directory::Directory;
pub use patient::{PatientError, contact, identity};
pub use reader::{Entry, Fault, Reason, read_bundle, read_resource};
pub use reference::Reference;
pub use resource::{Resource, Section};
pub use segment::{SEGMENT_BYTES, Segment, segments};
pub use sensitivity::{Sensitivities, Sensitivity};
