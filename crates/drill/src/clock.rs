//! The one place where the drill's processes read the clock.

use jiff::Timestamp;

/// Now, as this machine has it.
pub fn now() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge: this is where a process reads its clock"
    )]
    Timestamp::now()
}

/// Seconds from one time to a later one; negative when it is earlier.
pub fn seconds_between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}
