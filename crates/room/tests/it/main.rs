//! The room against a real PostgreSQL, and over the real keeper.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of tests are not tests to the lint; a failure here ends the test"
)]

mod acts;
mod alarms;
mod approved;
mod browser;
mod closing;
mod freezing;
mod lists;
mod pages;
mod register;
mod relay;
mod reopenings;
mod runs;
mod schema;
mod scope;
mod sending;
mod stopping;
mod support;
mod told;
mod updates;
mod world;
