//! The parts of the binary from outside.

#[cfg(test)]
mod import;
