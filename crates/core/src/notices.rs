//! Notices to people and practices: the code each one carries, and the gate its text passes.

mod code;
mod gate;
mod waiting;

pub use code::{NoticeCode, NoticeCodeError};
pub use gate::{Finding, TextGate};
pub use waiting::WaitingNotice;
