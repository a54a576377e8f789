//! What crosses the keeper's socket, and how: messages, words, frames, and the answering side.
//!
//! The asking side is `candour-keeper-api`, which the keeper does not link.

pub mod bodies;
pub mod frame;
mod freezing;
pub mod service;
mod token;
pub mod wire;
pub mod words;

pub use token::Token;
