//! The room against a real PostgreSQL.

mod register;
mod schema;
mod sending;
mod support;
