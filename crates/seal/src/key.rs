//! Keys of each level, as types of their own: a subject key never passes where an item key is asked for.

use std::fmt;

use aws_lc_rs::{hkdf, hmac};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::broken;

/// Length of every key in bytes.
pub const KEY_LENGTH: usize = 32;

/// What every key level can do; implemented by the key types of this crate only.
pub trait Key: Sized + sealed::Level {
    /// The key with these bytes; the caller wipes its own copy.
    fn from_bytes(bytes: &[u8; KEY_LENGTH]) -> Self;

    /// The key's bytes: for wrapping, sealing and the wire, never for a log.
    fn expose(&self) -> &[u8; KEY_LENGTH];

    /// A new random key.
    fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
        rng.fill_bytes(bytes.as_mut_slice());
        Self::from_bytes(&bytes)
    }

    /// The key of level `C` that belongs to `label` under this one (HKDF-SHA256, expand only).
    ///
    /// The same key, level and label give the same key; another level or label gives an unrelated one.
    fn derive<C: Key>(&self, label: &[u8]) -> C {
        let mut out = Zeroizing::new([0; KEY_LENGTH]);
        let info = [b"candour/v1/derive/", C::NAME.as_bytes(), &[0], label];
        expand(hkdf::HKDF_SHA256, self.expose(), &info, out.as_mut_slice());
        C::from_bytes(&out)
    }
}

/// A key that wraps keys of the level `Child`.
pub trait Wraps<Child: Key>: Key {}

mod sealed {
    pub trait Level {
        /// The level's name in wrapping and derivation.
        const NAME: &'static str;
    }
}
pub(crate) use sealed::Level;

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident = $level:literal),+ $(,)?) => {$(
        $(#[$doc])*
        ///
        /// 32 bytes; no content in `Debug`, compared in constant time, wiped on drop.
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; KEY_LENGTH]);

        impl $name {
            /// A new random key.
            pub fn generate(rng: &mut dyn CryptoRng) -> Self {
                <Self as Key>::generate(rng)
            }

            /// The key with these bytes; the caller wipes its own copy.
            pub fn from_bytes(bytes: &[u8; KEY_LENGTH]) -> Self {
                Self(*bytes)
            }

            /// The key's bytes: for wrapping, sealing and the wire, never for a log.
            pub fn expose(&self) -> &[u8; KEY_LENGTH] {
                &self.0
            }

            /// The key of level `C` that belongs to `label` under this one; see [`Key::derive`].
            pub fn derive<C: Key>(&self, label: &[u8]) -> C {
                <Self as Key>::derive(self, label)
            }
        }

        impl sealed::Level for $name {
            const NAME: &'static str = $level;
        }

        impl Key for $name {
            fn from_bytes(bytes: &[u8; KEY_LENGTH]) -> Self {
                Self(*bytes)
            }

            fn expose(&self) -> &[u8; KEY_LENGTH] {
                &self.0
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.ct_eq(&other.0).into()
            }
        }

        impl Eq for $name {}

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )+};
}

keys! {
    /// Level 0: the installation's root; outside both databases.
    RootKey = "root",
    /// Level 1: one per practice, and one for people, in each epoch; wrapped by the root.
    EpochKey = "epoch",
    /// Level 2: one per patient, account holder, practice or incident; wrapped by an epoch key.
    SubjectKey = "subject",
    /// Level 2, beside the subject key: seals the ledger entries about one patient, or about nobody.
    AuditKey = "audit",
    /// Level 3: one per sealed thing and version; wrapped by a subject or audit key.
    ItemKey = "item",
    /// Authenticates rows and makes keyed tokens; never seals anything.
    MacKey = "mac",
}

impl Wraps<EpochKey> for RootKey {}
impl Wraps<SubjectKey> for EpochKey {}
impl Wraps<AuditKey> for EpochKey {}
impl Wraps<ItemKey> for SubjectKey {}
impl Wraps<ItemKey> for AuditKey {}

/// HMAC-SHA256 of `data`: keyed tokens, match values, row MACs.
///
/// `data` must be an encoding without ambiguity (fixed widths or length prefixes).
pub fn hmac(key: &MacKey, data: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.expose()), data);
    let mut out = [0; 32];
    for (byte, from) in out.iter_mut().zip(tag.as_ref()) {
        *byte = *from;
    }
    out
}

/// Whether `tag` is the whole HMAC-SHA256 of `data`; constant time in the tag.
#[must_use]
pub fn hmac_matches(key: &MacKey, data: &[u8], tag: &[u8]) -> bool {
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key.expose()), data, tag).is_ok()
}

/// HKDF-Expand (RFC 5869 2.3); the key is the pseudorandom key, `info` is concatenated.
pub(crate) fn expand(
    hash: hkdf::Algorithm,
    key: &[u8; KEY_LENGTH],
    info: &[&[u8]],
    out: &mut [u8],
) {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let key = hkdf::Prk::new_less_safe(hash, key);
    let filled = key
        .expand(info, Length(out.len()))
        .and_then(|derived| derived.fill(out));
    if filled.is_err() {
        broken("key derivation");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandom;

    #[test]
    fn a_key_shows_nothing_of_itself() {
        let key = ItemKey::from_bytes(&[0x41; 32]);
        assert_eq!(format!("{key:?}"), "ItemKey(…)");
    }

    #[test]
    fn random_keys_differ_and_read_back() {
        let key = ItemKey::generate(&mut SystemRandom);
        assert_ne!(key, ItemKey::generate(&mut SystemRandom));
        assert_eq!(key, ItemKey::from_bytes(key.expose()));
    }

    #[test]
    fn derived_keys_depend_on_key_level_and_label() {
        let root = RootKey::from_bytes(&[1; 32]);
        let rows: MacKey = root.derive(b"rows");
        assert_eq!(rows, root.derive(b"rows"));
        assert_ne!(rows, root.derive(b"tokens"));
        assert_ne!(rows, RootKey::from_bytes(&[2; 32]).derive(b"rows"));
        let item: ItemKey = root.derive(b"rows");
        assert_ne!(item.expose(), rows.expose());
    }

    #[test]
    fn a_mac_is_refused_over_other_data_under_another_key_or_cut_short() {
        let key = MacKey::from_bytes(&[7; 32]);
        let tag = hmac(&key, b"row");
        assert!(hmac_matches(&key, b"row", &tag));
        assert!(!hmac_matches(&key, b"now", &tag));
        assert!(!hmac_matches(&MacKey::from_bytes(&[8; 32]), b"row", &tag));
        assert!(!hmac_matches(&key, b"row", &tag[..31]));
    }
}
