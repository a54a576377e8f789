//! The room against a real PostgreSQL.

mod register;
mod schema;
mod scope;
mod sending;
mod support;
mod told;
