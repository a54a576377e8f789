//! What every other crate's database tests rely on.

// Marked as tests so that the lints know it of helpers outside `#[test]` functions too.
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod seeds;
