//! The drill's parts from outside.

#[cfg(test)]
mod population;
