//! The rules as the keeper drives them.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "all of this is tests, helpers too"
)]

mod budget;
mod detect;
mod sequencer;
mod stolen_staff;
