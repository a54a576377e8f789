//! Texts of forms and cookies: bytes as lower-case hexadecimal digits, and secrets that are zeroed on drop.

use serde::{Deserialize, Deserializer};
use std::fmt::Write;
use zeroize::Zeroizing;

/// The digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The bytes; `None` for anything but exactly `LENGTH` bytes in lower-case digits.
pub fn bytes<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let digits = text.as_bytes();
    if digits.len() != LENGTH * 2 {
        return None;
    }
    let mut bytes = [0; LENGTH];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// Reads a form's field whose memory is zeroed when it is dropped.
pub fn secret<'de, D: Deserializer<'de>>(field: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(field).map(Zeroizing::new)
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
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
