//! Telephone numbers in E.164, with New Zealand's rules.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is not a telephone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// It has characters no telephone number has.
    #[error("a telephone number has digits, spaces, hyphens, brackets and a leading plus only")]
    Characters,
    /// No such number is given out in New Zealand, or it is too short or too long for any country.
    #[error("no telephone number looks like this")]
    Number,
}

/// What can be done with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PhoneKind {
    /// New Zealand mobile: may get text messages.
    Mobile,
    /// New Zealand landline.
    Landline,
    /// 0800 and 0508: no text messages.
    Freephone,
    /// A number of another country; its kind is not known here.
    Abroad,
}

/// A telephone number, stored as E.164 (`+64211234567`).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(String);

fn all_digits(text: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The kind of a New Zealand number without country code and leading 0 (libphonenumber's rules).
fn new_zealand(national: &str) -> Option<PhoneKind> {
    let bytes = national.as_bytes();
    if !all_digits(national, 8..=10) {
        return None;
    }
    let rest = |from: usize, lengths| all_digits(&national[from..], lengths);
    let mobile = match (bytes[0], bytes[1]) {
        (b'2', b'6') => rest(2, 6..=7),
        (b'2', b'1') => rest(3, 6..=7) || rest(2, 6..=6),
        (b'2', b'7') if bytes[2] == b'5' && rest(3, 5..=5) => true,
        (b'2', b'0' | b'2' | b'7'..=b'9') => rest(3, 6..=7),
        _ => false,
    };
    if mobile {
        return Some(PhoneKind::Mobile);
    }
    let landline = match (bytes[0], bytes[1]) {
        (b'3', b'2' | b'3'..=b'7' | b'9')
        | (b'4' | b'9', b'2'..=b'9')
        | (b'6', b'2' | b'3' | b'5'..=b'9')
        | (b'7', b'2'..=b'5' | b'7'..=b'9') => bytes.len() == 8,
        _ => false,
    };
    if landline {
        return Some(PhoneKind::Landline);
    }
    let freephone = (national.starts_with("800") || national.starts_with("508"))
        && (9..=10).contains(&bytes.len());
    freephone.then_some(PhoneKind::Freephone)
}

impl PhoneNumber {
    /// Reads a number as people in New Zealand write it: `021 123 4567`, `+64 (0)21 …`, `0064 …`, `+61 …`.
    ///
    /// # Errors
    /// [`PhoneError::Characters`] for letters and the like, [`PhoneError::Number`] for a number that cannot be.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let mut compact = String::with_capacity(text.len());
        for character in text.trim().replace("(0)", "").chars() {
            match character {
                '0'..='9' => compact.push(character),
                '+' if compact.is_empty() => compact.push('+'),
                ' ' | '-' | '(' | ')' | '.' | '\u{A0}' | '\u{2010}'..='\u{2013}' => {}
                _ => return Err(PhoneError::Characters),
            }
        }
        let international = compact
            .strip_prefix('+')
            .or_else(|| compact.strip_prefix("00"));
        let national = match international {
            Some(number) => match number.strip_prefix("64") {
                Some(national) => national,
                None if all_digits(number, 7..=15) && !number.starts_with('0') => {
                    return Ok(Self(format!("+{number}")));
                }
                None => return Err(PhoneError::Number),
            },
            None => compact.strip_prefix('0').ok_or(PhoneError::Number)?,
        };
        new_zealand(national).ok_or(PhoneError::Number)?;
        Ok(Self(format!("+64{national}")))
    }

    /// What can be done with it.
    pub fn kind(&self) -> PhoneKind {
        self.0
            .strip_prefix("+64")
            .and_then(new_zealand)
            .unwrap_or(PhoneKind::Abroad)
    }

    /// E.164 with the leading plus.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As people in New Zealand write it: `021 123 4567`, `09 300 1234`; numbers abroad stay in E.164.
    pub fn local(&self) -> String {
        let Some(national) = self.0.strip_prefix("+64") else {
            return self.0.clone();
        };
        let (area, rest) = national.split_at(match self.kind() {
            PhoneKind::Landline => 1,
            PhoneKind::Freephone => 3,
            PhoneKind::Mobile | PhoneKind::Abroad => 2,
        });
        let (middle, last) = rest.split_at(3.min(rest.len()));
        format!("0{area} {middle} {last}")
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Shows nothing of the number.
impl fmt::Debug for PhoneNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PhoneNumber(…)")
    }
}

impl FromStr for PhoneNumber {
    type Err = PhoneError;

    fn from_str(text: &str) -> Result<Self, PhoneError> {
        Self::parse(text)
    }
}

impl Serialize for PhoneNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PhoneNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        for (typed, expected, kind) in [
            ("021 123 4567", "+64211234567", PhoneKind::Mobile),
            ("+64 21 123 4567", "+64211234567", PhoneKind::Mobile),
            ("+64 (0)21 123 4567", "+64211234567", PhoneKind::Mobile),
            ("0064 21 1234567", "+64211234567", PhoneKind::Mobile),
            ("021 123 456", "+6421123456", PhoneKind::Mobile),
            ("021 0123 4567", "+642101234567", PhoneKind::Mobile),
            ("0275151510", "+64275151510", PhoneKind::Mobile),
            ("028 2551 2345", "+642825512345", PhoneKind::Mobile),
            ("020 4012 3456", "+642040123456", PhoneKind::Mobile),
            ("03 345 6789", "+6433456789", PhoneKind::Landline),
            ("(09) 300-1234", "+6493001234", PhoneKind::Landline),
            ("0800 123 456", "+64800123456", PhoneKind::Freephone),
            ("+61 412 345 678", "+61412345678", PhoneKind::Abroad),
        ] {
            let number = PhoneNumber::parse(typed).unwrap();
            assert_eq!(
                (number.as_str(), number.kind()),
                (expected, kind),
                "{typed}"
            );
            assert_eq!(
                PhoneNumber::parse(&number.local()).unwrap(),
                number,
                "{typed}"
            );
        }
    }

    #[test]
    fn impossible_numbers_are_refused() {
        for typed in [
            "0210 123 45678",
            "021 12",
            "111",
            "024 099 1234",
            "",
            "+",
            "+64",
            "0",
        ] {
            assert_eq!(
                PhoneNumber::parse(typed),
                Err(PhoneError::Number),
                "{typed}"
            );
        }
        assert_eq!(PhoneNumber::parse("call me"), Err(PhoneError::Characters));
    }
}
