//! The domain against published vectors and sample files.

mod documents;
mod shared;
mod synthea;
mod vectors;
