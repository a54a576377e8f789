//! For tests only: databases, the real keeper in process, builders, a mailbox, a clock.

pub mod passkey;
