use std::convert::Infallible;

use candour_seal::content::{CHUNK_LENGTH, HEADER_LENGTH};
use candour_seal::{
    Context, InstallationId, ItemId, ItemKey, OpenError, Opener, Sealer, SystemRandom,
    ciphertext_digest, open, open_item, plain_length, seal, seal_item, sealed_length,
};
use rand_core::{TryCryptoRng, TryRng};

use crate::pattern;

const CONTEXT: &[u8] = b"a place";

/// Gives one salt, again and again.
struct SameSalt;

const SALT: [u8; 24] = [
    0xdb, 0xc9, 0x48, 0x21, 0x87, 0xc2, 0xf2, 0xa9, 0x21, 0xa0, 0xd5, 0xcc, 0x36, 0xf3, 0xc8, 0x52,
    0xc4, 0xbc, 0x5f, 0xb9, 0xd5, 0x77, 0x8c, 0x04,
];

impl TryRng for SameSalt {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.copy_from_slice(&SALT);
        Ok(())
    }
}

impl TryCryptoRng for SameSalt {}

#[test]
fn the_bytes_are_those_that_another_implementation_made_from_the_same_salt() {
    // pyca/cryptography 50.0.2, Cobblestone256Encryptor, over three chunks.
    let sealed = seal(
        &key(),
        CONTEXT,
        &pattern(2 * CHUNK_LENGTH + 3),
        &mut SameSalt,
    );
    let theirs = "d1b82be24719bc57fb8d8ef90be54c04cd2aaa769c6c7464457325d86bfae4af";
    assert_eq!(ciphertext_digest(&sealed).to_string(), theirs);
}

fn key() -> ItemKey {
    ItemKey::from_bytes(&[9; 32])
}

fn borders() -> Vec<usize> {
    let near =
        |chunks: usize| (chunks * CHUNK_LENGTH).saturating_sub(17)..=chunks * CHUNK_LENGTH + 17;
    (0..=3).flat_map(near).collect()
}

#[test]
fn an_item_opens_in_its_place_and_in_no_other() {
    let place = Context {
        installation: InstallationId::from_bytes([1; 16]),
        subject: [2; 16],
        item: ItemId::from_bytes([3; 16]),
        version: 1,
    };
    let sealed = seal_item(&key(), &place, b"letter", &mut SystemRandom);
    assert_eq!(
        open_item(&key(), &place, &sealed).unwrap().as_slice(),
        b"letter"
    );
    let newer = Context {
        version: 2,
        ..place
    };
    assert_eq!(open_item(&key(), &newer, &sealed), Err(OpenError::Key));
    let other = ItemKey::from_bytes(&[8; 32]);
    assert_eq!(open_item(&other, &place, &sealed), Err(OpenError::Key));
}

#[test]
fn the_same_content_sealed_twice_looks_different() {
    let once = seal(&key(), CONTEXT, b"letter", &mut SystemRandom);
    let again = seal(&key(), CONTEXT, b"letter", &mut SystemRandom);
    assert_ne!(once[HEADER_LENGTH..], again[HEADER_LENGTH..]);
    assert_ne!(once[..HEADER_LENGTH], again[..HEADER_LENGTH]);
}

#[test]
fn lengths_are_told_both_ways_and_impossible_ones_are_refused() {
    let mut possible = std::collections::BTreeMap::new();
    for plain in 0..50_000 {
        possible.insert(sealed_length(plain), plain);
    }
    for sealed in 0..sealed_length(49_999) {
        assert_eq!(
            plain_length(sealed).ok(),
            possible.get(&sealed).copied(),
            "{sealed}"
        );
    }
    for plain in borders() {
        let sealed = seal(&key(), CONTEXT, &pattern(plain), &mut SystemRandom);
        assert_eq!(sealed.len() as u64, sealed_length(plain as u64));
    }
}

#[test]
fn every_changed_bit_of_a_short_content_is_refused() {
    for length in [0, 1, 15, 16, 33] {
        let sealed = seal(&key(), CONTEXT, &pattern(length), &mut SystemRandom);
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let expected = if bit / 8 < HEADER_LENGTH {
                OpenError::Key
            } else {
                OpenError::Changed
            };
            assert_eq!(open(&key(), CONTEXT, &changed), Err(expected), "{bit}");
        }
    }
}

#[test]
fn swapped_repeated_and_dropped_chunks_are_refused() {
    let sealed = seal(
        &key(),
        CONTEXT,
        &pattern(3 * CHUNK_LENGTH + 5),
        &mut SystemRandom,
    );
    let (header, chunks) = sealed.split_at(HEADER_LENGTH);
    let chunks: Vec<&[u8]> = chunks.chunks(CHUNK_LENGTH + 16).collect();
    for order in [
        &[1, 0, 2, 3][..],
        &[0, 0, 2, 3],
        &[0, 2, 3],
        &[1, 2, 3],
        &[0, 1, 2, 2, 3],
        &[3],
    ] {
        let parts = order
            .iter()
            .flat_map(|chunk| chunks[*chunk].iter().copied());
        let moved: Vec<u8> = header.iter().copied().chain(parts).collect();
        assert_eq!(
            open(&key(), CONTEXT, &moved),
            Err(OpenError::Changed),
            "{order:?}"
        );
    }
    let border = &sealed[..HEADER_LENGTH + 3 * (CHUNK_LENGTH + 16)];
    assert_eq!(open(&key(), CONTEXT, border), Err(OpenError::Truncated));
}

#[test]
fn a_stream_in_pieces_of_any_size_opens_to_what_was_sealed() {
    for piece in [1, 7, 4096, CHUNK_LENGTH, CHUNK_LENGTH + 16, 100_000] {
        for length in borders() {
            if piece == 1 && length > CHUNK_LENGTH + 1 {
                continue;
            }
            let content = pattern(length);
            let mut sealer = Sealer::new(&key(), CONTEXT, &mut SystemRandom);
            let mut ciphertext = Vec::new();
            for part in content.chunks(piece) {
                sealer.push(part, &mut ciphertext);
            }
            assert_eq!(sealer.pushed(), length as u64);
            sealer.finish(&mut ciphertext);
            assert_eq!(
                open(&key(), CONTEXT, &ciphertext).unwrap().as_slice(),
                content
            );
            assert_eq!(stream_open(&ciphertext, piece), Ok(content));
        }
    }
}

#[test]
fn a_stream_that_ends_early_is_refused_wherever_it_ends() {
    let sealed = seal(
        &key(),
        CONTEXT,
        &pattern(2 * CHUNK_LENGTH),
        &mut SystemRandom,
    );
    let whole = sealed.len();
    for length in (0..200).chain(16_380..16_500).chain(whole - 40..whole) {
        assert!(stream_open(&sealed[..length], 4096).is_err(), "{length}");
    }
    let border = HEADER_LENGTH + CHUNK_LENGTH + 16;
    assert_eq!(
        stream_open(&sealed[..border], 999),
        Err(OpenError::Truncated)
    );
    assert_eq!(stream_open(&sealed, 999), Ok(pattern(2 * CHUNK_LENGTH)));
}

#[test]
fn a_stream_gives_out_nothing_from_a_changed_chunk_on() {
    let content = pattern(3 * CHUNK_LENGTH);
    let mut sealed = seal(&key(), CONTEXT, &content, &mut SystemRandom);
    sealed[HEADER_LENGTH + CHUNK_LENGTH + 16 + 100] ^= 1;
    let mut opener = Opener::new(&key(), CONTEXT);
    let mut out = Vec::new();
    assert_eq!(opener.push(&sealed, &mut out), Err(OpenError::Changed));
    assert_eq!(out, content[..CHUNK_LENGTH]);
    assert_eq!(opener.push(&sealed, &mut out), Err(OpenError::Changed));
    assert_eq!(opener.finish(&mut out), Err(OpenError::Changed));
    assert_eq!(out.len(), CHUNK_LENGTH);
}

fn stream_open(sealed: &[u8], piece: usize) -> Result<Vec<u8>, OpenError> {
    let mut opener = Opener::new(&key(), CONTEXT);
    let mut out = Vec::new();
    for part in sealed.chunks(piece) {
        opener.push(part, &mut out)?;
    }
    opener.finish(&mut out)?;
    Ok(out)
}
