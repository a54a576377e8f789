//! The keeper over its socket, with a real database.

mod arrange;
mod deposit;
mod enrol;
mod foreign_rows;
mod freezes;
mod history;
mod ledger;
mod open;
mod room;
mod schema;
mod trouble;
