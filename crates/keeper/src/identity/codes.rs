//! Codes that people type: of an authenticator app, of a printed sheet, of an invitation.
//!
//! Printed codes use Crockford's 32 characters: no letter looks like a digit, and what is easily misread is
//! read as what was meant.

use candour_seal::{MacKey, hmac};
use jiff::Timestamp;
use subtle::ConstantTimeEq;
use totp_rs::{Algorithm, Builder};
use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Codes on one printed sheet.
pub const SHEET_CODES: usize = 40;
/// Characters of one of its codes (5 bits each).
const SHEET_LENGTH: usize = 8;
/// Characters of an invitation's code, the last one a check character.
const INVITATION_LENGTH: usize = 16;
/// Seconds for which an authenticator app shows one code (RFC 6238).
const STEP_SECONDS: u64 = 30;

/// The secret of an authenticator app: 20 bytes, as long as SHA-1's output (RFC 4226, section 4).
pub struct TotpSecret(Zeroizing<[u8; 20]>);

impl TotpSecret {
    /// The secret with these bytes.
    pub fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The secret's bytes, to be sealed.
    pub fn expose(&self) -> &[u8; 20] {
        &self.0
    }

    /// The 30-second step whose code this is: now's, the one before or the one after.
    ///
    /// A step may be used once; the caller remembers it.
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<u64> {
        let seconds = u64::try_from(now.as_second()).ok()?;
        let totp = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_skew(1)
            .with_step_duration(STEP_SECONDS)
            .with_secret(*self.0)
            .build()
            .ok()?;
        let typed: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        totp.check(&typed, seconds)
    }

    /// What an authenticator app shows at a time.
    #[cfg(test)]
    pub(crate) fn code_at(&self, now: Timestamp) -> String {
        let totp = Builder::new().with_secret(*self.0).build().unwrap();
        let seconds = u64::try_from(now.as_second()).unwrap();
        totp.generate(seconds).to_string()
    }

    /// The secret as an authenticator app takes it.
    pub fn otpauth(&self, login: &str) -> String {
        let account: String = url::form_urlencoded::byte_serialize(login.as_bytes())
            .collect::<String>()
            .replace('+', "%20");
        format!(
            "otpauth://totp/Candour:{account}?secret={}&issuer=Candour&algorithm=SHA1&digits=6&period={STEP_SECONDS}",
            base32(self.0.as_slice())
        )
    }
}

/// RFC 4648, section 6, without padding.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = String::new();
    let (mut held, mut bits) = (0_u32, 0_u32);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(LETTERS[(held >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        out.push(char::from(LETTERS[(held << (5 - bits) & 31) as usize]));
    }
    out
}

/// A sheet of one-use codes, for somebody without an authenticator app.
pub struct Sheet {
    /// As printed, `xxxx-xxxx`; shown once.
    pub printed: Vec<String>,
    /// Keyed hashes of the codes, in the same order; kept once they were hashed slowly.
    pub keyed: Vec<Keyed>,
}

/// The keyed hash of something typed, as what a slow hash takes.
pub type Keyed = Zeroizing<[u8; 32]>;

impl Sheet {
    /// A sheet from random bytes (8 for each of the 40 codes).
    pub fn from_random(key: &MacKey, random: &[u8; SHEET_CODES * SHEET_LENGTH]) -> Self {
        let codes: Vec<String> = random.chunks_exact(SHEET_LENGTH).map(letters).collect();
        Self {
            keyed: codes.iter().map(|code| keyed(key, code)).collect(),
            printed: codes.iter().map(|code| grouped(code)).collect(),
        }
    }
}

/// The keyed hash of what was typed; `None` where it cannot be a sheet's code.
pub fn as_sheet_code(key: &MacKey, typed: &str) -> Option<Keyed> {
    let code = normal(typed);
    (code.len() == SHEET_LENGTH).then(|| keyed(key, &code))
}

/// The position of a code on a sheet, by its hash; every position is compared.
pub fn position_on_sheet(hashes: &[Vec<u8>], hash: &[u8; 32]) -> Option<u64> {
    let mut found = None;
    for (position, kept) in (0..).zip(hashes) {
        if bool::from(kept.as_slice().ct_eq(hash)) {
            found = Some(position);
        }
    }
    found
}

/// A code that is sent to an address, `xxxx-xxxx`: 40 random bits.
pub fn sent_code(random: &[u8; SHEET_LENGTH]) -> String {
    grouped(&letters(random))
}

/// Whether a typed code is the one that was sent.
pub fn is_sent_code(sent: &str, typed: &str) -> bool {
    !sent.is_empty() && bool::from(normal(sent).as_bytes().ct_eq(normal(typed).as_bytes()))
}

/// The code of an invitation: 75 random bits and a check character.
#[derive(Clone, PartialEq, Eq)]
pub struct InvitationCode(Zeroizing<String>);

impl InvitationCode {
    /// A code from random bytes.
    pub fn from_random(random: &[u8; INVITATION_LENGTH - 1]) -> Self {
        let mut code = letters(random);
        code.push(check_character(&code));
        Self(Zeroizing::new(code))
    }

    /// Reads a typed code; `None` when it cannot be one, so that a slip of the hand is not a wrong try.
    pub fn parse(typed: &str) -> Option<Self> {
        let code = normal(typed);
        let (body, check) = code.split_at_checked(INVITATION_LENGTH - 1)?;
        (body.bytes().all(|letter| ALPHABET.contains(&letter))
            && check.chars().eq([check_character(body)]))
        .then(|| Self(Zeroizing::new(code.clone())))
    }

    /// As printed: `XXXX-XXXX-XXXX-XXXX`.
    pub fn printed(&self) -> String {
        grouped(&self.0).to_uppercase()
    }

    /// The characters without dashes, in lower case.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// What is kept of an operator's recovery code.
pub fn hash_of_operator_code(key: &MacKey, code: &InvitationCode) -> [u8; 32] {
    hmac(
        key,
        &[b"candour/v1/operator", code.expose().as_bytes()].concat(),
    )
}

fn keyed(key: &MacKey, code: &str) -> Keyed {
    let input = Zeroizing::new([b"candour/v1/sheet", code.as_bytes()].concat());
    Zeroizing::new(hmac(key, &input))
}

fn letters(random: &[u8]) -> String {
    random
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect()
}

fn grouped(code: &str) -> String {
    let mut out = String::new();
    for (position, letter) in code.chars().enumerate() {
        if position > 0 && position % 4 == 0 {
            out.push('-');
        }
        out.push(letter);
    }
    out
}

fn normal(typed: &str) -> String {
    typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .collect()
}

/// Luhn's check over 32 characters: finds every single wrong one and nearly every swapped pair.
fn check_character(body: &str) -> char {
    let sum: usize = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, letter)| {
            let value = ALPHABET
                .iter()
                .position(|known| *known == letter)
                .unwrap_or(0);
            let weighted = value * (2 - place % 2);
            weighted / 32 + weighted % 32
        })
        .sum();
    char::from(ALPHABET[(32 - sum % 32) % 32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        // Appendix B, SHA-1, last six of eight digits.
        let secret = TotpSecret::from_bytes(*b"12345678901234567890");
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
        ] {
            let now = Timestamp::from_second(seconds).unwrap();
            let step = u64::try_from(seconds).unwrap() / 30;
            assert_eq!(secret.step_of(code, now), Some(step));
            let late = Timestamp::from_second(seconds + 30).unwrap();
            assert_eq!(secret.step_of(code, late), Some(step));
            let too_late = Timestamp::from_second(seconds + 60).unwrap();
            assert_eq!(secret.step_of(code, too_late), None);
        }
    }

    #[test]
    fn base32_is_that_of_rfc_4648() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foob", "MZXW6YQ"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_sheet_knows_its_own_codes_however_they_are_typed() {
        let key = MacKey::from_bytes(&[1; 32]);
        let mut random = [0; SHEET_CODES * SHEET_LENGTH];
        aws_lc_rs::rand::fill(&mut random).unwrap();
        let sheet = Sheet::from_random(&key, &random);
        let kept: Vec<Vec<u8>> = sheet.keyed.iter().map(|hash| hash.to_vec()).collect();
        let position = |key, typed: &str| position_on_sheet(&kept, &*as_sheet_code(key, typed)?);
        let typed = sheet.printed[17]
            .to_uppercase()
            .replace('-', " ")
            .replace('0', "O");
        assert_eq!(position(&key, &typed), Some(17));
        assert_eq!(position(&key, "0000-000"), None);
        assert_eq!(position(&MacKey::from_bytes(&[2; 32]), &typed), None);
    }

    #[test]
    fn every_random_bit_of_a_sheet_s_code_counts() {
        let key = MacKey::from_bytes(&[1; 32]);
        let mut seen = std::collections::BTreeSet::new();
        // Five bits of each of eight bytes: forty for a code.
        for place in 0..SHEET_LENGTH {
            for value in 0..32 {
                let mut random = [0; SHEET_CODES * SHEET_LENGTH];
                random[place] = value;
                seen.insert(Sheet::from_random(&key, &random).printed[0].clone());
            }
        }
        assert_eq!(seen.len(), SHEET_LENGTH * 31 + 1);
    }

    #[test]
    fn a_slip_of_the_hand_is_no_invitation_code() {
        let code =
            InvitationCode::from_random(&[9, 200, 31, 4, 77, 1, 2, 3, 250, 16, 17, 18, 19, 20, 21]);
        let printed = code.printed();
        assert!(InvitationCode::parse(&printed) == Some(code.clone()));
        assert_eq!(printed.len(), 19);
        for place in 0..16 {
            let mut letters: Vec<u8> = code.expose().bytes().collect();
            for other in ALPHABET
                .iter()
                .filter(|other| **other != code.expose().as_bytes()[place])
            {
                letters[place] = *other;
                let typed = String::from_utf8(letters.clone()).unwrap();
                assert!(InvitationCode::parse(&typed).is_none(), "{typed}");
            }
        }
    }
}
