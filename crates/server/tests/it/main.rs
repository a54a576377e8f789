//! Tests of the portal's pages and routes.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of tests are not tests to the lint; a failure here ends the test"
)]

mod emergency;
mod installation;
mod notices;
mod notifications;
mod pages;
mod programs;
mod recalls;
mod record;
mod recoveries;
mod reopenings;
mod samples;
mod sessions;
mod sharing;
mod sign_in_ways;
mod strangers;
mod trouble;
mod visits;
