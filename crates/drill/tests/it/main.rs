//! The drill's parts from outside.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod canaries;
#[cfg(test)]
mod population;
#[cfg(test)]
mod year;
