//! Legal duties after an incident: regimes as data, and the clocks they start.

mod clock;

pub use clock::{Calendar, Clock, ClockState, Limit, LimitError, Moment, Moments};
