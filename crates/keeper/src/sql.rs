//! Every SQL statement of the keeper, as constants; a test prepares each against the migrated schema.

pub mod facts;
