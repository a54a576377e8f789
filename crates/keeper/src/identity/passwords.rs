//! Passwords and printed codes of patients: argon2id behind a bounded queue, the same work for an account that does not exist.
//!
//! Parameters are those of OWASP's password storage cheat sheet (19 MiB, 2 passes, 1 lane). Length follows
//! NIST SP 800-63B-4: at least 8 where a second factor is always asked; ours is 12, and there is always one.

use super::codes::Keyed;
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use candour_seal::{MacKey, hmac};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Memory in KiB, passes and lanes of one hash.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Hashes computed at once; each takes 19 MiB and one core.
const WORKERS: usize = 2;
/// Callers that may wait for a worker; the next one is turned away.
const WAITING: usize = 64;
/// Fewest characters of a password.
pub const SHORTEST: usize = 12;
/// Most bytes of a password; more would only be work.
const LONGEST: usize = 1024;

/// Passwords that are tried first by everybody who guesses; one for each line, lower case, sorted. Among them the 10,000 that
/// leaked most often of those that are long enough (a ranking of a million in `SecLists`), and those of at least ten characters
/// in zxcvbn's ranking of 30,000: shorter than [`SHORTEST`], because signs between the letters do not count. Both are under
/// the MIT licence beside this file.
const COMMON: &str = include_str!("common-passwords.txt");

/// What a guesser of a patient portal's passwords puts together first (`docs/operate/signing-in.md`).
const OF_THIS_PLACE: [&str; 14] = [
    "candour", "portal", "patient", "practice", "health", "hauora", "medical", "record", "doctor",
    "nurse", "clinic", "hospital", "password", "welcome",
];
/// Fewest characters that a password has beside those words.
const OF_ONE_S_OWN: usize = 6;

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too many people are being checked now.
    #[error("too many passwords wait to be checked")]
    Busy,
    /// Shorter than [`SHORTEST`], or longer than a kilobyte.
    #[error("the password has the wrong length")]
    Length,
    /// Everybody tries it first, or it is the login name.
    #[error("the password is a common one")]
    Common,
}

/// What is kept of a password: salt and hash, 16 and 32 bytes.
#[derive(Clone)]
pub struct PasswordHash {
    /// Random salt.
    pub salt: [u8; 16],
    /// argon2id over the keyed hash of the password.
    pub hash: [u8; 32],
}

impl PasswordHash {
    /// As kept: PHC form. The hash is of the keyed hash of the password, which the form cannot say.
    pub fn to_phc(&self) -> String {
        format!(
            "$argon2id$v=19$m={},t={},p={}${}${}",
            COST.0,
            COST.1,
            COST.2,
            STANDARD_NO_PAD.encode(self.salt),
            STANDARD_NO_PAD.encode(self.hash)
        )
    }

    /// Reads it back; `None` for another form or another cost.
    pub fn from_phc(phc: &str) -> Option<Self> {
        let (cost, rest) = phc.strip_prefix("$argon2id$v=19$")?.split_once('$')?;
        let (salt, hash) = rest.split_once('$')?;
        if cost != format!("m={},t={},p={}", COST.0, COST.1, COST.2) {
            return None;
        }
        Some(Self {
            salt: STANDARD_NO_PAD.decode(salt).ok()?.try_into().ok()?,
            hash: STANDARD_NO_PAD.decode(hash).ok()?.try_into().ok()?,
        })
    }
}

/// Hashes and checks passwords, two at a time.
pub struct Passwords {
    pepper: MacKey,
    places: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    hashed: AtomicU64,
}

impl Passwords {
    /// With a key derived from the root: a stolen database without it cannot be guessed at.
    pub fn new(pepper: MacKey) -> Self {
        Self {
            pepper,
            places: Arc::new(Semaphore::new(WORKERS + WAITING)),
            workers: Arc::new(Semaphore::new(WORKERS)),
            hashed: AtomicU64::new(0),
        }
    }

    /// How many hashes were computed until now.
    #[cfg(test)]
    pub(crate) fn hashed(&self) -> u64 {
        self.hashed.load(Ordering::Relaxed)
    }

    /// The hash of a new password.
    pub async fn hash(
        &self,
        password: &str,
        salt: [u8; 16],
    ) -> Result<PasswordHash, PasswordError> {
        let hash = self.work(password, salt).await?;
        Ok(PasswordHash { salt, hash })
    }

    /// Whether a password fits; with `None` for the account's hash the same work is done and the answer is no. Nobody could
    /// choose one longer than [`LONGEST`]; what is cut off it for the work is not taken for the whole.
    pub async fn fits(
        &self,
        password: &str,
        kept: Option<&PasswordHash>,
    ) -> Result<bool, PasswordError> {
        let nobody = PasswordHash {
            salt: [0; 16],
            hash: [0; 32],
        };
        let against = kept.unwrap_or(&nobody);
        let hash = self.work(password, against.salt).await?;
        let is_whole = password.len() <= LONGEST;
        Ok(bool::from(hash.ct_eq(&against.hash)) && kept.is_some() && is_whole)
    }

    /// The version of the password that fits. One that is nobody's is as much work as one.
    pub async fn which_fits(
        &self,
        typed: &str,
        kept: &[(i64, PasswordHash)],
    ) -> Result<Option<i64>, PasswordError> {
        if kept.is_empty() {
            self.fits(typed, None).await?;
        }
        for (version, hash) in kept {
            if self.fits(typed, Some(hash)).await? {
                return Ok(Some(*version));
            }
        }
        Ok(None)
    }

    async fn work(&self, password: &str, salt: [u8; 16]) -> Result<[u8; 32], PasswordError> {
        let normal: Zeroizing<String> =
            Zeroizing::new(password.chars().take(LONGEST).nfkc().collect());
        let keyed = Zeroizing::new(hmac(&self.pepper, normal.as_bytes()));
        self.slow(keyed, salt).await
    }

    /// The slow hash of something that was typed.
    pub async fn slow(&self, keyed: Keyed, salt: [u8; 16]) -> Result<[u8; 32], PasswordError> {
        let hashes = self.slow_each(vec![keyed], salt).await?;
        hashes.first().copied().ok_or(PasswordError::Busy)
    }

    /// The slow hashes of all codes of a sheet, one after the other: whoever makes one holds one core.
    pub async fn slow_each(
        &self,
        keyed: Vec<Keyed>,
        salt: [u8; 16],
    ) -> Result<Vec<[u8; 32]>, PasswordError> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| PasswordError::Busy)?;
        let worker = Arc::clone(&self.workers)
            .acquire_owned()
            .await
            .map_err(|_| PasswordError::Busy)?;
        let times = u64::try_from(keyed.len()).unwrap_or(u64::MAX);
        let hashed = tokio::task::spawn_blocking(move || {
            // Held here and not in the caller: a caller who goes away does not free a busy core.
            let _held = (place, worker);
            let cost = Params::new(COST.0, COST.1, COST.2, Some(32))?;
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost);
            let each = keyed.iter().map(|keyed| {
                let mut out = [0; 32];
                let hashed = argon2.hash_password_into(keyed.as_slice(), &salt, &mut out);
                hashed.map(|()| out)
            });
            each.collect::<Result<Vec<_>, argon2::Error>>()
        });
        self.hashed.fetch_add(times, Ordering::Relaxed);
        match hashed.await {
            Ok(Ok(hash)) => Ok(hash),
            Ok(Err(_)) | Err(_) => Err(PasswordError::Busy),
        }
    }
}

/// Whether somebody may choose this password.
pub fn acceptable(password: &str, login: &str) -> Result<(), PasswordError> {
    if password.chars().count() < SHORTEST || password.len() > LONGEST {
        return Err(PasswordError::Length);
    }
    let lower = password.to_lowercase();
    let letters: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    let mut characters = lower.chars();
    let first = characters.next();
    let is_one_character = characters.all(|next| Some(next) == first);
    let is_login = !login.is_empty()
        && letters.contains(&login.to_lowercase())
        && letters.len() < login.len() + 5;
    let is_listed = COMMON
        .lines()
        .any(|common| common == lower || common == letters);
    let own = OF_THIS_PLACE
        .iter()
        .fold(letters.clone(), |left, word| left.replace(word, ""));
    let is_of_this_place = own != letters && own.chars().count() < OF_ONE_S_OWN;
    if is_one_character || is_login || is_listed || is_of_this_place {
        return Err(PasswordError::Common);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords() -> Passwords {
        Passwords::new(MacKey::from_bytes(&[3; 32]))
    }

    #[tokio::test]
    async fn only_the_password_itself_fits() {
        let passwords = passwords();
        let kept = passwords
            .hash("kererū over the bay", [1; 16])
            .await
            .unwrap();
        for (password, fits) in [
            ("kererū over the bay", true),
            ("kererū over the Bay", false),
        ] {
            let read = PasswordHash::from_phc(&kept.to_phc());
            assert_eq!(passwords.fits(password, read.as_ref()).await, Ok(fits));
        }
        assert_eq!(passwords.fits("kererū over the bay", None).await, Ok(false));
    }

    #[tokio::test]
    async fn a_macron_fits_however_the_keyboard_wrote_it() {
        let passwords = passwords();
        let kept = passwords
            .hash("kerer\u{16b} and t\u{16b}\u{12b}", [1; 16])
            .await
            .unwrap();
        let spelt = "kereru\u{304} and tu\u{304}i\u{304}";
        assert_eq!(passwords.fits(spelt, Some(&kept)).await, Ok(true));
    }

    #[tokio::test]
    async fn a_stolen_hash_is_worth_nothing_under_another_root() {
        let kept = passwords()
            .hash("kererū over the bay", [1; 16])
            .await
            .unwrap();
        let elsewhere = Passwords::new(MacKey::from_bytes(&[4; 32]));
        assert_eq!(
            elsewhere.fits("kererū over the bay", Some(&kept)).await,
            Ok(false)
        );
    }

    #[tokio::test]
    async fn the_queue_turns_away_whoever_comes_too_late() {
        let passwords = passwords();
        let _held = Arc::clone(&passwords.places)
            .try_acquire_many_owned(u32::try_from(WORKERS + WAITING).unwrap())
            .unwrap();
        let kept = PasswordHash {
            salt: [1; 16],
            hash: [2; 32],
        };
        // Whoever has no account stands in the same queue.
        for kept in [None, Some(&kept)] {
            assert_eq!(
                passwords.fits("kererū over the bay", kept).await,
                Err(PasswordError::Busy)
            );
        }
    }

    #[tokio::test]
    async fn an_account_that_does_not_exist_costs_as_many_hashes_as_one_that_does() {
        let passwords = passwords();
        let kept = passwords.hash("kererū over the bay", [1; 16]).await;
        let kept = kept.unwrap();
        for kept in [None, Some(&kept)] {
            let before = passwords.hashed();
            let _ = passwords.fits("another bird", kept).await;
            assert_eq!(passwords.hashed(), before + 1);
        }
    }

    #[test]
    fn short_common_and_own_name_passwords_are_refused() {
        for (password, refused) in [
            ("Short-1", PasswordError::Length),
            ("password123", PasswordError::Length),
            ("1qaz2wsx3edc", PasswordError::Common),
            ("Password-123", PasswordError::Common),
            ("aaaaaaaaaaaa", PasswordError::Common),
            ("aroha.ngata1", PasswordError::Common),
            ("Patient Portal 2026", PasswordError::Common),
            ("candour.hauora", PasswordError::Common),
        ] {
            assert_eq!(
                acceptable(password, "arohangata"),
                Err(refused),
                "{password}"
            );
        }
        for password in [
            "three tūī at dawn",
            "the doctor rode home",
            "漢字漢字だけでも十二文字です",
            "!?§$%&/()=+*",
        ] {
            assert_eq!(acceptable(password, "arohangata"), Ok(()), "{password}");
        }
    }

    #[test]
    fn ten_thousand_leaked_passwords_that_are_long_enough_are_refused_and_each_is_known_by_its_spelling()
     {
        let long = |common: &&str| common.chars().count() >= SHORTEST;
        assert!(COMMON.lines().filter(long).count() >= 10_000);
        for pair in COMMON.lines().collect::<Vec<_>>().windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
        }
        for common in COMMON.lines().filter(long) {
            assert_eq!(common, common.to_lowercase());
            assert_eq!(
                acceptable(common, ""),
                Err(PasswordError::Common),
                "{common}"
            );
        }
    }

    #[test]
    fn the_page_names_every_word_of_this_place() {
        let page = include_str!("../../../../docs/operate/signing-in.md");
        for word in OF_THIS_PLACE {
            assert!(page.contains(&format!("`{word}`")), "{word}");
        }
    }

    #[tokio::test]
    async fn a_long_password_counts_to_its_last_character_and_nothing_may_follow_it() {
        let passwords = passwords();
        let sentence = "kererū over the bay, and tūī behind the house at dawn, every day";
        assert_eq!(sentence.chars().count(), 64);
        let longest = "ab".repeat(LONGEST / 2);
        for password in [sentence, &longest] {
            assert_eq!(acceptable(password, ""), Ok(()));
            let kept = passwords.hash(password, [1; 16]).await.unwrap();
            let shorter = &password[..password.len() - 1];
            let longer = format!("{password}s");
            for (typed, fits) in [(password, true), (shorter, false), (longer.as_str(), false)] {
                assert_eq!(passwords.fits(typed, Some(&kept)).await, Ok(fits));
            }
        }
        assert_eq!(
            acceptable(&format!("{longest}s"), ""),
            Err(PasswordError::Length)
        );
    }
}
