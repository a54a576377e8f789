//! Random passwords and the files that hand them to one process.

use std::fmt::{self, Write as _};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, fchown};
use std::path::Path;

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
        let mut digits = String::with_capacity(64);
        for byte in bytes {
            let _ = write!(digits, "{byte:02x}");
        }
        Ok(Self(digits))
    }

    /// Takes back what [`Secret::reveal`] gave; `None` unless it is 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 64
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        digits.then(|| Self(text.to_owned()))
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

/// Writes a file that only `reader` may read (mode 0600), replacing an older one in one step.
///
/// The folder must belong to this process's user: nobody else can then plant a link under the name.
///
/// # Errors
/// When the file cannot be written, given away or renamed.
pub fn hand_over(path: &Path, content: &str, reader: &Account) -> Result<(), Problem> {
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
        .mode(0o600)
        .open(&fresh)
        .map_err(Problem::file("could not create", &fresh))?;
    file.write_all(content.as_bytes())
        .map_err(Problem::file("could not write", &fresh))?;
    if !reader.is_current() {
        fchown(&file, Some(reader.uid), Some(reader.gid))
            .map_err(Problem::file("could not give away", &fresh))?;
    }
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
    fn a_text_that_would_need_quoting_is_no_secret() {
        assert_eq!(Secret::parse("'; drop role candour_keeper; --"), None);
    }
}
