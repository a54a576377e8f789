//! The keeper over its socket, with a real database.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what tests begin with is no test to the lint; a failure there ends the test"
)]

mod acting;
mod arrange;
mod ceilings;
mod clients;
mod deposit;
mod disk;
mod enrol;
mod epochs;
mod erasure;
mod faulty_disk;
mod foreign_rows;
mod freezes;
mod history;
mod ledger;
mod limits;
mod loss;
mod merges;
mod notifications;
mod open;
mod quick_start;
mod recall;
mod receipts;
mod room;
mod runs;
mod schema;
mod sharing;
mod socket;
mod tiles;
mod token;
mod token_commands;
mod trouble;
mod unlock;
mod witness;
