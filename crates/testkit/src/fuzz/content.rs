//! Sealed content (Cobblestone-256), padding, wrapped keys, what is sealed to the room, and bodies of entries.
//!
//! Input: how it is read, then the sealed bytes. Whole, in pieces and by parts the same comes out; and what opens without
//! the key of whoever sealed it is one of the seeds.

use super::feed::{Counting, Feed};
use candour_keeper_wire::bodies::open_body;
use candour_seal::content::HEADER_LENGTH;
use candour_seal::{
    AuditKey, ItemKey, Opener, RoomPrivateKey, SeekOpener, open, open_from, pad, seal, seal_to,
    unpad, unwrap, wrap,
};
use std::sync::LazyLock;

/// Where it lies.
const PLACE: &[u8] = b"candour/v1/fuzz";

pub fn feed(bytes: &[u8]) {
    let mut feed = Feed(bytes);
    match feed.byte() % 4 {
        0 => content(&mut feed),
        1 => padding(feed.0),
        2 => keys(feed.0),
        _ => body(&mut feed),
    }
}

fn key() -> ItemKey {
    ItemKey::from_bytes(&[9; 32])
}

fn content(feed: &mut Feed<'_>) {
    let piece = feed.below(40_000) + 1;
    let range = [feed.below(70_000) as u64, feed.below(70_000) as u64];
    let sealed = feed.0;
    let whole = open(&key(), PLACE, sealed);
    let mut streamed = Vec::new();
    let mut opener = Opener::new(&key(), PLACE);
    let pushed = sealed
        .chunks(piece)
        .try_for_each(|piece| opener.push(piece, &mut streamed));
    let finished = pushed.and_then(|()| opener.finish(&mut streamed));
    assert_eq!(whole.is_ok(), finished.is_ok());
    let header = &sealed[..sealed.len().min(HEADER_LENGTH)];
    let seek = SeekOpener::new(&key(), PLACE, header, sealed.len() as u64);
    let Ok(whole) = whole else {
        return;
    };
    assert_eq!(*whole, streamed);
    assert!(seek.is_ok());
    let Ok(seek) = seek else { return };
    assert_eq!(seek.plain_length(), whole.len() as u64);
    let part = range[0]..range[1];
    if let Ok(needed) = seek.sealed_range(&part) {
        let opened = seek.open_range(&part, cut(sealed, &needed));
        assert_eq!(
            opened.ok().as_deref().map(Vec::as_slice),
            Some(cut(&whole, &part))
        );
    }
    let end = cut(sealed, &seek.end_range());
    assert_eq!(seek.check_end(end), Ok(()));
    let stated = seek.true_length(end).ok();
    if let Ok(plain) = unpad(&whole) {
        assert_eq!(stated, Some(plain.len() as u64));
    }
}

fn cut<'a>(bytes: &'a [u8], range: &std::ops::Range<u64>) -> &'a [u8] {
    let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
    bytes
        .get(at(range.start)..at(range.end))
        .unwrap_or_default()
}

fn padding(bytes: &[u8]) {
    if let Ok(plain) = unpad(bytes) {
        assert_eq!(pad(plain).as_slice(), bytes);
    }
    let padded = pad(bytes);
    assert_eq!(unpad(&padded), Ok(bytes));
}

/// A wrapped key, and something sealed to the room: nobody makes either without knowing what it is opened with.
fn keys(bytes: &[u8]) {
    let holder = AuditKey::from_bytes(&[4; 32]);
    let unwrapped: Result<ItemKey, _> = unwrap(&holder, PLACE, bytes);
    assert_eq!(unwrapped.is_ok(), bytes == SEALED.0);
    let room = RoomPrivateKey::from_bytes(&[5; 32]);
    let opened = open_from(&room, PLACE, b"fuzz", bytes);
    assert_eq!(opened.is_ok(), bytes == SEALED.1);
}

/// A wrapped key, and something sealed to the room.
static SEALED: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let rng = &mut Counting(0);
    let wrapped = wrap(&AuditKey::from_bytes(&[4; 32]), PLACE, &key(), rng);
    let room = RoomPrivateKey::from_bytes(&[5; 32]).public();
    let for_room = seal_to(&room, PLACE, b"fuzz", b"tena koe", rng).unwrap_or_default();
    (wrapped.to_vec(), for_room)
});

fn body(feed: &mut Feed<'_>) {
    let (index, length) = (feed.number(), feed.below(400));
    let wrapped = feed.take(length);
    let holder = AuditKey::from_bytes(&[4; 32]);
    assert!(open_body(feed.0, wrapped, index, &holder).is_err());
}

pub fn seeds() -> Vec<Vec<u8>> {
    let rng = &mut Counting(100);
    let sealed = [0, 40, 20_000].map(|length| {
        let content = seal(&key(), PLACE, &pad(&vec![0x6b; length]), rng);
        [&[0, 0, 99, 0, 10, 0, 200], content.as_slice()].concat()
    });
    let mut seeds = sealed.to_vec();
    seeds.push([&[1], pad(b"021 123 4567").as_slice()].concat());
    seeds.push([&[2], SEALED.0.as_slice()].concat());
    seeds.push([&[2], SEALED.1.as_slice()].concat());
    seeds
}
