//! Small secrets inside fact bodies: names, reasons, authenticator secrets, waiting changes.

use crate::keys::{KeyedToken, Keys};
use candour_seal::{CryptoRng, Zeroizing};

/// What a sealed text is; part of its key, so that one never opens as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Secret {
    /// A person's name as the practice released it.
    Name = 0,
    /// Why somebody acts for a patient.
    Reason,
    /// The secret of an authenticator app.
    Totp,
    /// A change that waits.
    Change,
    /// An address of an account, or the code by which it is confirmed.
    Address,
}

impl Secret {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Name,
        Self::Reason,
        Self::Totp,
        Self::Change,
        Self::Address,
    ];

    /// What its key is derived for.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Name => "fact/name",
            Self::Reason => "fact/reason",
            Self::Totp => "fact/totp",
            Self::Change => "fact/change",
            Self::Address => "fact/address",
        }
    }
}

/// Seals a secret for the subject in whose facts it stands.
pub fn seal(
    keys: &Keys,
    what: Secret,
    subject: KeyedToken,
    plain: &[u8],
    rng: &mut dyn CryptoRng,
) -> Vec<u8> {
    candour_seal::seal(keys.sealing(what), subject.as_bytes(), plain, rng)
}

/// Opens it again; `None` when it does not belong there.
pub fn open(
    keys: &Keys,
    what: Secret,
    subject: KeyedToken,
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    candour_seal::open(keys.sealing(what), subject.as_bytes(), sealed)
        .ok()
        .map(|plain| Zeroizing::new(plain.to_vec()))
}

/// Opens a text; an empty or foreign one is empty.
pub fn open_text(keys: &Keys, what: Secret, subject: KeyedToken, sealed: &[u8]) -> String {
    open(keys, what, subject, sealed)
        .and_then(|plain| String::from_utf8(plain.to_vec()).ok())
        .unwrap_or_default()
}
