//! Sealing to the incident room: HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA256),
//! HKDF-SHA256, ChaCha20-Poly1305.
//!
//! Whoever writes holds only the public key; two officers unlock the private one when an incident
//! is open.

use std::fmt;

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::broken;

/// Length of the encapsulated key that stands before the ciphertext.
pub const ENCAPSULATED_LENGTH: usize = 32;
/// How much longer the sealed form is than the content: encapsulated key and tag, 48 bytes.
pub const ROOM_OVERHEAD: usize = ENCAPSULATED_LENGTH + 16;

/// Why something is not sealed to the room or not opened there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
    /// The bytes are not a usable X25519 public key.
    #[error("not a usable room key")]
    Key,
    /// Another key, another purpose (`info`), another place (`aad`), or changed bytes.
    #[error("it was not sealed to this room, for this purpose and place")]
    Refused,
}

/// The room's public key: whoever has it can write to the room and read nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RoomPublicKey([u8; 32]);

impl RoomPublicKey {
    /// The key with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The same as [`seal_to`].
    ///
    /// # Errors
    /// [`RoomError::Key`] when the bytes are no usable key (a point of low order).
    pub fn seal_to(
        &self,
        info: &[u8],
        aad: &[u8],
        plaintext: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, RoomError> {
        seal_to(self, info, aad, plaintext, rng)
    }
}

impl fmt::Debug for RoomPublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// The room's private key; no content in `Debug`, compared in constant time, wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RoomPrivateKey([u8; 32]);

impl RoomPrivateKey {
    /// A new random key.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut rng = rng;
        let (private, _) = X25519HkdfSha256::gen_keypair_with_rng(&mut rng);
        let mut bytes = [0; 32];
        private.write_exact(&mut bytes);
        let key = Self(bytes);
        bytes.zeroize();
        key
    }

    /// The key with these bytes; the caller wipes its own copy.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(*bytes)
    }

    /// The key's bytes, for the officers' sealed file.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0)
    }

    /// The public key that belongs to it.
    pub fn public(&self) -> RoomPublicKey {
        let mut bytes = [0; 32];
        X25519HkdfSha256::sk_to_pk(&self.private()).write_exact(&mut bytes);
        RoomPublicKey(bytes)
    }

    fn private(&self) -> <X25519HkdfSha256 as Kem>::PrivateKey {
        match Deserializable::from_bytes(&self.0) {
            Ok(key) => key,
            // Any 32 bytes are an X25519 private key.
            Err(_) => broken("room key"),
        }
    }
}

impl PartialEq for RoomPrivateKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for RoomPrivateKey {}

impl fmt::Debug for RoomPrivateKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("RoomPrivateKey(…)")
    }
}

/// Seals to the room: `encapsulated key (32) ‖ ciphertext ‖ tag (16)`.
///
/// `info` names the purpose, `aad` the place; opening needs both again.
///
/// # Errors
/// [`RoomError::Key`] when the public key is not usable (a point of low order).
pub fn seal_to(
    public: &RoomPublicKey,
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, RoomError> {
    let key = Deserializable::from_bytes(&public.0).map_err(|_| RoomError::Key)?;
    let mut rng = rng;
    let (encapsulated, ciphertext) = hpke::single_shot_seal_with_rng::<
        ChaCha20Poly1305,
        HkdfSha256,
        X25519HkdfSha256,
    >(&OpModeS::Base, &key, info, plaintext, aad, &mut rng)
    .map_err(|_| RoomError::Key)?;
    Ok([encapsulated.to_bytes().as_slice(), &ciphertext].concat())
}

/// Opens in the room what [`seal_to`] sealed with the same `info` and `aad`.
///
/// # Errors
/// [`RoomError::Refused`] for anything else.
pub fn open_from(
    private: &RoomPrivateKey,
    info: &[u8],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, RoomError> {
    let (encapsulated, ciphertext) = sealed
        .split_first_chunk::<ENCAPSULATED_LENGTH>()
        .ok_or(RoomError::Refused)?;
    let encapsulated = Deserializable::from_bytes(encapsulated).map_err(|_| RoomError::Refused)?;
    hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &private.private(),
        &encapsulated,
        info,
        ciphertext,
        aad,
    )
    .map(Zeroizing::new)
    .map_err(|_| RoomError::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandom;

    #[test]
    fn only_the_room_opens_and_only_for_the_same_purpose_and_place() {
        let rng = &mut SystemRandom;
        let room = RoomPrivateKey::generate(rng);
        let public = room.public();
        let sealed = seal_to(&public, b"contact", b"patient 1", b"021 123", rng).unwrap();
        assert_eq!(sealed.len(), 7 + ROOM_OVERHEAD);
        let opened = open_from(&room, b"contact", b"patient 1", &sealed).unwrap();
        assert_eq!(opened.as_slice(), b"021 123");
        let refused = |private: &RoomPrivateKey, info: &[u8], aad: &[u8], sealed: &[u8]| {
            assert_eq!(
                open_from(private, info, aad, sealed),
                Err(RoomError::Refused)
            );
        };
        refused(&room, b"identity", b"patient 1", &sealed);
        refused(&room, b"contact", b"patient 2", &sealed);
        refused(
            &RoomPrivateKey::generate(rng),
            b"contact",
            b"patient 1",
            &sealed,
        );
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            refused(&room, b"contact", b"patient 1", &changed);
            refused(&room, b"contact", b"patient 1", &sealed[..index]);
        }
    }

    #[test]
    fn a_room_key_reads_back_from_its_bytes_and_shows_nothing() {
        let room = RoomPrivateKey::generate(&mut SystemRandom);
        let again = RoomPrivateKey::from_bytes(&room.to_bytes());
        assert_eq!(again, room);
        assert_eq!(again.public(), room.public());
        assert_eq!(format!("{room:?}"), "RoomPrivateKey(…)");
    }

    #[test]
    fn nothing_is_sealed_to_a_point_of_low_order() {
        let zero = RoomPublicKey::from_bytes([0; 32]);
        let sealed = zero.seal_to(b"contact", b"", b"021 123", &mut SystemRandom);
        assert_eq!(sealed, Err(RoomError::Key));
    }
}
