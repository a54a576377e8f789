//! Random passwords and the files that hand them to one process.

use std::fmt;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use zeroize::Zeroizing;

use crate::{Account, Problem};

/// 32 random bytes as 64 hexadecimal digits, so that they need no quoting anywhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Draws a new one from the operating system.
    ///
    /// # Errors
    /// When the system's random device cannot be read.
    pub fn random() -> Result<Self, Problem> {
        let device = Path::new("/dev/urandom");
        let mut bytes = [0_u8; 32];
        File::open(device)
            .and_then(|mut file| file.read_exact(&mut bytes))
            .map_err(Problem::file("could not read", device))?;
        Ok(Self(digits(&bytes)))
    }

    /// Takes back what [`Secret::reveal`] gave; `None` unless it is 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        let found = bytes::<32>(text).filter(|_| is_lower);
        found.map(|_| Self(text.to_owned()))
    }

    /// The digits themselves.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

/// Bytes as lower-case hexadecimal digits. What is written so is often secret, so the time it takes does not depend on it.
pub fn digits(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// The bytes that hexadecimal digits of either case stand for; `None` unless there are `N` of them.
pub fn bytes<const N: usize>(digits: &str) -> Option<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    let is_whole = base16ct::mixed::decode(digits, bytes.as_mut_slice())
        .is_ok_and(|decoded| decoded.len() == N);
    is_whole.then_some(bytes)
}

/// Writes a file that only `reader` may read (mode 0600), replacing an older one in one step.
///
/// The folder must belong to this process's user: nobody else can then plant a link under the name.
///
/// # Errors
/// When the file cannot be written, given away or renamed.
pub fn hand_over(path: &Path, content: &str, reader: &Account) -> Result<(), Problem> {
    replace(path, content, 0o600, |file, fresh| {
        if reader.is_current() {
            return Ok(());
        }
        fchown(file, Some(reader.uid), Some(reader.gid))
            .map_err(Problem::file("could not give away", fresh))
    })
}

/// Writes a file that everybody may read (mode 0644), replacing an older one in one step.
///
/// # Errors
/// When the file cannot be written or renamed.
pub fn hand_out(path: &Path, content: &str) -> Result<(), Problem> {
    replace(path, content, 0o644, |file, fresh| {
        // Whatever the umask is.
        file.set_permissions(Permissions::from_mode(0o644))
            .map_err(Problem::file("could not hand out", fresh))
    })
}

fn replace(
    path: &Path,
    content: &str,
    mode: u32,
    give: impl FnOnce(&File, &Path) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let fresh = path.with_extension("new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Problem::file("could not replace", &fresh)(error));
        }
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&fresh)
        .map_err(Problem::file("could not create", &fresh))?;
    file.write_all(content.as_bytes())
        .map_err(Problem::file("could not write", &fresh))?;
    give(&file, &fresh)?;
    file.sync_all()
        .map_err(Problem::file("could not write", &fresh))?;
    fs::rename(&fresh, path).map_err(Problem::file("could not replace", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_secrets_differ_and_survive_being_written_down() {
        let one = Secret::random().unwrap();
        let other = Secret::random().unwrap();
        assert_ne!(one, other);
        assert_eq!(Secret::parse(one.reveal()), Some(one));
    }

    #[test]
    fn a_secret_does_not_show_itself_in_a_log() {
        let secret = Secret::random().unwrap();
        assert!(!format!("{secret:?}").contains(secret.reveal()));
    }

    #[test]
    fn digits_are_read_as_they_are_written_and_nothing_else_is() {
        let written = digits(&[0, 15, 0xA0, 0xFF]);
        assert_eq!(written, "000fa0ff");
        assert_eq!(*bytes::<4>(&written).unwrap(), [0, 15, 0xA0, 0xFF]);
        assert!(bytes::<4>("000FA0ff").is_some());
        for wrong in ["", "000fa0", "000fa0f", "000fa0ff00", "000fa0fg", "000fa0ā"] {
            assert!(bytes::<4>(wrong).is_none(), "{wrong}");
        }
        assert!(Secret::parse(&"F".repeat(64)).is_none());
    }

    #[test]
    fn a_text_that_would_need_quoting_is_no_secret() {
        assert_eq!(Secret::parse("'; drop role candour_keeper; --"), None);
    }
}
