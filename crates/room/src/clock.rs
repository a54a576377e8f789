//! The one place where the room reads the clock.

use jiff::Timestamp;

/// The time now; everything below takes it as an argument.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge: read once for each request and each step"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}
