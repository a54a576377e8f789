//! For tests only: databases, the real keeper in process, builders, a mailbox, a clock.

pub mod cluster;
pub mod fuzz;
pub mod held;
pub mod keeper;
pub mod passkey;
pub mod portal;
pub mod shared_data;
pub mod skipped;

pub use cluster::{Template, TestCluster, TestDatabase};
pub use held::Held;
pub use keeper::TestKeeper;
