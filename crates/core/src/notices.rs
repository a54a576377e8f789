//! Notices to people and practices: the code each one carries, and the gate its text passes.

mod code;
mod gate;

pub use code::{NoticeCode, NoticeCodeError};
pub use gate::{Finding, TextGate};
