//! Looks a message's code up among keyed hashes; knows nothing else about anybody.

use crate::codes::{CheckKey, from_hexadecimal};
use candour_core::notices::{NoticeCode, NoticeCodeError};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// The codes that are out, as the folder says them; read again when the file changed.
#[derive(Default)]
pub(super) struct Codes {
    read_of: Option<SystemTime>,
    key: Option<CheckKey>,
    sent: BTreeMap<[u8; 32], i64>,
}

/// What is said of a typed code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is one of ours.
    Ours(Timestamp),
    /// Nobody knows it.
    Unknown,
    /// It has a typing error, or is no code.
    Typing(NoticeCodeError),
}

impl Codes {
    /// Looks a code up. The place in the map depends on a secret key, so that timing says nothing about other codes.
    pub(super) fn look_up(&mut self, folder: &Path, typed: &str) -> io::Result<Answer> {
        let code = match NoticeCode::parse(typed) {
            Ok(code) => code,
            Err(error) => return Ok(Answer::Typing(error)),
        };
        self.refresh(folder)?;
        let sent = self
            .key
            .as_ref()
            .and_then(|key| self.sent.get(&key.hash(code)))
            .and_then(|seconds| Timestamp::from_second(*seconds).ok());
        Ok(sent.map_or(Answer::Unknown, Answer::Ours))
    }

    fn refresh(&mut self, folder: &Path) -> io::Result<()> {
        let file = folder.join("codes");
        let changed = match fs::metadata(&file) {
            Ok(metadata) => metadata.modified()?,
            // No message has ever been sent.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if self.read_of == Some(changed) && self.key.is_some() {
            return Ok(());
        }
        let key = fs::read(folder.join("check.key"))?;
        let key: &[u8; 32] = key
            .as_slice()
            .try_into()
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "check.key has 32 bytes"))?;
        self.key = Some(CheckKey::from_bytes(key));
        self.sent = fs::read_to_string(&file)?
            .lines()
            .filter_map(line)
            .collect();
        self.read_of = Some(changed);
        Ok(())
    }
}

fn line(line: &str) -> Option<([u8; 32], i64)> {
    let (hash, seconds) = line.split_once(' ')?;
    let hash = from_hexadecimal(hash)?.try_into().ok()?;
    Some((hash, seconds.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::{CodeKey, hexadecimal};

    #[test]
    fn a_code_is_known_once_it_stands_in_the_folder_and_a_typing_error_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let keys = CodeKey::from_bytes(&[7; 32]);
        let (ours, other) = (keys.code(&[1; 16]), keys.code(&[2; 16]));
        let mut codes = Codes::default();
        let typed = ours.to_string();
        assert_eq!(
            codes.look_up(folder.path(), &typed).unwrap(),
            Answer::Unknown
        );
        fs::write(folder.path().join("check.key"), keys.check().to_bytes()).unwrap();
        let hash = hexadecimal(&keys.check().hash(ours));
        fs::write(folder.path().join("codes"), format!("{hash} 1763760000\n")).unwrap();
        let at = Timestamp::from_second(1_763_760_000).unwrap();
        assert_eq!(
            codes.look_up(folder.path(), &typed.to_lowercase()).unwrap(),
            Answer::Ours(at)
        );
        assert_eq!(
            codes.look_up(folder.path(), &other.to_string()).unwrap(),
            Answer::Unknown
        );
        assert!(matches!(
            codes.look_up(folder.path(), "7KQD").unwrap(),
            Answer::Typing(_)
        ));
    }
}
