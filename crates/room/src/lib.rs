//! The incident room: from the keeper's ledger to what people are told.

pub mod acts;
mod ceremonies;
mod clock;
pub mod clocks;
pub mod closing;
pub mod codes;
pub mod config;
pub mod database;
mod demonstration;
pub mod follower;
pub mod incidents;
mod limit;
pub mod mail;
pub mod notices;
mod pages;
pub mod portal;
pub mod publish;
pub mod register;
pub mod reopenings;
pub mod room;
mod run;
pub mod scope;
pub mod sender;
mod statements;
pub mod status;
pub mod steward;
pub mod texts;
pub mod unlock;
pub mod updates;

pub use config::{RoomConfig, Smtp, StatusConfig};
pub use demonstration::DemonstrationOfficers;
pub use pages::serve as serve_pages;
pub use room::RoomError;
pub use run::{run, run_on, run_status};
pub use statements::statements;
pub use texts::Sender;
