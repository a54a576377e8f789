//! An authenticator app in software (RFC 6238: SHA-1, six digits, steps of 30 seconds).

use crate::Problem;
use aws_lc_rs::hmac;

const STEP_SECONDS: u64 = 30;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The shared secret of one account.
#[derive(Clone, PartialEq, Eq)]
pub struct Authenticator {
    secret: Vec<u8>,
}

impl Authenticator {
    /// Takes the secret from an `otpauth://` address, as the camera of an app does.
    ///
    /// # Errors
    /// When it has no secret.
    pub fn from_address(address: &str) -> Result<Self, Problem> {
        let parameters = address.split_once('?').map_or("", |(_, rest)| rest);
        parameters
            .split('&')
            .find_map(|parameter| parameter.strip_prefix("secret="))
            .and_then(Self::from_secret)
            .ok_or_else(|| Problem::Unexpected("the otpauth address has no secret".to_owned()))
    }

    /// Takes the secret as people type it: base32 (RFC 4648), any case.
    pub fn from_secret(text: &str) -> Option<Self> {
        let mut secret = Vec::new();
        let (mut value, mut bits) = (0_u32, 0);
        for letter in text.trim_end_matches('=').bytes() {
            let place = ALPHABET
                .iter()
                .position(|known| *known == letter.to_ascii_uppercase())?;
            value = (value << 5 | u32::try_from(place).ok()?) & 0xFFFF;
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                secret.push(u8::try_from(value >> bits & 0xFF).ok()?);
            }
        }
        (!secret.is_empty()).then_some(Self { secret })
    }

    /// The secret as base32 without padding, for a demonstration's list of accounts.
    pub fn secret(&self) -> String {
        let mut text = String::new();
        let (mut value, mut bits) = (0_u32, 0);
        for byte in &self.secret {
            value = (value << 8 | u32::from(*byte)) & 0xFFFF;
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                text.push(letter(value >> bits));
            }
        }
        if bits > 0 {
            text.push(letter(value << (5 - bits)));
        }
        text
    }

    /// The six digits at a time, in seconds since 1970.
    pub fn digits(&self, unix_seconds: u64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.secret);
        let tag = hmac::sign(&key, &(unix_seconds / STEP_SECONDS).to_be_bytes());
        let mac = tag.as_ref();
        let offset = usize::from(mac.last().copied().unwrap_or(0) & 0x0F);
        let word = mac
            .iter()
            .skip(offset)
            .take(4)
            .fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        format!("{:06}", (word & 0x7FFF_FFFF) % 1_000_000)
    }
}

fn letter(place: u32) -> char {
    char::from(ALPHABET[(place & 31) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_are_those_of_rfc_6238() {
        let app = Authenticator {
            secret: b"12345678901234567890".to_vec(),
        };
        for (seconds, digits) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(app.digits(seconds), digits);
        }
    }

    #[test]
    fn a_secret_is_read_back_from_what_is_shown() {
        let app = Authenticator::from_address(
            "otpauth://totp/Candour:mere?secret=JBSWY3DPEHPK3PXP&issuer=Candour",
        )
        .unwrap();
        assert_eq!(app.secret(), "JBSWY3DPEHPK3PXP");
        assert!(Authenticator::from_address("otpauth://totp/Candour:mere").is_err());
    }
}
