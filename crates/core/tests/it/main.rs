//! The domain against published vectors and sample files.

#[cfg(test)]
mod documents;
#[cfg(test)]
mod shared;
#[cfg(test)]
mod synthea;
#[cfg(test)]
mod vectors;
