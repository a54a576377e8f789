//! The real binary on this machine, in temporary data directories.

mod demonstration;
mod supervisor;
