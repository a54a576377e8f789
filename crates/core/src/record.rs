//! A section of the record as rows for a page: plain words, robust to whatever is missing.

mod quantity;
mod rows;
mod words;

pub use rows::{Row, rows, sorted_rows};
