//! The embedded parts as their users see them.

// Marked as tests so that the lints know it of helpers outside `#[test]` functions too.
#[cfg(test)]
mod mailbox;
