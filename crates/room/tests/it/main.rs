//! The room against a real PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of tests are not tests to the lint; a failure here ends the test"
)]

mod register;
mod schema;
mod scope;
mod sending;
mod support;
mod told;
