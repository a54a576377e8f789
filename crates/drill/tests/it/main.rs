//! The drill's parts from outside.

mod population;
