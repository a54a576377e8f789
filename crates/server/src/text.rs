//! Texts of forms and cookies: bytes as lower-case hexadecimal digits, and secrets that are zeroed on drop.

use crate::error::Problem;
use candour_app::sign_in::CeremonyId;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// The digits. Often of a token or a code: the time it takes does not depend on them.
pub fn hexadecimal(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// The bytes; `None` for anything but exactly `LENGTH` bytes in lower-case digits.
pub fn bytes<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    let decoded = base16ct::lower::decode(text, &mut bytes).ok()?;
    (decoded.len() == LENGTH).then_some(bytes)
}

/// The ceremony that a form answers, as its hidden field names it.
pub fn ceremony(text: &str) -> Result<CeremonyId, Problem> {
    bytes::<16>(text)
        .map(CeremonyId::from_bytes)
        .ok_or(Problem::Form)
}

/// Reads a form's field whose memory is zeroed when it is dropped.
pub fn secret<'de, D: Deserializer<'de>>(field: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(field).map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_back_and_other_spellings_do_not() {
        assert_eq!(
            bytes::<3>(&hexadecimal(&[0, 171, 255])),
            Some([0, 171, 255])
        );
        for text in ["", "00ab", "00abf", "00ABFF", "00abff0", "gg0000"] {
            assert_eq!(bytes::<3>(text), None, "{text}");
        }
    }
}
