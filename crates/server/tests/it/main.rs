//! Tests of the portal's pages and routes.

mod pages;
mod samples;
