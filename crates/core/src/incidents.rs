//! Legal duties after an incident: regimes as data, and the clocks they start.

mod clock;
mod regime;

pub use clock::{Calendar, Clock, ClockState, Limit, LimitError, Moment, Moments};
pub use regime::{Basis, Confidence, Duty, Regime, RegimeError, Whom, regimes};
