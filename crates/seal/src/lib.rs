//! Ids, contexts and sealing: what is sealed, where it belongs, and how it is opened.
//!
//! Pure: values in, values out. No clock, socket, file or database.

pub mod context;
pub mod id;

pub use context::Context;
pub use id::{
    ClientId, DepositKey, IdError, IncidentId, InstallationId, InstanceId, ItemId, PatientId,
    PersonId, PracticeId, RunId,
};
