//! One key sealed under another, by the same construction as content.

use rand_core::CryptoRng;

use crate::broken;
use crate::content::{HEADER_LENGTH, OpenError, TAG_LENGTH, open_with, seal_with};
use crate::key::{KEY_LENGTH, Key, Level, Wraps};

/// Length of every wrapped key: 104 bytes.
pub const WRAPPED_LENGTH: usize = HEADER_LENGTH + KEY_LENGTH + TAG_LENGTH;

/// A key as it is stored: sealed under the key of the level above, for one place.
pub type Wrapped = [u8; WRAPPED_LENGTH];

/// Wraps a key under the key of the level above, for the place that `context` names.
///
/// The level of the wrapped key is part of the context, so it cannot come back as another level.
pub fn wrap<P: Wraps<C>, C: Key>(
    parent: &P,
    context: &[u8],
    child: &C,
    rng: &mut dyn CryptoRng,
) -> Wrapped {
    let sealed = seal_with(parent.expose(), &place::<C>(context), child.expose(), rng);
    match sealed.try_into() {
        Ok(wrapped) => wrapped,
        Err(_) => broken("wrapped length"),
    }
}

/// Unwraps a key in the place it was wrapped for.
///
/// # Errors
/// [`OpenError`] for another parent, place or level, changed bytes or another length.
pub fn unwrap<P: Wraps<C>, C: Key>(
    parent: &P,
    context: &[u8],
    wrapped: &[u8],
) -> Result<C, OpenError> {
    let opened = open_with(parent.expose(), &place::<C>(context), wrapped)?;
    let bytes = opened
        .as_slice()
        .try_into()
        .map_err(|_| OpenError::Length)?;
    Ok(C::from_bytes(bytes))
}

fn place<C: Level>(context: &[u8]) -> Vec<u8> {
    [b"candour/v1/wrap/", C::NAME.as_bytes(), &[0], context].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AuditKey, EpochKey, ItemKey, RootKey, SubjectKey, SystemRandom};

    #[test]
    fn a_wrapped_key_comes_back_only_under_its_parent_and_in_its_place() {
        let rng = &mut SystemRandom;
        let (root, epoch) = (RootKey::generate(rng), EpochKey::generate(rng));
        let wrapped = wrap(&root, b"epoch 7", &epoch, rng);
        assert_eq!(wrapped.len(), 104);
        let back: Result<EpochKey, _> = unwrap(&root, b"epoch 7", &wrapped);
        assert_eq!(back, Ok(epoch));
        let moved: Result<EpochKey, _> = unwrap(&root, b"epoch 8", &wrapped);
        assert_eq!(moved, Err(OpenError::Key));
        let other: Result<EpochKey, _> = unwrap(&RootKey::generate(rng), b"epoch 7", &wrapped);
        assert_eq!(other, Err(OpenError::Key));
    }

    #[test]
    fn a_wrapped_key_never_comes_back_as_another_level() {
        let rng = &mut SystemRandom;
        let epoch = EpochKey::generate(rng);
        let wrapped = wrap(&epoch, b"patient", &SubjectKey::generate(rng), rng);
        let crossed: Result<AuditKey, _> = unwrap(&epoch, b"patient", &wrapped);
        assert_eq!(crossed, Err(OpenError::Key));
    }

    #[test]
    fn every_changed_byte_and_every_other_length_of_a_wrapped_key_is_refused() {
        let rng = &mut SystemRandom;
        let subject = SubjectKey::generate(rng);
        let wrapped = wrap(&subject, b"item", &ItemKey::generate(rng), rng);
        for index in 0..wrapped.len() {
            let mut changed = wrapped;
            changed[index] ^= 1;
            assert!(unwrap::<_, ItemKey>(&subject, b"item", &changed).is_err());
            assert!(unwrap::<_, ItemKey>(&subject, b"item", &wrapped[..index]).is_err());
        }
        let longer =
            crate::content::seal_with(subject.expose(), &place::<ItemKey>(b"item"), &[0; 33], rng);
        assert_eq!(
            unwrap::<_, ItemKey>(&subject, b"item", &longer),
            Err(OpenError::Length)
        );
    }
}
