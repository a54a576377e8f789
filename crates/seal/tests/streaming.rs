//! One test in a process of its own, because it measures that process's memory.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../testkit/src/skipped.rs"]
mod skipped;

use candour_seal::{Digester, ItemKey, Opener, Sealer, SystemRandom, sealed_length};

const CONTENT: u64 = 2 << 30;
const PIECE: usize = 60_000;

#[test]
fn two_gibibytes_stream_through_in_constant_memory() {
    let Some(before) = peak_memory_kib() else {
        skipped::skipped("this system does not tell its peak memory");
        return;
    };
    let block: Vec<u8> = (0..PIECE)
        .map(|at| u8::try_from(at * 31 % 251).unwrap())
        .collect();
    let key = ItemKey::from_bytes(&[3; 32]);
    let mut sealer = Some(Sealer::new(&key, b"film", &mut SystemRandom));
    let mut opener = Opener::new(&key, b"film");
    let (mut ciphertext, mut plaintext) = (Vec::new(), Vec::new());
    let (mut pushed, mut sealed_total, mut returned) = (0_u64, 0_u64, 0_u64);
    let mut digester = Digester::new();
    while let Some(mut sealing) = sealer.take() {
        let left = usize::try_from(CONTENT - pushed).unwrap().min(PIECE);
        sealing.push(&block[..left], &mut ciphertext);
        pushed += left as u64;
        if pushed == CONTENT {
            sealing.finish(&mut ciphertext);
        } else {
            sealer = Some(sealing);
        }
        digester.push(&ciphertext);
        opener.push(&ciphertext, &mut plaintext).unwrap();
        sealed_total += ciphertext.len() as u64;
        ciphertext.clear();
        returned = compared(&block, &mut plaintext, returned);
    }
    opener.finish(&mut plaintext).unwrap();
    returned = compared(&block, &mut plaintext, returned);
    assert_eq!((returned, sealed_total), (CONTENT, sealed_length(CONTENT)));
    println!("sealed as {}", digester.finish());
    let growth = peak_memory_kib().unwrap() - before;
    println!("peak memory grew by {growth} KiB");
    assert!(growth < 4096, "{growth} KiB");
}

/// Compares what came out with the repeating block, empties it, and tells how much came out in all.
fn compared(block: &[u8], plaintext: &mut Vec<u8>, mut returned: u64) -> u64 {
    let mut rest = plaintext.as_slice();
    while !rest.is_empty() {
        let at = usize::try_from(returned % block.len() as u64).unwrap();
        let length = rest.len().min(block.len() - at);
        assert!(rest[..length] == block[at..at + length], "at {returned}");
        returned += length as u64;
        rest = &rest[length..];
    }
    plaintext.clear();
    returned
}

fn peak_memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
