//! The New Zealand National Health Index number, both formats.
//!
//! Source: HISO 10046:2023. The old format is `AAANNNC` (modulus 11, check digit), the new one `AAANNAX`
//! (modulus 23, check letter). The withdrawn modulus 24 of the 2019 text is refused.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Letters an NHI is written with: no I and no O. A letter's value is its place, from 1.
const LETTERS: &[u8; 24] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Why a text is not an NHI number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NhiError {
    /// Not three letters followed by four digits, or by two digits and two letters.
    #[error(
        "an NHI number is three letters and four digits, or three letters, two digits and two letters"
    )]
    Pattern,
    /// The check character is another one, or no check character could make it valid.
    #[error("the NHI number's check character does not fit")]
    Check,
}

/// Which of the two formats a number has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NhiFormat {
    /// `AAANNNC`, for example `ZAC5361`.
    Digits,
    /// `AAANNAX`, for example `ZXE24NV`.
    Letters,
}

/// A valid NHI number, normalised to seven upper-case characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nhi([u8; 7]);

fn value(character: u8) -> Option<u32> {
    if character.is_ascii_digit() {
        return Some(u32::from(character - b'0'));
    }
    let place = LETTERS.iter().position(|letter| *letter == character)?;
    u32::try_from(place + 1).ok()
}

fn sum(first_six: &[u8]) -> Option<u32> {
    first_six
        .iter()
        .zip([7, 6, 5, 4, 3, 2])
        .try_fold(0, |sum, (character, weight)| {
            Some(sum + weight * value(*character)?)
        })
}

/// The check character of the first six, or `None` where no character makes them valid.
fn check(first_six: &[u8], format: NhiFormat) -> Option<u8> {
    let sum = sum(first_six)?;
    match format {
        NhiFormat::Digits => match sum % 11 {
            0 => None,
            1 => Some(b'0'),
            rest => u8::try_from(11 - rest).ok().map(|digit| b'0' + digit),
        },
        NhiFormat::Letters => {
            let place = usize::try_from(23 - sum % 23).ok()?;
            LETTERS.get(place - 1).copied()
        }
    }
}

fn format_of(characters: [u8; 7]) -> Option<NhiFormat> {
    let letter = |at: usize| LETTERS.contains(&characters[at]);
    let digit = |at: usize| characters[at].is_ascii_digit();
    if !(letter(0) && letter(1) && letter(2) && digit(3) && digit(4)) {
        return None;
    }
    if digit(5) && digit(6) {
        Some(NhiFormat::Digits)
    } else if letter(5) && letter(6) {
        Some(NhiFormat::Letters)
    } else {
        None
    }
}

impl Nhi {
    /// Reads a number as people write it: spaces and hyphens are dropped, ASCII lower case is raised.
    ///
    /// # Errors
    /// [`NhiError::Pattern`] for anything that is not ASCII or has another shape, [`NhiError::Check`] for a wrong check.
    pub fn parse(text: &str) -> Result<Self, NhiError> {
        let mut characters = [0; 7];
        let mut length = 0;
        for byte in text.bytes() {
            if byte == b' ' || byte == b'-' {
                continue;
            }
            let place = characters.get_mut(length).ok_or(NhiError::Pattern)?;
            *place = byte.to_ascii_uppercase();
            length += 1;
        }
        let format = format_of(characters).ok_or(NhiError::Pattern)?;
        let expected = check(&characters[..6], format).ok_or(NhiError::Check)?;
        if expected == characters[6] {
            Ok(Self(characters))
        } else {
            Err(NhiError::Check)
        }
    }

    /// The seven characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The number's format.
    pub fn format(&self) -> NhiFormat {
        format_of(self.0).unwrap_or(NhiFormat::Digits)
    }

    /// Numbers that start with Z are reserved for testing and belong to nobody.
    pub fn is_test(&self) -> bool {
        self.0[0] == b'Z'
    }

    /// Counters of [`NhiFormat::Letters`] that made-up populations leave free: an import takes its test numbers from
    /// them, so that nobody who is imported is taken for somebody who was made up.
    pub const IMPORTED_TEST_NUMBERS: Range<u32> = 1_000_000..Self::test_numbers(NhiFormat::Letters);

    /// How many different numbers [`Nhi::test_number`] can give in a format.
    pub const fn test_numbers(format: NhiFormat) -> u32 {
        match format {
            NhiFormat::Digits => BLOCKS * 9,
            NhiFormat::Letters => BLOCKS * 22,
        }
    }

    /// The test number for a counter: the same counter gives the same number, different counters different ones.
    ///
    /// `None` from [`Nhi::test_numbers`] on. Neighbouring counters give numbers that look unrelated.
    pub fn test_number(format: NhiFormat, counter: u32) -> Option<Self> {
        let all = Self::test_numbers(format);
        if counter >= all {
            return None;
        }
        // 104,729 is prime and divides neither count, so this is a permutation.
        let place = u64::from(counter) * 104_729 % u64::from(all);
        let per_block = u64::from(all / BLOCKS);
        let block = place / per_block;
        let mut nth = usize::try_from(place % per_block).ok()?;
        let letter = |index: u64| {
            usize::try_from(index)
                .ok()
                .and_then(|at| LETTERS.get(at))
                .copied()
        };
        let digit = |index: u64| u8::try_from(index).ok().map(|digit| b'0' + digit);
        let sixth: &[u8] = match format {
            NhiFormat::Digits => b"0123456789",
            NhiFormat::Letters => LETTERS,
        };
        let mut number = [
            b'Z',
            letter(block / 100 / 24)?,
            letter(block / 100 % 24)?,
            digit(block % 100 / 10)?,
            digit(block % 10)?,
            0,
            0,
        ];
        for candidate in sixth {
            number[5] = *candidate;
            // A remainder of 0 is never issued in the old format and undecided in the new one: left out of both.
            let modulus = if format == NhiFormat::Digits { 11 } else { 23 };
            if sum(&number[..6])? % modulus == 0 {
                continue;
            }
            if nth == 0 {
                number[6] = check(&number[..6], format)?;
                return Some(Self(number));
            }
            nth -= 1;
        }
        None
    }
}

/// Combinations of the two letters after Z and the first two digits.
const BLOCKS: u32 = 24 * 24 * 100;

impl FromStr for Nhi {
    type Err = NhiError;

    fn from_str(text: &str) -> Result<Self, NhiError> {
        Self::parse(text)
    }
}

impl fmt::Display for Nhi {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Shows nothing of the number: it names a person.
impl fmt::Debug for Nhi {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Nhi(…)")
    }
}

impl Serialize for Nhi {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Nhi {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_test_number_is_valid_and_given_once() {
        for format in [NhiFormat::Digits, NhiFormat::Letters] {
            let mut seen = HashSet::new();
            for counter in 0..60_000 {
                let number = Nhi::test_number(format, counter).unwrap();
                assert_eq!(Nhi::parse(number.as_str()), Ok(number));
                assert_eq!(number.format(), format);
                assert!(number.is_test() && seen.insert(number));
            }
            assert!(Nhi::test_number(format, Nhi::test_numbers(format)).is_none());
            assert!(Nhi::test_number(format, Nhi::test_numbers(format) - 1).is_some());
        }
    }

    #[test]
    fn a_number_reads_back_from_json_and_a_wrong_one_does_not() {
        let number = Nhi::parse("zac 5361").unwrap();
        assert_eq!(serde_json::to_string(&number).unwrap(), "\"ZAC5361\"");
        assert_eq!(serde_json::from_str::<Nhi>("\"ZAC5361\"").unwrap(), number);
        assert!(serde_json::from_str::<Nhi>("\"ZAC5362\"").is_err());
        assert!(!format!("{number:?}").contains("ZAC"));
    }
}
