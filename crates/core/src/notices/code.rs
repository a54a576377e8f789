//! The 12-character code on each notice, by which anybody can check that it is ours.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// 29 characters (a prime, which the check character needs): no vowels, so that no word appears by chance, and no
/// 0, 1, I or O.
const ALPHABET: &[u8; 29] = b"23456789BCDFGHJKLMNPQRSTVWXYZ";
const RANDOM: usize = 11;

/// Why a text is not a notice code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoticeCodeError {
    /// Not twelve characters of the alphabet.
    #[error("a code has twelve letters and digits, in three groups of four")]
    Pattern,
    /// One character is wrong, or two are swapped.
    #[error("one of the code's characters is wrong")]
    Check,
}

/// A notice's code: 11 random characters (53 bits) and a check character.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NoticeCode([u8; 12]);

fn place(character: u8) -> Option<u32> {
    let at = ALPHABET.iter().position(|letter| *letter == character)?;
    u32::try_from(at).ok()
}

/// Weights 1 … 11 modulo the prime 29 catch every single wrong character and every swap of two.
fn check(characters: &[u8]) -> Option<u8> {
    let sum = characters
        .iter()
        .zip(1..)
        .try_fold(0, |sum, (character, weight)| {
            Some(sum + weight * place(*character)?)
        })?;
    // The check character has weight 12: 12 · x + sum ≡ 0; 17 is the inverse of 12 modulo 29.
    let at = (29 - sum % 29) * 17 % 29;
    ALPHABET.get(usize::try_from(at).ok()?).copied()
}

impl NoticeCode {
    /// The code for 16 random bytes; the caller draws them from a cryptographic source and keeps codes unique.
    pub fn from_random(random: [u8; 16]) -> Self {
        let mut rest = u128::from_be_bytes(random);
        let mut code = [b'2'; 12];
        for character in &mut code[..RANDOM] {
            // The bias of 2^128 modulo 29^11 is below 2^-74.
            let at = usize::try_from(rest % 29).unwrap_or(0);
            rest /= 29;
            *character = ALPHABET[at];
        }
        if let Some(last) = check(&code[..RANDOM]) {
            code[RANDOM] = last;
        }
        Self(code)
    }

    /// Reads a code as people type it: any case, with spaces or hyphens anywhere.
    ///
    /// # Errors
    /// [`NoticeCodeError`]; a typing error is told apart from an unknown code without asking anybody.
    pub fn parse(text: &str) -> Result<Self, NoticeCodeError> {
        let mut code = [0; 12];
        let mut length = 0;
        for character in text.chars() {
            if character.is_whitespace() || matches!(character, '-' | '\u{2010}'..='\u{2015}') {
                continue;
            }
            let byte = u8::try_from(character)
                .map_err(|_| NoticeCodeError::Pattern)?
                .to_ascii_uppercase();
            place(byte).ok_or(NoticeCodeError::Pattern)?;
            *code.get_mut(length).ok_or(NoticeCodeError::Pattern)? = byte;
            length += 1;
        }
        if length != code.len() {
            return Err(NoticeCodeError::Pattern);
        }
        if check(&code[..RANDOM]) == Some(code[RANDOM]) {
            Ok(Self(code))
        } else {
            Err(NoticeCodeError::Check)
        }
    }

    /// The twelve characters without hyphens: what is hashed and compared.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Three groups of four: `7KQD-M2XB-R9TC`.
impl fmt::Display for NoticeCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.as_str();
        write!(out, "{}-{}-{}", &text[..4], &text[4..8], &text[8..])
    }
}

/// Shows nothing of the code.
impl fmt::Debug for NoticeCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("NoticeCode(…)")
    }
}

impl FromStr for NoticeCode {
    type Err = NoticeCodeError;

    fn from_str(text: &str) -> Result<Self, NoticeCodeError> {
        Self::parse(text)
    }
}

impl Serialize for NoticeCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for NoticeCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_code_reads_back_as_people_type_it(random: [u8; 16]) {
            let code = NoticeCode::from_random(random);
            prop_assert_eq!(NoticeCode::parse(&code.to_string()), Ok(code));
            prop_assert_eq!(NoticeCode::parse(&code.to_string().to_lowercase().replace('-', " ")), Ok(code));
        }

        #[test]
        fn one_wrong_character_or_a_swap_is_noticed(random: [u8; 16], at in 0..12_usize, other in 0..12_usize, by in 1..29_usize) {
            let code = NoticeCode::from_random(random);
            let mut wrong = code.0;
            let there = place(wrong[at]).unwrap() as usize;
            wrong[at] = ALPHABET[(there + by) % 29];
            prop_assert_eq!(NoticeCode::parse(std::str::from_utf8(&wrong).unwrap()), Err(NoticeCodeError::Check));
            let mut swapped = code.0;
            swapped.swap(at, other);
            if swapped != code.0 {
                prop_assert_eq!(NoticeCode::parse(std::str::from_utf8(&swapped).unwrap()), Err(NoticeCodeError::Check));
            }
        }
    }

    #[test]
    fn ambiguous_characters_and_other_lengths_are_refused() {
        for text in [
            "",
            "0KQD-M2XB-R9TC",
            "IKQD-M2XB-R9TC",
            "OKQDM2XBR9TC",
            "7KQD",
            "7KQD-M2XB-R9TCC",
            "７KQD-M2XB-R9TC",
        ] {
            assert_eq!(
                NoticeCode::parse(text),
                Err(NoticeCodeError::Pattern),
                "{text}"
            );
        }
    }
}
