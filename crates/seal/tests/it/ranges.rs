use candour_seal::content::{CHUNK_LENGTH, HEADER_LENGTH};
use candour_seal::{ItemKey, OpenError, SeekOpener, SystemRandom, pad, seal};
use proptest::prelude::*;

use crate::pattern;

const CONTEXT: &[u8] = b"a place";

fn key() -> ItemKey {
    ItemKey::from_bytes(&[5; 32])
}

fn opener(sealed: &[u8]) -> SeekOpener {
    SeekOpener::new(
        &key(),
        CONTEXT,
        &sealed[..HEADER_LENGTH],
        sealed.len() as u64,
    )
    .unwrap()
}

fn cut(sealed: &[u8], range: std::ops::Range<u64>) -> &[u8] {
    &sealed[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_range_opens_from_only_the_chunks_it_touches(
        length in 0_u64..5 * CHUNK_LENGTH as u64 + 3,
        ends in (0.0..=1.0_f64, 0.0..=1.0_f64),
    ) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
            reason = "a place inside a short content")]
        let at = |part: f64| (part * length as f64) as u64;
        let (start, end) = (at(ends.0).min(at(ends.1)), at(ends.0).max(at(ends.1)));
        let content = pattern(usize::try_from(length).unwrap());
        let sealed = seal(&key(), CONTEXT, &content, &mut SystemRandom);
        let opener = opener(&sealed);
        prop_assert_eq!(opener.plain_length(), length);
        let needed = opener.sealed_range(&(start..end)).unwrap();
        prop_assert!(needed.end - needed.start <= end - start + 2 * (CHUNK_LENGTH as u64 + 16) + (end - start) / 1000);
        let opened = opener.open_range(&(start..end), cut(&sealed, needed)).unwrap();
        prop_assert_eq!(opened.as_slice(), cut(&content, start..end));
    }

    #[test]
    fn the_true_length_of_a_padded_content_is_read_from_its_end(length in 0_usize..70_000) {
        let sealed = seal(&key(), CONTEXT, &pad(&pattern(length)), &mut SystemRandom);
        let opener = opener(&sealed);
        let end = cut(&sealed, opener.end_range());
        prop_assert!(end.len() <= 2 * (CHUNK_LENGTH + 16));
        prop_assert_eq!(opener.true_length(end), Ok(length as u64));
    }
}

#[test]
fn the_end_is_checked_where_the_last_chunk_is_empty_and_where_the_footer_crosses_a_border() {
    for length in [0, 1, 7, 8, 9]
        .into_iter()
        .flat_map(|over| [over, CHUNK_LENGTH + over, 2 * CHUNK_LENGTH + over])
    {
        let sealed = seal(&key(), CONTEXT, &pattern(length), &mut SystemRandom);
        let opener = opener(&sealed);
        let end = cut(&sealed, opener.end_range());
        assert_eq!(opener.check_end(end), Ok(()), "{length}");
        let mut changed = end.to_vec();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(
            opener.check_end(&changed),
            Err(OpenError::Changed),
            "{length}"
        );
    }
}

#[test]
fn a_content_cut_inside_a_chunk_shows_at_its_end() {
    let sealed = seal(&key(), CONTEXT, &pattern(40_000), &mut SystemRandom);
    let cut_short = &sealed[..30_000];
    let opener = opener(cut_short);
    assert_eq!(
        opener.check_end(cut(cut_short, opener.end_range())),
        Err(OpenError::Changed)
    );
}

#[test]
fn only_the_chunks_that_a_range_touches_are_asked_for() {
    let sealed = seal(&key(), CONTEXT, &pattern(40_000), &mut SystemRandom);
    let opener = opener(&sealed);
    for (plain, needed) in [
        (0..1, 56..16_456),
        (0..16_384, 56..16_456),
        (16_383..16_385, 56..32_856),
        (16_384..32_768, 16_456..32_856),
        (32_768..40_000, 32_856..40_104),
        (16_384..16_384, 16_456..16_456),
    ] {
        assert_eq!(opener.sealed_range(&plain), Ok(needed), "{plain:?}");
    }
}

#[test]
fn an_empty_range_opens_to_nothing_wherever_it_lies() {
    let sealed = seal(&key(), CONTEXT, &pattern(40_000), &mut SystemRandom);
    let opener = opener(&sealed);
    for place in [0, 1, 16_383, 16_384, 16_385, 39_999, 40_000] {
        let opened = opener.open_range(&(place..place), &[]).unwrap();
        assert!(opened.is_empty(), "{place}");
    }
}

#[test]
fn other_bytes_than_those_asked_for_are_refused() {
    let sealed = seal(&key(), CONTEXT, &pattern(40_000), &mut SystemRandom);
    let opener = opener(&sealed);
    let first = cut(&sealed, opener.sealed_range(&(0..10)).unwrap());
    let second = cut(&sealed, opener.sealed_range(&(20_000..20_010)).unwrap());
    assert_eq!(opener.open_range(&(0..10), second), Err(OpenError::Changed));
    assert_eq!(
        opener.open_range(&(0..10), &first[1..]),
        Err(OpenError::Length)
    );
    assert_eq!(
        opener.open_range(&(0..17_000), first),
        Err(OpenError::Length)
    );
    assert_eq!(opener.sealed_range(&(0..40_001)), Err(OpenError::Range));
    #[expect(clippy::reversed_empty_ranges, reason = "a caller's mistake")]
    let backwards = 10..9;
    assert_eq!(opener.open_range(&backwards, b""), Err(OpenError::Range));
}

#[test]
fn a_header_of_another_place_or_a_length_of_no_content_makes_no_opener() {
    let sealed = seal(&key(), CONTEXT, b"letter", &mut SystemRandom);
    let header = &sealed[..HEADER_LENGTH];
    let made = |context: &[u8], header: &[u8], length: u64| {
        SeekOpener::new(&key(), context, header, length)
            .map(|_| ())
            .unwrap_err()
    };
    assert_eq!(made(b"elsewhere", header, 78), OpenError::Key);
    assert_eq!(made(CONTEXT, &header[1..], 78), OpenError::Length);
    assert_eq!(made(CONTEXT, header, 71), OpenError::Length);
    assert_eq!(made(CONTEXT, header, 56), OpenError::Truncated);
}
