//! The rules as the keeper drives them.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "all of this is tests, helpers too"
)]

mod attacks;
mod budget;
mod ceilings;
mod detect;
mod sequencer;
mod shapes;
mod stolen_staff;
mod weapons;

// The drill plays ordinary life through the same.
#[path = "../../../drill/src/small_keeper.rs"]
mod small_keeper;
