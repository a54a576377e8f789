//! Message codes: made from the notice's id, so that a message sent twice by mishap carries one code.

use candour_core::notices::NoticeCode;
use candour_seal::{CryptoRng, MacKey, hmac};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The key from which codes are made; stays with the room.
pub struct CodeKey {
    code: MacKey,
    check: CheckKey,
    message: MacKey,
    deposit: MacKey,
}

/// The key under which the status site looks a code up; makes no codes.
pub struct CheckKey(MacKey);

impl CodeKey {
    /// The key with these 32 bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let root = MacKey::from_bytes(bytes);
        Self {
            code: root.derive(b"candour/v1/notice/code"),
            check: CheckKey(root.derive(b"candour/v1/notice/check")),
            message: root.derive(b"candour/v1/notice/message-id"),
            deposit: root.derive(b"candour/v1/notice/deposit"),
        }
    }

    /// Reads the key's file; makes it with fresh random bytes when it is missing.
    pub fn of_file(file: &Path, rng: &mut dyn CryptoRng) -> io::Result<Self> {
        if !file.exists() {
            let mut bytes = candour_seal::Zeroizing::new([0; 32]);
            rng.fill_bytes(bytes.as_mut_slice());
            let fresh = file.with_extension("new");
            let mut out = std::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&fresh)?;
            out.write_all(bytes.as_slice())?;
            out.sync_all()?;
            std::fs::rename(&fresh, file)?;
        }
        let bytes = candour_seal::Zeroizing::new(std::fs::read(file)?);
        let bytes: &[u8; 32] = bytes
            .as_slice()
            .try_into()
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a code key has 32 bytes"))?;
        Ok(Self::from_bytes(bytes))
    }

    /// The code of a notice.
    pub fn code(&self, notice: &[u8; 16]) -> NoticeCode {
        NoticeCode::from_random(first_half(&hmac(&self.code, notice)))
    }

    /// The id that a notice's mail carries however often it is handed over.
    pub fn message_id(&self, notice: &[u8; 16]) -> String {
        hexadecimal(&first_half(&hmac(&self.message, notice)))
    }

    /// The depositor's key of one part of a notice in the portal: the same part gives the same item.
    pub fn deposit_key(&self, notice: &[u8; 16], part: u32) -> [u8; 16] {
        let place = [notice.as_slice(), &part.to_be_bytes()].concat();
        first_half(&hmac(&self.deposit, &place))
    }

    /// The key for the status site.
    pub fn check(&self) -> &CheckKey {
        &self.check
    }
}

impl CheckKey {
    /// The key with these 32 bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(MacKey::from_bytes(bytes))
    }

    /// Its bytes, for the status site's folder.
    pub fn to_bytes(&self) -> [u8; 32] {
        *self.0.expose()
    }

    /// What the status site knows of a code.
    pub fn hash(&self, code: NoticeCode) -> [u8; 32] {
        hmac(&self.0, code.as_str().as_bytes())
    }
}

fn first_half(bytes: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&bytes[..16]);
    half
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// Reads an even number of lower-case hexadecimal digits.
pub(crate) fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    base16ct::lower::decode_vec(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candour_seal::SystemRandom;

    #[test]
    fn a_notice_has_one_code_for_ever_and_another_notice_another() {
        let key = CodeKey::from_bytes(&[7; 32]);
        assert_eq!(key.code(&[1; 16]), key.code(&[1; 16]));
        assert_ne!(key.code(&[1; 16]), key.code(&[2; 16]));
        assert_ne!(
            CodeKey::from_bytes(&[8; 32]).code(&[1; 16]),
            key.code(&[1; 16])
        );
    }

    #[test]
    fn the_status_site_s_key_recognises_a_code_and_does_not_make_it() {
        let key = CodeKey::from_bytes(&[7; 32]);
        let check = CheckKey::from_bytes(&key.check().to_bytes());
        let code = key.code(&[1; 16]);
        assert_eq!(check.hash(code), key.check().hash(code));
        assert_ne!(CodeKey::from_bytes(&check.to_bytes()).code(&[1; 16]), code);
    }

    #[test]
    fn a_missing_key_file_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("code.key");
        let first = CodeKey::of_file(&file, &mut SystemRandom).unwrap();
        let second = CodeKey::of_file(&file, &mut SystemRandom).unwrap();
        assert_eq!(first.code(&[1; 16]), second.code(&[1; 16]));
    }
}
