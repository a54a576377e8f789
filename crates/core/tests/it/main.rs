//! The domain against published vectors and sample files.

#[cfg(test)]
mod csv;
#[cfg(test)]
mod documents;
#[cfg(test)]
#[path = "../../../testkit/src/shared_data.rs"]
mod shared_data;
#[cfg(test)]
#[path = "../../../testkit/src/skipped.rs"]
mod skipped;
#[cfg(test)]
mod synthea;
#[cfg(test)]
mod vectors;
