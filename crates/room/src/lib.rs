//! The incident room: from the keeper's ledger to what people are told.

pub mod database;
pub mod follower;
pub mod incidents;
pub mod register;
pub mod scope;
pub mod texts;
pub mod unlock;
