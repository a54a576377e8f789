//! The operating system's randomness as an argument, so that nothing here reaches for it on its own.

use std::convert::Infallible;

use aws_lc_rs::rand;
use rand_core::{TryCryptoRng, TryRng};

use crate::broken;

/// The operating system's random source; what the processes pass as `rng` (`&mut SystemRandom`).
///
/// A value without content: make one where it is needed. If the system cannot give random bytes
/// the process ends, because nothing sealed afterwards would be safe.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl TryRng for SystemRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        match rand::fill(out) {
            Ok(()) => Ok(()),
            Err(_) => broken("the system gives no random bytes"),
        }
    }
}

impl TryCryptoRng for SystemRandom {}
