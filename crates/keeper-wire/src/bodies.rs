//! Sealed bodies of ledger entries and keys for the room: one place for both sides, so that what the keeper
//! seals is what the room and a patient's receipt open. `docs/formats/entries.md` has it byte for byte.

use crate::wire::EntryBody;
use candour_seal::{
    AuditKey, Context, CryptoRng, ItemKey, RoomError, RoomPrivateKey, RoomPublicKey, Zeroizing,
    open_from, seal_to,
};
use prost::Message;

/// Why a body or a key for the room does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Another key, another entry, or changed bytes.
    #[error("the sealed body does not open")]
    Sealed,
    /// It opens, but is not a body.
    #[error("the opened body cannot be read")]
    Decode,
}

impl From<RoomError> for BodyError {
    fn from(_: RoomError) -> Self {
        Self::Sealed
    }
}

/// The place the key of a body is wrapped for, under the patient's (or the installation's) audit key and under the
/// hour's key for the room. It does not name the index, so that wrapping need not wait for it; the body does.
pub const BODY_KEY: &[u8] = b"candour/v1/entry key";

/// The place the body of the entry at `index` is sealed for.
pub fn body_place(index: u64) -> Vec<u8> {
    [b"candour/v1/entry".as_slice(), &index.to_be_bytes()].concat()
}

/// Opens the body of the entry at `index` with the audit key, or in the room with the hour's key.
pub fn open_body(
    body: &[u8],
    wrapped_key: &[u8],
    index: u64,
    key: &AuditKey,
) -> Result<EntryBody, BodyError> {
    let key: ItemKey =
        candour_seal::unwrap(key, BODY_KEY, wrapped_key).map_err(|_| BodyError::Sealed)?;
    let plaintext =
        candour_seal::open(&key, &body_place(index), body).map_err(|_| BodyError::Sealed)?;
    EntryBody::decode(plaintext.as_slice()).map_err(|_| BodyError::Decode)
}

/// What an hour's key is sealed to the room for.
pub const HOUR: &[u8] = b"candour/v1/entry hour";
const ITEM: &[u8] = b"candour/v1/room/item";

/// Seals an hour's key to the room's public key.
pub fn seal_hour_key(
    key: &AuditKey,
    hour: u32,
    room: &RoomPublicKey,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, BodyError> {
    Ok(seal_to(room, HOUR, &hour.to_be_bytes(), key.expose(), rng)?)
}

/// Opens an hour's key with the room's private key.
pub fn open_hour_key(
    sealed: &[u8],
    hour: u32,
    room: &RoomPrivateKey,
) -> Result<AuditKey, BodyError> {
    let bytes = open_from(room, HOUR, &hour.to_be_bytes(), sealed)?;
    let bytes: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| BodyError::Decode)?;
    Ok(AuditKey::from_bytes(bytes))
}

/// Seals the key of an identity or contact block to the room's public key; bound to the block's place.
pub fn seal_item_key(
    key: &ItemKey,
    context: &Context,
    room: &RoomPublicKey,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, BodyError> {
    Ok(seal_to(room, ITEM, &context.to_bytes(), key.expose(), rng)?)
}

/// Opens an identity or contact block in the room and takes the padding off.
pub fn open_block(
    sealed: &[u8],
    room_wrap: &[u8],
    context: &Context,
    room: &RoomPrivateKey,
) -> Result<Zeroizing<Vec<u8>>, BodyError> {
    let key = open_from(room, ITEM, &context.to_bytes(), room_wrap)?;
    let key: &[u8; 32] = key.as_slice().try_into().map_err(|_| BodyError::Decode)?;
    let mut block = candour_seal::open_item(&ItemKey::from_bytes(key), context, sealed)
        .map_err(|_| BodyError::Sealed)?;
    let length = candour_seal::unpad(&block)
        .map_err(|_| BodyError::Decode)?
        .len();
    block.truncate(length);
    Ok(block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candour_seal::{InstallationId, ItemId, SystemRandom};

    #[test]
    fn a_body_opens_for_whoever_has_a_wrap_and_at_no_other_index() {
        let rng = &mut SystemRandom;
        let (audit, hour) = (AuditKey::generate(rng), AuditKey::generate(rng));
        let body = EntryBody {
            text: "Kāpiti".to_owned(),
            count: 3,
            ..EntryBody::default()
        };
        let key = ItemKey::generate(rng);
        let sealed = candour_seal::seal(&key, &body_place(7), &body.encode_to_vec(), rng);
        for holder in [&audit, &hour] {
            let wrap = candour_seal::wrap(holder, BODY_KEY, &key, rng);
            assert_eq!(open_body(&sealed, &wrap, 7, holder), Ok(body.clone()));
            assert!(open_body(&sealed, &wrap, 8, holder).is_err());
        }
        let for_hour = candour_seal::wrap(&hour, BODY_KEY, &key, rng);
        assert!(open_body(&sealed, &for_hour, 7, &audit).is_err());
    }

    #[test]
    fn an_hour_key_opens_for_the_room_s_private_key_and_its_own_hour_only() {
        let rng = &mut SystemRandom;
        let (room, other) = (RoomPrivateKey::generate(rng), RoomPrivateKey::generate(rng));
        let key = AuditKey::generate(rng);
        let sealed = seal_hour_key(&key, 4, &room.public(), rng).unwrap();
        assert_eq!(
            open_hour_key(&sealed, 4, &room).unwrap().expose(),
            key.expose()
        );
        assert!(open_hour_key(&sealed, 5, &room).is_err());
        assert!(open_hour_key(&sealed, 4, &other).is_err());
    }

    #[test]
    fn a_contact_block_opens_in_the_room_at_its_own_place_only() {
        let rng = &mut SystemRandom;
        let room = RoomPrivateKey::generate(rng);
        let key = ItemKey::generate(rng);
        let context = Context {
            installation: InstallationId::from_bytes([1; 16]),
            subject: [2; 16],
            item: ItemId::from_bytes([3; 16]),
            version: 1,
        };
        let sealed =
            candour_seal::seal_item(&key, &context, &candour_seal::pad(b"021 123 4567"), rng);
        let wrap = seal_item_key(&key, &context, &room.public(), rng).unwrap();
        assert_eq!(
            open_block(&sealed, &wrap, &context, &room)
                .unwrap()
                .as_slice(),
            b"021 123 4567"
        );
        let moved = Context {
            subject: [9; 16],
            ..context
        };
        assert!(open_block(&sealed, &wrap, &moved, &room).is_err());
    }
}
