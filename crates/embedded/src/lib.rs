//! What Candour brings along where nothing is installed beside it: a private PostgreSQL cluster
//! ([`cluster`]) and a mail server that captures instead of sending ([`mailbox`]).
//!
//! A crate of its own because both the binary and the tests start these, and neither of the two may
//! depend on the other: tests of the keeper must not build the portal, and the portal must not build
//! tests. The only SQL here creates roles and databases, and names an instant to copy one at; tables belong to keeper,
//! store and room.

pub mod account;
pub mod cluster;
pub mod mailbox;
pub mod postgres;
pub mod problem;
pub mod secret;

pub use account::Account;
pub use cluster::{Cluster, Durability, Layout};
pub use mailbox::Mailbox;
pub use postgres::Binaries;
pub use problem::Problem;
pub use secret::Secret;
