//! Synthetic population, attackers, careless portal, open keeper and scorecard.

pub mod population;

// The test kit never reaches a release binary, so its software passkey is compiled in here by its file.
#[path = "../../testkit/src/passkey.rs"]
pub mod passkey;
