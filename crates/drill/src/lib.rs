//! Synthetic population, attackers, careless portal, open keeper and scorecard.

pub mod population;
