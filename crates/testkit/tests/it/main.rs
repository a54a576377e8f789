//! What every other crate's database tests rely on.

mod cluster;
