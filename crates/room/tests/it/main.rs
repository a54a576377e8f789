//! The room against a real PostgreSQL.

mod schema;
mod sending;
mod support;
