//! For tests only.

pub mod cluster;

pub use cluster::{Template, TestCluster, TestDatabase};
