//! The room against a real PostgreSQL, and over the real keeper.

mod register;
mod relay;
mod reopenings;
mod runs;
mod schema;
mod sending;
mod support;
mod world;
