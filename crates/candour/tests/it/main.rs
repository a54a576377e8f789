//! The parts of the binary from outside.

mod import;
