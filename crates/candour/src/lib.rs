//! The parts of the `candour` binary that are tested on their own.

pub mod import;
