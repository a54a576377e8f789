//! Chance that a seed repeats: when to strike, and whom.

use std::time::Duration;

/// Splitmix64. It is for moments and victims only and keeps no secret.
#[derive(Debug, Clone)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// One of many streams of a seed.
    pub const fn new(seed: u64, stream: u64) -> Self {
        Self {
            state: seed.wrapping_mul(0x2545_F491_4F6C_DD1D)
                ^ stream.wrapping_mul(0x9FB2_1C65_1E98_DF25),
        }
    }

    /// The next 64 bits.
    pub const fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `limit - 1`; 0 when there is nothing to choose from.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.draw() % limit).unwrap_or(0)
    }

    /// One of a list.
    pub fn one_of<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.below(list.len()))
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, times: usize) -> bool {
        self.below(100) < times
    }

    /// A time of at least `least` and less than `most`.
    pub fn time(&mut self, least: Duration, most: Duration) -> Duration {
        let width = most.saturating_sub(least).as_micros();
        let width = usize::try_from(width).unwrap_or(usize::MAX);
        least + Duration::from_micros(u64::try_from(self.below(width)).unwrap_or(0))
    }

    /// 16 bytes as hexadecimal digits.
    pub fn hexadecimal(&mut self) -> String {
        format!("{:016x}{:016x}", self.draw(), self.draw())
    }

    /// Bytes of plain text that no compression helps with.
    pub fn text(&mut self, length: usize) -> Vec<u8> {
        let mut text = Vec::with_capacity(length + 17);
        while text.len() < length {
            text.extend_from_slice(format!("{:016x}\n", self.draw()).as_bytes());
        }
        text.truncate(length);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_its_streams_differ() {
        let draw = |seed, stream| {
            let mut dice = Dice::new(seed, stream);
            [dice.draw(), dice.draw()]
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn a_time_lies_within_its_bounds() {
        let mut dice = Dice::new(3, 0);
        let (least, most) = (Duration::from_millis(5), Duration::from_millis(9));
        for _ in 0..1000 {
            let time = dice.time(least, most);
            assert!(least <= time && time < most);
        }
    }
}
