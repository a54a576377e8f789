//! Size classes: what is stored shows the class of a content's length, not the length.
//!
//! Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files", 2019) with a floor of
//! 256 bytes: at most 12 % longer, and only O(log log) bits of the length are seen. The true
//! length stands in the last 8 bytes, so that a producer need not know it before the end and a
//! consumer that reads the end first (as [`crate::SeekOpener`] does) has it before byte one.

use zeroize::Zeroizing;

/// Bytes at the end of a padded content that hold its true length, big-endian.
pub const FOOTER_LENGTH: usize = 8;
/// The smallest size class in bytes.
pub const SMALLEST_CLASS: u64 = 256;

const PIECE: usize = 16 * 1024;

/// Why a padded content is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PadError {
    /// The length is no size class, or the footer or the zero bytes are not as [`pad`] writes them.
    #[error("the content is not padded to a size class")]
    NotPadded,
}

/// Length of a content of `length` bytes once padded (before sealing); saturates at 2⁶⁴ − 1.
pub const fn padded_length(length: u64) -> u64 {
    let whole = length.saturating_add(FOOTER_LENGTH as u64);
    if whole <= SMALLEST_CLASS {
        return SMALLEST_CLASS;
    }
    let exponent = whole.ilog2();
    let kept = exponent.ilog2() + 1;
    let mask = (1 << (exponent - kept)) - 1;
    whole.saturating_add(mask) & !mask
}

/// The content followed by zero bytes up to its size class and its length.
pub fn pad(plaintext: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = plaintext.len() as u64;
    let capacity = usize::try_from(padded_length(length)).unwrap_or(plaintext.len());
    let mut out = Zeroizing::new(Vec::with_capacity(capacity));
    out.extend_from_slice(plaintext);
    for piece in trailer(length) {
        out.extend_from_slice(&piece);
    }
    out
}

/// The content without its padding.
///
/// # Errors
/// [`PadError::NotPadded`] unless it is exactly what [`pad`] makes.
pub fn unpad(padded: &[u8]) -> Result<&[u8], PadError> {
    let (body, footer) = padded
        .split_last_chunk::<FOOTER_LENGTH>()
        .ok_or(PadError::NotPadded)?;
    let length = true_length(*footer, padded.len() as u64)?;
    let length = usize::try_from(length).map_err(|_| PadError::NotPadded)?;
    let (plaintext, zeros) = body.split_at_checked(length).ok_or(PadError::NotPadded)?;
    if zeros.iter().any(|byte| *byte != 0) {
        return Err(PadError::NotPadded);
    }
    Ok(plaintext)
}

/// The true length that the footer of a content of `padded` bytes states.
///
/// # Errors
/// [`PadError::NotPadded`] when that length does not belong to this size class.
pub fn true_length(footer: [u8; FOOTER_LENGTH], padded: u64) -> Result<u64, PadError> {
    let length = u64::from_be_bytes(footer);
    if padded_length(length) == padded {
        Ok(length)
    } else {
        Err(PadError::NotPadded)
    }
}

/// What follows a streamed content of `length` bytes: zero bytes in pieces of at most 16 KiB, then the footer.
pub fn trailer(length: u64) -> impl Iterator<Item = Vec<u8>> {
    let mut zeros = padded_length(length)
        .saturating_sub(length)
        .saturating_sub(FOOTER_LENGTH as u64);
    let mut footer = Some(length.to_be_bytes().to_vec());
    std::iter::from_fn(move || {
        if zeros == 0 {
            return footer.take();
        }
        let piece = usize::try_from(zeros).map_or(PIECE, |left| left.min(PIECE));
        zeros -= piece as u64;
        Some(vec![0; piece])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_padded_reads_back_at_every_small_length() {
        for length in 0..=3000 {
            let plaintext = vec![0xa5; length];
            let padded = pad(&plaintext);
            assert_eq!(padded.len() as u64, padded_length(length as u64));
            assert_eq!(unpad(&padded), Ok(plaintext.as_slice()), "{length}");
        }
    }

    #[test]
    fn a_class_costs_at_most_an_eighth_and_never_shrinks() {
        let mut before = 0;
        for length in (0..2_000_000_u64)
            .step_by(97)
            .chain((33..62).map(|bits| (1 << bits) + 1))
        {
            let padded = padded_length(length);
            assert!(padded >= length + 8 && padded >= before, "{length}");
            assert!(
                padded <= 256 || padded - (length + 8) <= (length + 8) / 8,
                "{length}"
            );
            before = padded;
        }
    }

    #[test]
    fn contents_of_neighbouring_lengths_are_stored_alike() {
        assert_eq!(padded_length(0), padded_length(248));
        assert_eq!(padded_length(100_000), padded_length(98_500));
        let classes: std::collections::BTreeSet<u64> = (0..1_000_000).map(padded_length).collect();
        assert!(classes.len() <= 256, "{}", classes.len());
    }

    #[test]
    fn a_length_or_a_filler_that_does_not_fit_is_refused() {
        let padded = pad(b"content").to_vec();
        let mut longer = padded.clone();
        longer[255] = 0xff;
        longer[254] = 0xff;
        let mut filled = padded.clone();
        filled[20] = 1;
        for wrong in [
            &longer[..],
            &filled,
            &padded[..255],
            &padded[1..],
            b"",
            &[0; 7],
        ] {
            assert_eq!(unpad(wrong), Err(PadError::NotPadded));
        }
    }
}
