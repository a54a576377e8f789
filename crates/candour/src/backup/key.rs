//! The two halves of a backup key: what the machine seals with, and what the operator opens with.
//!
//! The machine holds public keys only, so whoever takes the machine, or what lies on the backup's disk, opens no
//! backup. It also holds the *origin*, a secret that goes into every backup's key: whoever has only the public key
//! cannot make a backup that a restore would accept.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use candour_embedded::Account;
use candour_embedded::secret::{bytes, digits, hand_over};
use candour_seal::{
    Digest, ItemKey, MacKey, RoomPrivateKey, RoomPublicKey, SystemRandom, Zeroizing, hmac,
    open_from,
};

use super::problem::BackupProblem;
use crate::Problem;

/// The file of the machine's half, in the data directory.
pub const SEAL_FILE: &str = "secrets/backup.seal";

const KEY_WORD: &str = "candour-backup-key-1";
const SEAL_WORD: &str = "candour-backup-seal-1";
const RECIPIENT: &str = "recipient";
const PURPOSE: &[u8] = b"candour/v1/backup/key";

/// Length of the content key as sealed for one recipient, in bytes.
pub const SEALED_KEY: usize = 80;

/// The machine's half.
pub struct BackupSeal {
    recipients: Vec<RoomPublicKey>,
    origin: MacKey,
}

/// The operator's half.
pub struct BackupKey {
    private: RoomPrivateKey,
    origin: MacKey,
}

impl BackupSeal {
    /// Reads the machine's half.
    ///
    /// # Errors
    /// When there is none yet, or it does not read.
    pub fn read(data: &Path) -> Result<Self, Problem> {
        let file = data.join(SEAL_FILE);
        if !file.exists() {
            let data = data.to_path_buf();
            return Err(BackupProblem::NoKeyYet { data }.into());
        }
        let text = fs::read_to_string(&file).map_err(Problem::file("could not read", &file))?;
        Self::parse(&Zeroizing::new(text)).ok_or_else(|| BackupProblem::SealUnreadable(file).into())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let origin = lines.next()?.strip_prefix(SEAL_WORD)?;
        let origin = MacKey::from_bytes(&*bytes(origin.trim())?);
        let recipients: Option<Vec<RoomPublicKey>> = lines
            .map(|line| {
                let digits = line.strip_prefix(RECIPIENT)?;
                Some(RoomPublicKey::from_bytes(*bytes(digits.trim())?))
            })
            .collect();
        let recipients = recipients.filter(|all| (1..=16).contains(&all.len()))?;
        Some(Self { recipients, origin })
    }

    fn text(&self) -> Zeroizing<String> {
        let mut text = format!("{SEAL_WORD} {}\n", digits(self.origin.expose()));
        for recipient in &self.recipients {
            let _ = writeln!(text, "{RECIPIENT} {}", digits(recipient.as_bytes()));
        }
        Zeroizing::new(text)
    }

    /// Draws a key for a content: the key, and the same sealed for each recipient.
    pub(super) fn draw(&self) -> Option<(ItemKey, Vec<Vec<u8>>)> {
        let drawn = ItemKey::generate(&mut SystemRandom);
        let sealed: Result<Vec<_>, _> = self
            .recipients
            .iter()
            .map(|public| public.seal_to(PURPOSE, &[], drawn.expose(), &mut SystemRandom))
            .collect();
        Some((bind(&self.origin, &drawn), sealed.ok()?))
    }
}

impl BackupKey {
    /// Reads the operator's half from its file.
    ///
    /// # Errors
    /// When the file holds no key, or a digit of it is wrong.
    pub fn read(file: &Path) -> Result<Self, Problem> {
        let text = fs::read(file).map_err(Problem::file("could not read", file))?;
        let text = Zeroizing::new(text);
        let line = std::str::from_utf8(&text)
            .ok()
            .and_then(|text| text.lines().find(|line| line.starts_with(KEY_WORD)));
        let Some(line) = line else {
            return Err(BackupProblem::NotAKey(file.to_path_buf()).into());
        };
        Self::parse(line).ok_or_else(|| BackupProblem::KeyMistyped(file.to_path_buf()).into())
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace().skip(1);
        let (private, origin, check) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() || check != check_digits(private, origin) {
            return None;
        }
        Some(Self {
            private: RoomPrivateKey::from_bytes(&*bytes::<32>(private)?),
            origin: MacKey::from_bytes(&*bytes::<32>(origin)?),
        })
    }

    /// The key of a content, from what was sealed for each recipient.
    pub(super) fn open(&self, sealed: &[Vec<u8>]) -> Option<ItemKey> {
        let opened = sealed
            .iter()
            .find_map(|one| open_from(&self.private, PURPOSE, &[], one).ok())?;
        let drawn: &[u8; 32] = opened.as_slice().try_into().ok()?;
        Some(bind(&self.origin, &ItemKey::from_bytes(drawn)))
    }
}

/// Whoever lacks either of the two cannot tell this key from a random one.
fn bind(origin: &MacKey, drawn: &ItemKey) -> ItemKey {
    ItemKey::from_bytes(&Zeroizing::new(hmac(origin, drawn.expose())))
}

/// Makes a key: the operator's half goes to `to`, the machine's half into the data directory, beside earlier ones.
///
/// # Errors
/// When `to` exists or lies in the data directory, or a file cannot be written.
pub fn make(data: &Path, to: &Path) -> Result<(), Problem> {
    super::place::outside(data, to)?;
    let mut seal = match BackupSeal::read(data) {
        Ok(seal) => seal,
        Err(Problem::Backup(BackupProblem::NoKeyYet { .. })) => BackupSeal {
            recipients: Vec::new(),
            origin: MacKey::generate(&mut SystemRandom),
        },
        Err(problem) => return Err(problem),
    };
    let private = RoomPrivateKey::generate(&mut SystemRandom);
    // The operator's half first: a machine that seals for a key that nobody has would be worse than none.
    write_key(to, &private, &seal.origin)?;
    seal.recipients.push(private.public());
    hand_over(&data.join(SEAL_FILE), &seal.text(), &Account::current())?;
    Ok(())
}

fn write_key(to: &Path, private: &RoomPrivateKey, origin: &MacKey) -> Result<(), Problem> {
    let private = Zeroizing::new(digits(private.to_bytes().as_slice()));
    let origin = Zeroizing::new(digits(origin.expose()));
    let check = check_digits(&private, &origin);
    let text = Zeroizing::new(format!(
        "This opens the backups of one installation of Candour. Keep two copies away from its machine,\n\
         and neither of them together with the root key: whoever has a backup, this key and the root key reads all.\n\
         {KEY_WORD} {} {} {check}\n",
        private.as_str(),
        origin.as_str(),
    ));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                BackupProblem::TargetExists(to.to_path_buf()).into()
            }
            _ => Problem::file("could not create", to)(error),
        })?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(Problem::file("could not write", to))
}

/// Eight digits by which a copy on paper is known to be right.
fn check_digits(private: &str, origin: &str) -> String {
    let whole = Zeroizing::new(format!("{KEY_WORD} {private} {origin}"));
    let digest = Digest::of(whole.as_bytes()).to_string();
    digest.get(..8).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> (tempfile::TempDir, BackupSeal, BackupKey) {
        let place = tempfile::tempdir().unwrap();
        let (data, key) = (place.path().join("data"), place.path().join("key"));
        fs::create_dir_all(data.join("secrets")).unwrap();
        make(&data, &key).unwrap();
        let (seal, key) = (
            BackupSeal::read(&data).unwrap(),
            BackupKey::read(&key).unwrap(),
        );
        (place, seal, key)
    }

    #[test]
    fn what_the_machine_seals_the_operator_opens_and_nobody_else() {
        let (_place, seal, key) = made();
        let (drawn, sealed) = seal.draw().unwrap();
        assert_eq!(key.open(&sealed), Some(drawn));
        let (_other_place, _, other) = made();
        assert_eq!(other.open(&sealed), None);
    }

    #[test]
    fn whoever_has_only_the_public_key_makes_nothing_that_opens() {
        let (_place, seal, key) = made();
        let forger = BackupSeal {
            recipients: seal.recipients.clone(),
            origin: MacKey::generate(&mut SystemRandom),
        };
        let (drawn, sealed) = forger.draw().unwrap();
        assert_ne!(key.open(&sealed), Some(drawn));
    }

    #[test]
    fn a_second_key_opens_the_same_backups_and_the_first_still_does() {
        let (place, _, first) = made();
        let (data, file) = (place.path().join("data"), place.path().join("second"));
        make(&data, &file).unwrap();
        let (drawn, sealed) = BackupSeal::read(&data).unwrap().draw().unwrap();
        let second = BackupKey::read(&file).unwrap();
        assert_eq!(first.open(&sealed), Some(drawn.clone()));
        assert_eq!(second.open(&sealed), Some(drawn));
    }

    #[test]
    fn a_mistyped_digit_is_noticed_and_another_file_is_not_taken_for_a_key() {
        let (place, ..) = made();
        let file = place.path().join("key");
        let text = fs::read_to_string(&file).unwrap();
        let last = text.trim_end().chars().next_back().unwrap();
        let wrong = if last == '0' { '1' } else { '0' };
        let mistyped = format!("{}{wrong}", &text.trim_end()[..text.trim_end().len() - 1]);
        fs::write(&file, mistyped).unwrap();
        let said = BackupKey::read(&file).err().unwrap().to_string();
        assert!(said.contains("a digit is wrong or missing"), "{said}");
        fs::write(&file, "hello").unwrap();
        let said = BackupKey::read(&file).err().unwrap().to_string();
        assert!(said.contains("holds no backup key"), "{said}");
    }

    #[test]
    fn a_key_is_never_written_over_another_or_into_the_data_directory() {
        let (place, ..) = made();
        let data = place.path().join("data");
        let said = make(&data, &place.path().join("key"))
            .unwrap_err()
            .to_string();
        assert!(said.contains("exists already"), "{said}");
        let said = make(&data, &data.join("key")).unwrap_err().to_string();
        assert!(said.contains("lost with it"), "{said}");
    }
}
