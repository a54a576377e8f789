//! Ids, contexts and sealing: what is sealed, where it belongs, and how it is opened.
//!
//! Pure: values in, values out. No clock, socket, file or database; randomness is an argument.
//! Formats byte for byte: `docs/formats/sealed.md`.

pub mod content;
pub mod context;
pub mod digest;
pub mod id;
pub mod key;
pub mod padding;
pub mod random;
pub mod room;
pub mod wrap;

pub use content::{
    OpenError, Opener, Sealer, SeekOpener, open, open_item, plain_length, seal, seal_item,
    sealed_length,
};
pub use context::Context;
pub use digest::{Digest, Digester, ciphertext_digest};
pub use id::{
    ClientId, DepositKey, IdError, IncidentId, InstallationId, InstanceId, ItemId, PatientId,
    PersonId, PracticeId, RunId,
};
pub use key::{
    AuditKey, EpochKey, ItemKey, Key, MacKey, RootKey, SubjectKey, Wraps, hmac, hmac_matches,
};
pub use padding::{PadError, pad, padded_length, unpad};
pub use rand_core::CryptoRng;
pub use random::SystemRandom;
pub use room::{RoomError, RoomPrivateKey, RoomPublicKey, open_from, seal_to};
pub use wrap::{WRAPPED_LENGTH, Wrapped, unwrap, wrap};
pub use zeroize::Zeroizing;

/// Ends the process: a primitive failed on input of the right shape, so nothing it does can be trusted.
fn broken(what: &str) -> ! {
    eprintln!("sealing cannot go on: {what} failed");
    std::process::abort()
}
