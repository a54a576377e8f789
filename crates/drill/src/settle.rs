//! Filling a running installation with a synthetic population, through ordinary calls only.
//!
//! Two processes share the work, because the parts of an installation trust accounts of the operating system: the
//! *clerk* (who started it: the supervisor's user) asks the keeper's own command line for practices and officers,
//! and writes what the portal knows of practices; the *desk* runs as the portal's user, has the portal's credential
//! and does what practices' programs, staff and patients do over the keeper's socket.

mod accounts;
mod clerk;
mod clinical;
mod desk;
mod keeper_command;
mod order;
mod people;
mod register;

pub(crate) use accounts::{HELPER, VICTIM};
pub use clerk::{Wishes, marked_canaries, owner as owner_of, settle};
pub use desk::run as run_desk;
pub use desk::{bytes as bytes_of, open_app, open_store};
pub(crate) use desk::{client as client_of, credential as credential_of};
pub(crate) use keeper_command::KeeperCommand;
pub use order::{Desk, Done, Order, Report, SettledPatient, Visitor};
pub use people::fill;
