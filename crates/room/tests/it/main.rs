//! The room against a real PostgreSQL.

mod register;
mod relay;
mod reopenings;
mod schema;
mod sending;
mod support;
mod world;
